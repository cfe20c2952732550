/*
 * cxx.c - what we ask of a C++ runtime, if one is linked: libstdc++ or libc++abi.
 *
 * All by weak references, so that a C program needs neither. One that the program loads later with
 * dlopen stays unknown: see docs/design/hazards.md.
 */
#include "runtime/sched/cxx.h"

#include <stdlib.h>

#include "runtime/base/fatal.h"
#include "runtime/sched/sched.h"

/* Itanium C++ ABI: struct __cxa_eh_globals. */
struct gd__eh *__cxa_get_globals(void) __attribute__((weak));

/* std::set_terminate(void (*)()) */
typedef void handler(void);
extern handler *set_terminate(handler *) __asm__("_ZSt13set_terminatePFvvE") __attribute__((weak));

static handler *previous;

struct gd__eh *gd__cxx_thread_init(void)
{
	return __cxa_get_globals ? __cxa_get_globals() : NULL;
}

/* Then the handler that was there before says which exception it was, and aborts. */
static void on_terminate(void)
{
	const struct gd__g *g = gd__self();

	if (g) {
		gd__warn("std::terminate in goroutine %lu (%s), started at %s; an exception must "
			 "be caught in the goroutine that throws it",
			 g->id, g->name ? g->name : "?", g->site ? g->site : "gd_run");
		if (gd__fatal_dump)
			gd__fatal_dump(2);
	}
	if (previous)
		previous();
	abort();
}

void gd__cxx_init(void)
{
	if (set_terminate && !previous)
		previous = set_terminate(on_terminate);
}
