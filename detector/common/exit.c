/*
 * exit.c - one destructor for all detectors.
 *
 * It has a low number, so it runs after the destructors of the program: those
 * may still find something, and what they write is written. What libc would
 * do after it (flushing stdio) is done here, because _exit skips it.
 */
#include "detector/common/exit.h"

#include <stdio.h>

#include "runtime/base/os_linux.h"

static int (*finish[GD__EXIT_DETECTORS])(void);

/* A program without stdio does not get it by us. */
extern __typeof__(fflush) fflush __attribute__((weak));

void gd__exit_register(enum gd__exit_priority priority, int (*f)(void))
{
	finish[priority] = f;
}

__attribute__((destructor(101))) static void at_exit(void)
{
	int code = 0;

	for (int i = GD__EXIT_DETECTORS; i-- > 0;) {
		int asked = finish[i] ? finish[i]() : 0;

		if (code == 0)
			code = asked;
	}
	if (code == 0)
		return;
	if (fflush)
		fflush(NULL);
	gd__os_exit(code);
}
