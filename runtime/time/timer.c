/*
 * timer.c - a 4-ary heap of timers per P; a source of the scheduler.
 *
 * A timer stays in the heap of the P that started it and leaves it at once
 * when stopped. One worker at a time runs a heap; fire is called with the
 * heap unlocked, so it may start and stop timers.
 *
 * Per heap, guarded by its lock:
 *   at[i]->index == i + 1 and at[i]->home == heap  for all i < n
 *   at[i]->when >= at[(i - 1) / 4]->when           for all 0 < i < n
 *   earliest == at[0]->when, or INT64_MAX when empty
 */
#include "runtime/time/timer.h"

#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/state.h"
#include "runtime/time/timers.h"

struct gd__timers gd__timers[GD__P_MAX];

/* Heaps [0, used) have ever held a timer. Never falls. */
static _Atomic uint32_t used;

static void note_used(const struct gd__timers *h)
{
	uint32_t end = (uint32_t)(h - gd__timers) + 1;
	uint32_t was = gd__load_relaxed(&used); /* ordered by the store of earliest */

	while (was < end &&
	       !gd__cas_seq_cst(&used, &was, end)) /* pairs with the load in deadline */
		;
}

static void place(struct gd__timers *h, uint32_t i, struct gd__timer *t)
{
	h->at[i] = t;
	gd__store_release(&t->index, i + 1); /* pairs with the load in enter_home */
}

/* Where t, which is pending, lies. */
static uint32_t index_of(const struct gd__timer *t)
{
	return gd__load_relaxed(&t->index) - 1; /* under lock */
}

static void sift_up(struct gd__timers *h, uint32_t i)
{
	struct gd__timer *t = h->at[i];

	while (i > 0 && h->at[(i - 1) / 4]->when > t->when) {
		place(h, i, h->at[(i - 1) / 4]);
		i = (i - 1) / 4;
	}
	place(h, i, t);
}

static void sift_down(struct gd__timers *h, uint32_t i)
{
	struct gd__timer *t = h->at[i];

	for (;;) {
		uint32_t best = i * 4 + 1, end = best + 4 < h->n ? best + 4 : h->n;

		if (best >= h->n)
			break;
		for (uint32_t c = best + 1; c < end; c++)
			if (h->at[c]->when < h->at[best]->when)
				best = c;
		if (h->at[best]->when >= t->when)
			break;
		place(h, i, h->at[best]);
		i = best;
	}
	place(h, i, t);
}

/*
 * After a start. Who starts a timer then looks whether somebody sleeps too long for it; who goes to
 * sleep says until when, or that a P is idle, and then looks at earliest: both sides seq_cst.
 */
static void note_earliest(struct gd__timers *h)
{
	int64_t when = h->n > 0 ? h->at[0]->when : INT64_MAX;

	if (gd__load_relaxed(&h->earliest) == when) /* under lock */
		return;
	gd__store_seq_cst(&h->earliest, when); /* pairs with the loads in deadline and pending */
	gd__source_due((int)(h - gd__timers), when);
}

/* When one has gone: nobody needs to hear of it. */
static void note_later(struct gd__timers *h)
{
	int64_t when = h->n > 0 ? h->at[0]->when : INT64_MAX;

	gd__store_relaxed(&h->earliest, when); /* too early a time is only a look in vain */
	gd__source_due((int)(h - gd__timers), when);
}

/* Lock held: the invariants. */
GD__UNUSED static bool agrees(const struct gd__timers *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		struct gd__timer *t = h->at[i];

		if (index_of(t) != i || gd__load_relaxed(&t->home) != h || /* under lock */
		    t->when < h->at[i > 0 ? (i - 1) / 4 : 0]->when)
			return false;
	}
	return gd__load_relaxed(&h->earliest) == (h->n > 0 ? h->at[0]->when : INT64_MAX);
}

