/*
 * pd.h - the record of a descriptor number; shared by pd.c (who may use it) and netpoll.c (who
 * waits for it).
 */
#ifndef GD_RUNTIME_NET_PD_H
#define GD_RUNTIME_NET_PD_H

#include "runtime/base/atomic.h"
#include "runtime/net/netpoll.h"

/* Values of gd__pd_slot.who that are not a goroutine; see netpoll.c. */
#define GD__PD_NIL   ((uintptr_t)0)
#define GD__PD_READY ((uintptr_t)1)
#define GD__PD_WAIT  ((uintptr_t)2)

/* One direction. who, deadline, until and armed are atomic; armed and the timer change, and turns
 * is, under the record's lock. */
struct gd__pd_slot {
	_Atomic uintptr_t who;
	_Atomic int64_t deadline; /* of the descriptor */
	_Atomic int64_t until;    /* of the call that waits; written before who becomes WAIT */
	_Atomic int64_t armed; /* the timer fires no later than this; GD__FOREVER: it is not set */
	struct gd__timer timer;
	struct gd__waitq turns; /* goroutines that wait for their turn */
	bool drained;           /* the last call left nothing: by who has the turn, see netpoll.c */
	_Atomic bool ending;    /* end of stream, error or urgent data was seen: never drained */
};

/* gd__pd.state: the generation in the lower half, and: */
#define GD__PD_OWNED      (UINT64_C(1) << 32) /* by gd__pd_open */
#define GD__PD_CLOSING    (UINT64_C(1) << 33) /* gd__pd_close waits for the turns to end */
#define GD__PD_TURN(dir)  (UINT64_C(1) << (34 + (dir)))
#define GD__PD_QUEUE(dir) (UINT64_C(1) << (36 + (dir))) /* turns is not empty */
#define GD__PD_TURNS      (GD__PD_TURN(GD__PD_READ) | GD__PD_TURN(GD__PD_WRITE))
#define GD__PD_KIND_SHIFT 38 /* three bits */

/*
 * At each release of lock: QUEUE(d) <=> slot[d].turns is not empty; QUEUE(d) => TURN(d).
 * state changes under lock, but for TURN by the fast paths of begin and end, which are taken
 * only while neither QUEUE nor CLOSING is set.
 */
struct gd__pd {
	_Atomic uint64_t state;
	_Atomic uint64_t added; /* generation + 1 in which it was put into the poller; 0: never */
	struct gd__lock lock;
	struct gd__waitq closer; /* in gd__pd_close, until no turn is taken */
	struct gd__pd_slot slot[2];
};

static inline uint32_t gd__pd_seq(uint64_t state)
{
	return (uint32_t)state;
}

/* The record of fd, or NULL if there is none. */
struct gd__pd *gd__pd_find(int fd);

/* Records are of numbers below this. */
int gd__pd_limit(void);

/* netpoll.c */
/* What the timers of a new record do. */
void gd__pd_init_slot(struct gd__pd *pd, enum gd__pd_dir dir);
/* Ends the waits of both directions without success. No lock held. */
void gd__pd_cancel(struct gd__pd *pd);
/* As after gd__pd_init_slot. Lock held. */
void gd__pd_reset_slot(struct gd__pd_slot *s);
/* As gd__pd_wait, for a descriptor of which nothing is known: puts it into the poller first. */
int gd__pd_wait_anew(const struct gd__pd_use *u, int64_t until);
/* Starts the poller at the first call. 0, or what the system said then, each time. */
int gd__pd_poller_start(void);
/* There is one thread, in the child of a fork: the poller was the parent's. */
void gd__pd_poller_forget(void);

/* netpoll_fork.c: called once, by a constructor. */
void gd__netpoll_fork_init(void);

#endif
