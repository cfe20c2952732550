/*
 * sources.c - what makes goroutines runnable from outside: timers by the clock, the poller by
 * the kernel.
 *
 * At most one thread is in the poller (sched.polling). Of the Ms without work one waits there,
 * until the earliest deadline; the others sleep on their futex.
 *
 * Why nothing is slept through while all Ps are idle: the M that gave up the last P looks, after
 * that, for the flag. It gets it, and waits in the poller itself. Or another has it: an M, that
 * after its wait either takes a P or comes by here again, or sysmon, that after its look wakes a
 * P if one is idle (store flag, load npidle, against store npidle, load flag). And why not past
 * a deadline: the one in the poller first says until when (sched.keeper), then looks at the
 * deadlines again; who sets a deadline or idles a P looks at keeper after that, and interrupts.
 *
 * Before it gives up its P an M looks without waiting, but only while looks find something, or a
 * wait has found several at once (sched.poll_crowded): with a single conversation that look would
 * be one more system call in each of its round trips.
 *
 * While a P is busy the poller may be without a thread for as long as one goroutine runs; sysmon
 * sends one there if a P is idle, and looks itself if none is.
 */
#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/glist.h"
#include "runtime/sched/state.h"

bool gd__sources_poll(int p, bool all)
{
	bool found = false;
	int64_t now = 0;

	for (uint32_t i = 0; i < gd__sched.nsources; i++) {
		const struct gd__source *s = gd__sched.source[i];

		if (!s->pending())
			continue;
		if (now == 0)
			now = gd__clock_now();
		found |= s->poll(p, all, now);
	}
	return found;
}

int64_t gd__sources_deadline(void)
{
	int64_t earliest = INT64_MAX;

	for (uint32_t i = 0; i < gd__sched.nsources; i++) {
		int64_t d = gd__sched.source[i]->deadline();

		earliest = d < earliest ? d : earliest;
	}
	return earliest;
}

bool gd__sources_pending(void)
{
	if (gd__load_seq_cst(&gd__sched.poll_waiters) > 0) /* pairs with gd__poller_count */
		return true;
	for (uint32_t i = 0; i < gd__sched.nsources; i++)
		if (gd__sched.source[i]->pending())
			return true;
	return false;
}

void gd__source_register(const struct gd__source *s)
{
	gd__assert(gd__sched.nsources < GD__SOURCES_MAX);
	gd__sched.source[gd__sched.nsources++] = s;
	for (int i = 0; i < GD__P_MAX; i++)
		gd__store_relaxed(&gd__allp[i].due, INT64_MAX); /* before any thread */
}

void gd__source_due(int p, int64_t when)
{
	gd__store_relaxed(&gd__allp[p].due, when); /* a hint: looked at again before idling */
}

static const struct gd__poller *the_poller(void)
{
	return gd__load_acquire(&gd__sched.poller); /* pairs with gd__poller_start */
}

void gd__source_changed(int64_t when)
{
	const struct gd__poller *poller = the_poller();

	/* pairs with publish_until: the deadline was set before this load */
	if (when >= gd__load_seq_cst(&gd__sched.keeper) ||
	    gd__load_relaxed(&gd__sched.npidle) == 0) /* busy Ps look by themselves */
		return;
	if (poller && gd__load_relaxed(&gd__sched.npolling) > 0) /* else an M looks, see above */
		poller->interrupt();
	else
		gd__wake_p();
}

void gd__poller_start(const struct gd__poller *p)
{
	gd__store_release(&gd__sched.poller, p); /* pairs with the loads of poller here */
}

void gd__poller_count(int n)
{
	gd__add_seq_cst(&gd__sched.poll_waiters, n); /* pairs with gd__sources_pending */
}

/* True: this thread alone may call poll, until it leaves. */
static bool enter(void)
{
	uint32_t nobody = 0;

	return gd__load_seq_cst(&gd__sched.polling) == 0 &&     /* pairs with leave: see above */
	       gd__cas_seq_cst(&gd__sched.polling, &nobody, 1); /* pairs with leave */
}

static void leave(void)
{
	gd__count_relaxed(&gd__sched.polls, 1); /* under the flag; sysmon compares it */
	/* relaxed: sysmon's own clock, for sysmon alone */
	gd__store_relaxed(&gd__sched.polled_at, gd__load_relaxed(&gd__sched.clock));
	gd__store_seq_cst(&gd__sched.polling, 0); /* pairs with enter */
}

