/*
 * steal.c - finding work, and going idle without losing any.
 *
 * Why no goroutine is lost: whoever makes one runnable first queues it and
 * then, in gd__wake_p, looks whether nobody spins; an M that gives up first
 * takes itself off nmspinning and then looks at all queues again. Both steps
 * are seq_cst, so at least one of the two sees the other (store queue, load
 * nmspinning against store nmspinning, load queue).
 */
#include <errno.h>

#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"

/* Every so many goroutines the global queue comes first, so that it cannot starve (Go's 61). */
#define GLOBAL_TICK  61u
#define STEAL_ROUNDS 4

uint32_t gd__sched_random(void)
{
	struct gd__m *m = gd__m_self();
	uint32_t x;

	if (!m)
		return (uint32_t)gd__os_random();
	/* xorshift32 (Marsaglia 2003) */
	x = m->random;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return m->random = x;
}

static struct gd__g *global_get(struct gd__p *p, uint32_t most)
{
	struct gd__g *g;

	if (gd__load_relaxed(&gd__sched.global_n) == 0) /* a hint: checked again before idling */
		return NULL;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	g = gd__sched_global_get(p, most);
	gd__unlock(&gd__sched.lock);
	return g;
}

/* Visits all Ps, beginning at a random one. Timers and runnext only in the last round. */
static struct gd__g *steal(struct gd__m *m)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */

	for (int round = 0; round < STEAL_ROUNDS; round++) {
		bool last = round == STEAL_ROUNDS - 1;
		uint32_t start = gd__sched_random() % n;

		if (last && gd__sources_poll(m->p->id, true)) {
			bool inherit;
			struct gd__g *g = gd__p_get(m->p, &inherit);

			if (g)
				return g;
		}
		for (uint32_t i = 0; i < n; i++) {
			struct gd__p *victim = &gd__allp[(start + i) % n];
			struct gd__g *g;

			if (gd__load_relaxed(
				    &gd__sched.stopping)) /* looked at again by the caller */
				return NULL;
			if (victim == m->p)
				continue;
			g = gd__p_steal(m->p, victim, last);
			if (g)
				return g;
		}
	}
	return NULL;
}

static struct gd__g *steal_if_allowed(struct gd__m *m)
{
	if (!m->spinning) {
		int32_t busy = (int32_t)gd__load_relaxed(&gd__sched.procs) -
			       gd__load_relaxed(&gd__sched.npidle); /* a heuristic */

		/* At most half as many spinners as busy Ps: more only burn time. */
		if (2 * gd__load_relaxed(&gd__sched.nmspinning) >= busy)
			return NULL;
		m->spinning = true;
		gd__add_seq_cst(&gd__sched.nmspinning, 1); /* pairs with the cas in gd__wake_p */
	}
	return steal(m);
}

bool gd__work_waits(void)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */

	if (gd__load_seq_cst(&gd__sched.global_n) > 0) /* pairs with the file's comment */
		return true;
	for (uint32_t i = 0; i < n; i++)
		if (!gd__p_empty(&gd__allp[i]))
			return true;
	return gd__sources_deadline() <= gd__clock_now();
}

/* The M gives up its P. Returns the goroutine it found at the last moment, or NULL. */
static struct gd__g *go_idle(struct gd__m *m)
{
	struct gd__g *g = NULL;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if (!gd__load_relaxed(&gd__sched.stopping)) /* stored under the lock */
		g = gd__sched_global_get(m->p, 0);
	if (g || gd__load_relaxed(&gd__sched.stopping)) {
		gd__unlock(&gd__sched.lock);
		return g;
	}
	gd__p_idle_put(gd__p_release(m));
	gd__unlock(&gd__sched.lock);

	if (m->spinning) {
		m->spinning = false;
		gd__add_seq_cst(&gd__sched.nmspinning, -1); /* pairs with the cas in gd__wake_p */
	}
	gd__fence_seq_cst(); /* between giving up above and looking below: see the file's comment */
	if (gd__work_waits()) {
		struct gd__p *p;

		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		p = gd__load_relaxed(&gd__sched.stopping) ? NULL : gd__p_idle_get();
		gd__unlock(&gd__sched.lock);
		if (p) {
			gd__p_acquire(m, p);
			m->spinning = true;
			gd__add_seq_cst(&gd__sched.nmspinning, 1); /* pairs with gd__wake_p */
			return NULL;
		}
	}
	gd__stop_m(m);
	return NULL;
}

/* What would starve if P's own queue came first always. */
static struct gd__g *now_and_then(struct gd__p *p)
{
	if (p->id == 0)
		gd__sources_poll(0, false); /* shares of Ps that do not exist any more */
	return global_get(p, 1);
}

struct gd__g *gd__find_runnable(struct gd__m *m, bool *inherit)
{
	for (;;) {
		struct gd__g *g = NULL;

		*inherit = false;
		if (gd__load_acquire(
			    &gd__sched.stopping)) { /* pairs with the store in gd__stw_stop */
			gd__stw_wait(m);
			continue;
		}
		gd__assert(m->p != NULL);
		/* relaxed: this P's own timers write it, others' are hints */
		if (gd__unlikely(gd__load_relaxed(&m->p->due) != INT64_MAX))
			gd__sources_poll(m->p->id, false);
		if (gd__load_relaxed(&m->p->schedtick) % GLOBAL_TICK == 0)
			g = now_and_then(m->p);
		if (!g)
			g = gd__p_get(m->p, inherit);
		if (!g)
			g = global_get(m->p, 0);
		if (!g && gd__poller_look(m->p))
			g = gd__p_get(m->p, inherit);
		if (!g)
			g = steal_if_allowed(m);
		if (!g && m->p)
			g = go_idle(m);
		if (g)
			return g;
	}
}

