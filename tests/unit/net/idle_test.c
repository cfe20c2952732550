/* link: gdetect */
/* idle_test.c - a process in which nothing is due costs no CPU, whatever its goroutines wait for.
 */
#include <sys/resource.h>

#include <gdetect/gdetect.h>
#include <gdetect/io.h>

#include "tests/support/unit.h"

static void run(int procs, void (*start)(void *))
{
	CHECK_EQ(gd_set_procs(procs), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

static void sleep_far(void *arg)
{
	(void)arg;
	gd_sleep(3600 * GD_SECOND);
}

static void wait_in_poller(void *arg)
{
	char c;

	gd_fd_read(*(int *)arg, &c, 1);
}

static void burn(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		gd_yield();
}

static void usage(int64_t *cpu, long *switches)
{
	struct rusage u;

	CHECK_EQ(getrusage(RUSAGE_SELF, &u), 0);
	*cpu = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * GD_SECOND +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * GD_MICROSECOND;
	*switches = u.ru_nvcsw;
}

/* A second in which nothing is due. */
static bool idle_second(const char *when)
{
	int64_t cpu[2];
	long switches[2];

	gd_sleep(20 * GD_MILLISECOND); /* threads find that there is nothing to do */
	usage(&cpu[0], &switches[0]);
	gd_sleep(GD_SECOND);
	usage(&cpu[1], &switches[1]);
	if (cpu[1] - cpu[0] <= 5 * GD_MILLISECOND && switches[1] - switches[0] <= 40)
		return true;
	fprintf(stderr, "%s: %ld us of CPU, %ld switches\n", when, (long)(cpu[1] - cpu[0]) / 1000,
		switches[1] - switches[0]);
	return false;
}

/* Where the machine is busy it may take a while until all sleep. */
static void check_idle(const char *when)
{
	CHECK(idle_second(when) || idle_second(when) || idle_second(when));
}

static void start_idle(void *arg)
{
	static int pipe_ends[2];

	(void)arg;
	for (int i = 0; i < 100; i++)
		gd_go_fn(sleep_far, NULL);
	check_idle("sleeping");
	CHECK_EQ(gd_pipe(pipe_ends), 0);
	gd_go_fn(wait_in_poller, &pipe_ends[0]);
	check_idle("with one in the poller");
	for (int i = 0; i < 2000; i++)
		gd_go_fn(burn, NULL);
	while (gd_go_count() > 102)
		gd_yield();
	check_idle("after a burst");
}

CASE(idle_costs_no_cpu_1p)
{
	run(1, start_idle);
}

CASE(idle_costs_no_cpu_8p)
{
	run(8, start_idle);
}

UNIT_MAIN
