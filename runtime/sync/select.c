/*
 * select.c - waits for one of several channel operations.
 *
 * First the channels are looked at without a lock, and chance chooses between the cases that seem
 * ready: the chosen one is tried under the lock of its channel alone. If it is taken, it was ready
 * at that moment, together with whatever others; that one of these was looked at before it was
 * ready is as if chance had passed it over. So most selects take one lock.
 *
 * If that took none all channels are locked, in address order, and looked at again, each as soon as
 * it is locked: its state stays as it was seen. If still none is ready a waiter goes on the queue
 * of each; the waker that wins g->select_done serves one of them. The waiters that were not won are
 * still queued when the goroutine goes on, because a waker that loses leaves them alone: this keeps
 * their channels from being freed until they are taken off. The channel that was won is not touched
 * again; it may be gone.
 *
 * What has tried the cases has returned before a small select waits, which is a tail call: so one
 * frame of ours lies between the switch and the user, see GD__BACK.
 *
 * A default is taken only if there was a moment at which no case was ready: see none_ready.
 */
#include <stdlib.h>

#include <gdetect/error.h>
#include <gdetect/select.h>

#include "runtime/arch/ctx.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"
#include "runtime/sync/wait_here.h"
#include "runtime/time/timer.h"

#define CASES_MAX 65535
#define SMALL     6 /* cases of a select that needs no memory but the stack: 0.5 KB while it waits */
#define NO_CASE   (-1)

struct caller {
	struct gd__g *g;
	uintptr_t pc;
};

/* The trial of a select. live are the positions of the cases whose channel is not nil. */
struct selection {
	struct gd_case *cases;
	struct caller by;
	uint32_t n;           /* of live */
	int otherwise, after; /* positions of the default and the deadline, or NO_CASE */
	uint16_t *live;
};

/* What came of it. */
struct tried {
	int taken; /* or NO_CASE */
	int otherwise, after;
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

static int try_case(const struct gd_case *c, const struct caller *by,
		    struct gd__g **wake) GD_UNCHECKED
{
	if (c->kind == GD_CASE_SEND)
		return gd__chan_send_locked(c->chan, c->elem, by->g, by->pc, wake);
	return gd__chan_recv_locked(c->chan, c->elem, by->g, by->pc, wake);
}

/* One of those that do not look as if they would wait, each with the same chance, or NO_CASE. */
static int choose(const struct selection *s)
{
	int chosen = NO_CASE;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (would_wait(live_case(s, i)))
			continue;
		/* The k-th replaces the one before with a chance of 1 in k. */
		if (++seen == 1 || gd__sched_random() % seen == 0)
			chosen = s->live[i];
	}
	return chosen;
}

/*
 * Takes a case that is ready: its position. NO_CASE: none looked so, or the chosen one is not, and
 * the others are left to those who lock all channels.
 */
static int try_one(const struct selection *s, int *rc, struct gd__g **wake) GD_UNCHECKED
{
	int chosen = choose(s);
	const struct gd_case *c;

	if (chosen == NO_CASE)
		return NO_CASE;
	c = &s->cases[chosen];
	gd__lock(&c->chan->lock, GD__RANK_CHAN);
	*rc = try_case(c, &s->by, wake);
	gd__unlock(&c->chan->lock);
	return *rc != GD_EAGAIN ? chosen : NO_CASE;
}

/* Tells the user which case it was. */
static int result(const struct gd_case *cases, const struct gd_case *c, int rc)
{
	if (c->kind == GD_CASE_SEND && rc == GD_ECLOSED)
		gd__fatal("send on closed channel");
	if (c->kind == GD_CASE_RECV && c->ok != NULL)
		*c->ok = rc == GD_OK;
	return (int)(c - cases);
}

/* The end of a select that does not wait. */
static void give_way(struct gd__g *g, struct gd__g *wake)
{
	if (wake != NULL)
		gd__ready(wake);
	gd__sync_point(g);
}

static void hook_sends(const struct selection *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct gd_case *c = live_case(s, i);

		if (c->kind == GD_CASE_SEND)
			gd__chan_hook_send(c->chan, s->by.g, s->by.pc);
	}
}

/* Takes what can be had without a wait. live has room for n. */
static struct tried try_cases(struct gd_case *cases, size_t n, uint16_t *live, uintptr_t pc)
{
	struct selection s = { .cases = cases,
			       .by = { gd__caller("gd_select"), pc },
			       .live = live };
	struct gd__g *wake = NULL;
	int rc = GD_EAGAIN, taken;

	classify(&s, n);
	if (gd__unlikely(gd__hooks != NULL))
		hook_sends(&s);
	if (s.otherwise != NO_CASE && none_ready(&s)) {
		gd__sync_point(s.by.g);
		return (struct tried){ s.otherwise, s.otherwise, s.after };
	}
	taken = try_one(&s, &rc, &wake);
	if (taken != NO_CASE) {
		give_way(s.by.g, wake);
		result(cases, &cases[taken], rc);
	}
	return (struct tried){ taken, s.otherwise, s.after };
}