static void grow(struct gd__timers *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : (uint32_t)(GD__PAGE / sizeof(*h->at));
	struct gd__timer **at = gd__os_map(cap * sizeof(*at));

	if (!at)
		gd__fatal("out of memory for timers");
	if (h->at) {
		memcpy(at, h->at, h->n * sizeof(*at));
		gd__os_unmap(h->at, h->cap * sizeof(*at));
	}
	h->at = at;
	h->cap = cap;
}

static void insert(struct gd__timers *h, struct gd__timer *t) GD_REQUIRES(h->lock)
{
	if (h->n == h->cap)
		grow(h);
	note_used(h);
	gd__store_release(&t->home, h); /* pairs with the loads of home */
	place(h, h->n++, t);
	sift_up(h, h->n - 1);
	note_earliest(h);
	gd__check_slow(agrees(h));
}

static void take_out(struct gd__timers *h, struct gd__timer *t) GD_REQUIRES(h->lock)
{
	uint32_t i = index_of(t);

	gd__store_release(&t->index, 0); /* pairs with the load in idle: firing was stored before */
	h->n--;
	if (i < h->n) {
		place(h, i, h->at[h->n]);
		sift_down(h, i);
		sift_up(h, index_of(h->at[i]));
	}
	note_later(h);
	gd__check_slow(agrees(h));
}

/*
 * A stop signal must not catch a thread inside a heap (a timer in flight would be no root of
 * the leak detector): busy says so. Both on one thread.
 */
static inline struct gd__m *enter(struct gd__timers *h) GD_ACQUIRE(h->lock)
{
	struct gd__m *m = gd__m_self();

	if (m)
		gd__count_signal(&m->busy, 1); /* read by this thread's signal handler */
	gd__lock(&h->lock, GD__RANK_TIMERS);
	return m;
}

static inline void leave(struct gd__timers *h, struct gd__m *m) GD_RELEASE(h->lock)
{
	gd__unlock(&h->lock);
	if (m)
		gd__count_signal(&m->busy, -1u); /* read by this thread's signal handler */
}

/*
 * Takes the lock of the heap that t is in. NULL: t is not pending. t may be started meanwhile: then
 * home is stored before index, and under the other heap's lock.
 */
static struct gd__timers *enter_home(struct gd__timer *t, struct gd__m **m) GD_UNCHECKED
{
	for (;;) {
		/* pairs with the store in insert */
		struct gd__timers *h = gd__load_acquire(&t->home);

		if (!h)
			return NULL;
		*m = enter(h);
		if (gd__load_acquire(&t->index) == 0) { /* pairs with the store in place */
			leave(h, *m);
			return NULL;
		}
		if (gd__load_relaxed(&t->home) == h) /* ordered by the load of index */
			return h;
		leave(h, *m);
	}
}

static bool start(struct gd__timers *h, struct gd__timer *t, int64_t when, int64_t period)
{
	struct gd__m *m = enter(h);
	bool pending = gd__load_relaxed(&t->index) != 0; /* under lock */

	t->period = period;
	t->when = when;
	if (pending) {
		sift_down(h, index_of(t));
		sift_up(h, index_of(t));
		note_earliest(h);
	} else {
		insert(h, t);
	}
	leave(h, m);
	return pending;
}

bool gd__timer_start(struct gd__timer *t, int64_t when, int64_t period)
{
	struct gd__timers *h = gd__load_acquire(&t->home); /* pairs with the store in insert */
	const struct gd__m *m = gd__m_self();
	int p = m && m->p ? m->p->id : -1;
	bool pending = false;

	if (!h || (p >= 0 && h != &gd__timers[p])) {
		if (h)
			pending = gd__timer_remove(t);
		h = &gd__timers[p < 0 ? 0 : p];
	}
	pending |= start(h, t, when, period);
	gd__source_changed(when);
	return pending;
}

bool gd__timer_remove(struct gd__timer *t) GD_UNCHECKED
{
	struct gd__m *m;
	struct gd__timers *h = enter_home(t, &m);

	if (!h)
		return false;
	take_out(h, t);
	leave(h, m);
	return true;
}

