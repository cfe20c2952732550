/* no_hooks.h - a detector that does nothing, to put one event of a test's own into. */
#ifndef GD_TESTS_UNIT_SYNC_NO_HOOKS_H
#define GD_TESTS_UNIT_SYNC_NO_HOOKS_H

#include "runtime/hook/hook.h"

static struct gd__hook_ctx *no_start(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
				     uintptr_t site_pc)
{
	(void)parent;
	(void)goid;
	(void)pc;
	(void)site_pc;
	return NULL;
}

static void no_event(struct gd__hook_ctx *g)
{
	(void)g;
}

static void no_clock(struct gd__hook_ctx *g, const void *obj)
{
	(void)g;
	(void)obj;
}

static void no_forget(const void *obj, size_t n)
{
	(void)obj;
	(void)n;
}

static void no_lock(struct gd__hook_ctx *g, const void *lock, int write)
{
	(void)g;
	(void)lock;
	(void)write;
}

static void no_access(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	(void)g;
	(void)p;
	(void)n;
	(void)pc;
}

static void no_reset(void *p, size_t n)
{
	(void)p;
	(void)n;
}

static void no_change(struct gd__hook_ctx *g, const void *p, uintptr_t pc)
{
	(void)g;
	(void)p;
	(void)pc;
}

static struct gd__hooks no_hooks = {
	.go_start = no_start,
	.go_end = no_event,
	.go_switch = no_event,
	.acquire = no_clock,
	.release = no_clock,
	.release_merge = no_clock,
	.swap = no_clock,
	.forget = no_forget,
	.lock = no_lock,
	.unlock = no_lock,
	.read = no_access,
	.write = no_access,
	.reset = no_reset,
	.give_up = no_change,
	.take_over = no_change,
};

#endif
