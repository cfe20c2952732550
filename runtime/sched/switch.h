/*
 * switch.h - changes of stack, with word of it to AddressSanitizer in builds that have it.
 *
 * Every switch is one gd__leave_for_* before it and one gd__arrived as the
 * first thing on the other stack. Without ASan both are nothing.
 */
#ifndef GD_RUNTIME_SCHED_SWITCH_H
#define GD_RUNTIME_SCHED_SWITCH_H

#include <stddef.h>

#include "runtime/sched/g.h"
#include "runtime/sched/m.h"

#if defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define GD__ASAN 1
#	endif
#elif defined(__SANITIZE_ADDRESS__)
#	define GD__ASAN 1
#endif

#ifdef GD__ASAN
#	include <sanitizer/asan_interface.h>
#	include <sanitizer/common_interface_defs.h>

static inline void gd__leave_for_system(const struct gd__m *m)
{
	__sanitizer_start_switch_fiber(NULL, (void *)m->stack_lo, m->stack_hi - m->stack_lo);
}

static inline void gd__leave_for_g(const struct gd__g *g)
{
	__sanitizer_start_switch_fiber(NULL, (void *)g->stack_lo, g->stack_hi - g->stack_lo);
}

static inline void gd__arrived(void)
{
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
}

/* The frames of the goroutine that had this stack before never returned. */
static inline void gd__stack_fresh(const struct gd__g *g)
{
	__asan_unpoison_memory_region((void *)g->stack_lo, g->stack_hi - g->stack_lo);
}
#else
static inline void gd__leave_for_system(const struct gd__m *m)
{
	(void)m;
}

static inline void gd__leave_for_g(const struct gd__g *g)
{
	(void)g;
}

static inline void gd__arrived(void)
{
}

static inline void gd__stack_fresh(const struct gd__g *g)
{
	(void)g;
}
#endif

#endif
