/*
 * lockrank.h - the order in which runtime locks are taken, as data.
 *
 * A lock may be taken while only locks of a lower rank are held. Several
 * locks of GD__RANK_CHAN are taken in address order (select), and of GD__RANK_TIMERS (fork).
 */
#ifndef GD_RUNTIME_BASE_LOCKRANK_H
#define GD_RUNTIME_BASE_LOCKRANK_H

enum gd__rank {
	GD__RANK_STW = 1,   /* sched/stw: one stop of the world at a time */
	GD__RANK_CONTEXT,   /* sync/context: one tree of contexts */
	GD__RANK_TIMER_OBJ, /* sync/after: one user timer or ticker */
	GD__RANK_SYNC,      /* sync: mutex, rwmutex, waitgroup, cond word in user memory */
	GD__RANK_CHAN,      /* sync/chan: one channel; many in address order */
	GD__RANK_NETPOLL,   /* net: one descriptor's record */
	GD__RANK_TIMERS,    /* time/timer: one P's heap */
	GD__RANK_SCHED,     /* sched: global run queue, idle lists */
	GD__RANK_GTAB,      /* sched/g: goroutine table and free lists */
	GD__RANK_STACK,     /* sched/stack: stack arenas */
	GD__RANK_SLAB,      /* base/slab */
	GD__RANK_LEAF       /* takes no other lock */
};

#endif
