/*
 * goroutines.h - runs a test on the real scheduler, with 1, 2 and 8 Ps.
 *
 * gd_run() works once in a process, so each run has a child of its own. A run
 * that hangs is killed by its alarm.
 */
#ifndef GD_TESTS_UNIT_SYNC_GOROUTINES_H
#define GD_TESTS_UNIT_SYNC_GOROUTINES_H

#include <fcntl.h>
#include <signal.h>

#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

#define HANG_SECONDS 30

static pid_t start_run(void (*body)(void *), int procs, int error_fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(HANG_SECONDS);
	if (error_fd >= 0)
		dup2(error_fd, STDERR_FILENO);
	if (gd_set_procs(procs) != GD_OK || gd_run(body, NULL) != GD_OK)
		_exit(3);
	_exit(0);
}

__attribute__((unused)) static void on_procs(void (*body)(void *))
{
	static const int procs[] = { 1, 2, 8 };

	for (size_t i = 0; i < sizeof(procs) / sizeof(procs[0]); i++) {
		int status = -1;
		pid_t pid = start_run(body, procs[i], -1);

		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fprintf(stderr, "failed with GD_MAXPROCS=%d (status %#x)\n", procs[i],
				status);
		CHECK_EQ(status, 0);
	}
}

/* body must die of gd__fatal with a message that contains text. */
__attribute__((unused)) static void expect_fatal(void (*body)(void *), const char *text)
{
	static char said[65536];
	size_t n = 0;
	ssize_t got;
	int status = -1;
	int ends[2];

	CHECK_EQ(pipe(ends), 0);

	pid_t pid = start_run(body, 2, ends[1]);

	close(ends[1]);
	while (n < sizeof(said) - 1 && (got = read(ends[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(ends[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_HAS(said, text);
	CHECK_HAS(said, "fatal error: ");
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 2);
}

/* Lets all others run until they wait: with several Ps a matter of many yields. */
__attribute__((unused)) static void let_others_run(void)
{
	for (int i = 0; i < 200; i++)
		gd_yield();
}

#endif
