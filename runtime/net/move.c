/*
 * move.c - bytes from one descriptor to another within the kernel: splice and sendfile.
 *
 * splice(2) wants a pipe at one end. Between two others it goes through a pipe of our own, made
 * for the call and empty at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <gdetect/error.h>
#include <gdetect/go.h>
#include <gdetect/io.h>

#include "runtime/base/os_linux.h"
#include "runtime/net/fd.h"
#include "runtime/sched/sched.h"

/* What one call moves at most: a pipe holds 64 KiB, and a call shall not keep others waiting. */
#define PIECE ((size_t)1 << 20)

static size_t piece(size_t n)
{
	return n < PIECE ? n : PIECE;
}

static long splice_once(int from, int to, size_t n)
{
	const struct gd__io_call k = {
		.nr = SYS_splice, .b = to, .d = (long)piece(n), .e = SPLICE_F_NONBLOCK
	};

	return gd__io_quietly(from, &k);
}

/* Neither end says which of the two is not ready. */
static int wait_for_either(const struct gd__pd_use *from, const struct gd__pd_use *to,
			   int64_t until)
{
	struct timespec now = { 0, 0 }; /* the system call writes what is left of it */
	struct pollfd p = { .fd = from->fd, .events = POLLIN };

	if (gd__os_call(SYS_ppoll, (long)&p, 1, (long)&now, 0, 8, 0) == 0)
		return gd__pd_wait(from, until);
	return gd__pd_wait(to, until);
}

static int64_t move_direct(const struct gd__pd_use *from, const struct gd__pd_use *to, size_t n,
			   int64_t until)
{
	for (;;) {
		int w;

		gd__pd_call(from);
		gd__pd_call(to);
		long r = splice_once(from->fd, to->fd, n);

		if (r >= 0)
			return r;
		if (r != -EAGAIN)
			return gd__errno_code(r);
		w = wait_for_either(from, to, until);
		if (w != GD_OK)
			return w;
	}
}

/* From a descriptor into the pipe (its own side never says EAGAIN: it is empty), or out of it. */
static int64_t move_half(const struct gd__pd_use *u, int from, int to, size_t n, int64_t until)
{
	for (;;) {
		int w;

		gd__pd_call(u);
		long r = splice_once(from, to, n);

		if (r >= 0)
			return r;
		if (r != -EAGAIN)
			return gd__errno_code(r);
		w = gd__pd_wait(u, until);
		if (w != GD_OK)
			return w;
	}
}

static int64_t move_through(const struct gd__pd_use *from, const struct gd__pd_use *to,
			    const int pipe[2], size_t n, int64_t until)
{
	int64_t got = move_half(from, from->fd, pipe[1], n, until);

	for (int64_t left = got; left > 0;) {
		int64_t r = move_half(to, pipe[0], to->fd, (size_t)left, until);

		if (r < 0)
			return r;
		left -= r;
	}
	return got;
}

static int64_t move_all(const struct gd__pd_use *from, const struct gd__pd_use *to, size_t n,
			int64_t until)
{
	bool direct = from->kind == GD__PD_PIPE || to->kind == GD__PD_PIPE;
	int pipe[2];
	size_t done = 0;
	int64_t r = direct ? 0 : gd__os_call(SYS_pipe2, (long)pipe, O_CLOEXEC, 0, 0, 0, 0);

	if (r < 0)
		return gd__errno_code((long)r);
	while (done < n) {
		r = direct ? move_direct(from, to, n - done, until)
			   : move_through(from, to, pipe, n - done, until);
		if (r <= 0)
			break;
		done += (size_t)r;
	}
	if (!direct) {
		gd__io_close_raw(pipe[0]);
		gd__io_close_raw(pipe[1]);
	}
	return r < 0 ? r : (int64_t)done;
}

int64_t gd_fd_splice_until(int from, int to, size_t n, int64_t until)
{
	struct gd__pd_use in, out;
	int64_t r = gd__pd_begin(&in, from, GD__PD_READ, until);

	if (r != GD_OK)
		return r;
	r = gd__pd_begin(&out, to, GD__PD_WRITE, until);
	if (r == GD_OK) {
		r = move_all(&in, &out, n, until);
		gd__pd_end(&out);
	}
	gd__pd_end(&in);
	if (gd__hooks && r >= 0) {
		gd__io_tell(GD__IO_READ, from, NULL, 0);
		gd__io_tell(GD__IO_WRITE, to, NULL, 0);
	}
	gd__safe_point(in.g);
	return r;
}

/* The disk may make the thread wait. */
static long sendfile_once(int to, int file, int64_t *at, size_t n)
{
	const struct gd__io_call k = {
		.nr = SYS_sendfile, .a = file, .b = (long)at, .c = (long)piece(n)
	};
	long r;

	gd_syscall_enter();
	r = gd__io_quietly(to, &k);
	gd_syscall_exit();
	return r;
}

int64_t gd_fd_sendfile_until(int to, int file, int64_t *at, size_t n, int64_t until)
{
	struct gd__pd_use u;
	size_t done = 0;
	int64_t r;

	if (gd__hooks)
		gd__io_tell(GD__IO_WRITE, to, NULL, 0);
	r = gd__pd_begin(&u, to, GD__PD_WRITE, until);
	if (r != GD_OK)
		return r;
	while (done < n) {
		gd__pd_call(&u);
		r = sendfile_once(to, file, at, n - done);
		if (r == 0)
			break;
		if (r > 0)
			done += (size_t)r;
		else if (r != -EAGAIN)
			r = gd__errno_code((long)r);
		else
			r = gd__pd_wait(&u, until);
		if (r < 0)
			break;
	}
	gd__pd_end(&u);
	gd__safe_point(u.g);
	return r < 0 ? r : (int64_t)done;
}
