/*
 * chan.h - a channel as it lies in memory, and the operations that select shares.
 *
 * One block from the user's heap: header, then the slots. The inspect layer
 * decodes the header from dumps; the leak detector scans the block as any other.
 */
#ifndef GD_RUNTIME_SYNC_CHAN_H
#define GD_RUNTIME_SYNC_CHAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gdetect/chan.h>

#include "runtime/base/lock.h"
#include "runtime/sched/g.h"
#include "runtime/sync/waitq.h"

#define GD__CHAN_LIVE  UINT32_C(0x6e686367) /* "gchn" */
#define GD__CHAN_FREED UINT32_C(0x64616564) /* "dead" */

struct gd_case;

/*
 * Invariants, at each release of lock:
 *   len <= cap; head, tail < cap, or all 0 if cap is 0
 *   (head + len) mod cap == tail
 *   a receiver waits that nobody has won  =>  len == 0
 *   a sender waits that nobody has won    =>  len == cap
 *   not both of them, but for waiters of one and the same select
 *   closed  =>  no such waiter
 * refs falls to 0 under lock only. It is freed when refs == 0 and both queues are empty.
 */
struct gd_chan {
	/* Written before publication. */
	size_t cap, elem_size;
	size_t stride;  /* between slots; 1 for elements of size 0, so that slots differ */
	uint32_t magic; /* behind the words that free() uses for its own links */

	/* Guarded by lock. len, closed and changes are also read without it. */
	struct gd__lock lock;
	_Atomic size_t len;
	size_t head, tail; /* slot of the next receive, of the next send */
	_Atomic uint32_t closed;
	_Atomic int32_t refs;
	_Atomic uint32_t changes; /* rises before an operation that had to wait no longer has to */
	bool timed;   /* of a timer: its sends have no goroutine; address of the timer's clock */
	bool context; /* that a context closes; written before publication */
	struct gd__waitq recvq, sendq;

	/* For reports: the last receive and send that were completed; id 0: never. */
	uint64_t last_recv_id, last_send_id;
	uintptr_t last_recv_pc, last_send_pc;
	uintptr_t left_pc; /* the last receiver that stopped waiting: by a deadline, or served
			      elsewhere in its select; 0: none */

	/* Written before publication. */
	uintptr_t make_pc;
	const char *site; /* "file.c:12" of the make */
	_Alignas(16) char slots[];
};

/*
 * One operation, c->lock held. g is the caller, NULL in scheduler context.
 * GD_OK: done; *wake is the goroutine to be readied after the unlock, or NULL.
 * GD_ECLOSED; GD_EAGAIN: it would have to wait.
 * A receive from a closed and empty channel has zeroed elem.
 */
int gd__chan_send_locked(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc,
			 struct gd__g **wake) GD_REQUIRES(c->lock);
int gd__chan_recv_locked(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc, struct gd__g **wake)
	GD_REQUIRES(c->lock);

/*
 * The operations of the public calls. deadline: GD__NO_WAIT gives GD_EAGAIN instead of waiting,
 * GD__FOREVER waits without one and may give GD_ELEAKED, others GD_ETIMEDOUT. _held: g has c->lock,
 * and nothing was done yet.
 */
int gd__chan_send(gd_chan *c, const void *elem, int64_t deadline, uintptr_t pc);
int gd__chan_recv(gd_chan *c, void *elem, int64_t deadline, uintptr_t pc);
int gd__chan_send_held(gd_chan *c, const void *elem, int64_t deadline, struct gd__g *g,
		       uintptr_t pc) GD_RELEASE(c->lock);
int gd__chan_recv_held(gd_chan *c, void *elem, int64_t deadline, struct gd__g *g, uintptr_t pc)
	GD_RELEASE(c->lock);

/* Locked, without hooks, and it was seen that g has to wait. True: a value was received. */
int gd__chan_send_park(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc)
	GD_RELEASE(c->lock);
bool gd__chan_recv_park(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc) GD_RELEASE(c->lock);
/* What these enter, see GD__BACK. */
int gd__chan_send_here(gd_chan *c, const void *elem, struct gd__g *g, uintptr_t pc)
	GD_RELEASE(c->lock);
bool gd__chan_recv_here(gd_chan *c, void *elem, struct gd__g *g, uintptr_t pc) GD_RELEASE(c->lock);

/* A select of at most 6 cases of which none was ready when they were tried: positions of the
 * default and the deadline, or -1. The position of the case taken. */
int gd__select_wait(struct gd_case *cases, size_t n, uintptr_t pc, int otherwise, int after);
int gd__select_here(struct gd_case *cases, size_t n, uintptr_t pc, int otherwise, int after);

/* pc 0: a close by the runtime, ordered by other means: no access of c is reported. */
void gd__chan_close(gd_chan *c, uintptr_t pc);
/* Drops what is buffered. True if there was something. */
bool gd__chan_drain(gd_chan *c);
/* A make whose site and pc are the caller's. */
gd_chan *gd__chan_make(size_t elem_size, size_t cap, const char *site, uintptr_t pc);

