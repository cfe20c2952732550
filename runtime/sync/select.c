/*
 * select.c - waits for one of several channel operations.
 *
 * First the cases are tried one by one in random order, each under the lock of its channel alone,
 * and with a look at the channel before. The case that is taken was ready at that moment, together
 * with whatever others; that one of these was asked before it was ready is as if chance had chosen
 * between them. So most selects take one lock.
 *
 * If none was ready all channels are locked, in address order, and looked at again. If still none
 * is ready a waiter goes on the queue of each; the waker that wins g->select_done serves one of
 * them. The waiters that were not won are still queued when the goroutine goes on, because a waker
 * that loses leaves them alone: this keeps their channels from being freed until they are taken
 * off. The channel that was won is not touched again; it may be gone.
 *
 * A default is taken only if there was a moment at which no case was ready: see none_ready.
 */
#include <stdlib.h>

#include <gdetect/error.h>
#include <gdetect/select.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"
#include "runtime/time/timer.h"

#define CASES_MAX 65535
#define SMALL     6 /* cases whose waiters lie on the stack: about 0.5 KB */
#define NO_CASE   (-1)

/*
 * One select under way. live are the cases whose channel is not nil, in random order as far as they
 * were tried. by_addr are their channels, sorted; waiter[i] stands for live[i].
 */
struct selection {
	struct gd_case *cases;
	struct gd__g *g;
	uintptr_t pc;
	uint32_t n;           /* of live, and of waiters */
	int otherwise, after; /* positions of the default and the deadline, or NO_CASE */
	uint16_t *live;
	gd_chan **by_addr;
	struct gd__waiter *waiter;
};

static struct gd_case *live_case(const struct selection *s, uint32_t i)
{
	return &s->cases[s->live[i]];
}

static gd_chan *chan_of(const struct selection *s, uint32_t i)
{
	return live_case(s, i)->chan;
}

/* --- set-up --- */

static void classify_other(struct selection *s, size_t i)
{
	int *place = s->cases[i].kind == GD_CASE_DEFAULT ? &s->otherwise : &s->after;

	if (s->cases[i].kind != GD_CASE_DEFAULT && s->cases[i].kind != GD_CASE_AFTER)
		gd__fatal("select: case %zu is of no known kind", i);
	if (*place != NO_CASE)
		gd__fatal("select: more than one %s",
			  place == &s->otherwise ? "default" : "GD_AFTER");
	*place = (int)i;
}

static void classify(struct selection *s, size_t n)
{
	const struct gd_case *c = s->cases;
	uint32_t live = 0;

	s->otherwise = s->after = NO_CASE;
	for (size_t i = 0; i < n; i++, c++) {
		if (gd__unlikely(c->kind > GD_CASE_SEND)) {
			classify_other(s, i);
		} else if (c->chan != NULL) {
			gd__chan_check_use(c->chan);
			s->live[live++] = (uint16_t)i;
		}
	}
	s->n = live;
}

/* Shell sort: an insertion sort for the few cases of most selects, and no n * n for many. */
static void sort_by_address(const struct selection *s)
{
	gd_chan **order = s->by_addr;
	uint32_t gap = 1, n = 0;

	/* As the user wrote them: often sorted already, and the same each time. */
	for (const struct gd_case *c = s->cases; n < s->n; c++)
		if (c->kind <= GD_CASE_SEND && c->chan != NULL)
			order[n++] = c->chan;
	while (gap < s->n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3) {
		for (uint32_t i = gap; i < s->n; i++) {
			gd_chan *c = order[i];
			uint32_t j = i;

			for (; j >= gap && (uintptr_t)order[j - gap] > (uintptr_t)c; j -= gap)
				order[j] = order[j - gap];
			order[j] = c;
		}
	}
}

/* --- without waiting --- */

static inline bool would_wait(const struct gd_case *c)
{
	return c->kind == GD_CASE_SEND ? gd__chan_send_would_wait(c->chan)
				       : gd__chan_recv_would_wait(c->chan);
}

/*
 * True if there was a moment at which no case was ready: the default may be taken without a lock.
 * Seen one after the other they may each have been not ready at a time when another was (a token
 * that goes from channel to channel), so nothing may have changed meanwhile: each counter rises
 * before its channel gets ready, so a case not ready after its counter was read was not ready until
 * it was read again, if the sums are equal. With one case there is nothing to compare.
 */
static bool none_ready(const struct selection *s)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct gd_case *c = live_case(s, i);

		/* pairs with the releases after gd__chan_note_change */
		sum += gd__load_acquire(&c->chan->changes);
		if (!would_wait(c))
			return false;
	}
	gd__fence_acquire(); /* pairs with the same */
	for (uint32_t i = 0; s->n > 1 && i < s->n; i++)
		sum -= gd__load_relaxed(&chan_of(s, i)->changes); /* ordered by the fence */
	return s->n <= 1 || sum == 0;
}

