/* link: gdetect_libc gdetect */
/*
 * close_test.c - close, dup2 and shutdown of a descriptor that goroutines wait for; numbers that
 * are given again.
 */
#include <poll.h>

#include "runtime/net/netpoll.h"
#include "tests/unit/libc/pairs.h"

static char got[8];

static long read_it(int fd)
{
	return read(fd, got, 4);
}

static long accept_it(int fd)
{
	return accept(fd, NULL, NULL);
}

static long write_it(int fd)
{
	static char much[4000000];

	return send(fd, much, sizeof(much), MSG_NOSIGNAL);
}

static long poll_it(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, -1) == 1 ? p.revents : -1;
}

static void start_close(void *arg)
{
	struct sockaddr_in at;
	struct waiter w, v;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	start_waiter(&w, read_it, fds[0]);
	start_waiter(&v, read_it, fds[0]);
	CHECK_EQ(close(fds[0]), 0);
	join_waiter(&w);
	join_waiter(&v);
	CHECK_EQ(w.result, -1);
	CHECK_EQ(w.error, EBADF);
	CHECK_EQ(v.error, EBADF);
	make_pair(SOCK_STREAM, fds);
	start_waiter(&w, poll_it, fds[0]);
	CHECK_EQ(close(fds[0]), 0);
	join_waiter(&w);
	CHECK_EQ(w.result, POLLNVAL);
	make_pair(SOCK_STREAM, fds);
	start_waiter(&w, write_it, fds[0]);
	CHECK_EQ(close(fds[0]), 0);
	join_waiter(&w);
	CHECK(w.result > 0); /* what went before */
	fds[0] = listen_any(&at);
	start_waiter(&w, accept_it, fds[0]);
	CHECK_EQ(close(fds[0]), 0);
	join_waiter(&w);
	CHECK_EQ(w.result, -1);
	CHECK_EQ(w.error, EBADF);
	CHECK_EQ(close(fds[0]), -1);
	CHECK_EQ(errno_now(), EBADF);
}

CASE(close_ends_waits)
{
	on_one_p(start_close);
}

/* The number leads to another pipe before the first reader runs: it may not take its bytes. */
static void start_reuse(void *arg)
{
	int old[2], fresh[2], number;
	struct waiter w, v;

	CHECK_EQ(pipe(old), 0);
	start_waiter(&w, read_it, old[0]);
	CHECK_EQ(close(old[0]), 0);
	CHECK_EQ(pipe(fresh), 0);
	CHECK_EQ(fresh[0], old[0]);
	CHECK_EQ(write(fresh[1], "new", 3), 3);
	join_waiter(&w);
	CHECK_EQ(w.result, -1);
	CHECK_EQ(w.error, EBADF);
	CHECK_EQ(read(fresh[0], got, 4), 3);

	/* The same by dup2; who waits on what takes the place is not disturbed. */
	number = fresh[0];
	start_waiter(&w, read_it, number);
	CHECK_EQ(pipe(old), 0);
	start_waiter(&v, read_it, old[0]);
	CHECK_EQ(dup2(old[0], number), number);
	join_waiter(&w);
	CHECK_EQ(w.error, EBADF);
	start_waiter(&w, read_it, number);
	CHECK_EQ(write(old[1], "ab", 2), 2);
	CHECK_EQ(write(old[1], "cd", 2), 2);
	while (!w.left && !v.left)
		gd_yield();
	CHECK_EQ(w.left + v.left, 1); /* four bytes for the first of them */
	CHECK_EQ(write(old[1], "ef", 2), 2);
	join_waiter(&w);
	join_waiter(&v);
	CHECK_EQ(w.result + v.result, 6);
}

CASE(a_number_given_again_is_another_file)
{
	on_one_p(start_reuse);
}

/* Told late of a close, of what had the number before: who waits for what has it by then waits on.
 */
static void start_late(void *arg)
{
	struct waiter w;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	start_waiter(&w, read_it, fds[0]);
	gd__netpoll_closed(fds[0], gd__netpoll_generation(fds[0]));
	for (int i = 0; i < 20; i++)
		gd_yield();
	CHECK_EQ(w.left, 0);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	join_waiter(&w);
	CHECK_EQ(w.result, 3);
}

CASE(a_close_told_late_disturbs_nobody)
{
	on_one_p(start_late);
}

static void start_shutdown(void *arg)
{
	struct sockaddr_in at;
	struct waiter w;
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	start_waiter(&w, read_it, fds[0]);
	CHECK_EQ(shutdown(fds[0], SHUT_RD), 0);
	join_waiter(&w);
	CHECK_EQ(w.result, 0);
	start_waiter(&w, write_it, fds[0]);
	CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
	join_waiter(&w);
	CHECK(w.result > 0);
	fds[0] = listen_any(&at);
	start_waiter(&w, accept_it, fds[0]);
	CHECK_EQ(shutdown(fds[0], SHUT_RDWR), 0);
	join_waiter(&w);
	CHECK_EQ(w.result, -1);
	CHECK_EQ(w.error, EINVAL);
}

CASE(shutdown_ends_waits)
{
	on_one_p(start_shutdown);
}

/* Churn on two Ps: each connection's bytes reach its own reader, whatever numbers they get. */
struct churn_args {
	int id;
};

static _Atomic int churned;

static void churn(struct churn_args *a)
{
	for (int i = 0; i < 300; i++) {
		int fds[2], n = a->id * 1000 + i, back = -1;

		make_pair(SOCK_STREAM, fds);
		CHECK_EQ(write(fds[0], &n, sizeof(n)), sizeof(n));
		CHECK_EQ(read(fds[1], &back, sizeof(back)), sizeof(back));
		CHECK_EQ(back, n);
		close(fds[0]);
		CHECK_EQ(read(fds[1], &back, sizeof(back)), 0);
		close(fds[1]);
	}
	atomic_fetch_add(&churned, 1);
}

static void start_churn(void *arg)
{
	for (int i = 0; i < 20; i++)
		gd_go(churn, .id = i);
	while (atomic_load(&churned) < 20)
		gd_yield();
}

CASE(numbers_churn)
{
	alarm(HANG_SECONDS);
	CHECK_EQ(gd_set_procs(4), GD_OK);
	CHECK_EQ(gd_run(start_churn, NULL), GD_OK);
}

UNIT_MAIN
