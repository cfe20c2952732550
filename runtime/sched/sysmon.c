/*
 * sysmon.c - the monitor: a thread without a P.
 *
 * It retakes Ps from system calls, asks goroutines that run too long to give
 * way, starts a worker for timers nobody looks at, prints the schedtrace, and
 * does on a sound stack what signal handlers ask for. It looks every 20 us,
 * more and more rarely (to 10 ms) while nothing happens, and sleeps while all
 * Ps are idle. Also here: checkdead, the proof that nothing can ever run.
 */
#include <signal.h>

#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/state.h"

#define SHORTEST_NS 20000
#define LONGEST_NS  10000000
#define IDLE_ROUNDS 50
/* It sleeps once all Ps have been idle for so long: not between the messages of a conversation. */
#define NAP_NS 1000000
/* The poller is looked into at least so often; and after UNATTENDED_NS if a P could wait in it. */
#define POLL_NS       10000000
#define UNATTENDED_NS 200000
/* How often a deadlock that a thread of the program might still resolve is looked at again. */
#define DOUBT_NS INT64_C(1000000000)
/* How long work may wait because no thread can be made and all there are sit in system calls. */
#define STARVED_NS INT64_C(1000000000)

/* What signal handlers ask for. */
static _Atomic uint32_t ask_dump;
static struct gd__m *_Atomic fault_m;
static struct gd__g *fault_g; /* published by fault_m */

static _Atomic int32_t helpers; /* threads that stay, beside this one, and run no goroutines */

void gd__sysmon_wake(void)
{
	gd__store_seq_cst(&gd__sched.sysmon_idle, 0); /* pairs with its load in sleep_while_idle */
	gd__os_futex_wake(&gd__sched.sysmon_idle, 1);
}

void gd__sysmon_ask_dump(void)
{
	gd__store_seq_cst(&ask_dump, 1); /* pairs with serve_signals, sleep_while_idle */
	gd__sysmon_wake();
}

static void overflow(void *arg)
{
	const struct gd__g *g = arg;

	gd__fatal("stack overflow: goroutine %lu (%s) exceeds its stack of %lu KiB; "
		  "GDETECT_OPTIONS=stack_kb=N gives more",
		  g->id, g->name ? g->name : "?",
		  (unsigned long)((g->stack_hi - g->stack_lo) / 1024));
}

void gd__sysmon_ask_fault(struct gd__m *m, struct gd__g *g)
{
	/* The child of a fork has no sysmon yet: on the stack that the scheduler does not use now.
	 */
	if (gd__load_relaxed(&gd__fork.asleep)) { /* this thread is alone */
		m->system_depth = 1;
		gd__call_on(m->system_sp, overflow, g);
	}
	fault_g = g;
	gd__store_seq_cst(&fault_m, m); /* pairs with serve_signals: fault_g; sleep_while_idle */
	gd__sysmon_wake();
}

static void serve_signals(void)
{
	if (gd__load_acquire(&fault_m)) /* pairs with gd__sysmon_ask_fault */
		overflow(fault_g);
	if (gd__load_acquire(&ask_dump)) /* pairs with gd__sysmon_ask_dump */
		gd__fatal("SIGQUIT: quit");
}

static bool all_idle(void)
{
	return gd__load_seq_cst(&gd__sched.npidle) == /* pairs with gd__p_idle_get */
	       (int32_t)gd__load_relaxed(&gd__sched.procs);
}

/* How long it may sleep; -1: until woken, 0: not at all. */
static int64_t idle_ns(void)
{
	int64_t left = gd__clock_left(gd__sources_deadline());

	if (left == 0)
		return 0;
	/* pairs with gd__check_dead, which wakes after it */
	if (gd__load_seq_cst(&gd__sched.doubtful) && (left < 0 || left > DOUBT_NS))
		left = DOUBT_NS;
	if (gd__trim_due() && (left < 0 || left > DOUBT_NS))
		left = DOUBT_NS;
	return left;
}

/* Rises with whatever the Ps do. */
static uint32_t activity(void)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* all of this is compared, no more */
	uint32_t sum = gd__load_relaxed(&gd__sched.polls);

	for (uint32_t i = 0; i < n; i++)
		sum += gd__load_relaxed(&gd__allp[i].schedtick);
	return sum;
}

