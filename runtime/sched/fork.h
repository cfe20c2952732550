/*
 * fork.h - what is left of the scheduler in the child of a fork.
 *
 * The goroutine that called fork() goes on; all others are gone: their records and stacks stay as
 * they are (the caller may hold pointers into those stacks), but nobody runs, wakes, lists or
 * reports them. That is a comparison of ids, not a mark on each record: marking
 * would copy a page per goroutine.
 */
#ifndef GD_RUNTIME_SCHED_FORK_H
#define GD_RUNTIME_SCHED_FORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/sched/g.h"

struct gd__m;

/* Read by outside readers through the anchor. All zero: no child of a fork. Written by the child's
 * one thread, but for asleep. */
struct gd__fork {
	uint64_t gone;     /* goroutines up to this id are of the parent process, ... */
	uint64_t survivor; /* ... but this one, which called fork(); 0: no goroutine did */
	uint64_t lost;     /* how many there were */
	/*
	 * No thread but the caller's is there yet, and the world counts as stopped. So whoever
	 * needs more comes by gd__fork_wake, and who only calls exec pays for none of it.
	 */
	_Atomic uint32_t asleep;
};

extern struct gd__fork gd__fork;

/* The goroutine with this id was left behind in the parent process. */
static inline bool gd__fork_is_gone(uint64_t id)
{
	return id <= gd__fork.gone && id != gd__fork.survivor;
}

/* At the first need of another thread; true if this call has started the world. sched.lock free. */
bool gd__fork_wake(void);

/* In the child of a fork: the main goroutine, or the one that has forked, has ended. No return. */
void gd__fork_end_main(void);

#endif
