/*
 * chan_fast.c - the public operations on channels.
 *
 * The usual cases are here once more, as leaves: no hook is installed, the lock is free, the
 * element has a usual size, and there is room, a value, or a partner that can be won.
 * Whatever is not of that kind is a tail call into chan.c, which does all of it: so these functions
 * save no register and take some 45 instructions. They do nothing that chan.c does not.
 */
#include "runtime/base/atomic.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"

#include <gdetect/error.h>

/* Locks c if the short way may be tried. */
static GD__ALWAYS_INLINE bool enter(gd_chan *c, const struct gd__g *g)
{
	return gd__likely(c != NULL && g != NULL) && gd__likely(gd__hooks == NULL) &&
	       gd__likely(c->magic == GD__CHAN_LIVE) &&
	       gd__likely(gd__lock_try(&c->lock, GD__RANK_CHAN));
}

/* What is left to do after the operation, if anything. */
static GD__ALWAYS_INLINE void finish(gd_chan *c, struct gd__g *g, struct gd__g *wake,
				     bool held) GD_UNCHECKED
{
	if (held)
		gd__unlock(&c->lock);
	if (wake != NULL)
		gd__ready(wake);
	gd__sync_point(g);
}

/* Two tails, each with its caller's result. */
static GD__NOINLINE int finish_send(gd_chan *c, struct gd__g *g, struct gd__g *wake, bool held)
{
	finish(c, g, wake, held);
	return GD_OK;
}

static GD__NOINLINE bool finish_recv(gd_chan *c, struct gd__g *g, struct gd__g *wake, bool held)
{
	finish(c, g, wake, held);
	return true;
}

/* Lets go of c. True: there is more to do, and *held if c is still locked. */
static GD__ALWAYS_INLINE bool leave(gd_chan *c, const struct gd__g *g, const struct gd__g *wake,
				    bool *held)
{
	*held = !gd__unlock_try(&c->lock);
	/* relaxed: a hint of sysmon */
	return gd__unlikely(*held || wake != NULL || gd__load_relaxed(&g->preempt));
}

/* The first of q, off the queue, if it can be won: else chan.c looks at the others. */
static GD__ALWAYS_INLINE struct gd__waiter *partner(struct gd__waitq *q)
{
	struct gd__waiter *w = gd__load_relaxed(&q->first); /* under lock */

	if (gd__unlikely(gd__fork.gone != 0) || !gd__waiter_win(w))
		return NULL;
	gd__waitq_remove_first(q, w);
	return w;
}

/* Whether the first of q, which could not be won, is the only one: nobody waits here. */
static GD__ALWAYS_INLINE bool only_lost(const struct gd__waitq *q)
{
	/* relaxed: under lock */
	return gd__fork.gone == 0 && gd__load_relaxed(&q->first)->next == NULL;
}

enum outcome {
	DONE,
	WAITS, /* nothing was done: there is no room, no value, no partner */
	OTHER  /* nothing was done: a case for chan.c */
};

/* The value goes to a waiting receiver, or into the buffer. */
static GD__ALWAYS_INLINE enum outcome send_now(gd_chan *c, const void *elem, const struct gd__g *g,
					       uintptr_t pc, struct gd__g **wake)
{
	size_t len = gd__load_relaxed(&c->len); /* under lock */

	if (gd__unlikely(gd__load_relaxed(&c->closed) != 0)) /* under lock */
		return OTHER;
	if (!gd__waitq_empty(&c->recvq)) {
		struct gd__waiter *w;

		if (!gd__chan_is_small(c->elem_size))
			return OTHER;
		if ((w = partner(&c->recvq)) == NULL)
			return len == c->cap && only_lost(&c->recvq) ? WAITS : OTHER;
		if (w->elem != NULL)
			gd__chan_copy_small(w->elem, elem, c->elem_size);
		if (c->cap > 0)
			c->head = c->tail = gd__chan_next(c, c->tail);
		gd__chan_note_recv(c, w->g, w->pc);
		*wake = gd__waiter_serve(w, true);
	} else {
		if (len == c->cap)
			return WAITS;
		if (!gd__chan_copy_small(gd__chan_slot(c, c->tail), elem, c->elem_size))
			return OTHER;
		c->tail = gd__chan_next(c, c->tail);
		gd__chan_set_len(c, len + 1);
	}
	gd__chan_note_send(c, g, pc);
	return DONE;
}