/* --- with all channels locked --- */

/* The cases with a channel, sorted by its address. waiter[i] stands for at[i]; both have room. */
struct waiting {
	struct caller by;
	uint32_t n, room;
	struct gd_case **at;
	struct gd__waiter *waiter;
};

/* Shell sort: an insertion sort for the few cases of most selects, and no n * n for many. */
static GD__ALWAYS_INLINE void sort_by_address(struct waiting *w, struct gd_case *cases, size_t n)
{
	struct gd_case **at = w->at;
	uint32_t gap = 1;

	/* As the user wrote them: often sorted already, and the same each time. */
	w->n = 0;
	for (struct gd_case *c = cases; c < cases + n; c++)
		if (c->kind <= GD_CASE_SEND && c->chan != NULL)
			at[w->n++] = c;
	while (gap < w->n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3) {
		for (uint32_t i = gap; i < w->n; i++) {
			struct gd_case *c = at[i];
			uint32_t j = i;

			for (; j >= gap && (uintptr_t)at[j - gap]->chan > (uintptr_t)c->chan;
			     j -= gap)
				at[j] = at[j - gap];
			at[j] = c;
		}
	}
}

/* What others have left on the stack there would be seen, and keep things alive, while we wait. */
static GD__ALWAYS_INLINE void clear_rest(const struct waiting *w)
{
	for (uint32_t i = w->n; i < w->room; i++) {
		w->at[i] = NULL;
		w->waiter[i] = (struct gd__waiter){ 0 };
	}
}

/* True: a case may be ready. */
static GD__ALWAYS_INLINE bool lock_all(const struct waiting *w) GD_UNCHECKED
{
	bool ready = false;

	for (uint32_t i = 0; i < w->n; i++) {
		const struct gd_case *c = w->at[i];

		if (i == 0 || c->chan != w->at[i - 1]->chan)
			gd__lock(&c->chan->lock, GD__RANK_CHAN);
		ready |= !would_wait(c);
	}
	return ready;
}

/*
 * Also the commit of the park: with the last unlock the goroutine may go on
 * and its frame, where *w is, end. So the next channel is found out before
 * each unlock, from the last to the first, and nothing is read afterwards.
 */
static void unlock_all(void *arg) GD_UNCHECKED
{
	const struct waiting *w = arg;
	struct gd_case **at = w->at;
	uint32_t i = w->n;
	gd_chan *c = i > 0 ? at[i - 1]->chan : NULL;

	while (c != NULL) {
		gd_chan *next = NULL;

		while (i > 0 && (next = at[i - 1]->chan) == c)
			i--;
		gd__unlock(&c->lock);
		c = i > 0 ? next : NULL;
	}
}

/* Takes a case that is ready, from a random one on: its place, or NO_CASE. */
static GD__NOINLINE int look(const struct waiting *w, int *rc, struct gd__g **wake)
{
	uint32_t start = gd__sched_random() % w->n;

	for (uint32_t i = 0; i < w->n; i++) {
		uint32_t at = (start + i) % w->n;

		if (would_wait(w->at[at]))
			continue;
		*rc = try_case(w->at[at], &w->by, wake);
		if (*rc != GD_EAGAIN)
			return (int)at;
	}
	return NO_CASE;
}

/* What a waiter on a channel needs; the rest of *w is not looked at. */
static GD__ALWAYS_INLINE void enqueue(const struct gd_case *c, const struct caller *by,
				      struct gd__waiter *w)
{
	bool send = c->kind == GD_CASE_SEND;

	w->wait.obj = c->chan;
	w->wait.kind = GD__OBJ_CHAN;
	w->wait.op = send ? GD__OP_SEND : GD__OP_RECV;
	w->g = by->g;
	w->elem = c->elem;
	w->pc = by->pc;
	w->raced = true;
	if (gd__unlikely(gd__hooks != NULL) && send && c->chan->elem_size > 0)
		gd__hooks->read(by->g->hook_ctx, c->elem, c->chan->elem_size, by->pc);
	gd__chan_enqueue(c->chan, send ? &c->chan->sendq : &c->chan->recvq, w);
}

static GD__ALWAYS_INLINE void enqueue_all(const struct waiting *w)
{
	gd__store_relaxed(&w->by.g->select_done, 0); /* published by the unlocks */
	for (uint32_t i = 0; i < w->n; i++)
		enqueue(w->at[i], &w->by, &w->waiter[i]);
}

static int64_t deadline_of(const struct gd_case *after)
{
	int64_t deadline;

	if (__builtin_add_overflow(gd__clock_now(), after->after, &deadline))
		return after->after > 0 ? GD__FOREVER : GD__NO_WAIT + 1;
	return deadline;
}

