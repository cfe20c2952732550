/* verdict: none; the runtime is up before main's goroutine runs */
/*
 * boot_order.c - what gd_run() sets up, seen from outside.
 *
 * The order is Go's: the number of CPUs, all Ps (up to 256, idle but the
 * first), main's goroutine as the first on a run queue, the calling thread as
 * the first M, and a thread of its own for sysmon, which needs no P.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>

#include <gdetect/gdetect.h>

static int failures;

static void check(bool ok, const char *what)
{
	printf("%-6s %s\n", ok ? "ok" : "WRONG", what);
	failures += !ok;
}

static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	if (!dir)
		return -1;
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void start(void *arg)
{
	check(arg == &failures, "main's goroutine gets the argument of gd_run()");
	check(gd_go_id() == 1, "it is goroutine 1");
	check(gd_go_count() == 1, "and the only one");
	check(gd_procs() == GD_MAX_PROCS, "there are 256 Ps");
	/* sysmon's thread starts beside us. */
	while (threads() < 2)
		gd_yield();
	check(threads() < 16, "255 idle Ps have no thread; sysmon has one");
}

int main(void)
{
	int before = threads();

	check(gd_go_id() == 0, "no goroutine runs before gd_run()");
	check(gd_set_procs(GD_MAX_PROCS + 1) == GD_EINVAL, "257 Ps are refused");
	check(gd_set_procs(0) == GD_EINVAL, "0 Ps are refused");
	check(gd_set_procs(GD_MAX_PROCS) == GD_OK, "256 Ps are accepted");
	check(threads() == before, "asking starts no thread");
	check(gd_run(start, &failures) == GD_OK, "gd_run() returns when main's goroutine has");
	return failures != 0;
}