void gd__chan_bad_use(const gd_chan *c) GD__NORETURN;

/*
 * Read without the lock: true means that the operation would have had to wait at some moment.
 * Emptiness first, closed second: a channel found open was open before, when it was seen empty.
 */
static inline bool gd__chan_recv_would_wait(gd_chan *c)
{
	/* acquire orders the loads; pairs with nothing but the unlock after put */
	if (gd__load_acquire(&c->len) > 0)
		return false;
	if (c->cap == 0 && !gd__waitq_empty(&c->sendq))
		return false;
	gd__fence_acquire(); /* pairs with the unlock of the close: the load below is not earlier */
	return !gd__load_relaxed(&c->closed);
}

static inline bool gd__chan_send_would_wait(gd_chan *c)
{
	/* acquire orders the loads; pairs with nothing but the unlock after get */
	if (gd__load_acquire(&c->len) < c->cap)
		return false;
	if (!gd__waitq_empty(&c->recvq))
		return false;
	gd__fence_acquire(); /* pairs with the unlock of the close: the load below is not earlier */
	return !gd__load_relaxed(&c->closed);
}

/* Fatal error if c is not a channel that can be used. */
static inline void gd__chan_check_use(const gd_chan *c)
{
	if (gd__unlikely(c->magic != GD__CHAN_LIVE))
		gd__chan_bad_use(c);
}
/* What the detector is told when a send begins. */
void gd__chan_hook_send(gd_chan *c, struct gd__g *g, uintptr_t pc);
/* Takes w, which is queued, off c; frees c if that was put off because of w. */
void gd__chan_leave(gd_chan *c, struct gd__waiter *w);
/* In a stopped world: w, the only waiter of its goroutine, cannot be won any more but is still
 * queued. false: c is being used, or w was served. */
bool gd__chan_abandon(gd_chan *c, struct gd__waiter *w);

/* --- the parts of an operation, c->lock held --- */

static inline char *gd__chan_slot(gd_chan *c, size_t i)
{
	return c->slots + i * c->stride;
}
static inline size_t gd__chan_next(const gd_chan *c, size_t i)
{
	return i + 1 == c->cap ? 0 : i + 1;
}
/* Before len changes, somebody queues up, or the channel is closed: see none_ready in select.c. */
static inline void gd__chan_note_change(gd_chan *c)
{
	gd__count_relaxed(&c->changes, 1); /* under lock; ordered by the release that follows */
}
static inline void gd__chan_set_len(gd_chan *c, size_t len)
{
	gd__chan_note_change(c);
	gd__store_release(&c->len, len); /* pairs with the loads in gd__chan_*_would_wait */
}
static inline void gd__chan_enqueue(gd_chan *c, struct gd__waitq *q, struct gd__waiter *w)
{
	gd__chan_note_change(c);
	gd__fence_release(); /* pairs with the fence in none_ready: before the queue is seen */
	gd__waitq_push(q, w);
}
/* Who last received and sent. */
static inline void gd__chan_note_recv(gd_chan *c, const struct gd__g *g, uintptr_t pc)
{
	c->last_recv_id = g->id;
	c->last_recv_pc = pc;
}
static inline void gd__chan_note_send(gd_chan *c, const struct gd__g *g, uintptr_t pc)
{
	c->last_send_id = g->id;
	c->last_send_pc = pc;
}
static inline bool gd__chan_is_small(size_t n)
{
	return n == 8 || n == 4 || n == 16 || n == 0;
}
/* The usual sizes without a call. False: of another size, nothing was copied. */
static GD__ALWAYS_INLINE bool gd__chan_copy_small(void *to, const void *from, size_t n)
{
	if (gd__likely(n == 8))
		__builtin_memcpy(to, from, 8);
	else if (n == 4)
		__builtin_memcpy(to, from, 4);
	else if (n == 16)
		__builtin_memcpy(to, from, 16);
	else
		return n == 0;
	return true;
}
static GD__ALWAYS_INLINE bool gd__chan_clear_small(void *to, size_t n)
{
	static const uint64_t zeros[2];

	return gd__chan_copy_small(to, zeros, n);
}

/* Objects that carry clocks. */
static inline const void *gd__chan_close_clock(const gd_chan *c)
{
	return &c->closed;
}
static inline const void *gd__chan_timer_clock(const gd_chan *c)
{
	return &c->timed;
}

/* Throws if an invariant does not hold. */
void gd__chan_check(gd_chan *c) GD_REQUIRES(c->lock);
/* Whether the operations call it. */
#ifdef GD_DEBUG
#	define GD__CHAN_CHECKS 1
#else
#	define GD__CHAN_CHECKS 0
#endif

#endif
