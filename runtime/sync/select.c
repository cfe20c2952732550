/*
 * select.c - waits for one of several channel operations.
 *
 * The cases are looked at in random order, under the locks of all channels,
 * which are taken in address order. If none is ready a waiter goes on the
 * queue of each; the waker that wins g->select_done serves one of them. The
 * waiters that were not won are still queued when the goroutine goes on,
 * because a waker that loses leaves them alone: this keeps their channels from
 * being freed until they are taken off. The channel that was won is not
 * touched again; it may be gone.
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
#define SMALL     6 /* waiters that lie on the stack: about 0.5 KB */
#define NO_CASE   (-1)

/*
 * One select under way. waiter[i] stands for a case whose channel is not nil;
 * by_addr and by_chance are two orders of the waiters.
 */
struct selection {
	struct gd_case *cases;
	struct gd__g *g;
	uintptr_t pc;
	uint32_t n;           /* waiters */
	int otherwise, after; /* positions of the default and the deadline, or NO_CASE */
	struct gd__waiter *waiter;
	uint16_t *by_addr, *by_chance;
};

static gd_chan *chan_of(const struct selection *s, uint32_t i)
{
	return s->cases[s->waiter[i].index].chan;
}

/* --- set-up --- */

static void classify(struct selection *s, size_t n)
{
	s->otherwise = s->after = NO_CASE;
	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		switch (s->cases[i].kind) {
		case GD_CASE_RECV:
		case GD_CASE_SEND:
			s->n += s->cases[i].chan != NULL;
			break;
		case GD_CASE_DEFAULT:
			if (s->otherwise != NO_CASE)
				gd__fatal("select: more than one default");
			s->otherwise = (int)i;
			break;
		case GD_CASE_AFTER:
			if (s->after != NO_CASE)
				gd__fatal("select: more than one GD_AFTER");
			s->after = (int)i;
			break;
		default:
			gd__fatal("select: case %zu is of no known kind", i);
		}
	}
}

static void prepare_waiters(struct selection *s, size_t n)
{
	uint32_t k = 0;

	for (size_t i = 0; i < n; i++) {
		const struct gd_case *c = &s->cases[i];

		if (c->kind > GD_CASE_SEND || c->chan == NULL)
			continue;
		gd__chan_check_use(c->chan);
		s->waiter[k++] = (struct gd__waiter){
			.wait = { .obj = c->chan,
				  .kind = GD__OBJ_CHAN,
				  .op = c->kind == GD_CASE_SEND ? GD__OP_SEND : GD__OP_RECV },
			.g = s->g,
			.elem = c->elem,
			.pc = s->pc,
			.index = (uint32_t)i,
			.raced = true,
		};
	}
}

/* Inside-out shuffle. */
static void shuffle(struct selection *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t j = (uint32_t)(((uint64_t)gd__sched_random() * (i + 1)) >> 32);

		s->by_chance[i] = s->by_chance[j];
		s->by_chance[j] = (uint16_t)i;
	}
}

static bool lies_after(const struct selection *s, uint16_t a, uint16_t b)
{
	return (uintptr_t)s->waiter[a].wait.obj > (uintptr_t)s->waiter[b].wait.obj;
}

/* Shell sort: an insertion sort for the few cases of most selects, and no n * n for many. */
static void sort_by_address(struct selection *s)
{
	uint16_t *order = s->by_addr;
	uint32_t gap = 1;

	for (uint32_t i = 0; i < s->n; i++)
		order[i] = (uint16_t)i;
	while (gap < s->n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3) {
		for (uint32_t i = gap; i < s->n; i++) {
			uint16_t w = order[i];
			uint32_t j = i;

			for (; j >= gap && lies_after(s, order[j - gap], w); j -= gap)
				order[j] = order[j - gap];
			order[j] = w;
		}
	}
}

/* --- the three passes --- */

static bool same_as_previous(const struct selection *s, uint32_t i)
{
	return i > 0 && chan_of(s, s->by_addr[i]) == chan_of(s, s->by_addr[i - 1]);
}

static void lock_all(const struct selection *s) GD_UNCHECKED
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (!same_as_previous(s, i))
			gd__lock(&chan_of(s, s->by_addr[i])->lock, GD__RANK_CHAN);
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
	uint32_t i = s->n;

	while (i > 0) {
		gd_chan *c = chan_of(s, s->by_addr[--i]);

		while (i > 0 && chan_of(s, s->by_addr[i - 1]) == c)
			i--;
		gd__unlock(&c->lock);
	}
}