/* t is neither pending nor being fired: run_one stores firing before it clears index. */
static bool idle(const struct gd__timers *h, struct gd__timer *t)
{
	/* pairs with the stores in take_out and run_one */
	return gd__load_acquire(&t->index) == 0 && gd__load_acquire(&h->firing) != t;
}

bool gd__timer_stop(struct gd__timer *t)
{
	struct gd__timers *h = gd__load_acquire(&t->home); /* pairs with the store in insert */
	bool pending;

	if (!h || idle(h, t))
		return false;
	pending = gd__timer_remove(t);
	/* Also if it was pending: a periodic one is while it fires. */
	/* fire never parks, so this is short. pairs with the stores in run_one */
	while (gd__load_acquire(&h->firing) == t && h->runner != gd__m_self())
		gd__os_nanosleep(1000);
	return pending;
}

/* Runs the first timer of h if it is due. Locked on entry and on return. */
static bool run_one(struct gd__timers *h, int64_t now, struct gd__m **m) GD_REQUIRES(h->lock)
{
	struct gd__timer *t = h->n > 0 ? h->at[0] : NULL;

	if (!t || t->when > now)
		return false;
	gd__store_release(&h->firing, t); /* pairs with the loads in gd__timer_stop, and in idle */
	if (t->period > 0) {
		t->when += t->period * (1 + (now - t->when) / t->period);
		sift_down(h, 0);
		note_later(h);
	} else {
		take_out(h, t);
	}
	leave(h, *m);
	t->fire(t, now);
	/* t may be gone: fire may have freed it. */
	gd__store_release(&h->firing, NULL); /* pairs with the load in gd__timer_stop */
	*m = enter(h);
	return true;
}

static bool run(struct gd__timers *h, int64_t now)
{
	struct gd__m *m;
	bool ran = false;

	if (gd__load_relaxed(&h->earliest) > now) /* a hint: looked at again before sleeping */
		return false;
	m = enter(h);
	if (h->runner == NULL) {
		h->runner = gd__m_self();
		while (run_one(h, now, &m))
			ran = true;
		h->runner = NULL;
	}
	leave(h, m);
	return ran;
}

static bool poll(int p, bool all, int64_t now)
{
	uint32_t end = gd__load_relaxed(&used); /* a hint: looked at again before sleeping */
	uint32_t i = end;
	bool ran = run(&gd__timers[p], now);

	/* Heaps of Ps that gd_set_procs took away have no other worker than that of P 0. */
	if (all)
		i = 0;
	else if (p == 0)
		i = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */
	for (; i < end; i++)
		ran |= run(&gd__timers[i], now);
	return ran;
}

static int64_t deadline(void)
{
	int64_t earliest = INT64_MAX;

	for (uint32_t i = 0, n = gd__load_seq_cst(&used); i < n; i++) { /* pairs with note_used */
		/* pairs with note_earliest */
		int64_t e = gd__load_seq_cst(&gd__timers[i].earliest);

		earliest = e < earliest ? e : earliest;
	}
	return earliest;
}

static bool pending(void)
{
	return deadline() != INT64_MAX;
}

void gd__timers_inherit(struct gd__timers *h)
{
	uint32_t n = h->n;

	gd__store_relaxed(&h->firing, NULL); /* one thread */
	h->runner = NULL;
	h->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct gd__timer *t = h->at[i];

		if (t->fork == GD__FORK_KEEPS) {
			place(h, h->n++, t);
			sift_up(h, h->n - 1);
			continue;
		}
		if (t->fork == GD__FORK_STOPS)
			gd__store_relaxed(&t->index, 0); /* one thread */
	}
	note_later(h);
}

static const struct gd__source source = { "timers", poll, deadline, pending };

__attribute__((constructor(102))) static void init(void)
{
	for (int i = 0; i < GD__P_MAX; i++)
		gd__store_relaxed(&gd__timers[i].earliest, INT64_MAX); /* before any thread */
	gd__source_register(&source);
	gd__timers_fork_init();
}
