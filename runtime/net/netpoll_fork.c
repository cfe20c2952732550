/*
 * netpoll_fork.c - descriptors in the child of a fork.
 *
 * The child shares the open files, and would share the epoll instance: events would go to either
 * process. So it forgets the poller and makes its own when a goroutine first waits. Descriptors
 * stay owned. The goroutines that used or awaited them are gone, and so are their turns.
 */
#include "runtime/base/atfork.h"
#include "runtime/base/atomic.h"
#include "runtime/net/pd.h"

static void inherit_slot(struct gd__pd_slot *s)
{
	/* relaxed: one thread; the timer was stopped by timer_fork.c */
	gd__store_relaxed(&s->who, GD__PD_NIL);
	gd__store_relaxed(&s->armed, GD__FOREVER);
	s->turns = (struct gd__waitq){ .last = NULL };
}

static void inherit(struct gd__pd *pd)
{
	uint64_t s = gd__load_relaxed(&pd->state); /* one thread */

	if (gd__load_relaxed(&pd->added) == 0 && !(s & ~(uint64_t)UINT32_MAX))
		return; /* never used: its page stays shared */
	/* A close in progress was the parent's: here the descriptor is still open. */
	s &= ~(GD__PD_TURNS | GD__PD_CLOSING | GD__PD_QUEUE(GD__PD_READ) |
	       GD__PD_QUEUE(GD__PD_WRITE));
	gd__store_relaxed(&pd->state, s);
	gd__store_relaxed(&pd->added, 0);
	gd__store_relaxed(&pd->lock.state, 0);
	pd->closer = (struct gd__waitq){ .last = NULL };
	inherit_slot(&pd->slot[GD__PD_READ]);
	inherit_slot(&pd->slot[GD__PD_WRITE]);
}

static void child(void)
{
	for (int fd = 0; fd < gd__pd_limit(); fd++) {
		struct gd__pd *pd = gd__pd_find(fd);

		if (pd)
			inherit(pd);
	}
	gd__pd_poller_forget();
}

static struct gd__atfork handlers = { GD__RANK_NETPOLL, NULL, NULL, child, NULL, NULL };

void gd__netpoll_fork_init(void)
{
	gd__atfork_register(&handlers);
}
