/*
 * toy_detector.h - a race detector for tests of the happens-before edges that
 * the primitives tell of: halves(a, b, n) wants n races between a and b.
 *
 * It keeps whole vector clocks under one lock, and the
 * last write and all last reads of each address: slow and plainly right. The
 * goroutines order themselves by flags it does not see.
 */
#ifndef GD_TESTS_UNIT_SYNC_TOY_DETECTOR_H
#define GD_TESTS_UNIT_SYNC_TOY_DETECTOR_H

#include <stdatomic.h>

#include "runtime/base/atomic.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"

enum { GOROUTINES = 64, OBJECTS = 512 };

struct clock {
	uint32_t t[GOROUTINES];
};

struct gd__hook_ctx {
	int id;
	struct clock c;
};

struct object {
	const void *addr;
	struct clock released;
	struct clock reads; /* per goroutine: time of its last read */
	int writer;         /* of the last write, -1: none */
	uint32_t written;
};

static struct gd__hook_ctx ctx[GOROUTINES];
static struct object object[OBJECTS];
static int nctx, nobjects, races;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void enter(void)
{
	while (atomic_flag_test_and_set(&busy))
		;
}

static void leave(void)
{
	atomic_flag_clear(&busy);
}

static void join(struct clock *to, const struct clock *from)
{
	for (int i = 0; i < GOROUTINES; i++)
		if (to->t[i] < from->t[i])
			to->t[i] = from->t[i];
}

static struct object *find(const void *addr)
{
	for (int i = 0; i < nobjects; i++)
		if (object[i].addr == addr)
			return &object[i];
	if (nobjects == OBJECTS)
		abort();
	object[nobjects] = (struct object){ .addr = addr, .writer = -1 };
	return &object[nobjects++];
}

static struct gd__hook_ctx *go_start(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
				     uintptr_t site_pc)
{
	(void)goid;
	(void)pc;
	(void)site_pc;
	enter();
	if (nctx == GOROUTINES)
		abort();
	struct gd__hook_ctx *g = &ctx[nctx];
	g->id = nctx++;
	if (parent) {
		join(&g->c, &parent->c);
		parent->c.t[parent->id]++;
	}
	g->c.t[g->id]++;
	leave();
	return g;
}

static void go_end(struct gd__hook_ctx *g)
{
	(void)g;
}

static void acquire(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	join(&g->c, &find(obj)->released);
	leave();
}

static void release(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	find(obj)->released = g->c;
	g->c.t[g->id]++;
	leave();
}

static void release_merge(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	join(&find(obj)->released, &g->c);
	g->c.t[g->id]++;
	leave();
}

static void swap(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	struct object *o = find(obj);
	struct clock before = o->released;
	o->released = g->c;
	g->c.t[g->id]++;
	join(&g->c, &before);
	leave();
}

static void forget(const void *obj, size_t n)
{
	enter();
	for (int i = 0; i < nobjects; i++)
		if ((uintptr_t)object[i].addr - (uintptr_t)obj < n)
			object[i] = (struct object){ .addr = NULL, .writer = -1 };
	leave();
}

static void lock_event(struct gd__hook_ctx *g, const void *lock, int write)
{
	(void)g;
	(void)lock;
	(void)write;
}

static void on_access(struct gd__hook_ctx *g, const void *p, bool write)
{
	enter();
	struct object *o = find(p);
	if (o->writer >= 0 && o->writer != g->id && g->c.t[o->writer] < o->written)
		races++;
	for (int i = 0; write && i < GOROUTINES; i++)
		if (i != g->id && g->c.t[i] < o->reads.t[i])
			races++;
	if (write) {
		o->writer = g->id;
		o->written = g->c.t[g->id];
	} else {
		o->reads.t[g->id] = g->c.t[g->id];
	}
	leave();
}

static void on_read(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	CHECK(n > 0 && pc != 0);
	on_access(g, p, false);
}

static void on_write(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	CHECK(n > 0 && pc != 0);
	on_access(g, p, true);
}

static void on_switch(struct gd__hook_ctx *g)
{
	(void)g;
}

static void on_reset(void *p, size_t n)
{
	forget(p, n);
}

static void changes_hands(struct gd__hook_ctx *g, const void *p, uintptr_t pc)
{
	(void)g;
	(void)p;
	(void)pc;
}

static const struct gd__hooks hooks = {
	.go_start = go_start,
	.go_end = go_end,
	.go_switch = on_switch,
	.acquire = acquire,
	.release = release,
	.release_merge = release_merge,
	.swap = swap,
	.forget = forget,
	.lock = lock_event,
	.unlock = lock_event,
	.read = on_read,
	.write = on_write,
	.reset = on_reset,
	.give_up = changes_hands,
	.take_over = changes_hands,
};

/* --- what the user's instrumented code would say --- */

static int x, y, z;

static void reads(const void *p)
{
	on_access(gd__self()->hook_ctx, p, false);
}

static void writes(const void *p)
{
	on_access(gd__self()->hook_ctx, p, true);
}

/* Order that the detector does not see. */
static _Atomic int step;

static void reach(int n)
{
	while (atomic_load(&step) < n)
		gd_yield();
}

static void next(void)
{
	atomic_fetch_add(&step, 1);
}

static void (*first_half)(void), (*second_half)(void);

static void run_second(void *arg)
{
	(void)arg;
	second_half();
	next();
}

static void start(void *arg)
{
	(void)arg;
	gd_go_fn(run_second, NULL);
	first_half();
	while (gd_go_count() > 1)
		gd_yield();
}

static int want_races;

static void run_and_count(void *arg)
{
	start(arg);
	CHECK_EQ(races, want_races);
}

/* a in main, b in another goroutine; the hooks must show exactly n races. */
static void halves(void (*a)(void), void (*b)(void), int n)
{
	first_half = a;
	second_half = b;
	want_races = n;
	gd__hooks_install(&hooks);
	on_procs(run_and_count);
}

#endif
