/*
 * state.h - the scheduler's shared state, and the functions its files call of each other.
 *
 * The files: p, runq (queues), m (threads), g, stack (goroutines), sched (the
 * loop), steal (finding work, going idle), park (park, ready, yield), syscall,
 * sysmon, schedtrace, stw, preempt, trap, start.
 */
#ifndef GD_RUNTIME_SCHED_STATE_H
#define GD_RUNTIME_SCHED_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/lock.h"
#include "runtime/sched/gqueue.h"
#include "runtime/sched/m.h"
#include "runtime/sched/p.h"
#include "runtime/sched/sched.h"

#define GD__SOURCES_MAX 4

struct gd__sched {
	struct gd__lock lock;
	/* Guarded by lock. */
	struct gd__gqueue global; /* runnable goroutines of no P */
	struct gd__p *idle_p;
	struct gd__m *idle_m;
	int32_t nmidle;          /* sleeping Ms */
	int32_t nm;              /* Ms that run goroutines or might */
	_Atomic int32_t npinned; /* goroutines preempted at a function entry */
	int32_t nmlocked;        /* of them, those that sleep until their locked goroutine runs */
	int32_t stop_wait;       /* Ps that have not stopped yet */

	_Atomic int32_t global_n;
	_Atomic int32_t npidle;
	_Atomic int32_t nmspinning;
	_Atomic uint32_t procs;
	_Atomic uint32_t stopping;  /* the world is being stopped, or is */
	_Atomic uint32_t stop_note; /* futex word: rises when stop_wait reaches zero */
	_Atomic uint32_t started;   /* gd_run was called */
	_Atomic uint32_t ended;     /* main has returned: futex word of gd_run */
	_Atomic uint64_t goid;      /* last id given to a P */
	_Atomic int64_t keeper; /* earliest deadline an idle M sleeps towards; INT64_MAX: none */
	const struct gd__poller *_Atomic poller; /* NULL before anybody needs one */
	_Atomic int32_t poll_waiters;            /* goroutines that wait in it */
	_Atomic uint32_t polling;                /* 1: a thread is in it */
	_Atomic int32_t npolling;                /* 1: it is an M without a P, which waits there */
	_Atomic bool poll_crowded;               /* a look without waiting is worth it */
	_Atomic uint32_t polls;                  /* rises with each look into it */
	_Atomic int64_t polled_at;               /* sched.clock at the last look */
	struct gd__m *_Atomic allm;
	_Atomic uint32_t sysmon_idle; /* futex word: 1 while sysmon sleeps with all Ps idle */
	_Atomic uint32_t starved;     /* a thread was refused: sysmon tries again after a while */
	_Atomic uint32_t
		doubtful; /* all asleep, but for threads of the program: sysmon looks again */

	/* Constant after start. */
	const struct gd__source *source[GD__SOURCES_MAX];
	uint32_t nsources;
	uint64_t main_id;       /* goroutine whose end ends gd_run, or the child of a fork */
	bool run_waits;         /* main_id is gd_run's own, not a goroutine that has forked */
	struct gd__ctx run_ctx; /* of gd_run while it waits: in a child main's end goes on there */
	uint64_t seed;
	uintptr_t run_frame; /* of gd_run, on the stack of the thread run_tid that waits in it */
	int32_t run_tid;
	int64_t started_at;
	/* The clock as of sysmon's last round, the last wake-up of an M or the last stop. */
	_Atomic int64_t clock;

	/* Counts for gd_stats. The first two are sysmon's, the others guarded by lock. */
	_Atomic uint64_t retakes, preemptions;
	uint64_t stops;
	int64_t stop_from, stop_last_ns, stop_max_ns;
};

extern struct gd__sched gd__sched;

/* sched.c */
/* On the system stack, with a P: the context to go on with. */
const struct gd__ctx *gd__schedule(void);
/* The same, with g the first that was found, if it is not NULL. m has no locked goroutine. */
const struct gd__ctx *gd__schedule_from(struct gd__m *m, struct gd__g *g);
/* Goroutines that have started and not ended, system ones not counted; a snapshot. */
int64_t gd__sched_alive(void);
/* The global queue; lock held. */
void gd__sched_global_put(struct gd__g *g);
void gd__sched_global_put_all(struct gd__g *const *g, uint32_t n);
struct gd__g *gd__sched_global_get(struct gd__p *p, uint32_t most);
/* Gives p to this M, or takes it away. */
void gd__p_acquire(struct gd__m *m, struct gd__p *p);
struct gd__p *gd__p_release(struct gd__m *m);
/* Idle Ps; lock held. */
void gd__p_idle_put(struct gd__p *p);
struct gd__p *gd__p_idle_get(void);

/* steal.c */
struct gd__g *gd__find_runnable(struct gd__m *m, bool *inherit);
/* Whether something is queued anywhere, or due. */
bool gd__work_waits(void);
void gd__stop_m(struct gd__m *m); /* goes idle without a P; returns with one */
/* Wakes or makes an M for p; p NULL: an idle P, and nothing if there is none. */
void gd__start_m(struct gd__p *p, bool spinning);
/* One more P looks for work, unless somebody already does. */
void gd__wake_p(void);

/* sources.c */
bool gd__sources_poll(int p, bool all);
int64_t gd__sources_deadline(void);
bool gd__sources_pending(void);
/* Looks without waiting; what is ready goes to p, which the caller holds. False if nothing was. */
bool gd__poller_look(struct gd__p *p);
/* The same without a P: to the global queue. */
bool gd__poller_sweep(void);
/* m, which has no P, waits in the poller, if there is reason to and nobody else does. */
enum gd__polled {
	GD__POLLED_P,     /* m holds a P, with work */
	GD__POLLED_AGAIN, /* it waited, and has to begin anew */
	GD__POLLED_OTHER, /* another thread is there, and looks after the deadlines too */
	GD__POLLED_NONE   /* no poller, or nothing to wait for in it */
};
enum gd__polled gd__poller_wait(struct gd__m *m, int64_t deadline);

