/* link: gdetect */
/*
 * preempt_test.c - goroutines that run too long: they give way at safe points, also as a pair that
 * hands itself back and forth, and are warned of where there is no safe point.
 */
#include <stdatomic.h>
#include <time.h>

#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static int procs = 1;
static _Atomic bool done;
static _Atomic uint64_t turns;

static void run(void (*start)(void *))
{
	CHECK_EQ(gd_set_procs(procs), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

/* CPU time of this process, so that a busy machine changes nothing. */
static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * GD_SECOND + ts.tv_nsec;
}

static void busy_with_safe_points(void *arg)
{
	static gd_mutex m;

	(void)arg;
	while (!done) {
		gd_mutex_lock(&m);
		gd_mutex_unlock(&m);
		turns++;
	}
}

/*
 * The best of some rounds is within two slices of CPU time and a little: on a busy machine the
 * process, and sysmon with it, may lose its CPU in any of them.
 */
static void check_turns(void)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 10; i++) {
		int64_t start = cpu_ns(), took;
		uint64_t before = turns;

		gd_yield();
		took = cpu_ns() - start;
		CHECK(turns > before);
		best = took < best ? took : best;
	}
	CHECK(best < 25 * GD_MILLISECOND);
	done = true;
}

static void start_busy(void *arg)
{
	(void)arg;
	gd_go_fn(busy_with_safe_points, NULL);
	check_turns();
}

CASE(a_busy_goroutine_gives_way_at_safe_points)
{
	run(start_busy);
}

static gd_chan *there, *back;

static void pong(void *arg)
{
	int v;

	(void)arg;
	while (gd_chan_recv_raw(there, &v)) {
		turns++;
		gd_chan_send_raw(back, &v);
	}
}

static void ping(void *arg)
{
	int v = 0;

	(void)arg;
	while (!done) {
		gd_chan_send_raw(there, &v);
		gd_chan_recv_raw(back, &v);
	}
	gd_chan_close_raw(there);
}

static void start_pair(void *arg)
{
	(void)arg;
	there = gd_chan_make_raw(sizeof(int), 0, "there");
	back = gd_chan_make_raw(sizeof(int), 0, "back");
	gd_go_fn(ping, NULL);
	gd_go_fn(pong, NULL);
	check_turns();
	while (gd_go_count() > 1)
		gd_yield();
}

/* Each hands the P over in time, but always to the other: the slice is the pair's. */
CASE(a_pair_in_runnext_is_preempted_together)
{
	run(start_pair);
}

/* runnext is next, but not in a slice that is over: then the ring's turn comes. */
static void start_inheriting(void *arg)
{
	static struct gd__p p;
	static struct gd__g next, queued;
	bool inherit;

	(void)arg;
	atomic_store(&p.schedtick, 2);
	atomic_store(&p.runnext, &next);
	CHECK(gd__runq_put(&p.runq, &queued));
	CHECK(gd__p_get(&p, &inherit) == &next);
	CHECK(inherit);
	atomic_store(&p.runnext, &next);
	atomic_store(&p.late_tick, 2);
	CHECK(gd__p_get(&p, &inherit) == &queued);
	CHECK(!inherit);
	CHECK(gd__p_get(&p, &inherit) == NULL);
	CHECK_EQ(gd__sched.global_n, 1); /* and next queues behind all */
	exit(0);
}

CASE(nobody_inherits_a_slice_that_is_over)
{
	run(start_inheriting);
}

static void hog(void *arg)
{
	(void)arg;
	while (!done)
		turns++;
}

/* Until every goroutine has hogged for so long. */
static void wait_cpu(int64_t ns)
{
	int64_t start = cpu_ns();

	while (cpu_ns() - start < ns)
		gd_sleep(10 * GD_MILLISECOND);
}

static void start_hogs(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++)
		gd_go_fn(hog, NULL); /* one place: one warning */
	wait_cpu(500 * GD_MILLISECOND);
	done = true;
}

static void hog_child(void)
{
	procs = 4;
	run(start_hogs);
}

static int count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

/* Options are read when the process begins. */
static void with_options(const char *options, const char *name)
{
	const char *set = getenv("GDETECT_OPTIONS");

	if (set && strcmp(set, options) == 0)
		return;
	setenv("GDETECT_OPTIONS", options, 1);
	execl("/proc/self/exe", "self", name, (char *)NULL);
	CHECK(!"exec failed");
}

CASE(a_hog_is_warned_of_once_with_its_stack)
{
	struct child c;

	with_options("hog_ms=50", "a_hog_is_warned_of_once_with_its_stack");
	child_run(&c, hog_child);
	CHECK_EQ(c.code, 0);
	CHECK_HAS(c.text, " (hog) has run for ");
	CHECK_HAS(c.text, " ms without a safe point\n");
	CHECK_HAS(c.text, " [running]:\nhog(...)\n\t");
	CHECK_HAS(c.text, "created by start_hogs in goroutine 1");
	CHECK_EQ(count(c.text, "without a safe point"), 1);
}

static void hog_locked(void *arg)
{
	gd_lock_os_thread();
	hog(arg);
}

static int compute(void)
{
	int64_t start = cpu_ns();

	while (cpu_ns() - start < 200 * GD_MILLISECOND)
		;
	return 0;
}

/* Safe points, a thread of its own, a system call. */
static void start_no_hogs(void *arg)
{
	(void)arg;
	gd_go_fn(hog_locked, NULL);
	gd_go_fn(busy_with_safe_points, NULL);
	gd_syscall(compute());
	wait_cpu(400 * GD_MILLISECOND);
	done = true;
}

static void no_hog_child(void)
{
	procs = 4;
	run(start_no_hogs);
}

static void start_alone(void *arg)
{
	(void)arg;
	compute();
}

static void alone_child(void)
{
	run(start_alone);
}

CASE(nobody_else_is_warned_of)
{
	struct child c;

	with_options("hog_ms=50", "nobody_else_is_warned_of");
	child_run(&c, no_hog_child);
	CHECK_EQ(c.code, 0);
	CHECK_STR(c.text, "");
	child_run(&c, alone_child);
	CHECK_EQ(c.code, 0);
	CHECK_STR(c.text, "");
}

CASE(warnings_can_be_switched_off)
{
	struct child c;

	with_options("hog_ms=0", "warnings_can_be_switched_off");
	child_run(&c, hog_child);
	CHECK_EQ(c.code, 0);
	CHECK_STR(c.text, "");
}

UNIT_MAIN
