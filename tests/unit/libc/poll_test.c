/* link: gdetect_libc gdetect */
/*
 * poll_test.c - poll, ppoll, select, pselect, epoll_wait on goroutines: ready sets as the kernel
 * has them, timeouts, several descriptors, no thread while they wait.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "tests/unit/libc/pairs.h"

#define MS INT64_C(1000000)

static struct pollfd polled[3];
static int npolled;
static int timeout_ms;

static long call_poll(int fd)
{
	return poll(polled, (nfds_t)npolled, timeout_ms);
}

static long call_ppoll(int fd)
{
	return ppoll(polled, (nfds_t)npolled, NULL, NULL);
}

static void poll_on(long (*call)(int), int n)
{
	struct waiter w;
	int a[2], b[2];

	CHECK_EQ(pipe(a), 0);
	make_pair(SOCK_STREAM, b);
	timeout_ms = -1;
	npolled = n;
	polled[0] = (struct pollfd){ a[0], POLLIN, 77 };
	polled[1] = (struct pollfd){ b[0], POLLIN | POLLPRI | POLLRDHUP, 77 };
	polled[2] = (struct pollfd){ -5, POLLIN, 77 };
	start_waiter(&w, call, 0);
	CHECK_EQ(write(a[1], "x", 1), 1);
	join_waiter(&w);
	CHECK_EQ(w.result, 1);
	CHECK_EQ(polled[0].revents, POLLIN);
	if (n < 2)
		return;
	CHECK_EQ(polled[1].revents, 0);
	CHECK_EQ(polled[2].revents, 0);
	CHECK_EQ(read(a[0], &(char){ 0 }, 1), 1);
	start_waiter(&w, call, 0);
	close(b[1]);
	join_waiter(&w);
	CHECK_EQ(w.result, 1);
	CHECK_EQ(polled[0].revents, 0);
	CHECK_EQ(polled[1].revents, POLLIN | POLLRDHUP | POLLHUP);
}

static void start_poll(void *arg)
{
	poll_on(call_poll, 1);
	poll_on(call_poll, 3);
	poll_on(call_ppoll, 1);
	poll_on(call_ppoll, 3);
}

CASE(poll_parks)
{
	on_one_p(start_poll);
}

/* One descriptor twice, with different events; and room to write after it was full. */
static void start_twice(void *arg)
{
	static char much[1 << 20];
	struct waiter w;
	int fds[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	CHECK(write(fds[0], much, sizeof(much)) > 0);
	npolled = 2;
	timeout_ms = -1;
	polled[0] = (struct pollfd){ fds[0], POLLIN, 0 };
	polled[1] = (struct pollfd){ fds[0], POLLOUT, 0 };
	start_waiter(&w, call_poll, 0);
	while (read(fds[1], much, sizeof(much)) > 0)
		;
	join_waiter(&w);
	CHECK_EQ(w.result, 1);
	CHECK_EQ(polled[0].revents, 0);
	CHECK_EQ(polled[1].revents, POLLOUT);
}

CASE(one_descriptor_twice)
{
	on_one_p(start_twice);
}

static void start_timeouts(void *arg)
{
	int64_t began = gd_now();
	struct timespec ts = { 0, 30 * MS };
	struct timeval tv = { 0, 30000 };
	struct epoll_event e;
	fd_set set;
	int fds[2], ep = epoll_create1(0);
	volatile nfds_t too_many = 1 << 30; /* compilers complain where they see it */

	CHECK_EQ(pipe(fds), 0);
	npolled = 1;
	polled[0] = (struct pollfd){ fds[0], POLLIN, 77 };
	timeout_ms = 30;
	CHECK_EQ(call_poll(0), 0);
	CHECK_EQ(polled[0].revents, 0);
	CHECK(gd_now() - began >= 30 * MS);
	polled[1] = polled[0];
	CHECK_EQ(poll(polled, 2, 30), 0);
	CHECK(gd_now() - began >= 60 * MS);
	CHECK_EQ(poll(NULL, 0, 30), 0);
	CHECK(gd_now() - began >= 90 * MS);
	CHECK_EQ(ppoll(polled, 1, &ts, NULL), 0);
	CHECK(gd_now() - began >= 120 * MS);
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	CHECK_EQ(select(fds[0] + 1, &set, NULL, NULL, &tv), 0);
	CHECK(!FD_ISSET(fds[0], &set));
	CHECK_EQ(tv.tv_usec, 0);
	CHECK(gd_now() - began >= 150 * MS);
	tv.tv_usec = 30000;
	CHECK_EQ(select(0, NULL, NULL, NULL, &tv), 0);
	CHECK(gd_now() - began >= 180 * MS);
	CHECK_EQ(pselect(0, NULL, NULL, NULL, &ts, NULL), 0);
	CHECK(gd_now() - began >= 210 * MS);
	CHECK_EQ(epoll_wait(ep, &e, 1, 30), 0);
	CHECK(gd_now() - began >= 240 * MS);
	CHECK_EQ(poll(polled, 1, 0), 0);
	CHECK_EQ(poll(polled, too_many, -1), -1);
	CHECK_EQ(errno_now(), EINVAL);
	polled[0].fd = 12345;
	CHECK_EQ(poll(polled, 1, -1), 1);
	CHECK_EQ(polled[0].revents, POLLNVAL);
	CHECK_EQ(epoll_wait(12345, &e, 1, -1), -1);
	CHECK_EQ(errno_now(), EBADF);
}

CASE(timeouts_and_errors)
{
	on_one_p(start_timeouts);
}

static fd_set reads, writes;

static long call_select(int fd)
{
	struct timeval tv = { 20, 0 };
	int r = select(fd + 1, &reads, &writes, NULL, &tv);

	return tv.tv_sec == 19 ? r : -5;
}

static void start_select(void *arg)
{
	static char much[1 << 20];
	struct waiter w;
	int a[2], b[2], top;

	CHECK_EQ(pipe(a), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
	CHECK(write(b[0], much, sizeof(much)) > 0);
	top = b[0] > a[0] ? b[0] : a[0];
	FD_SET(a[0], &reads);
	FD_SET(b[0], &reads);
	FD_SET(b[0], &writes);
	start_waiter(&w, call_select, top);
	CHECK_EQ(write(a[1], "x", 1), 1);
	join_waiter(&w);
	CHECK_EQ(w.result, 1);
	CHECK(FD_ISSET(a[0], &reads) && !FD_ISSET(b[0], &reads) && !FD_ISSET(b[0], &writes));
	FD_CLR(a[0], &reads);
	FD_SET(b[0], &writes);
	start_waiter(&w, call_select, top);
	while (read(b[1], much, sizeof(much)) > 0)
		;
	join_waiter(&w);
	CHECK_EQ(w.result, 1);
	CHECK(FD_ISSET(b[0], &writes));
}

CASE(select_parks)
{
	on_one_p(start_select);
}

static struct epoll_event events[4];

static long call_epoll(int fd)
{
	return epoll_wait(fd, events, 4, -1);
}

/* An event loop of the program's own, on a goroutine. */
static void start_epoll(void *arg)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), n = eventfd(0, 0), fds[2];
	struct waiter w;
	uint64_t one = 1;

	CHECK_EQ(pipe(fds), 0);
	e.data.fd = n;
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, n, &e), 0);
	e.data.fd = fds[0];
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e), 0);
	for (int round = 0; round < 3; round++) {
		start_waiter(&w, call_epoll, ep);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		join_waiter(&w);
		CHECK_EQ(w.result, 1);
		CHECK_EQ(events[0].data.fd, fds[0]);
		CHECK_EQ(read(fds[0], &(char){ 0 }, 1), 1);
	}
	start_waiter(&w, call_epoll, ep);
	CHECK_EQ(write(n, &one, 8), 8);
	join_waiter(&w);
	CHECK_EQ(w.result, 1);
	CHECK_EQ(events[0].data.fd, n);
}

