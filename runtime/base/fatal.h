/*
 * fatal.h - the two ways to die, and assertions.
 *
 * gd__fatal: the user broke the contract (send on a closed channel). Prints
 * "fatal error: <text>", then all goroutine stacks, and exits with 2.
 * gd__throw: we broke an invariant. Constant text; no allocation, no locks.
 */
#ifndef GD_RUNTIME_BASE_FATAL_H
#define GD_RUNTIME_BASE_FATAL_H

#include <stdint.h>

#include "runtime/base/compiler.h"

#define GD__EXIT_FATAL 2

void gd__fatal(const char *fmt, ...) GD__NORETURN GD__PRINTF(1, 2);
void gd__throw(const char *text) GD__NORETURN;

/* Prints one line "gdetect: ..." to stderr. For conditions that do not stop the program. */
void gd__warn(const char *fmt, ...) GD__PRINTF(1, 2);

/* Option dump_wait_ms: how long output of last resort waits for its reader, in ns. 0: for ever. */
int64_t gd__dump_patience(void);

/* In the child of a fork: whichever thread of the parent was dying, it is not here. */
void gd__fatal_forget(void);

/* What gd__fatal does after its message, before the exit: the dump of all goroutines. */
extern void (*gd__fatal_dump)(int fd);

/* Always on, cheap. */
#define gd__assert(cond)                                                                           \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			gd__throw(__FILE__ ": assertion failed: " #cond);                          \
	} while (0)

/* Debug builds (GD_DEBUG); check_slow may walk lists. */
#ifdef GD_DEBUG
#	define gd__check(cond)      gd__assert(cond)
#	define gd__check_slow(cond) gd__assert(cond)
#else
#	define gd__check(cond)      ((void)sizeof(!(cond)))
#	define gd__check_slow(cond) ((void)sizeof(!(cond)))
#endif

#endif
