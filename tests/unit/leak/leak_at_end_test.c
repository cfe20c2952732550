/*
 * leak_at_end_test.c - the report of a deadlock, which ends the process: also where nobody reads
 * it.
 */
#include <fcntl.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "runtime/base/options.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static void wait_for_ever(void *arg)
{
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);
	char v;

	(void)arg;
	gd_chan_recv_raw(c, &v);
}

static void run_deadlock(void)
{
	alarm(40);
	gd_leak_check(); /* brings the detector in */
	_exit(gd_run(wait_for_ever, NULL) == GD_OK ? 0 : 1);
}

CASE(deadlock_is_reported_before_the_dump)
{
	static struct child c;

	child_run(&c, run_deadlock);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "WARNING: ");
	CHECK(strstr(c.text, "fatal error: all goroutines are asleep") >
	      strstr(c.text, "WARNING: "));
}

static void run_with_full_pipe(void)
{
	static const char bytes[4096];
	int fd[2];

	if (pipe(fd) != 0 || fcntl(fd[1], F_SETFL, O_NONBLOCK) != 0)
		_exit(3);
	while (write(fd[1], bytes, sizeof(bytes)) > 0) {
	}
	if (fcntl(fd[1], F_SETFL, 0) != 0 || dup2(fd[1], STDERR_FILENO) < 0)
		_exit(4);
	run_deadlock();
}

CASE(deadlock_ends_the_process_when_nobody_reads)
{
	static struct child c;

	gd__options.dump_wait_ms = 100;
	child_run(&c, run_with_full_pipe);
	CHECK_EQ(c.code, 2);
}

UNIT_MAIN
