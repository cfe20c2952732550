/*
 * chan.c - channels.
 *
 * A sender gives its value to the receiver that waits longest, past the
 * buffer; a receiver that finds the buffer full moves the value of the sender
 * that waits longest into the slot it empties. Who serves a parked partner
 * does all of that partner's work (copy, records, hooks) under the channel's
 * lock, so that the partner has nothing to do when it runs again and never
 * touches the channel, which may be gone by then.
 *
 * chan_fast.c has the public calls and their usual cases; chan_life.c makes, counts, closes and
 * frees channels.
 */
#include "runtime/sync/chan.h"

#include <gdetect/error.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/mem.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/sync.h"
#include "runtime/sync/wait_here.h"

/* The object of a hand-over without a buffer. */
static const void *meeting_clock(const gd_chan *c)
{
	return &c->recvq;
}

static inline void copy(void *to, const void *from, size_t n)
{
	if (!gd__chan_copy_small(to, from, n))
		gd__memcpy(to, from, n);
}

static inline void clear(void *p, size_t n)
{
	if (!gd__chan_clear_small(p, n))
		gd__memset(p, 0, n);
}

/* --- hooks: each is called behind one test of gd__hooks --- */

static void hook_source(const gd_chan *c, struct gd__g *g, const void *elem, uintptr_t pc)
{
	if (g != NULL && elem != NULL && c->elem_size > 0)
		gd__hooks->read(g->hook_ctx, elem, c->elem_size, pc);
}

static void hook_target(const gd_chan *c, struct gd__g *g, const void *elem, uintptr_t pc)
{
	if (g == NULL)
		return;
	if (c->timed)
		gd__hooks->acquire(g->hook_ctx, gd__chan_timer_clock(c));
	if (elem != NULL && c->elem_size > 0)
		gd__hooks->write(g->hook_ctx, elem, c->elem_size, pc);
}

static void hook_slot(struct gd__g *g, const char *s)
{
	if (g != NULL)
		gd__hooks->swap(g->hook_ctx, s);
}

/* Both directions: what each of the two did before is known to the other afterwards. */
static void hook_meeting(const gd_chan *c, struct gd__g *a, struct gd__g *b)
{
	const void *clock = meeting_clock(c);

	if (a == NULL || b == NULL)
		return;
	gd__hooks->release(a->hook_ctx, clock);
	gd__hooks->acquire(b->hook_ctx, clock);
	gd__hooks->release(b->hook_ctx, clock);
	gd__hooks->acquire(a->hook_ctx, clock);
}

void gd__chan_hook_send(gd_chan *c, struct gd__g *g, uintptr_t pc)
{
	if (g != NULL)
		gd__hooks->read(g->hook_ctx, c, 1, pc);
}

/* --- the operations under the lock --- */

static inline void record_recv(gd_chan *c, const struct gd__g *g, uintptr_t pc)
{
	if (g != NULL)
		gd__chan_note_recv(c, g, pc);
}

static inline void record_send(gd_chan *c, const struct gd__g *g, uintptr_t pc)
{
	if (g != NULL)
		gd__chan_note_send(c, g, pc);
}

/*
 * g's value to the waiting receiver w. With a buffer the slots move on as if
 * the value had passed through one: then the k-th receive still knows of the
 * k-th send by the slot they share.
 */
static void give(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc, struct gd__waiter *w)
{
	if (gd__unlikely(gd__hooks != NULL)) {
		hook_source(c, g, elem, pc);
		if (c->cap > 0) {
			hook_slot(g, gd__chan_slot(c, c->tail));
			hook_slot(w->g, gd__chan_slot(c, c->tail));
		} else {
			hook_meeting(c, g, w->g);
		}
		hook_target(c, w->g, w->elem, w->pc);
	}
	if (c->cap > 0)
		c->head = c->tail = gd__chan_next(c, c->tail);
	if (w->elem != NULL)
		copy(w->elem, elem, c->elem_size);
	record_send(c, g, pc);
	record_recv(c, w->g, w->pc);
}