/* Goroutines from the poller, on no queue yet, become runnable on p, which the caller holds. */
static void queue_on(struct gd__p *p, struct gd__glist *ready)
{
	uint32_t n = ready->n;
	struct gd__g *g;

	while ((g = gd__glist_pop(ready)) != NULL) {
		gd__g_set_status(g, GD__G_WAITING, GD__G_RUNNABLE);
		gd__p_put(p, g, false);
	}
	if (n > 0)
		gd__poller_count(-(int)n);
	if (n > 1)
		gd__wake_p(); /* the caller runs one */
}

/* The same with the global queue. sched.lock held. */
static void queue_globally(struct gd__glist *ready)
{
	uint32_t n = ready->n;
	struct gd__g *g;

	while ((g = gd__glist_pop(ready)) != NULL) {
		gd__g_set_status(g, GD__G_WAITING, GD__G_RUNNABLE);
		gd__sched_global_put(g);
	}
	if (n > 0)
		gd__poller_count(-(int)n);
}

bool gd__poller_look(struct gd__p *p)
{
	struct gd__glist ready = { 0 };

	/* hints: looked at again before idling */
	if (gd__load_relaxed(&gd__sched.poll_waiters) <= 0 ||
	    !gd__load_relaxed(&gd__sched.poll_crowded) || !enter())
		return false;
	the_poller()->poll(&ready, INT64_MIN);
	gd__store_relaxed(&gd__sched.poll_crowded, ready.n > 0); /* a hint */
	leave();
	if (ready.n == 0)
		return false;
	queue_on(p, &ready);
	return true;
}

bool gd__poller_sweep(void)
{
	struct gd__glist ready = { 0 };
	bool found;

	if (!the_poller() || !enter())
		return false;
	the_poller()->poll(&ready, INT64_MIN);
	found = ready.n > 0;
	if (found) {
		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		queue_globally(&ready);
		gd__unlock(&gd__sched.lock);
	}
	leave();
	if (gd__load_seq_cst(&gd__sched.npidle) > 0) /* pairs with gd__p_idle_put: see above */
		gd__wake_p();
	return found;
}

/* Busy Ps look after the timers by themselves. */
static int64_t wait_until(void)
{
	/* pairs with gd__p_idle_put */
	return gd__load_seq_cst(&gd__sched.npidle) > 0 ? gd__sources_deadline() : INT64_MAX;
}

static int64_t publish_until(void)
{
	for (;;) {
		int64_t until = wait_until();

		/* pairs with the loads of keeper in gd__source_changed and gd__poller_wait */
		gd__store_seq_cst(&gd__sched.keeper, until);
		if (wait_until() >= until)
			return until;
	}
}

/* Takes an idle P for what came out of the poller; else the goroutines go to the global queue. */
static struct gd__p *take_p(struct gd__glist *ready, bool due)
{
	struct gd__p *p = NULL;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__store_relaxed(&gd__sched.npolling, 0); /* under the lock, as nothing_moves looks */
	if (!gd__load_relaxed(&gd__sched.stopping) && (ready->n > 0 || due)) /* under the lock */
		p = gd__p_idle_get();
	if (!p)
		queue_globally(ready);
	gd__unlock(&gd__sched.lock);
	return p;
}

static bool wait_in(const struct gd__poller *poller, struct gd__m *m)
{
	struct gd__glist ready = { 0 };
	int64_t until = publish_until(), mine = until;
	struct gd__p *p;
	int64_t now;
	bool due;

	gd__store_relaxed(&gd__sched.npolling, 1); /* from here on m does nothing but this */
	poller->poll(&ready, until);
	gd__cas_relaxed(&gd__sched.keeper, &mine, INT64_MAX);    /* a hint */
	gd__store_relaxed(&gd__sched.poll_crowded, ready.n > 1); /* a hint */
	now = gd__os_now();
	gd__store_relaxed(&gd__sched.clock, now); /* as in gd__m_sleep */
	due = gd__clock_passed(until, now);
	leave();
	p = take_p(&ready, due);
	if (!p)
		return false;
	gd__p_acquire(m, p);
	if (due)
		gd__sources_poll(p->id, true); /* what is due may lie in another P's share */
	queue_on(p, &ready);
	return true;
}

enum gd__polled gd__poller_wait(struct gd__m *m, int64_t deadline)
{
	const struct gd__poller *poller = the_poller();

	/* pairs with gd__poller_count */
	if (!poller || (gd__load_seq_cst(&gd__sched.poll_waiters) <= 0 && deadline == INT64_MAX))
		return GD__POLLED_NONE;
	if (enter())
		return wait_in(poller, m) ? GD__POLLED_P : GD__POLLED_AGAIN;
	/* pairs with publish_until: the P was given up before this load */
	if (deadline < gd__load_seq_cst(&gd__sched.keeper))
		poller->interrupt();
	return GD__POLLED_OTHER;
}