static int try_case(const struct selection *s, uint32_t i, struct gd__g **wake) GD_UNCHECKED
{
	const struct gd_case *c = live_case(s, i);

	if (c->kind == GD_CASE_SEND)
		return gd__chan_send_locked(c->chan, c->elem, s->g, s->pc, wake);
	return gd__chan_recv_locked(c->chan, c->elem, s->g, s->pc, wake);
}

/*
 * Takes a case that is ready: its place in live, or NO_CASE. live is shuffled on the way, from one
 * random number: each draw takes its high bits and leaves the rest.
 */
static int try_each(const struct selection *s, int *rc, struct gd__g **wake) GD_UNCHECKED
{
	uint32_t random = s->n > 1 ? gd__sched_random() : 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->n > SMALL)
			random = gd__sched_random();

		uint64_t draw = (uint64_t)random * (s->n - i);
		uint32_t j = i + (uint32_t)(draw >> 32);
		uint16_t chosen = s->live[j];

		random = (uint32_t)draw;
		s->live[j] = s->live[i];
		s->live[i] = chosen;
		if (would_wait(&s->cases[chosen]))
			continue;

		gd_chan *c = s->cases[chosen].chan;

		gd__lock(&c->lock, GD__RANK_CHAN);
		*rc = try_case(s, i, wake);
		gd__unlock(&c->lock);
		if (*rc != GD_EAGAIN)
			return (int)i;
	}
	return NO_CASE;
}

/* --- with all channels locked --- */

static void lock_all(const struct selection *s) GD_UNCHECKED
{
	const gd_chan *previous = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->by_addr[i] != previous)
			gd__lock(&s->by_addr[i]->lock, GD__RANK_CHAN);
		previous = s->by_addr[i];
	}
}

/*
 * Also the commit of the park: with the last unlock the goroutine may go on
 * and its frame, where *s is, end. So the next channel is found out before
 * each unlock, from the last to the first, and nothing is read afterwards.
 */
static void unlock_all(void *arg) GD_UNCHECKED
{
	const struct selection *s = arg;
	gd_chan **by_addr = s->by_addr;
	uint32_t i = s->n;

	while (i > 0) {
		gd_chan *c = by_addr[--i];

		while (i > 0 && by_addr[i - 1] == c)
			i--;
		gd__unlock(&c->lock);
	}
}

/* As try_each, in the order that it left. */
static int look(const struct selection *s, int *rc, struct gd__g **wake)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (would_wait(live_case(s, i)))
			continue;
		*rc = try_case(s, i, wake);
		if (*rc != GD_EAGAIN)
			return (int)i;
	}
	return NO_CASE;
}

/* What a waiter on a channel needs; the rest of *w is not looked at. */
static void enqueue(const struct selection *s, struct gd__waiter *w, uint32_t i)
{
	const struct gd_case *c = live_case(s, i);
	bool send = c->kind == GD_CASE_SEND;

	w->wait.obj = c->chan;
	w->wait.kind = GD__OBJ_CHAN;
	w->wait.op = send ? GD__OP_SEND : GD__OP_RECV;
	w->g = s->g;
	w->elem = c->elem;
	w->pc = s->pc;
	w->raced = true;
	if (gd__unlikely(gd__hooks != NULL) && send && c->chan->elem_size > 0)
		gd__hooks->read(s->g->hook_ctx, c->elem, c->chan->elem_size, s->pc);
	gd__chan_enqueue(c->chan, send ? &c->chan->sendq : &c->chan->recvq, w);
}

static void enqueue_all(const struct selection *s)
{
	gd__store_relaxed(&s->g->select_done, 0); /* published by the unlocks */
	for (uint32_t i = 0; i < s->n; i++)
		enqueue(s, &s->waiter[i], i);
}

/* Parks. The place of the case that was served, or NO_CASE with GD_ETIMEDOUT or GD_ELEAKED in
 * *rc. */
static int wait_for_one(struct selection *s, int64_t deadline, int *rc)
{
	const struct gd__blocking b = {
		.reason = GD__WAIT_SELECT,
		.n = s->n,
		.waiters = s->waiter,
		.deadline = deadline,
		.unlock = s->n > 0 ? unlock_all : NULL,
		.arg = s,
	};
	const struct gd__waiter *served = gd__wait(s->g, &b);

	if (served != NULL)
		*rc = s->g->wake_ok ? GD_OK : GD_ECLOSED;
	for (uint32_t i = 0; i < s->n; i++) {
		if (&s->waiter[i] != served)
			gd__chan_leave(chan_of(s, i), &s->waiter[i]);
	}
	if (served != NULL)
		return (int)(served - s->waiter);
	*rc = gd__wait_leaked(s->g) ? GD_ELEAKED : GD_ETIMEDOUT;
	return NO_CASE;
}

