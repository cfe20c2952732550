/* link: gdetect */
/* netpoll_test.c - waits for anybody's descriptors, over real epoll. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <gdetect/gdetect.h>

#include "runtime/net/netpoll.h"
#include "tests/support/unit.h"

/* One P: a goroutine that is started has parked when the caller's yields are done. */
static void run(void (*fn)(void *))
{
	gd_set_procs(1);
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

typedef gd_chan_of(int) int_chan;

struct waiter_args {
	int fd;
	bool write;
	int64_t until;
	int_chan out;
};

static void waiter(struct waiter_args *a)
{
	gd_chan_send(a->out, gd__netpoll_wait_fd(a->fd, a->write, a->until));
}

static void ready_now(void *arg)
{
	int s[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	CHECK_EQ(gd__netpoll_wait_fd(s[0], true, GD__FOREVER), GD_OK);
	CHECK_EQ(write(s[1], "x", 1), 1);
	for (int i = 0; i < 3; i++) /* nothing is read: it stays ready */
		CHECK_EQ(gd__netpoll_wait_fd(s[0], false, GD__FOREVER), GD_OK);
}

CASE(what_is_ready_is_told_each_time)
{
	run(ready_now);
}

static void ready_later(void *arg)
{
	int s[2], r;
	int_chan out = gd_chan_make(int_chan, 0);

	CHECK_EQ(pipe(s), 0);
	gd_go(waiter, .fd = s[0], .until = GD__FOREVER, .out = out);
	for (int i = 0; i < 10; i++)
		gd_yield();
	CHECK_EQ(write(s[1], "x", 1), 1);
	CHECK(gd_chan_recv(out, &r));
	CHECK_EQ(r, GD_OK);
}

CASE(a_write_wakes_the_reader)
{
	run(ready_later);
}

static void times_out(void *arg)
{
	int s[2];
	int64_t at = gd_now() + 20 * GD_MILLISECOND;

	CHECK_EQ(pipe(s), 0);
	CHECK_EQ(gd__netpoll_wait_fd(s[0], false, at), GD_ETIMEDOUT);
	CHECK(gd_now() >= at);
	CHECK_EQ(gd__netpoll_wait_fd(s[0], false, at), GD_ETIMEDOUT);
	CHECK_EQ(gd__netpoll_wait_fd(s[0], false, GD__NO_WAIT), GD_EAGAIN);
}

CASE(a_deadline_ends_the_wait)
{
	run(times_out);
}

static void close_wakes(void *arg)
{
	int s[2], r;
	int_chan out = gd_chan_make(int_chan, 0);

	CHECK_EQ(pipe(s), 0);
	for (int i = 0; i < 3; i++)
		gd_go(waiter, .fd = s[0], .until = GD__FOREVER, .out = out);
	for (int i = 0; i < 100; i++)
		gd_yield();
	gd__netpoll_closed(s[0], gd__netpoll_generation(s[0]));
	close(s[0]);
	for (int i = 0; i < 3; i++) {
		CHECK(gd_chan_recv(out, &r));
		CHECK_EQ(r, GD_ECLOSED);
	}
}

CASE(a_close_wakes_all_who_wait)
{
	run(close_wakes);
}

static void reused(void *arg)
{
	int a[2], b[2], keep;
	int_chan out = gd_chan_make(int_chan, 0);
	int r;

	CHECK_EQ(pipe(a), 0);
	CHECK_EQ(gd__netpoll_wait_fd(a[0], false, gd_now() + GD_MILLISECOND), GD_ETIMEDOUT);
	keep = dup(a[0]); /* the old file stays in the epoll set under the old number */
	close(a[0]);      /* behind our back */
	CHECK_EQ(pipe(b), 0);
	CHECK_EQ(b[0], a[0]);
	gd_go(waiter, .fd = b[0], .until = GD__FOREVER, .out = out);
	for (int i = 0; i < 100; i++)
		gd_yield();
	CHECK_EQ(write(b[1], "x", 1), 1);
	CHECK(gd_chan_recv(out, &r));
	CHECK_EQ(r, GD_OK);
	close(keep);
}

CASE(a_number_closed_behind_our_back_is_added_again)
{
	run(reused);
}

static void refused(void *arg)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), file = open("/etc/hosts", O_RDONLY);

	CHECK_EQ(gd__netpoll_wait_fd(-1, false, GD__FOREVER), GD_ERRNO(EBADF));
	CHECK_EQ(gd__netpoll_wait_fd(1000, false, GD__FOREVER), GD_ERRNO(EBADF));
	CHECK_EQ(gd__netpoll_wait_fd(file, false, GD__FOREVER), GD_ERRNO(EPERM));
	CHECK_EQ(gd__netpoll_wait_fd(fd, false, GD__FOREVER), GD_ERRNO(EPERM));
	CHECK_EQ(gd__netpoll_wait_fd(1 << 23, false, GD__FOREVER), GD_ERRNO(EMFILE));
}

CASE(what_cannot_wait_is_refused)
{
	run(refused);
}

UNIT_MAIN