/* Parks. The place of the case that was served, or NO_CASE with GD_ETIMEDOUT or GD_ELEAKED in
 * *rc. */
static GD__ALWAYS_INLINE int wait_for_one(struct waiting *w, const struct gd_case *after, int *rc)
{
	struct gd__blocking b = {
		.reason = GD__WAIT_SELECT,
		.n = w->n,
		.waiters = w->waiter,
		.deadline = GD__FOREVER,
		.unlock = unlock_all,
		.arg = w,
	};
	const struct gd__waiter *served;

	if (gd__unlikely(after != NULL)) {
		b.deadline = deadline_of(after);
		served = gd__wait(w->by.g, &b);
	} else {
		served = gd__wait_here(w->by.g, &b);
	}
	if (served != NULL)
		*rc = w->by.g->wake_ok ? GD_OK : GD_ECLOSED;
	for (uint32_t i = 0; i < w->n; i++) {
		if (&w->waiter[i] != served)
			gd__chan_leave(w->at[i]->chan, &w->waiter[i]);
	}
	if (served != NULL)
		return (int)(served - w->waiter);
	*rc = gd__wait_leaked(w->by.g) ? GD_ELEAKED : GD_ETIMEDOUT;
	return NO_CASE;
}

/* Nothing was ready. The position of the case that was taken. */
static GD__ALWAYS_INLINE int look_and_wait(struct waiting *w, struct gd_case *cases, size_t n,
					   struct tried t)
{
	struct gd__g *wake = NULL;
	int rc = GD_EAGAIN, taken = NO_CASE;
	bool waits;

	sort_by_address(w, cases, n);
	clear_rest(w);
	if (gd__unlikely(lock_all(w)))
		taken = look(w, &rc, &wake);
	waits = taken == NO_CASE && t.otherwise == NO_CASE;
	if (gd__likely(waits)) {
		enqueue_all(w);
		taken = wait_for_one(w, t.after == NO_CASE ? NULL : &cases[t.after], &rc);
	} else {
		unlock_all(w);
		give_way(w->by.g, wake);
	}
	if (taken != NO_CASE)
		return result(cases, w->at[taken], rc);
	if (rc == GD_ELEAKED)
		return GD_ELEAKED;
	return waits ? t.after : t.otherwise;
}

int gd__select_here(struct gd_case *cases, size_t n, uintptr_t pc, int otherwise, int after)
{
	struct gd__waiter waiter[SMALL];
	struct gd_case *at[SMALL];
	struct waiting w = { { gd__caller("gd_select"), pc }, 0, SMALL, at, waiter };

	return look_and_wait(&w, cases, n, (struct tried){ NO_CASE, otherwise, after });
}

GD__BACK(gd__select_wait, gd__select_here);

static GD__NOINLINE struct tried try_small(struct gd_case *cases, size_t n, uintptr_t pc)
{
	uint16_t live[SMALL];

	return try_cases(cases, n, live, pc);
}

static void *room(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		gd__fatal("out of memory: a select of %zu cases", n);
	return p;
}

static GD__NOINLINE int wait_large(struct gd_case *cases, size_t n, uintptr_t pc, struct tried t)
{
	struct waiting w = { { gd__caller("gd_select"), pc }, 0, (uint32_t)n, NULL, NULL };
	int taken;

	w.at = room(n, sizeof(*w.at));
	w.waiter = room(n, sizeof(*w.waiter));
	taken = look_and_wait(&w, cases, n, t);
	free(w.at);
	free(w.waiter);
	return taken;
}

static GD__NOINLINE int select_large(struct gd_case *cases, size_t n, uintptr_t pc)
{
	struct tried t;
	uint16_t *live;

	if (n > CASES_MAX)
		gd__fatal("select: %zu cases, %d is the limit", n, CASES_MAX);
	live = room(n, sizeof(*live));
	t = try_cases(cases, n, live, pc);
	free(live);
	return t.taken != NO_CASE ? t.taken : wait_large(cases, n, pc, t);
}

int gd_select_raw(struct gd_case *cases, size_t n)
{
	struct tried t;

	if (n == 0)
		gd_select_none();
	if (n > SMALL)
		return select_large(cases, n, GD__CALLER_PC);
	t = try_small(cases, n, GD__CALLER_PC);
	if (t.taken != NO_CASE)
		return t.taken;
	return gd__select_wait(cases, n, GD__CALLER_PC, t.otherwise, t.after);
}

void gd_select_none(void)
{
	struct gd__g *g = gd__caller("gd_select");
	const struct gd__blocking b = { .reason = GD__WAIT_SELECT_NONE, .deadline = GD__FOREVER };

	for (;;)
		gd__wait(g, &b);
}