/* Takes m off the idle list; false if somebody else has, who will wake it. Lock held. */
static bool idle_remove(struct gd__m *m)
{
	for (struct gd__m **at = &gd__sched.idle_m; *at; at = &(*at)->link) {
		if (*at != m)
			continue;
		*at = m->link;
		gd__sched.nmidle--;
		return true;
	}
	return false;
}

/* The deadline has come: takes an idle P to run what is due. */
static bool keeper_takes_p(struct gd__m *m)
{
	struct gd__p *p = NULL;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if (!idle_remove(m)) {
		gd__unlock(&gd__sched.lock);
		gd__m_sleep(m, INT64_MAX); /* a P is on its way */
		gd__p_acquire(m, m->next_p);
		m->next_p = NULL;
		return true;
	}
	if (!gd__load_relaxed(&gd__sched.stopping)) /* stored under the lock */
		p = gd__p_idle_get();
	gd__unlock(&gd__sched.lock);
	if (!p)
		return false;
	gd__p_acquire(m, p);
	/* All heaps: what is due lies in another P's, and this one may find other work first. */
	gd__sources_poll(p->id, true);
	return true;
}

/* Goes idle: in the poller, or on its futex, with the limit of the keeper or none. */
void gd__stop_m(struct gd__m *m)
{
	for (;;) {
		int64_t deadline = gd__sources_deadline();
		enum gd__polled polled = gd__poller_wait(m, deadline);

		if (polled == GD__POLLED_P)
			return;
		if (polled == GD__POLLED_AGAIN)
			continue;
		if (polled == GD__POLLED_OTHER)
			deadline = INT64_MAX;
		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		m->link = gd__sched.idle_m;
		gd__sched.idle_m = m;
		gd__sched.nmidle++;
		/* One M sleeps with a limit; relaxed: written under the lock, read as a hint. */
		m->deadline = INT64_MAX;
		if (deadline < gd__load_relaxed(&gd__sched.keeper) && gd__sched.idle_p) {
			gd__store_relaxed(&gd__sched.keeper, deadline);
			m->deadline = deadline;
		}
		gd__check_dead();
		gd__unlock(&gd__sched.lock);

		bool woken = gd__m_sleep(m, m->deadline);

		if (m->deadline != INT64_MAX) {
			int64_t mine = m->deadline;

			gd__cas_relaxed(&gd__sched.keeper, &mine, INT64_MAX); /* a hint */
		}
		if (woken) {
			gd__p_acquire(m, m->next_p);
			m->next_p = NULL;
			return;
		}
		if (keeper_takes_p(m))
			return;
	}
}

/* p goes idle, perhaps with work in its queue: sysmon tries again. Lock held. */
static void without_thread(struct gd__p *p, bool spinning)
{
	gd__p_idle_put(p);
	if (spinning)
		gd__add_seq_cst(&gd__sched.nmspinning, -1); /* undoes gd__wake_p's cas */
	gd__store_seq_cst(&gd__sched.starved, 1);     /* pairs with sleep_while_idle in sysmon.c */
	if (gd__load_seq_cst(&gd__sched.sysmon_idle)) /* pairs with sleep_while_idle */
		gd__sysmon_wake();
}

/* An M for p, or for an idle P; NULL if none is needed, or none sleeps (*create: make one). */
static struct gd__m *choose_m(struct gd__p **p, bool spinning, bool *create)
{
	struct gd__m *m;

	*create = false;
	if (!*p)
		*p = gd__p_idle_get();
	if (!*p) {
		/*
		 * Under the lock: while it counts as spinning, others leave waking to it, and it
		 * looks at no queue. So a P that goes idle from here on must find it undone.
		 */
		if (spinning)
			gd__add_seq_cst(&gd__sched.nmspinning, -1); /* undoes gd__wake_p's cas */
		return NULL;
	}
	m = gd__sched.idle_m;
	if (m) {
		gd__sched.idle_m = m->link;
		gd__sched.nmidle--;
		m->next_p = *p;
		m->spinning = spinning;
	} else if (gd__load_relaxed(
			   &gd__sched.starved)) { /* a hint; sysmon says when to try again */
		without_thread(*p, spinning);
	} else {
		gd__sched.nm++;
		*create = true;
	}
	return m;
}

void gd__start_m(struct gd__p *p, bool spinning)
{
	struct gd__m *self = gd__m_busy_begin(), *m; /* p is on its way: see m.h */
	bool create, alone = false;
	int r;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	m = choose_m(&p, spinning, &create);
	gd__unlock(&gd__sched.lock);
	if (m)
		gd__m_wake(m);
	r = create ? gd__m_start(p, spinning) : 0;
	if (r != 0) {
		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		alone = --gd__sched.nm == 0;
		without_thread(p, spinning);
		gd__unlock(&gd__sched.lock);
	}
	gd__m_busy_end(self);
	/* With another M alive the program goes on, with less of it at the same time. */
	if (alone)
		gd__fatal("cannot start a thread: %s",
			  r == EAGAIN ? "the limit of threads is reached" : "out of memory");
}

void gd__wake_p(void)
{
	int32_t zero = 0;

	if (gd__load_relaxed(&gd__sched.procs) == 1 && gd__p_self() == 0)
		return; /* the caller holds the only P there is */
	/* pairs with go_idle: the goroutine was queued before this load */
	gd__fence_seq_cst();
	if (gd__load_relaxed(&gd__sched.npidle) == 0) /* ordered by the fence */
		return;
	if (gd__load_relaxed(&gd__sched.nmspinning) != 0 ||    /* ordered by the fence */
	    !gd__cas_seq_cst(&gd__sched.nmspinning, &zero, 1)) /* pairs with go_idle */
		return;
	gd__start_m(NULL, true);
}