static void put(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc)
{
	char *s = gd__chan_slot(c, c->tail);

	if (gd__unlikely(gd__hooks != NULL)) {
		hook_source(c, g, elem, pc);
		hook_slot(g, s);
	}
	copy(s, elem, c->elem_size);
	c->tail = gd__chan_next(c, c->tail);
	gd__chan_set_len(c, gd__load_relaxed(&c->len) + 1); /* under lock */
	record_send(c, g, pc);
}

int gd__chan_send_locked(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc,
			 struct gd__g **wake)
{
	*wake = NULL;
	if (gd__load_relaxed(&c->closed)) /* under lock */
		return GD_ECLOSED;

	struct gd__waiter *w = gd__waitq_empty(&c->recvq) ? NULL : gd__waitq_take(&c->recvq);

	if (w != NULL) {
		give(c, elem, g, pc, w);
		*wake = gd__waiter_serve(w, true);
		return GD_OK;
	}
	if (gd__load_relaxed(&c->len) == c->cap) /* under lock */
		return GD_EAGAIN;
	put(c, elem, g, pc);
	return GD_OK;
}

/* The oldest buffered value, and into its place that of the longest waiting sender. */
static struct gd__g *get(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc)
{
	char *s = gd__chan_slot(c, c->head);

	if (elem != NULL)
		copy(elem, s, c->elem_size);
	if (gd__unlikely(gd__hooks != NULL)) {
		hook_slot(g, s);
		hook_target(c, g, elem, pc);
	}
	c->head = gd__chan_next(c, c->head);
	record_recv(c, g, pc);

	struct gd__waiter *w = gd__waitq_empty(&c->sendq) ? NULL : gd__waitq_take(&c->sendq);

	if (w == NULL) {
		clear(s, c->elem_size); /* a value that left must keep nothing alive */
		gd__chan_set_len(c, gd__load_relaxed(&c->len) - 1); /* under lock */
		return NULL;
	}
	copy(s, w->elem, c->elem_size);
	c->tail = c->head;
	if (gd__unlikely(gd__hooks != NULL))
		hook_slot(w->g, s);
	record_send(c, w->g, w->pc);
	return gd__waiter_serve(w, true);
}

/* The value of the waiting sender w, without a buffer. */
static void take_from(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc, struct gd__waiter *w)
{
	if (gd__unlikely(gd__hooks != NULL)) {
		hook_meeting(c, w->g, g);
		hook_target(c, g, elem, pc);
	}
	if (elem != NULL)
		copy(elem, w->elem, c->elem_size);
	record_send(c, w->g, w->pc);
	record_recv(c, g, pc);
}

static void recv_closed(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc)
{
	if (gd__unlikely(gd__hooks != NULL) && g != NULL) {
		gd__hooks->acquire(g->hook_ctx, gd__chan_close_clock(c));
		hook_target(c, g, elem, pc);
	}
	if (elem != NULL)
		clear(elem, c->elem_size);
}

int gd__chan_recv_locked(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc, struct gd__g **wake)
{
	*wake = NULL;
	if (gd__load_relaxed(&c->len) > 0) { /* under lock */
		*wake = get(c, elem, g, pc);
		return GD_OK;
	}

	struct gd__waiter *w = gd__waitq_empty(&c->sendq) ? NULL : gd__waitq_take(&c->sendq);

	if (w != NULL) {
		take_from(c, elem, g, pc, w);
		*wake = gd__waiter_serve(w, true);
		return GD_OK;
	}
	if (!gd__load_relaxed(&c->closed)) /* under lock */
		return GD_EAGAIN;
	recv_closed(c, elem, g, pc);
	return GD_ECLOSED;
}

/* --- waiting: inlined into the functions that park, see GD__BACK --- */

static void unlock_chan(void *c) GD_UNCHECKED
{
	gd__unlock(&((gd_chan *)c)->lock);
}

