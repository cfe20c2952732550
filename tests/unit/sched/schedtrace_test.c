/* link: gdetect */
/*
 * schedtrace_test.c - the scheduler's state as text: one line, and a line for each P, M and
 * goroutine; by sysmon every so often; and to a reader that has stopped reading.
 */
#include <fcntl.h>
#include <pthread.h>

#include <gdetect/gdetect.h>

#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static gd_chan *never;

static void waits(void *arg)
{
	char v;

	(void)arg;
	gd_chan_recv_raw(never, &v);
}

static void waits_locked(void *arg)
{
	gd_lock_os_thread();
	waits(arg);
}

static uint32_t parked(void)
{
	const struct gd__arena *a = &gd__gtab.arena[0];
	uint32_t n = 0;

	for (uint32_t i = 0; i < gd__load_acquire(&a->used); i++) {
		const struct gd__g *g = (const struct gd__g *)gd__g_address(
			(uintptr_t)a->base, gd__gtab.head.slot_size, i);

		n += gd__load_relaxed(&g->status) == GD__G_WAITING;
	}
	return n;
}

static void print_once(void *arg)
{
	(void)arg;
	never = gd_chan_make_raw(1, 0, "never");
	gd_go_fn(waits, NULL);
	gd_go_fn(waits_locked, NULL);
	while (parked() < 2)
		gd_yield();
	gd__schedtrace(gd__os_now());
}

static void run_one_p(void)
{
	gd_set_procs(2);
	_exit(gd_run(print_once, NULL) == GD_OK ? 0 : 1);
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

CASE(one_line)
{
	static struct child c;
	long ms;
	unsigned procs;
	int idle, threads, at = 0;

	child_run(&c, run_one_p);
	CHECK_EQ(c.code, 0);
	CHECK_EQ(sscanf(c.text, "SCHED %ldms: procs=%u idleprocs=%d threads=%d spinningthreads=%n",
			&ms, &procs, &idle, &threads, &at),
		 4);
	CHECK(at > 0 && ms >= 0 && threads >= 1);
	CHECK_EQ(procs, 2);
	CHECK_HAS(c.text, " goroutines=3 runqueue=0 [0 0]\n");
	CHECK_EQ(lines(c.text), 1);
}

CASE(detail_has_a_line_for_each)
{
	static struct child c;
	int m = -1, locked = -1;
	unsigned tick;

	gd__options.scheddetail = true;
	child_run(&c, run_one_p);
	CHECK_EQ(c.code, 0);
	CHECK_EQ(strncmp(c.text, "SCHED ", 6), 0);
	CHECK_HAS(c.text, "\n  P0: status=");
	CHECK_HAS(c.text, "\n  P1: status=");
	CHECK(strstr(c.text, "\n  P2: ") == NULL);
	CHECK_HAS(c.text, "\n  M1: tid=");
	CHECK_HAS(c.text, " curg=1 spinning=false helper=false lockedg=nil\n");
	CHECK_HAS(c.text, " curg=nil spinning=false helper=true lockedg=nil\n"); /* sysmon */
	CHECK_HAS(c.text, " lockedg=3\n");
	CHECK_HAS(c.text, "\n  G2: status=waiting(chan receive) m=nil lockedm=nil\n");

	const char *g1 = strstr(c.text, "\n  G1: "), *g3 = strstr(c.text, "\n  G3: ");

	CHECK(g1 && g3);
	CHECK_EQ(sscanf(g1, " G1: status=running() m=%d lockedm=nil", &m), 1);
	CHECK_EQ(sscanf(g3, " G3: status=waiting(chan receive) m=nil lockedm=%d", &locked), 1);
	CHECK(m != locked);

	/* The P that goroutine 1 runs on says the same of its M. */
	char of_p[40];

	snprintf(of_p, sizeof(of_p), " m=%d runqsize=", m);
	const char *p = strstr(c.text, of_p);

	CHECK(p != NULL);
	while (p > c.text && *p != '\n')
		p--;
	CHECK_EQ(sscanf(p, " P%*d: status=running schedtick=%u", &tick), 1);
	CHECK(tick > 0);
}

static _Atomic bool seen;

/* Until two lines have begun. */
static void *read_lines(void *arg)
{
	FILE *f = fdopen(*(int *)arg, "r");
	char line[200];
	int n = 0;

	while (n < 2 && fgets(line, sizeof(line), f))
		n += strncmp(line, "SCHED ", 6) == 0;
	seen = n == 2;
	return NULL;
}

static void idle_until_seen(void *arg)
{
	(void)arg;
	while (!seen)
		gd_sleep(5 * GD_MILLISECOND);
}

CASE(sysmon_prints_every_so_often)
{
	int fd[2], err = dup(STDERR_FILENO);
	pthread_t t;

	CHECK_EQ(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	gd__options.schedtrace = 1;
	CHECK_EQ(pthread_create(&t, NULL, read_lines, &fd[0]), 0);
	CHECK_EQ(gd_run(idle_until_seen, NULL), GD_OK);
	gd__options.schedtrace = 0;
	dup2(err, STDERR_FILENO);
	pthread_join(t, NULL);
}

static void print_to_nobody(void)
{
	static const char bytes[4096];
	int fd[2];

	alarm(30);
	if (pipe(fd) != 0 || fcntl(fd[1], F_SETFL, O_NONBLOCK) != 0)
		_exit(3);
	while (write(fd[1], bytes, sizeof(bytes)) > 0) {
	}
	if (fcntl(fd[1], F_SETFL, 0) != 0)
		_exit(4);
	dup2(fd[1], STDERR_FILENO);
	run_one_p();
}

CASE(nobody_reads)
{
	static struct child c;

	gd__options.scheddetail = true;
	child_run(&c, print_to_nobody);
	CHECK_EQ(c.code, 0);
}

UNIT_MAIN