static int64_t deadline_of(const struct selection *s)
{
	int64_t deadline;

	if (s->after == NO_CASE)
		return GD__FOREVER;
	if (__builtin_add_overflow(gd__clock_now(), s->cases[s->after].after, &deadline))
		return s->cases[s->after].after > 0 ? GD__FOREVER : GD__NO_WAIT + 1;
	return deadline;
}

/* Tells the user which case it was. */
static int result(const struct selection *s, int place, int rc)
{
	const struct gd_case *c = live_case(s, (uint32_t)place);

	if (c->kind == GD_CASE_SEND && rc == GD_ECLOSED)
		gd__fatal("send on closed channel");
	if (c->kind == GD_CASE_RECV && c->ok != NULL)
		*c->ok = rc == GD_OK;
	return s->live[place];
}

/* The end of a select that does not wait. */
static void give_way(const struct selection *s, struct gd__g *wake)
{
	if (wake != NULL)
		gd__ready(wake);
	gd__sync_point(s->g);
}

/* Nothing was ready. waiter and by_addr have room for n. */
static int look_and_wait(struct selection *s)
{
	struct gd__g *wake = NULL;
	int rc = GD_EAGAIN;

	sort_by_address(s);
	lock_all(s);

	int taken = look(s, &rc, &wake);
	bool waits = taken == NO_CASE && s->otherwise == NO_CASE;

	if (waits) {
		enqueue_all(s);
		taken = wait_for_one(s, deadline_of(s), &rc);
	} else {
		unlock_all(s);
		give_way(s, wake);
	}
	if (taken != NO_CASE)
		return result(s, taken, rc);
	if (rc == GD_ELEAKED)
		return GD_ELEAKED;
	return waits ? s->after : s->otherwise;
}

static GD__NOINLINE int wait_small(struct selection *s)
{
	struct gd__waiter waiter[SMALL];
	gd_chan *by_addr[SMALL];

	s->waiter = waiter;
	s->by_addr = by_addr;
	return look_and_wait(s);
}

static GD__NOINLINE int wait_large(struct selection *s)
{
	s->waiter = calloc(s->n, sizeof(*s->waiter));
	s->by_addr = calloc(s->n, sizeof(*s->by_addr));
	if (s->waiter == NULL || s->by_addr == NULL)
		gd__fatal("out of memory: a select of %u channels", s->n);

	int taken = look_and_wait(s);

	free(s->waiter);
	free(s->by_addr);
	return taken;
}

static int run(struct selection *s)
{
	struct gd__g *wake = NULL;
	int rc = GD_EAGAIN;

	if (s->otherwise != NO_CASE && none_ready(s)) {
		gd__sync_point(s->g);
		return s->otherwise;
	}

	int taken = try_each(s, &rc, &wake);

	if (taken == NO_CASE)
		return s->n <= SMALL ? wait_small(s) : wait_large(s);
	give_way(s, wake);
	return result(s, taken, rc);
}

static void hook_sends(const struct selection *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct gd_case *c = live_case(s, i);

		if (c->kind == GD_CASE_SEND)
			gd__chan_hook_send(c->chan, s->g, s->pc);
	}
}

static int start(struct selection *s, size_t n)
{
	classify(s, n);
	if (gd__unlikely(gd__hooks != NULL))
		hook_sends(s);
	return run(s);
}

static GD__NOINLINE int start_large(struct selection *s, size_t n)
{
	s->live = calloc(n, sizeof(*s->live));
	if (s->live == NULL)
		gd__fatal("out of memory: a select of %zu cases", n);

	int taken = start(s, n);

	free(s->live);
	return taken;
}

static int select_cases(struct gd_case *cases, size_t n, uintptr_t pc)
{
	uint16_t live[SMALL + 2]; /* a default and a deadline may be among them */
	struct selection s;

	s.cases = cases;
	s.g = gd__caller("gd_select");
	s.pc = pc;
	if (n > CASES_MAX)
		gd__fatal("select: %zu cases, %d is the limit", n, CASES_MAX);
	if (n == 0)
		gd_select_none();
	if (n > gd__countof(live))
		return start_large(&s, n);
	s.live = live;
	return start(&s, n);
}

int gd_select_raw(struct gd_case *cases, size_t n)
{
	return select_cases(cases, n, GD__CALLER_PC);
}

void gd_select_none(void)
{
	struct gd__g *g = gd__caller("gd_select");
	const struct gd__blocking b = { .reason = GD__WAIT_SELECT_NONE, .deadline = GD__FOREVER };

	for (;;)
		gd__wait(g, &b);
}