/* All Ps are idle: have they been for a while? */
static bool idle_for_long(void)
{
	uint32_t before = activity();

	gd__os_nanosleep(NAP_NS);
	return activity() == before;
}

/* How a round began. */
enum rest { NO_REST, NAPPED, SLEPT };

/* Sleeps until a P is taken from the idle list or something is due, if all Ps are idle. */
static enum rest sleep_while_idle(void)
{
	bool slept = false;

	if (!all_idle() || gd__options.schedtrace > 0)
		return NO_REST;
	if (!idle_for_long())
		return NAPPED;
	gd__store_seq_cst(&gd__sched.sysmon_idle, 1); /* pairs with gd__p_idle_get */
	/* pairs with without_thread, gd__sysmon_ask_dump, gd__sysmon_ask_fault: they wake after it
	 */
	if (all_idle() && !gd__load_seq_cst(&gd__sched.starved) && !gd__load_seq_cst(&ask_dump) &&
	    !gd__load_seq_cst(&fault_m) && gd__load_seq_cst(&gd__oslock_pending) == 0) {
		int64_t ns = idle_ns();

		if (ns != 0)
			gd__os_futex_wait(&gd__sched.sysmon_idle, 1, ns);
		slept = ns != 0;
	}
	gd__store_seq_cst(&gd__sched.sysmon_idle, 0); /* pairs with gd__p_idle_get */
	return slept ? SLEPT : NO_REST;
}

/* Whether goroutines wait in the poller with nobody there. */
static bool unattended(void)
{
	/* relaxed: hints, looked at again in the next round */
	return gd__load_relaxed(&gd__sched.poll_waiters) > 0 &&
	       gd__load_relaxed(&gd__sched.polling) == 0;
}

static bool look_after_poller(int64_t now)
{
	static uint32_t seen; /* sysmon's own */
	uint32_t polls = gd__load_relaxed(&gd__sched.polls);

	if (!unattended() || polls != seen) {
		seen = polls;
		return false;
	}
	/* hints; where no M can come, this thread looks itself */
	if (gd__load_relaxed(&gd__sched.npidle) > 0 && !gd__load_relaxed(&gd__sched.starved)) {
		gd__wake_p(); /* the M that comes finds nothing else, and waits there */
		return false;
	}
	/* its own clock, see sources.c */
	return now - gd__load_relaxed(&gd__sched.polled_at) >= POLL_NS && gd__poller_sweep();
}

/* Before 32 bits have come round twice: gd__ticks. */
static void widen_ticks(void)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */

	for (uint32_t i = 0; i < n; i++) {
		struct gd__p *p = &gd__allp[i];

		/* relaxed: counts, only sysmon writes them */
		gd__store_relaxed(&p->switches, gd__ticks(&p->switches, &p->schedtick));
		gd__store_relaxed(&p->syscalls, gd__ticks(&p->syscalls, &p->syscalltick));
	}
}

/*
 * A thread was refused: tries again. A thread may come back from its system call; but one that
 * waits there for what another goroutine is to do would wait for ever, and without a word.
 */
static void look_after_starved(int64_t now)
{
	static int64_t refused, since; /* sysmon's own, as seen */
	static uint32_t seen;
	uint32_t did = activity();

	if (!gd__load_relaxed(&gd__sched.starved) || now - refused < LONGEST_NS) /* a hint */
		return;
	refused = now;
	gd__store_relaxed(&gd__sched.starved, 0); /* set again if it is refused again */
	gd__wake_p();
	if (did != seen || !gd__load_relaxed(&gd__sched.starved) ||
	    !gd__work_waits()) { /* a hint */
		seen = did;
		since = now;
	} else if (now - since >= STARVED_NS) {
		gd__fatal("cannot start a thread (out of memory, or their limit is reached), and "
			  "all there are wait in system calls");
	}
}

