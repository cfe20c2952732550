/*
 * hooks.c - what the runtime tells the race detector, and the detector's start.
 *
 * Who has a record: the main thread from gd__race_init() on, each goroutine from
 * go_start to go_end, each pthread from the interposed pthread_create on. A
 * goroutine without a parent is started either by a thread that has a record
 * (gd_run on the main thread: then it comes after all that thread did) or by
 * the scheduler for a timer (then it knows nothing but what it acquires).
 */
#include "detector/race/hooks.h"

#include "detector/race/access.h"
#include "detector/race/fd_key.h"
#include "detector/race/gctx.h"
#include "detector/race/syncobj.h"
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"

#include "detector/common/depot.h"
#include "detector/common/heap.h"

static struct gd__hook_ctx *on_go_start(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
					uintptr_t site_pc)
{
	uint32_t stack;

	if (!parent)
		parent = gd__race_cur;
	stack = parent ? gd__gctx_stack_id(parent, site_pc) : gd__depot_put(&site_pc, site_pc != 0);
	return gd__gctx_make(parent, goid, pc, stack);
}

static void on_go_end(struct gd__hook_ctx *g)
{
	if (g)
		gd__gctx_end(g);
}

static void on_go_switch(struct gd__hook_ctx *g)
{
	gd__race_cur = g;
}

static void on_acquire(struct gd__hook_ctx *g, const void *obj)
{
	if (!g)
		g = gd__race_cur; /* the thread that called gd_run; NULL on a scheduler's stack */
	if (g)
		gd__sync_acquire(g, (uintptr_t)obj);
}

static void on_release(struct gd__hook_ctx *g, const void *obj)
{
	if (g)
		gd__sync_release(g, (uintptr_t)obj);
}

static void on_release_merge(struct gd__hook_ctx *g, const void *obj)
{
	if (g)
		gd__sync_release_merge(g, (uintptr_t)obj);
}

static void on_swap(struct gd__hook_ctx *g, const void *obj)
{
	if (g)
		gd__sync_swap(g, (uintptr_t)obj);
}

static void on_forget(const void *obj, size_t n)
{
	gd__sync_forget((uintptr_t)obj, n);
}

static void on_lock(struct gd__hook_ctx *g, const void *lock, int write)
{
	if (g)
		gd__gctx_lock(g, (uintptr_t)lock, gd__gctx_stack_id(g, 0), write != 0);
}

static void on_unlock(struct gd__hook_ctx *g, const void *lock, int write)
{
	if (g)
		gd__gctx_unlock(g, (uintptr_t)lock, write != 0);
}

static void on_read(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	if (g)
		gd__access(g, (uintptr_t)p, n, GD__ACCESS_READ, pc);
}

static void on_write(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	if (g)
		gd__access(g, (uintptr_t)p, n, GD__ACCESS_WRITE, pc);
}

static void on_io(struct gd__hook_ctx *g, enum gd__hook_io what, int fd, const void *addr,
		  unsigned len)
{
	bool write = what == GD__IO_WRITE || what == GD__IO_TO;
	uintptr_t key = 0;

	if (!g)
		return;
	switch (what) {
	case GD__IO_READ:
		key = gd__fd_key_read(fd);
		break;
	case GD__IO_WRITE:
		key = gd__fd_key_write(fd);
		break;
	case GD__IO_TO:
		key = gd__fd_key_to(fd, addr, len);
		break;
	case GD__IO_ACCEPT:
		key = gd__fd_key_accept(fd);
		break;
	}
	if (key && write)
		gd__sync_release_merge(g, key);
	else if (key)
		gd__sync_acquire(g, key);
}

static void on_reset(void *p, size_t n)
{
	gd__shadow_reset((uintptr_t)p, n);
	gd__sync_forget((uintptr_t)p, n);
}

/* The size of the block at p, which is the object; 0 for what lies elsewhere, or within a block. */
static size_t object_size(const void *p)
{
	struct gd__block b;

	return gd__heap_find((uintptr_t)p, &b) && b.start == (uintptr_t)p ? b.size : 0;
}

/* A pool is a free() that another goroutine may undo. */
static void on_give_up(struct gd__hook_ctx *g, const void *p, uintptr_t pc)
{
	size_t n = object_size(p);

	if (g && n > 0)
		gd__access(g, (uintptr_t)p, n, GD__ACCESS_WRITE | GD__ACCESS_FREE, pc);
}

static void on_take_over(struct gd__hook_ctx *g, const void *p, uintptr_t pc)
{
	(void)g;
	(void)pc;
	gd__shadow_reset((uintptr_t)p, object_size(p));
}

static const struct gd__hooks table = {
	.go_start = on_go_start,
	.go_end = on_go_end,
	.go_switch = on_go_switch,
	.acquire = on_acquire,
	.release = on_release,
	.release_merge = on_release_merge,
	.swap = on_swap,
	.forget = on_forget,
	.lock = on_lock,
	.unlock = on_unlock,
	.read = on_read,
	.write = on_write,
	.io = on_io,
	.reset = on_reset,
	.give_up = on_give_up,
	.take_over = on_take_over,
};

bool gd__race_init(void)
{
	static bool done, running; /* only the main thread, before there are others */

	if (done)
		return running;
	done = true;
	if (!gd__shadow_init()) {
		gd__warn(
			"race detector: no address space for its shadow; races are not looked for");
		return false;
	}
	gd__hooks_install(&table);
	gd__race_cur = gd__gctx_make(NULL, 0, 0, 0);
	running = true;
	return true;
}

/* Programs whose compiler emits no call of __tsan_init, and hooks before any other constructor. */
__attribute__((constructor(101))) static void start(void)
{
	gd__race_init();
}
