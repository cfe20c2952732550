/*
 * wait.c - when a call may park, and the wait of a call for a descriptor.
 */
#include <errno.h>

#include <gdetect/error.h>

#include "runtime/base/atomic.h"
#include "runtime/base/options.h"
#include "runtime/libc/libc.h"
#include "runtime/net/netpoll.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/state.h"
#include "runtime/time/timer.h"

/* Ready and yet not, so many times in a row: the kernel knows better when the call can be made. */
#define IN_VAIN 100

bool gd__block_may_park(void)
{
	const struct gd__g *g = gd__self();
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	if (!g || !gd__options.libc)
		return false;
	/* relaxed: written by this thread */
	if (gd__load_relaxed(&g->status) != GD__G_RUNNING || sp < g->stack_lo || sp >= g->stack_hi)
		return false;
	if (gd__load_relaxed(&gd__sched.stopping)) /* set by this thread, or it will wait */
		return false;
	return !gd__oslock_any(g);
}

int64_t gd__block_deadline(int64_t ns)
{
	int64_t now = gd__clock_now();

	return ns < 0 || ns > INT64_MAX - 1 - now ? GD__FOREVER : now + ns;
}

/* SO_RCVTIMEO or SO_SNDTIMEO, as a deadline. */
static int64_t timeout_of(int fd, bool write)
{
	struct timeval tv = { 0, 0 };
	socklen_t len = sizeof(tv);

	if (getsockopt(fd, SOL_SOCKET, write ? SO_SNDTIMEO : SO_RCVTIMEO, &tv, &len) != 0)
		return GD__FOREVER; /* no socket */
	if (tv.tv_sec == 0 && tv.tv_usec == 0)
		return GD__FOREVER;
	if (tv.tv_sec > INT64_MAX / 1000000000 - 1)
		return GD__FOREVER;
	return gd__block_deadline((int64_t)tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000);
}

static bool note_file(struct gd__block_wait *w)
{
	struct stat st;

	if (fstat(w->fd, &st) != 0)
		return false;
	w->dev = st.st_dev;
	w->ino = st.st_ino;
	return true;
}

static bool same_file(const struct gd__block_wait *w)
{
	struct gd__block_wait now = { .fd = w->fd };

	return note_file(&now) && now.dev == w->dev && now.ino == w->ino;
}

int gd__block_wait_until(struct gd__block_wait *w)
{
	int r;

	if (!w->begun && !note_file(w))
		return EBADF;
	w->begun = true;
	r = gd__netpoll_wait_fd(w->fd, w->write, w->until);
	if (r == GD_ETIMEDOUT)
		return ETIMEDOUT;
	/* Closed was what had the number before, if it is still what it was for us. */
	if (r == GD_ECLOSED && !same_file(w))
		return EBADF;
	if (r != GD_OK && r != GD_ECLOSED)
		return GD__BLOCK_REALLY; /* a file, or no memory for the poller */
	return ++w->in_vain > IN_VAIN ? GD__BLOCK_REALLY : GD__BLOCK_AGAIN;
}

int gd__block_wait(struct gd__block_wait *w)
{
	int r;

	if (!w->begun) {
		int flags = GD__NEXT(fcntl)(w->fd, F_GETFL);

		if (flags < 0)
			return EBADF;
		if (flags & O_NONBLOCK)
			return EAGAIN;
		w->until = timeout_of(w->fd, w->write);
	}
	r = gd__block_wait_until(w);
	return r == ETIMEDOUT ? EAGAIN : r;
}
