/*
 * abi_init.c - start of the detector in an instrumented program; processes that fork or leave.
 *
 * Every instrumented object calls __tsan_init from a constructor that runs before all others.
 */
#include "detector/race/abi.h"

#include <unistd.h>

#include "detector/race/events.h"
#include "detector/race/hooks.h"
#include "detector/race/interpose.h"
#include "detector/race/quiet.h"
#include "detector/race/race_report.h"
#include "runtime/base/options.h"

void __tsan_init(void)
{
	static bool done; /* constructors run on one thread */

	if (done)
		return;
	done = true;
	gd__options_init();
	gd__quiet_init();
	if (gd__race_init())
		gd__race_events_install();
}

/* Of a program in which nothing is instrumented but its libraries. */
__attribute__((constructor(101))) static void start(void)
{
	__tsan_init();
}

/* What fork handlers do (jemalloc takes all its locks) is not the program's doing. */
pid_t fork(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	gd__race_cur = NULL;
	pid_t pid = GD__REAL(fork)();

	gd__race_cur = g;
	return pid;
}

/* Leaves without handlers of exit: races still decide, unless the program says it failed itself. */
void _exit(int status)
{
	int code = gd__race_finish();

	GD__REAL(_exit)(status != 0 ? status : code);
	__builtin_unreachable();
}

void _Exit(int status)
{
	_exit(status);
}
