/*
 * pairs.h - what the tests of libgdetect_libc share: a goroutine that waits in a plain libc call,
 * on one P, and the main goroutine that makes the call come true. Without parking they would hang.
 */
#ifndef GD_TESTS_UNIT_LIBC_PAIRS_H
#define GD_TESTS_UNIT_LIBC_PAIRS_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/unit.h"

#define HANG_SECONDS 30

__attribute__((unused)) static void on_one_p(void (*start)(void *))
{
	alarm(HANG_SECONDS);
	CHECK_EQ(gd_set_procs(1), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

/* A function of its own: a compiler keeps the place of errno. */
__attribute__((noinline, unused)) static int errno_now(void)
{
	__asm__ volatile("");
	return errno;
}

/*
 * Threads that run goroutines. Where a hundred wait and none is in the kernel, there are FEW: a
 * file's call, or a close, may lose its P on a busy machine.
 */
enum { FEW = 20 };

__attribute__((unused)) static int workers(void)
{
	return gd__sched.nm - 1; /* one is sysmon */
}

/* What the waiting goroutine does, and what it got. */
struct waiter {
	long (*call)(int fd);
	int fd;
	_Atomic int entered, left;
	long result;
	int error;
};

__attribute__((unused)) static void wait_in_call(void *arg)
{
	struct waiter *w = arg;

	atomic_store(&w->entered, 1);
	w->result = w->call(w->fd);
	w->error = errno_now();
	atomic_store(&w->left, 1);
}

/* Starts it, and lets it run until it parks. */
__attribute__((unused)) static void start_waiter(struct waiter *w, long (*call)(int), int fd)
{
	*w = (struct waiter){ .call = call, .fd = fd };
	gd_go_fn(wait_in_call, w);
	for (int i = 0; i < 20; i++)
		gd_yield();
	CHECK_EQ(atomic_load(&w->entered), 1);
	CHECK_EQ(atomic_load(&w->left), 0);
}

__attribute__((unused)) static void join_waiter(struct waiter *w)
{
	while (!atomic_load(&w->left))
		gd_yield();
}

__attribute__((unused)) static void make_pair(int type, int fds[2])
{
	CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
}

/* A connection over loopback: [0] accepted, [1] connected. */
__attribute__((unused)) static int listen_any(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK(fd >= 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)at, len), 0);
	CHECK_EQ(listen(fd, 128), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

#endif
