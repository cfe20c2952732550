/*
 * scope.h - what one goroutine has brought about: those it started, those they started, and those
 * that timers of theirs start. For tests, which answer for what they leave behind.
 */
#ifndef GD_RUNTIME_INSPECT_SCOPE_H
#define GD_RUNTIME_INSPECT_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the calling goroutine; 0: none, or not on a goroutine. */
uint32_t gd__scope_of_self(void);
/* The calling goroutine, and what it starts from here on, belong to scope. */
void gd__scope_enter(uint32_t scope);

/* Goroutines of a scope that are there, by a look that stops nothing and may be old at once. */
struct gd__scope_census {
	size_t alive;  /* background ones are not counted */
	size_t moving; /* of those, runnable or running */
	uint64_t did;  /* changes when one of them has run or ended */
	bool there;    /* goroutine id is among them */
};
void gd__scope_count(uint32_t scope, uint64_t id, struct gd__scope_census *c);

#endif
