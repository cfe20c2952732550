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
	_Atomic int32_t refs;
	uintptr_t make_pc;
	const char *site; /* "file.c:12" of the make */

	/* Guarded by lock. len and closed are also read without it. */
	struct gd__lock lock;
	_Atomic uint32_t closed;
	_Atomic size_t len;
	size_t head, tail; /* slot of the next receive, of the next send */
	struct gd__waitq recvq, sendq;

	/* For reports: the last receive and send that were completed; id 0: never. */
	uint64_t last_recv_id, last_send_id;
	uintptr_t last_recv_pc, last_send_pc;

	bool timed; /* of a timer: its sends have no goroutine; address of the timer's clock */
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

/* pc 0: a close by the runtime, ordered by other means: no access of c is reported. */
void gd__chan_close(gd_chan *c, uintptr_t pc);
/* Drops what is buffered. True if there was something. */
bool gd__chan_drain(gd_chan *c);
/* A make whose site and pc are the caller's. */
gd_chan *gd__chan_make(size_t elem_size, size_t cap, const char *site, uintptr_t pc);

void gd__chan_bad_use(const gd_chan *c) GD__NORETURN;

/* Hints read without the lock: true means that the operation would have had to wait. */
bool gd__chan_recv_would_wait(gd_chan *c);
bool gd__chan_send_would_wait(gd_chan *c);

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
