/*
 * netpoll.c - the state machine between goroutines, deadlines, closes and the poller's events.
 *
 * The slot of a direction (who), after Go's:
 *   NIL     nobody waits, nothing has happened
 *   READY   an event came while nobody waited; the next wait takes it and does not park
 *   WAIT    a goroutine is about to park
 *   other   the goroutine that is parked
 *
 *   NIL -> WAIT            by the goroutine that has the turn
 *   WAIT -> the goroutine  by its commit, when its context is saved
 *   NIL, WAIT -> READY; goroutine -> NIL, and it runs     by an event
 *   WAIT -> NIL; goroutine -> NIL, and it runs            by a deadline, a close
 *   READY -> NIL           by the next wait, or before a call
 *
 * No event is lost. The call that said EAGAIN comes before the wait, and what makes the kernel
 * report an edge comes after the call; so the event finds NIL or WAIT, and leaves READY, or it
 * finds the goroutine. No cancel is lost: the waiter stores WAIT, then looks at generation and
 * deadline; who changes one of these does that first, then looks at the slot; all seq_cst. A READY
 * too many costs one more call that says EAGAIN. An event of another generation changes nothing.
 *
 * A TCP read that got less than it asked for has emptied the socket, so the next one waits first,
 * unless READY says that something came since: one call less per round trip. What came before the
 * short read came with it, but not an end of stream, an error, urgent data (a read stops before
 * it): these come as events of their own, and from then on (ending) each read asks the kernel
 * first. An event not yet collected will find the slot as it is then. Other sockets, pipes and
 * devices give less than asked for with more behind it, at the borders of messages.
 *
 * A deadline is a time, not a timer. The timer of a direction is set when a goroutine parks with
 * a deadline and the timer would not fire by then anyway; when it fires it looks at the deadline
 * that holds then, and if that is later goes to sleep again. So a server that moves its deadline
 * with each request pays the timer heap once per deadline's length, not once per request.
 */
#include <errno.h>

#include <gdetect/error.h>

#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/net/pd.h"
#include "runtime/sched/glist.h"
#include "runtime/sched/runq.h"
#include "runtime/sched/sched.h"
#include "runtime/time/timers.h"

const struct gd__poll_ops *gd__poll_ops = &gd__poll_epoll;

int gd__errno_code(long r)
{
	switch (r) {
	case -EAGAIN:
		return GD_EAGAIN;
	case -ENOMEM:
		return GD_ENOMEM;
	case -EINVAL:
		return GD_EINVAL;
	case -EIO:
		return GD_EIO;
	default:
		return GD_ERRNO((int)-r);
	}
}

/*
 * An event, or a cancel: what the slot's state asks for. The goroutine that is to run and is in
 * the slot no more, or NULL.
 */
static struct gd__g *unblock(struct gd__pd_slot *s, bool event)
{
	uintptr_t was = gd__load_seq_cst(&s->who); /* pairs with the cas in park_in */

	for (;;) {
		uintptr_t next = event && was <= GD__PD_WAIT ? GD__PD_READY : GD__PD_NIL;

		if (was == GD__PD_READY || was == next)
			return NULL;
		/* pairs with the cas in commit: the goroutine has parked */
		if (gd__cas_seq_cst(&s->who, &was, next))
			break;
	}
	if (was <= GD__PD_WAIT)
		return NULL;
	struct gd__g *g =
		(struct gd__g *)was; /* NOLINT(performance-no-int-to-ptr): a G or a state */

	g->wake_ok = event;
	return g;
}

static void cancel(struct gd__pd_slot *s)
{
	struct gd__g *g = unblock(s, false);

	if (!g)
		return;
	gd__poller_count(-1);
	gd__ready(g);
}

void gd__pd_cancel(struct gd__pd *pd)
{
	cancel(&pd->slot[GD__PD_READ]);
	cancel(&pd->slot[GD__PD_WRITE]);
}

/* When the goroutine in the slot has to give up. */
static int64_t deadline_of(struct gd__pd_slot *s)
{
	int64_t of_fd = gd__load_seq_cst(&s->deadline); /* pairs with gd__pd_set_deadline */
	int64_t of_call = gd__load_relaxed(&s->until);  /* ordered by who */

	return of_fd < of_call ? of_fd : of_call;
}

static void arm_locked(struct gd__pd_slot *s, int64_t at)
{
	/* pairs with the load in arm, against the store in fire */
	gd__store_seq_cst(&s->armed, at);
	gd__timer_start(&s->timer, at, 0);
}

/* The timer fires at the time given or before. */
static void arm(struct gd__pd *pd, struct gd__pd_slot *s, int64_t at) GD_UNCHECKED
{
	/* pairs with fire, which first says that it is not armed, then looks at who */
	if (at == GD__FOREVER || gd__load_seq_cst(&s->armed) <= at)
		return;
	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	if (gd__load_relaxed(&s->armed) > at) /* changes under the lock */
		arm_locked(s, at);
	gd__unlock(&pd->lock);
}

