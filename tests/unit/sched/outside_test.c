/* link: gdetect */
/*
 * outside_test.c - the runtime in a process that is not its own: threads of the program, blocked
 * signals, refused threads, calls after the end of gd_run.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static gd_chan *mailbox;
static _Atomic bool send;

/* Comes when every M sleeps: the only moment at which a deadlock is looked for has passed. */
static void *postman(void *arg)
{
	while (gd__sched.nmidle < gd__sched.nm ||
	       atomic_load(&gd__sched.npidle) < (int32_t)atomic_load(&gd__sched.procs))
		gd__os_nanosleep(100000);
	if (send)
		CHECK_EQ(gd_chan_try_send_raw(mailbox, arg), GD_OK);
	return NULL;
}

static void start_waiting(void *arg)
{
	static int letter = 42;
	pthread_t thread;
	int got = 0;

	(void)arg;
	mailbox = gd_chan_make_raw(sizeof(int), 1, "mailbox");
	CHECK_EQ(pthread_create(&thread, NULL, postman, &letter), 0);
	CHECK(gd_chan_recv_raw(mailbox, &got));
	CHECK_EQ(got, 42);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

CASE(a_thread_may_wake_when_all_are_asleep)
{
	send = true;
	CHECK_EQ(gd_run(start_waiting, NULL), GD_OK);
}

static void wait_in_vain(void)
{
	gd_run(start_waiting, NULL);
}

CASE(a_deadlock_is_found_after_the_last_thread)
{
	struct child c;

	child_run(&c, wait_in_vain);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "all goroutines are asleep");
}

static _Atomic uint64_t turns;

static void spin(void *arg)
{
	(void)arg;
	for (;;)
		atomic_fetch_add(&turns, 1);
}

static void start_spinning(void *arg)
{
	(void)arg;
	gd_set_procs(2);
	gd_go_fn(spin, NULL);
	while (turns == 0)
		gd_yield();
}

static void stacks_after_the_end(void)
{
	gd_run(start_spinning, NULL);
	gd_stacks(2);
	gd_stacks(2);
}

CASE(stacks_can_be_had_after_the_end)
{
	struct child c;

	child_run(&c, stacks_after_the_end);
	CHECK_EQ(c.code, 0);
	CHECK_HAS(c.text, "goroutine 2 [running]");
}

static void start_stopping(void *arg)
{
	uint64_t seen;

	start_spinning(arg);
	CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
	seen = turns;
	gd__os_nanosleep(1000000);
	CHECK_EQ(turns, seen);
	gd__stw_start();
}

CASE(a_stop_reaches_threads_of_a_program_that_blocks_all_signals)
{
	sigset_t all;

	sigfillset(&all);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &all, NULL), 0);
	CHECK_EQ(gd_run(start_stopping, NULL), GD_OK);
}

enum { CALLERS = 30 };
static gd_waitgroup group;

static void call_kernel(void *arg)
{
	struct timespec ts = { 0, 1000000 };

	(void)arg;
	for (int i = 0; i < 10; i++)
		gd_syscall(nanosleep(&ts, NULL));
	gd_waitgroup_done(&group);
}

static void work(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		gd_yield();
	gd_waitgroup_done(&group);
}

static void start_callers(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 2 * CALLERS);
	for (int i = 0; i < CALLERS; i++) {
		gd_go_fn(call_kernel, NULL);
		gd_go_fn(work, NULL);
	}
	gd_waitgroup_wait(&group);
}

/* The main thread, sysmon, two workers: each system call waits for one of two threads. */
CASE(goes_on_with_few_threads)
{
	struct rlimit few = { 4, 4 };

	if (geteuid() != 0)
		return; /* the limit counts all processes of a user: it takes a user of its own */
	CHECK_EQ(setrlimit(RLIMIT_NPROC, &few), 0);
	CHECK_EQ(setuid((uid_t)(0x40000000 + getpid())), 0);
	CHECK_EQ(gd_set_procs(8), GD_OK);
	CHECK_EQ(gd_run(start_callers, NULL), GD_OK);
}

UNIT_MAIN