CASE(epoll_wait_parks)
{
	on_one_p(start_epoll);
}

enum { POLLERS = 300 };
static _Atomic int done;

struct poller_args {
	int fd, other;
};

static void poller(struct poller_args *a)
{
	struct pollfd p[2] = { { a->fd, POLLIN, 0 }, { a->other, POLLIN, 0 } };

	CHECK_EQ(poll(p, 2, -1), 1);
	CHECK_EQ(p[0].revents, POLLIN);
	atomic_fetch_add(&done, 1);
}

static void start_pollers(void *arg)
{
	static int ends[POLLERS];
	int quiet[2], fds[2];

	CHECK_EQ(pipe(quiet), 0);
	for (int i = 0; i < POLLERS; i++) {
		CHECK_EQ(pipe(fds), 0);
		ends[i] = fds[1];
		gd_go(poller, .fd = fds[0], .other = quiet[0]);
	}
	for (int i = 0; i < 50; i++)
		gd_yield();
	CHECK(workers() <= FEW);
	for (int i = 0; i < POLLERS; i++)
		CHECK_EQ(write(ends[i], "x", 1), 1);
	while (atomic_load(&done) < POLLERS)
		gd_yield();
}

CASE(many_pollers_take_no_threads)
{
	struct rlimit files;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	on_one_p(start_pollers);
}

UNIT_MAIN