/* Waits on c, which may be NULL, with a deadline. */
static GD__NOINLINE int wait_until(gd_chan *c, struct gd__waiter *w, enum gd__wait_reason reason,
				   int64_t deadline) GD_UNCHECKED
{
	const struct gd__blocking b = {
		.reason = reason,
		.n = 1,
		.waiters = w,
		.deadline = deadline,
		.unlock = c != NULL ? unlock_chan : NULL,
		.arg = c,
	};

	if (gd__wait(w->g, &b) != NULL)
		return w->g->wake_ok ? GD_OK : GD_ECLOSED;
	if (c != NULL)
		gd__chan_leave(c, w);
	return gd__wait_leaked(w->g) ? GD_ELEAKED : GD_ETIMEDOUT;
}

/* w waits no longer and was not given a value: the channel was closed, or it was recovered, and
 * then w is still queued. */
static GD__NOINLINE int waited_in_vain(gd_chan *c, struct gd__waiter *w)
{
	if (!gd__wait_leaked(w->g))
		return GD_ECLOSED;
	if (w->wait.op == GD__OP_RECV && w->elem != NULL) {
		if (gd__unlikely(gd__hooks != NULL) && c->elem_size > 0)
			gd__hooks->write(w->g->hook_ctx, w->elem, c->elem_size, w->pc);
		clear(w->elem, c->elem_size);
	}
	gd__chan_leave(c, w);
	return GD_ELEAKED;
}

/* Queues w on c and parks. The result is as of the operation. */
static GD__ALWAYS_INLINE int wait_turn(gd_chan *c, struct gd__waiter *w, struct gd__waitq *q,
				       enum gd__wait_reason reason, int64_t deadline) GD_UNCHECKED
{
	bool raced = deadline != GD__FOREVER;

	w->raced = raced;
	gd__store_relaxed(&w->g->select_done, 0); /* published by the lock */
	gd__chan_enqueue(c, q, w);
	if (GD__CHAN_CHECKS)
		gd__chan_check(c);
	if (raced)
		return wait_until(c, w, reason, deadline);
	gd__wait_unlock(w, reason, &c->lock);
	return gd__likely(w->g->wake_ok) ? GD_OK : waited_in_vain(c, w);
}

/* What a waiter on a channel needs; the rest of *w is not looked at. */
static GD__ALWAYS_INLINE void set_waiter(struct gd__waiter *w, gd_chan *c, enum gd__wait_op op,
					 void *elem, struct gd__g *g, uintptr_t pc)
{
	w->wait.obj = c;
	w->wait.kind = GD__OBJ_CHAN;
	w->wait.op = (uint16_t)op;
	w->g = g;
	w->elem = elem;
	w->pc = pc;
}

static GD__NOINLINE int wait_nil(enum gd__wait_op op, int64_t deadline, uintptr_t pc)
{
	if (deadline == GD__NO_WAIT)
		return GD_EAGAIN;

	struct gd__g *g = gd__caller(op == GD__OP_SEND ? "gd_chan_send" : "gd_chan_recv");
	struct gd__waiter w;

	set_waiter(&w, NULL, op, NULL, g, pc);
	w.raced = true;
	gd__store_relaxed(&g->select_done, 0); /* nobody else knows w but the deadline */
	return wait_until(NULL, &w,
			  op == GD__OP_SEND ? GD__WAIT_CHAN_SEND_NIL : GD__WAIT_CHAN_RECV_NIL,
			  deadline);
}

static GD__ALWAYS_INLINE int send_wait(gd_chan *c, const void *elem, int64_t deadline,
				       struct gd__g *g, uintptr_t pc) GD_UNCHECKED
{
	struct gd__waiter w;
	int rc;

	set_waiter(&w, c, GD__OP_SEND, (void *)(uintptr_t)elem, g, pc);
	rc = wait_turn(c, &w, &c->sendq, GD__WAIT_CHAN_SEND, deadline);
	if (gd__unlikely(rc == GD_ECLOSED))
		gd__fatal("send on closed channel");
	return rc;
}

static GD__ALWAYS_INLINE int recv_wait(gd_chan *c, void *elem, int64_t deadline, struct gd__g *g,
				       uintptr_t pc) GD_UNCHECKED
{
	struct gd__waiter w;

	set_waiter(&w, c, GD__OP_RECV, elem, g, pc);
	return wait_turn(c, &w, &c->recvq, GD__WAIT_CHAN_RECV, deadline);
}