/* What a round of sysmon does in a world that goes on. True if it found something to do. */
static bool look_after(int64_t now)
{
	static int64_t traced, doubted; /* sysmon's own */
	bool busy = gd__retake_syscalls(now);

	gd__store_relaxed(&gd__sched.clock, now);
	gd__preempt_late(now);
	widen_ticks();
	gd__trim_step(now);
	busy |= look_after_poller(now);
	if (gd__clock_passed(gd__sources_deadline(), now - SHORTEST_NS))
		gd__wake_p();
	look_after_starved(now);
	if (gd__load_relaxed(&gd__sched.doubtful) && now - doubted >= DOUBT_NS) { /* a hint */
		doubted = now;
		gd__store_relaxed(&gd__sched.doubtful, 0); /* set again if it is still so */
		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		gd__check_dead();
		gd__unlock(&gd__sched.lock);
	}
	if (gd__options.schedtrace > 0 &&
	    now - traced >= (int64_t)gd__options.schedtrace * 1000000) {
		if (traced != 0)
			gd__schedtrace(now);
		traced = now;
	}
	return busy;
}

static void sysmon(void)
{
	int64_t pause = SHORTEST_NS;
	uint32_t quiet = 0;

	for (;;) {
		enum rest rest = sleep_while_idle();
		bool busy = rest == SLEPT;

		if (rest == NO_REST)
			gd__os_nanosleep(pause);
		serve_signals();
		if (gd__load_relaxed(&gd__oslock_pending) > 0 && gd__oslock_print) /* a hint */
			gd__oslock_print();
		if (!gd__load_acquire(&gd__sched.stopping)) /* pairs with gd__stw_stop */
			busy |= look_after(gd__os_now());
		quiet = busy ? 0 : quiet + 1;
		pause = quiet < IDLE_ROUNDS ? SHORTEST_NS : pause * 2;
		if (pause > LONGEST_NS)
			pause = LONGEST_NS;
		if (pause > UNATTENDED_NS && unattended() &&
		    gd__load_relaxed(&gd__sched.npidle) > 0) /* a hint */
			pause = UNATTENDED_NS;
	}
}

void gd__sysmon_start(void)
{
	gd__store_relaxed(&helpers, 0); /* of a parent process; else there are none yet */
	gd__m_start_helper(sysmon);
	if (gd__watch && gd__watch->started)
		gd__watch->started();
}

void gd__sysmon_count_helper(int by)
{
	gd__add_seq_cst(&helpers, by); /* pairs with others_may_wake */
}

/*
 * A thread of the program's own may yet send to a channel or set a timer. All of ours but sysmon
 * and helpers are idle Ms; and one waits in gd_run, but not in the child of a fork.
 */
static bool others_may_wake(void)
{
	/* pairs with gd__sysmon_count_helper: a helper counts itself once it is there */
	int ours = gd__sched.nm + gd__load_seq_cst(&helpers) + (gd__fork.survivor != 0 ? 1 : 2);

	return gd__os_threads() > ours;
}

/* Nothing runs, nothing is queued, no source will make anything runnable. Lock held. */
static bool nothing_moves(void)
{
	/* relaxed: stored under the lock when it comes out */
	if (gd__sched.nmidle + gd__sched.nmlocked + gd__load_relaxed(&gd__sched.npolling) <
		    gd__sched.nm ||
	    gd__sched.global.n > 0 || gd__sched.idle_p == NULL)
		return false;
	/* relaxed: stored under the lock */
	if (gd__load_relaxed(&gd__sched.stopping) || gd__load_relaxed(&gd__sched.ended))
		return false;
	if (gd__load_relaxed(&gd__sched.npidle) < (int32_t)gd__load_relaxed(&gd__sched.procs))
		return false;
	for (uint32_t i = 0; i < gd__load_relaxed(&gd__sched.procs); i++) /* under the lock */
		if (!gd__p_empty(&gd__allp[i]))
			return false;
	return !gd__sources_pending();
}

void gd__check_dead(void) GD_UNCHECKED
{
	if (!nothing_moves())
		return;
	if (others_may_wake()) {
		/* When they have ended without, nobody comes by here again: sysmon does. */
		gd__store_seq_cst(&gd__sched.doubtful, 1);    /* pairs with sleep_while_idle */
		if (gd__load_seq_cst(&gd__sched.sysmon_idle)) /* pairs with sleep_while_idle */
			gd__sysmon_wake();
		return;
	}
	gd__unlock(&gd__sched.lock);
	if (gd__watch && gd__watch->deadlock)
		gd__watch->deadlock();
	gd__fatal("all goroutines are asleep - deadlock!");
}
