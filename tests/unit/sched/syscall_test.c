/* link: gdetect */
/*
 * syscall_test.c - gd_syscall on one P: its hand-over, threads that grow and are used again, short
 * calls that keep their P, errno.
 */
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include <gdetect/debug.h>
#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/unit.h"

#define MS INT64_C(1000000)

static void on_one_p(void (*start)(void *))
{
	alarm(30);
	CHECK_EQ(gd_set_procs(1), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

enum { CALLERS = 100 };
static _Atomic int entered, done;
static _Atomic int64_t entered_at;

struct call_args {
	int fd;
};

static ssize_t read_one(int fd)
{
	char c;

	atomic_store(&entered_at, gd__os_now());
	atomic_fetch_add(&entered, 1);
	return read(fd, &c, 1);
}

static void call(struct call_args *a)
{
	CHECK_EQ(gd_syscall(read_one(a->fd)), 1);
	atomic_fetch_add(&done, 1);
}

/* Runs only when the P comes back from a goroutine that is in the kernel. */
static void start_bounds(void *arg)
{
	int64_t shortest = INT64_MAX, took;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	for (int i = 0; i < 50; i++) {
		gd_go(call, .fd = fds[0]);
		while (atomic_load(&entered) <= i)
			gd_yield();
		took = gd__os_now() - atomic_load(&entered_at);
		CHECK_EQ(atomic_load(&done), i);
		shortest = took < shortest ? took : shortest;
		CHECK_EQ(write(fds[1], "x", 1), 1);
		while (atomic_load(&done) <= i)
			gd_yield();
	}
	CHECK(shortest >= 20000);   /* a short call keeps its P */
	CHECK(shortest <= 10 * MS); /* and with work waiting the P goes soon */
}

CASE(the_p_is_handed_off_in_time)
{
	on_one_p(start_bounds);
}

/* All in the kernel at the same time, each on a thread of its own; then again on the same threads.
 */
static void block_all(const int fds[2])
{
	atomic_store(&entered, 0);
	atomic_store(&done, 0);
	for (int i = 0; i < CALLERS; i++)
		gd_go(call, .fd = fds[0]);
	while (atomic_load(&entered) < CALLERS)
		gd_yield();
	CHECK_EQ(atomic_load(&done), 0);
	for (int i = 0; i < CALLERS; i++)
		CHECK_EQ(write(fds[1], "x", 1), 1);
	while (atomic_load(&done) < CALLERS)
		gd_yield();
}

static void start_many(void *arg)
{
	int fds[2], threads;

	CHECK_EQ(pipe(fds), 0);
	block_all(fds);
	threads = gd__os_threads();
	CHECK(threads > CALLERS);
	CHECK(threads <= CALLERS + 5); /* main's, sysmon's, the P's, one on its way */
	for (int i = 0; i < 5; i++)
		block_all(fds);
	CHECK(gd__os_threads() <= threads + 2);
}

CASE(a_hundred_block_at_the_same_time)
{
	on_one_p(start_many);
}

static void short_calls(void *arg)
{
	for (int i = 0; i < 20000; i++)
		gd_syscall(getppid());
	atomic_fetch_add(&done, 1);
}

static void start_short(void *arg)
{
	struct gd_stats stats;

	for (int i = 0; i < 4; i++)
		gd_go_fn(short_calls, NULL);
	while (atomic_load(&done) < 4)
		gd_yield();
	gd_stats(&stats, sizeof(stats));
	/* A thread that the kernel stops within a call may well lose its P: seldom. */
	CHECK(stats.retakes < 80000 / 1000);
}

CASE(short_calls_keep_their_p)
{
	on_one_p(start_short);
}

/* Functions of their own: a compiler keeps the place of errno. */
static __attribute__((noinline)) int errno_now(void)
{
	__asm__ volatile("");
	return errno;
}

static __attribute__((noinline)) ssize_t fail_late(int fd)
{
	read_one(fd);
	errno = 4711;
	return -1;
}

static __attribute__((noinline)) ssize_t fail(void)
{
	errno = 4712;
	return -1;
}

struct failing_args {
	int fd;
};

static void failing(struct failing_args *a)
{
	CHECK_EQ(gd_syscall(fail_late(a->fd)), -1);
	CHECK_EQ(errno_now(), 4711);
	atomic_fetch_add(&done, 1);
}

/* Each comes back on whatever thread has the P; others leave their own errno there. */
static void start_errno(void *arg)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	for (int i = 0; i < 20; i++)
		gd_go(failing, .fd = fds[0]);
	while (atomic_load(&entered) < 20)
		gd_yield();
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(write(fds[1], "x", 1), 1);
		CHECK_EQ(gd_syscall(fail()), -1);
		CHECK_EQ(errno_now(), 4712);
	}
	while (atomic_load(&done) < 20)
		gd_yield();
}

CASE(errno_comes_along)
{
	on_one_p(start_errno);
}

UNIT_MAIN