int gd__chan_send_here(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc) GD_UNCHECKED
{
	return send_wait(c, elem, GD__FOREVER, g, pc);
}

bool gd__chan_recv_here(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc) GD_UNCHECKED
{
	return recv_wait(c, elem, GD__FOREVER, g, pc) == GD_OK;
}

GD__BACK(gd__chan_send_park, gd__chan_send_here);
GD__BACK(gd__chan_recv_park, gd__chan_recv_here);

/* The end of an operation that did not wait. */
static GD__ALWAYS_INLINE void done(gd_chan *c, struct gd__g *g, struct gd__g *wake) GD_UNCHECKED
{
	gd__unlock(&c->lock);
	if (wake != NULL)
		gd__ready(wake);
	gd__sync_point(g);
}

int gd__chan_send_held(gd_chan *c, const void *elem, int64_t deadline, struct gd__g *g,
		       uintptr_t pc) GD_UNCHECKED
{
	struct gd__g *wake;
	int rc = gd__chan_send_locked(c, elem, g, pc, &wake);

	if (rc == GD_EAGAIN && deadline != GD__NO_WAIT) {
		if (gd__unlikely(gd__hooks != NULL))
			hook_source(c, g, elem, pc);
		return send_wait(c, elem, deadline, g, pc);
	}
	done(c, g, wake);
	if (gd__unlikely(rc == GD_ECLOSED))
		gd__fatal("send on closed channel");
	return rc;
}

int gd__chan_recv_held(gd_chan *c, void *elem, int64_t deadline, struct gd__g *g,
		       uintptr_t pc) GD_UNCHECKED
{
	struct gd__g *wake;
	int rc = gd__chan_recv_locked(c, elem, g, pc, &wake);

	if (rc == GD_EAGAIN && deadline != GD__NO_WAIT)
		return recv_wait(c, elem, deadline, g, pc);
	done(c, g, wake);
	return rc;
}

int gd__chan_send(gd_chan *c, const void *elem, int64_t deadline, uintptr_t pc) GD_UNCHECKED
{
	if (gd__unlikely(c == NULL))
		return wait_nil(GD__OP_SEND, deadline, pc);

	struct gd__g *g = deadline == GD__NO_WAIT ? gd__self() : gd__caller("gd_chan_send");

	gd__chan_check_use(c);
	if (gd__unlikely(gd__hooks != NULL))
		gd__chan_hook_send(c, g, pc);
	if (deadline == GD__NO_WAIT && gd__chan_send_would_wait(c)) {
		gd__sync_point(g);
		return GD_EAGAIN;
	}
	gd__lock(&c->lock, GD__RANK_CHAN);
	return gd__chan_send_held(c, elem, deadline, g, pc);
}

int gd__chan_recv(gd_chan *c, void *elem, int64_t deadline, uintptr_t pc) GD_UNCHECKED
{
	if (gd__unlikely(c == NULL))
		return wait_nil(GD__OP_RECV, deadline, pc);

	struct gd__g *g = deadline == GD__NO_WAIT ? gd__self() : gd__caller("gd_chan_recv");

	gd__chan_check_use(c);
	if (deadline == GD__NO_WAIT && gd__chan_recv_would_wait(c)) {
		gd__sync_point(g);
		return GD_EAGAIN;
	}
	gd__lock(&c->lock, GD__RANK_CHAN);
	return gd__chan_recv_held(c, elem, deadline, g, pc);
}

bool gd__chan_drain(gd_chan *c) GD_UNCHECKED
{
	bool any = false;

	for (;;) {
		struct gd__g *wake;

		gd__lock(&c->lock, GD__RANK_CHAN);

		int rc = gd__chan_recv_locked(c, NULL, NULL, 0, &wake);

		gd__unlock(&c->lock);
		if (wake != NULL)
			gd__ready(wake);
		if (rc != GD_OK)
			return any;
		any = true;
	}
}