static bool anybody_in(struct gd__pd_slot *s)
{
	uintptr_t who = gd__load_seq_cst(&s->who); /* pairs with the cas in park_in */

	return who != GD__PD_NIL && who != GD__PD_READY;
}

static void fire(struct gd__timer *t, int64_t now) GD_UNCHECKED
{
	struct gd__pd_slot *s = gd__container_of(t, struct gd__pd_slot, timer);
	struct gd__pd *pd = t->arg;
	int64_t at = GD__FOREVER;

	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	gd__store_seq_cst(&s->armed, GD__FOREVER); /* pairs with the load in arm */
	if (anybody_in(s))
		at = deadline_of(s);
	if (at > now && at != GD__FOREVER)
		arm_locked(s, at);
	gd__unlock(&pd->lock);
	if (at <= now)
		cancel(s);
}

void gd__pd_init_slot(struct gd__pd *pd, enum gd__pd_dir dir)
{
	struct gd__pd_slot *s = &pd->slot[dir];

	/* relaxed: nobody else knows it */
	gd__store_relaxed(&s->deadline, GD__FOREVER);
	gd__store_relaxed(&s->armed, GD__FOREVER);
	s->timer.fire = fire;
	s->timer.arg = pd;
	s->timer.fork = GD__FORK_STOPS;
}

void gd__pd_reset_slot(struct gd__pd_slot *s)
{
	uintptr_t ready = GD__PD_READY;

	gd__store_relaxed(&s->deadline, GD__FOREVER);   /* published by the new generation */
	if (gd__load_relaxed(&s->armed) != GD__FOREVER) /* changes under the lock */
		gd__timer_remove(&s->timer);
	gd__store_seq_cst(&s->armed, GD__FOREVER);    /* pairs with the load in arm */
	gd__cas_relaxed(&s->who, &ready, GD__PD_NIL); /* of the old generation; no harm if not */
	s->drained = false;
	gd__store_relaxed(&s->ending, false); /* published by the new generation */
}

int gd__pd_set_deadline(int fd, enum gd__pd_dir dir, int64_t when)
{
	struct gd__pd *pd = gd__pd_find(fd);
	struct gd__pd_slot *s;

	/* a relaxed look: who closes it meanwhile has raced with us anyway */
	if (!pd || !(gd__load_relaxed(&pd->state) & GD__PD_OWNED))
		return GD_ECLOSED;
	s = &pd->slot[dir];
	gd__store_seq_cst(&s->deadline,
			  when); /* pairs with deadline_of, after the cas in park_in */
	if (!anybody_in(s))
		return GD_OK;
	if (when <= gd__clock_now())
		cancel(s);
	else
		arm(pd, s, when);
	return GD_OK;
}

int gd__pd_expired(const struct gd__pd_use *u)
{
	/* relaxed: who sets it for a call that has not begun has told the caller somehow */
	int64_t deadline = gd__load_relaxed(&u->pd->slot[u->dir].deadline);

	/* The coarse clock: some ms late, as the price of not being noticed. */
	return deadline != GD__FOREVER && gd__clock_coarse() >= deadline ? GD_ETIMEDOUT : GD_OK;
}

/* Why the wait must not go on, if it must not. */
static int verdict(const struct gd__pd_use *u)
{
	uint64_t state = gd__load_seq_cst(&u->pd->state); /* pairs with begin_generation, close */
	int64_t deadline;

	if (gd__pd_seq(state) != u->seq || (state & GD__PD_CLOSING))
		return GD_ECLOSED;
	deadline = deadline_of(&u->pd->slot[u->dir]);
	return deadline != GD__FOREVER && gd__clock_now() >= deadline ? GD_ETIMEDOUT : GD_OK;
}

static bool commit(struct gd__g *g, void *arg)
{
	struct gd__pd_slot *s = arg;
	uintptr_t was = GD__PD_WAIT;

	gd__poller_count(1); /* before it can be found */
	/* pairs with unblock */
	if (gd__cas_seq_cst(&s->who, &was, (uintptr_t)g))
		return true;
	gd__poller_count(-1);
	g->wake_ok = was == GD__PD_READY;
	return false;
}

/* The slot is WAIT. Parks, unless there is a reason not to. */
static int park_in(const struct gd__pd_use *u)
{
	struct gd__pd_slot *s = &u->pd->slot[u->dir];
	struct gd__g *g = u->g;
	uintptr_t was = GD__PD_WAIT;
	int r = verdict(u);

	if (r != GD_OK) {
		gd__cas_seq_cst(&s->who, &was, GD__PD_NIL); /* pairs with unblock */
		return r;
	}
	g->wait_timed = deadline_of(s) != GD__FOREVER;
	arm(u->pd, s, deadline_of(s));
	gd__park(&(struct gd__park){ .reason = GD__WAIT_IO, .commit = commit, .arg = s });
	g->wait_timed = false;
	return g->wake_ok ? GD_OK : verdict(u);
}

