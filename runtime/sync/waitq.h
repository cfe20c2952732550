/*
 * waitq.h - goroutines that wait for one object, and how they park and are woken.
 *
 * A waiter lies on the stack of the goroutine that waits. It is taken off its
 * queue either by the waker that won it, or by its owner; a waker that lost
 * the race for a waiter leaves it where it is. So whoever has not been won
 * through an object may count on that object's memory: see gd_chan_unref_raw.
 */
#ifndef GD_RUNTIME_SYNC_WAITQ_H
#define GD_RUNTIME_SYNC_WAITQ_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/atomic.h"
#include "runtime/base/lock.h"
#include "runtime/base/waitreason.h"
#include "runtime/sched/g.h"
#include "runtime/sched/sched.h"

/* Deadlines: a clock time in ns, or one of these. */
#define GD__FOREVER INT64_MAX
#define GD__NO_WAIT INT64_MIN

/*
 * Written by its owner before it is queued. next, prev, parked and woken are
 * guarded by the lock of the object whose queue it is on.
 * A waker may not touch a waiter after it has made the goroutine ready.
 */
struct gd__waiter {
	struct gd__wait wait; /* first: this is what the inspect layer reads */
	struct gd__waiter *next, *prev;
	struct gd__g *g;
	void *elem;    /* channels: the value to send, or where to put the one received; or NULL */
	uintptr_t pc;  /* of the public call */
	uint16_t lost; /* mutex: times it was woken and found the mutex taken again */
	bool raced;    /* somebody else may wake g too: a waker must first win g->select_done */
	bool parked;   /* cond: g is parked, so that a waker must ready it */
	bool woken;    /* cond: taken off the queue before it parked */
	bool fixed;    /* mutex: of an operation that cannot fail */
};

/* All zero is empty. first is also read without the lock, as a hint. */
struct gd__waitq {
	struct gd__waiter *_Atomic first;
	struct gd__waiter *last;
};

static inline void gd__waitq_push(struct gd__waitq *q, struct gd__waiter *w)
{
	w->next = NULL;
	w->prev = q->last;
	if (q->last != NULL)
		q->last->next = w;
	else
		gd__store_relaxed(&q->first, w); /* the hint needs no order */
	q->last = w;
}
void gd__waitq_push_front(struct gd__waitq *q, struct gd__waiter *w);
/* w is on q. */
static inline void gd__waitq_remove(struct gd__waitq *q, struct gd__waiter *w)
{
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		gd__store_relaxed(&q->first, w->next);
	if (w->next != NULL)
		w->next->prev = w->prev;
	else
		q->last = w->prev;
	w->next = w->prev = NULL;
}
/* Takes the first waiter that can be won, or NULL: also in the child of a fork, where all that
 * waited may be gone. The caller must wake it. */
struct gd__waiter *gd__waitq_take(struct gd__waitq *q);
/* In the child of a fork: removes those that are in the parent only. */
void gd__waitq_drop_gone(struct gd__waitq *q);
/* True if somebody waits here who has not been won elsewhere. */
bool gd__waitq_has_live(const struct gd__waitq *q);
/* Throws if the links are broken. */
void gd__waitq_check(const struct gd__waitq *q);

/* Takes off q its first waiter. */
static inline void gd__waitq_remove_first(struct gd__waitq *q, const struct gd__waiter *w)
{
	gd__store_relaxed(&q->first, w->next); /* the hint needs no order */
	if (w->next != NULL)
		w->next->prev = NULL;
	else
		q->last = NULL;
}

/* Takes the right to wake w's goroutine, if nobody else has it. */
static inline bool gd__waiter_win(const struct gd__waiter *w)
{
	uint32_t open = 0;

	/* pairs with the cas of other wakers and of deadline_fire; the loser touches nothing */
	return !w->raced || gd__cas_acq_rel(&w->g->select_done, &open, 1);
}

static inline bool gd__waitq_empty(const struct gd__waitq *q)
{
	return gd__load_relaxed(&q->first) == NULL;
}

/*
 * Leaves word for the goroutine of a waiter that was taken; the caller readies
 * it afterwards, best when it has let go of its lock. A goroutine that waits
 * with wake_waiter set is as good as runnable: the inspect layer says so, if
 * the world is stopped between the two.
 */
static inline struct gd__g *gd__waiter_serve(struct gd__waiter *w, bool ok)
{
	w->g->wake_ok = ok;
	w->g->wake_waiter = w;
	return w->g;
}

/* After a wait that nobody served: whether recovery has ended it. Says so once. */
static inline bool gd__wait_leaked(struct gd__g *g)
{
	if (gd__likely(!g->leaked))
		return false;
	g->leaked = false;
	return true;
}

/* Goroutines to be readied after an unlock, linked through g->next. */
struct gd__wakelist {
	struct gd__g *first, **end;
};

void gd__wakelist_init(struct gd__wakelist *l);
void gd__wakelist_add(struct gd__wakelist *l, struct gd__g *g);
void gd__wakelist_ready(const struct gd__wakelist *l);

/* One wait: the waiters are queued under the locks that unlock(arg) releases. */
struct gd__blocking {
	enum gd__wait_reason reason;
	uint32_t n;
	const struct gd__waiter *waiters; /* n of them; raced if there is a deadline or n > 1 */
	int64_t deadline;
	/*
	 * Called on the scheduler's stack once g may be readied. May read what is on g's stack
	 * only as long as it holds a lock that g takes before it goes on. NULL: no lock is held.
	 */
	void (*unlock)(void *arg);
	void *arg;
};

/*
 * Parks g, the caller. The waiter that was served, with g->wake_ok; NULL: the
 * deadline has passed, or gd__wait_leaked, and all its waiters are still queued.
 */
const struct gd__waiter *gd__wait(struct gd__g *g, const struct gd__blocking *b);
/* Before the lock is released: from then on the waker writes these. */
static inline void gd__expect_wake(struct gd__g *g)
{
	g->wake_ok = false;
	g->wake_waiter = NULL;
}

#endif
