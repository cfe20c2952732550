/*
 * sched.h - what the layers above may ask of the scheduler.
 */
#ifndef GD_RUNTIME_SCHED_SCHED_H
#define GD_RUNTIME_SCHED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/lock.h"
#include "runtime/base/waitreason.h"
#include "runtime/sched/g.h"
#include "runtime/sched/m.h"

/* The goroutine that runs on this thread; NULL on a scheduler stack or a foreign thread. */
static GD__ALWAYS_INLINE struct gd__g *gd__self(void)
{
	const struct gd__m *m = gd__m_self();

	return m && m->system_depth == 0 ? m->cur : NULL;
}
/* The same; a fatal error "<call> called outside a goroutine" if there is none. */
struct gd__g *gd__self_or_die(const char *call);

/* How to park. Everything it points to stays valid until the goroutine is readied. */
struct gd__park {
	enum gd__wait_reason reason;
	uint32_t nwaits, stride;
	const void *waits; /* nwaits structs that begin with struct gd__wait */
	/*
	 * Runs on the scheduler's stack when the context is saved, so from its first
	 * unlock on, others may ready g. false: do not park after all.
	 */
	bool (*commit)(struct gd__g *g, void *arg);
	void *arg;
};

/* Parks the calling goroutine until gd__ready(g). errno is kept. No runtime lock may be held
 * but those that commit releases. */
void gd__park(const struct gd__park *how);

/* Makes a parked goroutine runnable, next on this P. Callable from any thread of the runtime. */
void gd__ready(struct gd__g *g);

/* The calling goroutine goes to the tail of the global queue (Go's Gosched). */
void gd__yield(void);
void gd__yield_here(void); /* what gd__yield enters, see GD__BACK */
/* A safe point at the end of a non-parking operation: yields if sysmon asked for it. */
void gd__safe_point(struct gd__g *g);

/* What gd_go and the timers start. */
struct gd__spawn {
	void (*fn)(void *);
	const void *args; /* size bytes copied to the new stack and passed by address ... */
	size_t size;
	void *arg; /* ... or, with args NULL, this pointer as it is */
	const char *name, *site;
	uintptr_t site_pc;
	const void *after; /* with no parent: an object whose clock the goroutine acquires */
	uint32_t scope;    /* with no parent: see struct gd__g */
	bool system;
};
/* From a goroutine or, with after, from scheduler context. 0 or GD_ENOMEM. */
int gd__spawn(const struct gd__spawn *s);

/* Calls fn(arg) on the big stack of this thread; at once if already there. fn must not park. */
void gd__on_system_stack(void (*fn)(void *), void *arg);

/*
 * Random number of this thread, cheap, not for secrets. Seeded from GDETECT_OPTIONS seed.
 */
uint32_t gd__sched_random(void);

/*
 * A source of runnable goroutines that is looked at by the clock: the timers. Registered before
 * gd_run().
 * poll: readies what is due; p is the P's number; all: look at every P's share, not only p's.
 * deadline: when poll will next have something by itself; INT64_MAX if never.
 * pending: something outside of the goroutines may still make one runnable.
 */
struct gd__source {
	const char *name;
	bool (*poll)(int p, bool all, int64_t now);
	int64_t (*deadline)(void);
	bool (*pending)(void);
};
void gd__source_register(const struct gd__source *s);
/* P number p's share has something to do at when; INT64_MAX: nothing. The one word that the
 * scheduler reads per step; shares of Ps that do not exist are looked at now and then. */
void gd__source_due(int p, int64_t when);
/* A source's earliest deadline moved forward to when: a sleeping worker must look again. INT64_MIN:
 * the clock has moved, see base/clock.h. */
void gd__source_changed(int64_t when);

struct gd__glist;

/*
 * The source that a thread can wait in: the network poller. There is one, or none.
 * poll: appends goroutines whose wait is over to *ready, still GD__G_WAITING; with nothing ready
 * it waits until the clock reads until (INT64_MIN: not at all, INT64_MAX: for ever), or until it
 * is interrupted. Never called by two threads at a time.
 * interrupt: the poll in progress, or else the next, returns early. Any thread.
 */
struct gd__poller {
	void (*poll)(struct gd__glist *ready, int64_t until);
	void (*interrupt)(void);
};
/* From here on idle workers wait in p. Any thread. NULL: in the child of a fork, before anything.
 */
void gd__poller_start(const struct gd__poller *p);
/* n more goroutines wait in the poller, before the first of them can be found there; or -n fewer.
 */
void gd__poller_count(int n);
/* Number of the P this thread holds, or -1. */
int gd__p_self(void);

#endif
