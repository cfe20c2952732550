/* link: gdetect */
/*
 * errno_test.c - errno belongs to the goroutine, whatever it waits for and whatever thread it is
 * on.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gdetect/errno.h>
#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

enum { GOROUTINES = 12, ENOUGH = 200, ROUNDS_MAX = 200000 };

static gd_waitgroup group;
static gd_mutex mutex;
static gd_chan *swap;
static _Atomic int moved;

static long tid(void)
{
	return syscall(SYS_gettid);
}

static void meet(void)
{
	struct gd_case cases[3] = { { .kind = GD_CASE_RECV, .chan = swap },
				    { .kind = GD_CASE_SEND, .chan = swap },
				    { .kind = GD_CASE_AFTER, .after = 20 * GD_MICROSECOND } };

	gd_select_raw(cases, 3);
}

/* All that may take a goroutine off its thread; errno is never its business. */
static void wait_somehow(int i)
{
	switch (i % 6) {
	case 0:
		gd_yield();
		break;
	case 1:
		gd_sleep(10 * GD_MICROSECOND);
		break;
	case 2:
		gd_syscall(usleep(50));
		break;
	case 3:
		gd_mutex_lock(&mutex);
		gd_yield();
		gd_mutex_unlock(&mutex);
		break;
	case 4:
		meet();
		break;
	default:
		gd_chan_recv_until_raw(swap, NULL, gd_now() + 10 * GD_MICROSECOND);
	}
}

/* The same place in one function before and after: what a compiler would like to keep. */
__attribute__((noinline)) static void keeps_errno(int i, int value)
{
	long before = tid();

	errno = value;
	wait_somehow(i);
	CHECK_EQ(errno, value);
	CHECK_EQ(gd_errno(), value);
	gd_errno_set(value + 1);
	wait_somehow(i + 1);
	CHECK_EQ(gd_errno(), value + 1);
	CHECK_EQ(errno, value + 1);
	if (tid() != before)
		atomic_fetch_add(&moved, 1);
}

static void keep(void *arg)
{
	int value = (int)gd_go_id() * 10;

	(void)arg;
	for (int i = 0; i < ROUNDS_MAX && atomic_load(&moved) < ENOUGH; i++)
		keeps_errno(i, value);
	gd_waitgroup_done(&group);
}

static void start_keeping(void *arg)
{
	CHECK_EQ(gd_set_procs(*(int *)arg), GD_OK);
	swap = gd_chan_make_raw(0, 0, "swap");
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go_fn(keep, NULL);
	gd_waitgroup_wait(&group);
	CHECK(moved >= ENOUGH);
}

CASE(kept_on_1_p)
{
	int procs = 1;

	CHECK_EQ(gd_run(start_keeping, &procs), GD_OK);
}

CASE(kept_on_2_ps)
{
	int procs = 2;

	CHECK_EQ(gd_run(start_keeping, &procs), GD_OK);
}

CASE(kept_on_8_ps)
{
	int procs = 8;

	CHECK_EQ(gd_run(start_keeping, &procs), GD_OK);
}

/* A system call's errno comes along, wherever the goroutine goes on after it. */
static void fail(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS_MAX && atomic_load(&moved) < ENOUGH; i++) {
		long before = tid();

		errno = 0;
		CHECK_EQ(gd_syscall((usleep(200), close(-1))), -1);
		CHECK_EQ(errno, EBADF);
		if (tid() != before)
			atomic_fetch_add(&moved, 1);
	}
	gd_waitgroup_done(&group);
}

/* Wants a P: the monitor takes it from a system call, and who comes back from there is moved. */
static void be_busy(void *arg)
{
	(void)arg;
	while (atomic_load(&moved) < ENOUGH)
		gd_yield();
}

static void start_failing(void *arg)
{
	CHECK_EQ(gd_set_procs(*(int *)arg), GD_OK);
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++) {
		gd_go_fn(fail, NULL);
		gd_go_fn(be_busy, NULL);
	}
	gd_waitgroup_wait(&group);
	CHECK(moved >= ENOUGH);
}

CASE(of_a_system_call)
{
	int procs = 2;

	CHECK_EQ(gd_run(start_failing, &procs), GD_OK);
}

/* libc's errno in such a function, as compilers make it: no verdict, a figure for the reader. */
__attribute__((noinline)) static int of_libc(int value)
{
	*__errno_location() = value;
	gd_yield();
	return *__errno_location();
}

static void start_counting(void *arg)
{
	int stale = 0, rounds = 0;

	(void)arg;
	CHECK_EQ(gd_set_procs(2), GD_OK);
	swap = gd_chan_make_raw(0, 0, "swap");
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go_fn(keep, NULL);
	while (atomic_load(&moved) < ENOUGH) {
		rounds++;
		stale += of_libc(77) != 77;
		CHECK_EQ(gd_errno(), 77);
	}
	gd_waitgroup_wait(&group);
	fprintf(stderr, "%d of %d reads of libc's errno were of another thread\n", stale, rounds);
}

CASE(gd_errno_is_right_where_libcs_may_not_be)
{
	CHECK_EQ(gd_run(start_counting, NULL), GD_OK);
}

static void *on_thread(void *arg)
{
	gd_errno_set(5);
	CHECK_EQ(*__errno_location(), 5);
	*__errno_location() = 6;
	CHECK_EQ(gd_errno(), 6);
	return arg;
}

CASE(a_foreign_thread_has_its_own)
{
	pthread_t thread;

	errno = 3;
	CHECK_EQ(pthread_create(&thread, NULL, on_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(gd_errno(), 3);
}

UNIT_MAIN