static int add(const struct gd__pd_use *u, bool again)
{
	int r = gd__pd_poller_start();

	if (r == 0)
		r = gd__poll_ops->add(u->fd, (uint64_t)u->seq << 32 | (uint32_t)u->fd, again);
	if (r < 0)
		return gd__errno_code(r);
	gd__store_relaxed(&u->pd->added, (uint64_t)u->seq + 1); /* the system orders it */
	return GD_OK;
}

/* The slot, which is NIL or READY unless its generation has ended, becomes WAIT. */
static bool announce(struct gd__pd_slot *s, int64_t until)
{
	uintptr_t was = GD__PD_NIL;

	gd__store_relaxed(&s->until, until); /* published by the cas */
	/* pairs with unblock, anybody_in */
	if (gd__cas_seq_cst(&s->who, &was, GD__PD_WAIT))
		return true;
	if (was == GD__PD_READY)
		gd__cas_seq_cst(&s->who, &was, GD__PD_NIL); /* pairs with unblock */
	else
		gd__yield(); /* somebody of an older generation, on the way out */
	return false;
}

int gd__pd_wait(const struct gd__pd_use *u, int64_t until)
{
	struct gd__pd_slot *s = &u->pd->slot[u->dir];

	if (until == GD__NO_WAIT)
		return GD_EAGAIN;
	/* relaxed: written by this goroutine, or by the other direction, and then seen later */
	if (gd__load_relaxed(&u->pd->added) != (uint64_t)u->seq + 1) {
		int r = add(u, false);

		if (r != GD_OK)
			return r;
	}
	return announce(s, until) ? park_in(u) : GD_OK;
}

void gd__pd_call(const struct gd__pd_use *u)
{
	uintptr_t ready = GD__PD_READY;

	/* relaxed: the call that follows finds what the event told of */
	if (gd__load_relaxed(&u->pd->slot[u->dir].who) == ready)
		gd__cas_seq_cst(&u->pd->slot[u->dir].who, &ready, GD__PD_NIL); /* with unblock */
}

void gd__pd_drained(const struct gd__pd_use *u)
{
	struct gd__pd_slot *s = &u->pd->slot[u->dir];

	/* pairs with collect: an event that gd__pd_call took is seen here */
	s->drained = !gd__load_acquire(&s->ending);
}

bool gd__pd_is_drained(const struct gd__pd_use *u)
{
	struct gd__pd_slot *s = &u->pd->slot[u->dir];
	bool drained = s->drained;

	if (!drained)
		return false;
	s->drained = false;
	/* pairs with unblock: an event that came since */
	return gd__load_seq_cst(&s->who) != GD__PD_READY;
}

int gd__pd_wait_anew(const struct gd__pd_use *u, int64_t until)
{
	int r;

	if (until == GD__NO_WAIT)
		return GD_EAGAIN;
	gd__pd_call(u);
	r = add(u, true);
	if (r != GD_OK)
		return r;
	return announce(&u->pd->slot[u->dir], until) ? park_in(u) : GD_OK;
}

static void poll_and_collect(struct gd__glist *ready, int64_t until)
{
	static struct gd__poll_event events[GD__POLL_BATCH]; /* one thread at a time */
	int n = gd__poll_ops->wait(events, until);

	for (int i = 0; i < n; i++) {
		struct gd__pd *pd = gd__pd_find((int)(uint32_t)events[i].data);
		bool of_dir[2] = { events[i].read, events[i].write };

		/* relaxed: a stale one that gets through costs one call too many */
		if (!pd || gd__pd_seq(gd__load_relaxed(&pd->state)) != events[i].data >> 32)
			continue;
		if (events[i].ending)
			/* pairs with gd__pd_drained, by way of who */
			gd__store_release(&pd->slot[GD__PD_READ].ending, true);
		for (int d = 0; d < 2; d++) {
			struct gd__g *g = of_dir[d] ? unblock(&pd->slot[d], true) : NULL;

			if (g)
				gd__glist_push(ready, g);
		}
	}
}

static void interrupt(void)
{
	gd__poll_ops->interrupt();
}

static const struct gd__poller poller = { poll_and_collect, interrupt };

/* 1: started. Else the next who needs it tries again: descriptors may be free by then. */
static _Atomic int started;

int gd__pd_poller_start(void)
{
	static struct gd__lock starting;
	int r = 0;

	if (gd__likely(gd__load_acquire(&started) == 1)) /* pairs with the store below */
		return 0;
	gd__lock(&starting, GD__RANK_NETPOLL);
	if (gd__load_relaxed(&started) == 0) { /* under the lock */
		r = gd__poll_ops->open();
		if (r == 0) {
			gd__poller_start(&poller);
			gd__store_release(&started, 1); /* pairs with the load above */
		}
	}
	gd__unlock(&starting);
	return r;
}

void gd__pd_poller_forget(void)
{
	if (gd__load_relaxed(&started) == 0) /* one thread */
		return;
	gd__poll_ops->forget();
	gd__poller_start(NULL);
	gd__store_relaxed(&started, 0); /* one thread */
}

__attribute__((constructor(102))) static void init(void)
{
	gd__netpoll_fork_init();
}