/* The value comes from the buffer, or without one from a waiting sender. */
static GD__ALWAYS_INLINE enum outcome recv_now(gd_chan *c, void *elem, const struct gd__g *g,
					       uintptr_t pc, struct gd__g **wake)
{
	size_t len = gd__load_relaxed(&c->len); /* under lock */

	if (len > 0) {
		char *s = gd__chan_slot(c, c->head);

		if (!gd__waitq_empty(&c->sendq) ||
		    (elem != NULL && !gd__chan_copy_small(elem, s, c->elem_size)) ||
		    !gd__chan_clear_small(s, c->elem_size))
			return OTHER;
		c->head = gd__chan_next(c, c->head);
		gd__chan_set_len(c, len - 1);
	} else if (!gd__waitq_empty(&c->sendq)) {
		struct gd__waiter *w;

		if (!gd__chan_is_small(c->elem_size))
			return OTHER;
		if ((w = partner(&c->sendq)) == NULL)
			return only_lost(&c->sendq) && gd__load_relaxed(&c->closed) == 0
				       ? WAITS
				       : OTHER; /* under lock */
		if (elem != NULL)
			gd__chan_copy_small(elem, w->elem, c->elem_size);
		gd__chan_note_send(c, w->g, w->pc);
		*wake = gd__waiter_serve(w, true);
	} else {
		return gd__load_relaxed(&c->closed) == 0 ? WAITS : OTHER; /* under lock */
	}
	gd__chan_note_recv(c, g, pc);
	return DONE;
}

int gd_chan_send_raw(gd_chan *c, const void *elem) GD_UNCHECKED
{
	struct gd__g *g = gd__on(gd__m_self());
	struct gd__g *wake = NULL;
	bool held;

	if (!enter(c, g))
		return gd__chan_send(c, elem, GD__FOREVER, GD__CALLER_PC);
	switch (send_now(c, elem, g, GD__CALLER_PC, &wake)) {
	case DONE:
		return leave(c, g, wake, &held) ? finish_send(c, g, wake, held) : GD_OK;
	case WAITS:
		return gd__chan_send_park(c, elem, g, GD__CALLER_PC);
	default:
		return gd__chan_send_held(c, elem, GD__FOREVER, g, GD__CALLER_PC);
	}
}

/* The tails of gd_chan_recv_raw. */
static GD__NOINLINE bool recv(gd_chan *c, void *elem, uintptr_t pc)
{
	return gd__chan_recv(c, elem, GD__FOREVER, pc) == GD_OK;
}

static GD__NOINLINE bool recv_held(gd_chan *c, void *elem, struct gd__g *g,
				   uintptr_t pc) GD_UNCHECKED
{
	return gd__chan_recv_held(c, elem, GD__FOREVER, g, pc) == GD_OK;
}

bool gd_chan_recv_raw(gd_chan *c, void *elem) GD_UNCHECKED
{
	struct gd__g *g = gd__on(gd__m_self());
	struct gd__g *wake = NULL;
	bool held;

	if (!enter(c, g))
		return recv(c, elem, GD__CALLER_PC);
	switch (recv_now(c, elem, g, GD__CALLER_PC, &wake)) {
	case DONE:
		return !leave(c, g, wake, &held) || finish_recv(c, g, wake, held);
	case WAITS:
		return gd__chan_recv_park(c, elem, g, GD__CALLER_PC);
	default:
		return recv_held(c, elem, g, GD__CALLER_PC);
	}
}

/* Would wait, and nobody asks the goroutine to give way, if it is one. */
static GD__ALWAYS_INLINE bool just_no(bool would_wait)
{
	const struct gd__g *g = gd__on(gd__m_self());

	return would_wait && gd__hooks == NULL && (g == NULL || !gd__load_relaxed(&g->preempt));
}

int gd_chan_try_send_raw(gd_chan *c, const void *elem)
{
	if (gd__likely(c != NULL && c->magic == GD__CHAN_LIVE) &&
	    just_no(gd__chan_send_would_wait(c)))
		return GD_EAGAIN;
	return gd__chan_send(c, elem, GD__NO_WAIT, GD__CALLER_PC);
}

int gd_chan_try_recv_raw(gd_chan *c, void *elem)
{
	if (gd__likely(c != NULL && c->magic == GD__CHAN_LIVE) &&
	    just_no(gd__chan_recv_would_wait(c)))
		return GD_EAGAIN;
	return gd__chan_recv(c, elem, GD__NO_WAIT, GD__CALLER_PC);
}

/* A deadline is never one of the special values. */
static int64_t real_deadline(int64_t deadline)
{
	return deadline == GD__NO_WAIT ? GD__NO_WAIT + 1 : deadline;
}

int gd_chan_send_until_raw(gd_chan *c, const void *elem, int64_t deadline)
{
	return gd__chan_send(c, elem, real_deadline(deadline), GD__CALLER_PC);
}

int gd_chan_recv_until_raw(gd_chan *c, void *elem, int64_t deadline)
{
	return gd__chan_recv(c, elem, real_deadline(deadline), GD__CALLER_PC);
}