/* park.c */
/* g, which is off every queue, runs on m from here on: its context. On the system stack. */
const struct gd__ctx *gd__execute(struct gd__m *m, struct gd__g *g, bool inherit);

/* osthread.c */
/* From here on g, which runs on m, runs nowhere else, and m nothing else; and the end of that. */
void gd__thread_bind(struct gd__g *g, struct gd__m *m);
void gd__thread_unbind(struct gd__g *g);
/* m, whose goroutine is locked to it and does not run, sleeps until it may: the context. */
const struct gd__ctx *gd__locked_wait(struct gd__m *m);
/* g, off every queue, is locked to another M: that one gets m's P. Returns with another P. */
void gd__locked_pass(struct gd__m *m, const struct gd__g *g);
/* g has ended locked to m: so does the thread. On the system stack. */
const struct gd__ctx *gd__locked_end(struct gd__m *m, struct gd__g *g);

/* syscall.c */
void gd__hand_off(struct gd__p *p); /* p is held by nobody */
bool gd__retake_syscalls(int64_t now);

/* sysmon.c */
void gd__sysmon_start(void);
/* A helper that stays has begun or is about to end: it wakes nobody, so it does not keep
 * a deadlock from being one. 1 and -1, on its thread. */
void gd__sysmon_count_helper(int by);
void gd__sysmon_wake(void);
void gd__check_dead(void); /* lock held; may not return */
/* A signal asks for the dump of all goroutines. Async-signal-safe. */
void gd__sysmon_ask_dump(void);
/* A signal handler hands its thread over: sysmon reports the fault and ends the process. */
void gd__sysmon_ask_fault(struct gd__m *m, struct gd__g *g);

/* stw.c */
/*
 * Stops all Ps but the caller's. by_signal: threads that stay in user code are stopped where
 * they are. false: some thread did not stop within limit_ns (it stays listed as going).
 */
#define GD__STW_LIMIT_NS INT64_C(2000000000)
bool gd__stw_stop(bool by_signal, int64_t limit_ns);
/* The same for a caller that cannot wait: false if somebody else has stopped it. */
bool gd__stw_try_stop(bool by_signal, int64_t limit_ns);
/* Instead of start, in the child of a fork: there is nothing to start. */
void gd__stw_abandon(void);
void gd__stw_start(void);
/* Stops one thread where it is in user code, its registers saved; other stops wait. false: not
 * within limit_ns, or another stop is under way; then there is nothing to undo. */
bool gd__stw_stop_m(struct gd__m *m, int64_t limit_ns);
void gd__stw_start_m(struct gd__m *m);
/* Threads that a signal stopped go on; the Ps stay stopped. */
void gd__stw_release_threads(void);
/* This M, without a P to run, waits until the world goes on. */
void gd__stw_wait(struct gd__m *m);
/* p, which the caller holds, counts as stopped. sched.lock held. */
void gd__stw_count_stopped(struct gd__p *p);
/* The world is stopping while the caller's thread enters a system call with p. */
void gd__stw_offer(struct gd__p *p);
void gd__stw_init(void);

/* preempt.c */
void gd__preempt_all(void);
void gd__preempt_late(int64_t now);

/* hog.c */
/* The goroutine of p, which was asked to give way, has not: by sysmon, every some ms. */
void gd__hog_look(struct gd__p *p, int64_t now);
/* Set by the inspect layer: takes the stack of a goroutine whose thread is stopped, prints it
 * when it goes on. Both on a helper thread. */
struct gd__hog_hooks {
	void (*prepare)(uint64_t goid);
	void (*take)(void);
	void (*print)(void);
};
extern const struct gd__hog_hooks *gd__hog_hooks;

/* trap.c */
void gd__trap_init(void);
void gd__trap_thread_init(struct gd__m *m);
void gd__trap_thread_end(struct gd__m *m);

/* m.c */
/* Before the first thread. */
void gd__m_init(void);
/* This thread runs no goroutine from here on: it is a foreign one. */
void gd__m_leave(void);
/* In the child of a fork: only keep has a thread; NULL: none has. sched.lock held. */
void gd__m_forget_others(struct gd__m *keep);

/* g.c */
/* The lock of the table and the free lists, for a fork. */
void gd__g_table_lock(void);
void gd__g_table_unlock(void);
void gd__g_end(struct gd__m *m, struct gd__g *g); /* record and stack go to m->p's free list */
struct gd__g *gd__g_get(struct gd__p *p);         /* with a stack; NULL: no memory */
void gd__g_init(void);

/*
 * Records that are free and in no P's keeping: how many; up to n of them, the longest free
 * first, for their stacks' sake; and back. Spills rise when more come to be free.
 */
uint32_t gd__g_free(void);
uint32_t gd__g_take_free(struct gd__g **g, uint32_t n);
void gd__g_give_free(struct gd__g *const *g, uint32_t n);
uint32_t gd__g_spills(void);

/* trim.c: by sysmon, every round. */
void gd__trim_step(int64_t now);
/* Whether free stacks wait for a step: sysmon must not sleep for long. */
bool gd__trim_due(void);
void gd__trim_forget(void); /* the child of a fork: nobody is at it */

/* schedtrace.c: the scheduler's state on stderr, as the options schedtrace and scheddetail say */
void gd__schedtrace(int64_t now);

#endif