static int try_case(const struct selection *s, uint32_t i, struct gd__g **wake) GD_UNCHECKED
{
	const struct gd__waiter *w = &s->waiter[i];
	gd_chan *c = chan_of(s, i);

	if (w->wait.op == GD__OP_SEND)
		return gd__chan_send_locked(c, w->elem, s->g, s->pc, wake);
	return gd__chan_recv_locked(c, w->elem, s->g, s->pc, wake);
}

/* Runs a case that is ready, if there is one. *rc is its result. */
static const struct gd__waiter *look(const struct selection *s, int *rc, struct gd__g **wake)
{
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t k = s->by_chance[i];

		*rc = try_case(s, k, wake);
		if (*rc != GD_EAGAIN)
			return &s->waiter[k];
	}
	return NULL;
}

static void enqueue_all(const struct selection *s)
{
	gd__store_relaxed(&s->g->select_done, 0); /* published by the unlocks */
	for (uint32_t i = 0; i < s->n; i++) {
		gd_chan *c = chan_of(s, i);
		struct gd__waiter *w = &s->waiter[i];
		bool send = w->wait.op == GD__OP_SEND;

		if (gd__unlikely(gd__hooks != NULL) && send && c->elem_size > 0)
			gd__hooks->read(s->g->hook_ctx, w->elem, c->elem_size, s->pc);
		gd__waitq_push(send ? &c->sendq : &c->recvq, w);
	}
}

/* Parks. The waiter that was served, or NULL after the deadline. */
static const struct gd__waiter *wait_for_one(struct selection *s, int64_t deadline, int *rc)
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
	return served;
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
static int result(const struct selection *s, const struct gd__waiter *w, int rc)
{
	const struct gd_case *c = &s->cases[w->index];

	if (c->kind == GD_CASE_SEND && rc == GD_ECLOSED)
		gd__fatal("send on closed channel");
	if (c->kind == GD_CASE_RECV && c->ok != NULL)
		*c->ok = rc == GD_OK;
	return (int)w->index;
}

/* True if no case was ready at some moment: the default may be taken without a lock. */
static bool none_ready(const struct gd_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct gd_case *c = &cases[i];

		if (c->kind > GD_CASE_SEND || c->chan == NULL)
			continue;
		if (c->kind == GD_CASE_SEND ? !gd__chan_send_would_wait(c->chan)
					    : !gd__chan_recv_would_wait(c->chan))
			return false;
	}
	return true;
}

static int run(struct selection *s, size_t n)
{
	struct gd__g *wake = NULL;
	int rc = GD_EAGAIN;

	prepare_waiters(s, n);
	shuffle(s);
	sort_by_address(s);
	lock_all(s);

	const struct gd__waiter *w = look(s, &rc, &wake);
	bool waits = w == NULL && s->otherwise == NO_CASE;

	if (waits) {
		enqueue_all(s);
		w = wait_for_one(s, deadline_of(s), &rc);
	} else {
		unlock_all(s);
		if (wake != NULL)
			gd__ready(wake);
		gd__sync_point(s->g);
	}
	if (w != NULL)
		return result(s, w, rc);
	return waits ? s->after : s->otherwise;
}

static int run_large(struct selection *s, size_t n)
{
	s->waiter = calloc(s->n, sizeof(*s->waiter));
	s->by_addr = calloc(2 * (size_t)s->n, sizeof(*s->by_addr));
	if (s->waiter == NULL || s->by_addr == NULL)
		gd__fatal("out of memory: a select of %u channels", s->n);
	s->by_chance = s->by_addr + s->n;

	int taken = run(s, n);

	free(s->waiter);
	free(s->by_addr);
	return taken;
}

static void hook_sends(const struct selection *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->cases[i].kind == GD_CASE_SEND && s->cases[i].chan != NULL)
			gd__chan_hook_send(s->cases[i].chan, s->g, s->pc);
	}
}

static int select_cases(struct gd_case *cases, size_t n, uintptr_t pc)
{
	struct gd__waiter waiter[SMALL];
	uint16_t order[2 * SMALL];
	struct selection s = {
		.cases = cases,
		.g = gd__caller("gd_select"),
		.pc = pc,
		.waiter = waiter,
		.by_addr = order,
		.by_chance = order + SMALL,
	};

	if (n > CASES_MAX)
		gd__fatal("select: %zu cases, %d is the limit", n, CASES_MAX);
	if (n == 0)
		gd_select_none();
	classify(&s, n);
	if (gd__unlikely(gd__hooks != NULL))
		hook_sends(&s, n);
	if (s.otherwise != NO_CASE && none_ready(cases, n)) {
		gd__sync_point(s.g);
		return s.otherwise;
	}
	return s.n <= SMALL ? run(&s, n) : run_large(&s, n);
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
