/*
 * abi_init.c - start of the detector in an instrumented program; processes that fork or leave.
 *
 * Every instrumented object calls __tsan_init from a constructor that runs before all others.
 */
#include "detector/race/abi.h"

#include <unistd.h>

#include "detector/common/report_fd.h"
#include "detector/race/events.h"
#include "detector/race/hooks.h"
#include "detector/race/interpose.h"
#include "detector/race/quiet.h"
#include "detector/race/race_report.h"
#include "runtime/base/atfork.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/inspect/inspect.h"

/* Whether this thread's fork makes a child that can be watched, see fork below. */
static GD__TLS bool alone;
static bool blind; /* this process is a child that cannot */

static bool other_threads(void)
{
	struct gd__thread_info t;
	int self = gd__os_tid();

	if (gd__inspect_self() != 0) /* a goroutine: there is the scheduler's monitor at least */
		return true;
	for (size_t i = 0; gd__thread_walk(i, &t); i++)
		if (t.tid != 0 && t.tid != self)
			return true;
	return false;
}

static bool before_fork(void)
{
	alone = !other_threads();
	return true;
}

/*
 * The child of several threads is not watched: a lock of the detector that another thread held at
 * that moment (of a shadow cell, of a report) is held for ever there. So neither the goroutine that
 * goes on nor what it starts tells anything to the detector.
 */
static void in_child(void)
{
	if (alone)
		return;
	blind = true;
	gd__race_cur = NULL;
	gd__hooks_remove();
	gd__heap_events_install(NULL);
	gd__thread_events_install(NULL);
}

static struct gd__atfork at_fork = { GD__RANK_LEAF, before_fork, NULL, in_child, NULL, NULL };

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
	gd__atfork_register(&at_fork);
	gd__oslock_output(gd__report_fd);
}

/* Of a program in which nothing is instrumented but its libraries. */
__attribute__((constructor(101))) static void start(void)
{
	__tsan_init();
}

/* What other fork handlers do (jemalloc takes all its locks) is not the program's doing. */
pid_t fork(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	gd__race_cur = NULL;
	pid_t pid = GD__REAL(fork)();

	if (!blind)
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
