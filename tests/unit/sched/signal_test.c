/* link: gdetect */
/*
 * signal_test.c - handlers of the program's on threads that run goroutines.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "runtime/sched/sched.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static _Atomic int handled, on_goroutine;
static uint64_t id_seen;

/* Disturbs what a handler may disturb. */
static void on_signal(int sig)
{
	volatile char here = 0;
	const struct gd__g *g = gd__self();
	int saved = errno;

	(void)sig;
	errno = 9999;
	if (g && (uintptr_t)&here >= g->stack_lo && (uintptr_t)&here < g->stack_hi)
		atomic_fetch_add(&on_goroutine, 1);
	id_seen = gd_go_id();
	atomic_fetch_add(&handled, 1);
	errno = saved;
}

static void handle(int sig, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	CHECK_EQ(sigaction(sig, &action, NULL), 0);
}

static void start_raise(void *arg)
{
	(void)arg;
	handle(SIGUSR1, SA_ONSTACK);
	errno = 5;
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(gd_errno(), 5);
	CHECK_EQ(handled, 1);
	CHECK_EQ(id_seen, 1);
	CHECK_EQ(on_goroutine, 0);
	handle(SIGUSR1, 0);
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(handled, 2);
	CHECK_EQ(on_goroutine, 1);
}

CASE(a_handler_runs_on_the_stack_it_asked_for)
{
	CHECK_EQ(gd_run(start_raise, NULL), GD_OK);
}

/* Down to where no frame of a handler fits, and a signal there. */
__attribute__((noinline)) static int fill_and_raise(volatile char *above)
{
	volatile char here[256];

	here[0] = above ? above[0] : 1;
	if ((uintptr_t)here - gd__self()->stack_lo < 1200)
		kill(getpid(), SIGUSR1);
	else
		fill_and_raise(here);
	return here[0];
}

static void start_filling(void *arg)
{
	sigset_t one;

	(void)arg;
	handle(SIGUSR1, 0);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &one, NULL), 0);
	fill_and_raise(NULL);
}

/* The other threads block it: it is this one's. */
static void run_filling(void)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	sigprocmask(SIG_BLOCK, &one, NULL);
	gd_set_procs(1);
	gd_run(start_filling, NULL);
}

CASE(a_full_stack_is_reported_as_an_overflow)
{
	struct child c;

	child_run(&c, run_filling);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "stack overflow: goroutine 1 (main)");
}

enum { PAIRS = 4, SIGNALS = 300 };
static gd_waitgroup group;

static void ping(void *arg)
{
	for (int i = 0; atomic_load(&handled) < SIGNALS; i++) {
		int v = i;

		gd_errno_set(i);
		gd_chan_send_raw(arg, &v);
		CHECK_EQ(gd_errno(), i);
	}
	gd_chan_close_raw(arg);
	gd_waitgroup_done(&group);
}

static void pong(void *arg)
{
	uint64_t id = gd_go_id();

	for (int v, i = 0; gd_chan_recv_raw(arg, &v); i++) {
		CHECK_EQ(v, i);
		CHECK_EQ(gd_go_id(), id);
		if (i % 64 == 0)
			gd_sleep(10 * GD_MICROSECOND);
	}
	gd_waitgroup_done(&group);
}

static void start_storm(void *arg)
{
	const int *how = arg;
	struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };

	gd_set_procs(how[0]);
	handle(SIGALRM, SA_RESTART | how[1]);
	gd_waitgroup_add(&group, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		gd_chan *c = gd_chan_make_raw(sizeof(int), 0, "c");

		gd_go_fn(ping, c);
		gd_go_fn(pong, c);
	}
	CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
	gd_waitgroup_wait(&group);
	CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
}

/* At any instruction of a switch, on either stack. */
CASE(signals_between_stacks_1)
{
	CHECK_EQ(gd_run(start_storm, (int[]){ 1, 0 }), GD_OK);
}

CASE(signals_between_stacks_4)
{
	CHECK_EQ(gd_run(start_storm, (int[]){ 4, 0 }), GD_OK);
}

CASE(signals_on_the_alternate_stack_between_stacks)
{
	CHECK_EQ(gd_run(start_storm, (int[]){ 2, SA_ONSTACK }), GD_OK);
}

static void leave_thread(void *arg)
{
	(void)arg;
	pthread_exit(NULL);
}

static void start_leaver(void *arg)
{
	(void)arg;
	gd_go_fn(leave_thread, NULL);
	gd_chan_recv_raw(NULL, NULL);
}

static void run_leaver(void)
{
	gd_run(start_leaver, NULL);
}

CASE(pthread_exit_of_a_goroutine_is_fatal)
{
	struct child c;

	child_run(&c, run_leaver);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "goroutine 2 (leave_thread) has ended its thread: pthread_exit");
}

UNIT_MAIN
