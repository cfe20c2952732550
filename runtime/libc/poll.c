/*
 * poll.c - poll, select, epoll_wait.
 *
 * First the real call with no time to wait. If nothing is ready, the
 * goroutine parks until something is, and the real call is made again; so the
 * results are always the kernel's. One descriptor in one direction is waited for in
 * the poller itself; several, or other events, in an epoll set of their own, which is a
 * descriptor that becomes readable. An epoll_wait of the program's is the same already.
 * Calls that change the signal mask meanwhile block the thread.
 */
#include <errno.h>
#include <string.h>

#include <gdetect/time.h>

#include "runtime/libc/libc.h"
#include "runtime/sync/waitq.h"

#define FOR_READ  (POLLIN | POLLRDNORM)
#define FOR_WRITE (POLLOUT | POLLWRNORM)

/* A descriptor may be named more than once; a set has one entry for it. */
static uint32_t events_of(const struct pollfd *fds, nfds_t n, int fd)
{
	uint32_t events = 0;

	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd == fd)
			events |= (uint16_t)fds[i].events;
	return events;
}

/* 0; EPERM is for files, which poll says are always ready. */
static int add_to_set(int set, const struct pollfd *fds, nfds_t n, int fd)
{
	struct epoll_event e = { .events = (uint16_t)fds->events, .data.fd = fd };
	int r = epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);

	if (r != 0 && gd_errno() == EEXIST) {
		e.events = events_of(fds, n, fd);
		r = epoll_ctl(set, EPOLL_CTL_MOD, fd, &e);
	}
	return r != 0 && gd_errno() != EPERM ? -1 : 0;
}

static int make_set(const struct pollfd *fds, nfds_t n)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	for (nfds_t i = 0; set >= 0 && i < n; i++)
		if (fds[i].fd >= 0 && add_to_set(set, fds, n, fds[i].fd) != 0) {
			GD__NEXT(close)(set);
			set = -1;
		}
	return set;
}

/* Waits until the real poll is worth calling again: as gd__block_wait_until. */
static int wait_for_any(const struct pollfd *fds, nfds_t n, int64_t until)
{
	struct gd__block_wait w = { .until = until };
	int r;

	if (n == 1 && fds->fd >= 0 && (fds->events & ~FOR_READ) == 0 && fds->events) {
		w.fd = fds->fd;
		return gd__block_wait_until(&w);
	}
	if (n == 1 && fds->fd >= 0 && (fds->events & ~FOR_WRITE) == 0 && fds->events) {
		w.fd = fds->fd;
		w.write = true;
		return gd__block_wait_until(&w);
	}
	w.fd = make_set(fds, n);
	if (w.fd < 0)
		return GD__BLOCK_REALLY;
	r = gd__block_wait_until(&w);
	gd__libc_close(w.fd);
	return r;
}

static void sleep_until(int64_t until)
{
	int64_t left;

	while ((left = until == GD__FOREVER ? GD__FOREVER : until - gd_now()) > 0)
		gd_sleep(left);
}

static int ms_left(int64_t until)
{
	int64_t left = until - gd_now();

	if (until == GD__FOREVER)
		return -1;
	return left <= 0                          ? 0
	       : left > INT64_C(2000000000000000) ? -1
						  : (int)((left + 999999) / 1000000);
}

static bool is_empty(const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd >= 0)
			return false;
	return true;
}

static int poll_until(struct pollfd *fds, nfds_t n, int64_t until)
{
	for (;;) {
		int r = GD__NEXT(poll)(fds, n, 0);

		if (r != 0)
			return r;
		if (is_empty(fds, n)) {
			sleep_until(until);
			return 0;
		}
		r = wait_for_any(fds, n, until);
		if (r == ETIMEDOUT)
			return GD__NEXT(poll)(fds, n, 0);
		if (r == GD__BLOCK_REALLY)
			return gd_syscall(GD__NEXT(poll)(fds, n, ms_left(until)));
	}
}

int gd__libc_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	if (timeout_ms == 0 || !gd__block_may_park())
		return GD__NEXT(poll)(fds, n, timeout_ms);
	return poll_until(fds, n, gd__block_deadline((int64_t)timeout_ms * 1000000));
}
GD__PUBLISH(poll);

/* As a deadline. NULL: none. */
static bool time_limit(const struct timespec *ts, int64_t *until)
{
	*until = GD__FOREVER;
	if (!ts)
		return true;
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= 1000000000)
		return false;
	if (ts->tv_sec < INT64_MAX / 1000000000 - 1)
		*until = gd__block_deadline((int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec);
	return true;
}

int gd__libc_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	int64_t until;

	if (mask || !gd__block_may_park() || !time_limit(ts, &until))
		return GD__HAND_OFF(GD__NEXT(ppoll)(fds, n, ts, mask));
	return poll_until(fds, n, until);
}
GD__PUBLISH(ppoll);

/* The three sets of a select. A set that is not asked for is NULL. */
struct sets {
	fd_set *of[3];
};

static nfds_t fds_of(const struct sets *s, int n, struct pollfd *fds)
{
	static const short events[3] = { FOR_READ, FOR_WRITE, POLLPRI };
	nfds_t count = 0;

	for (int fd = 0; fd < n; fd++) {
		short wanted = 0;

		for (int i = 0; i < 3; i++)
			if (s->of[i] && FD_ISSET(fd, s->of[i]))
				wanted |= events[i];
		if (wanted)
			fds[count++] = (struct pollfd){ .fd = fd, .events = wanted };
	}
	return count;
}

/* The real call without waiting. If nothing is ready, the sets stay as they are. */
static int look(int n, const struct sets *s)
{
	struct timeval none = { 0, 0 };
	fd_set copy[3];
	fd_set *at[3];
	int r;

	for (int i = 0; i < 3; i++) {
		at[i] = s->of[i] ? &copy[i] : NULL;
		if (s->of[i])
			copy[i] = *s->of[i];
	}
	r = GD__NEXT(select)(n, at[0], at[1], at[2], &none);
	for (int i = 0; i < 3 && r > 0; i++)
		if (s->of[i])
			*s->of[i] = copy[i];
	return r;
}

static void clear(const struct sets *s)
{
	for (int i = 0; i < 3; i++)
		if (s->of[i])
			FD_ZERO(s->of[i]);
}

/* SELECT_BLOCK: the kernel has to do it. */
enum { SELECT_BLOCK = -2 };

static GD__NOINLINE int wait_for_sets(int n, const struct sets *s, int64_t until)
{
	struct pollfd fds[FD_SETSIZE];
	nfds_t count = fds_of(s, n, fds);

	if (count == 0) {
		sleep_until(until);
		return ETIMEDOUT;
	}
	return wait_for_any(fds, count, until);
}

static int select_until(int n, const struct sets *s, int64_t until)
{
	for (;;) {
		int r = look(n, s);

		if (r != 0)
			return r;
		r = wait_for_sets(n, s, until);
		if (r == GD__BLOCK_REALLY)
			return SELECT_BLOCK;
		if (r == ETIMEDOUT) {
			r = look(n, s);
			if (r == 0)
				clear(s);
			return r;
		}
	}
}

int gd__libc_select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *tv)
{
	struct sets s = { { r, w, x } };
	struct timespec ts = { 0, 0 };
	int64_t until, left;
	int result;

	if (tv)
		ts = (struct timespec){ tv->tv_sec, tv->tv_usec * 1000 };
	if (n < 0 || n > FD_SETSIZE || !gd__block_may_park() ||
	    !time_limit(tv ? &ts : NULL, &until))
		return GD__HAND_OFF(GD__NEXT(select)(n, r, w, x, tv));
	result = select_until(n, &s, until);
	if (tv) { /* what is left, as Linux has it */
		left = until == GD__FOREVER ? 0 : until - gd_now();
		left = left > 0 ? left / 1000 : 0;
		*tv = (struct timeval){ left / 1000000, left % 1000000 };
	}
	return result == SELECT_BLOCK ? gd_syscall(GD__NEXT(select)(n, r, w, x, tv)) : result;
}
GD__PUBLISH(select);

int gd__libc_pselect(int n, fd_set *r, fd_set *w, fd_set *x, const struct timespec *ts,
		     const sigset_t *mask)
{
	struct sets s = { { r, w, x } };
	int64_t until;
	int result = SELECT_BLOCK;

	if (!mask && n >= 0 && n <= FD_SETSIZE && time_limit(ts, &until) && gd__block_may_park())
		result = select_until(n, &s, until);
	if (result != SELECT_BLOCK)
		return result;
	return GD__HAND_OFF(GD__NEXT(pselect)(n, r, w, x, ts, mask));
}
GD__PUBLISH(pselect);

int gd__libc_epoll_wait(int ep, struct epoll_event *e, int max, int timeout_ms)
{
	struct gd__block_wait w = { .fd = ep };

	if (timeout_ms == 0 || !gd__block_may_park())
		return GD__NEXT(epoll_wait)(ep, e, max, timeout_ms);
	w.until = gd__block_deadline((int64_t)timeout_ms * 1000000);
	for (;;) {
		int r = GD__NEXT(epoll_wait)(ep, e, max, 0);

		if (r != 0)
			return r;
		r = gd__block_wait_until(&w);
		if (r == ETIMEDOUT)
			return GD__NEXT(epoll_wait)(ep, e, max, 0);
		if (r == GD__BLOCK_REALLY)
			return gd_syscall(GD__NEXT(epoll_wait)(ep, e, max, ms_left(w.until)));
		if (r != GD__BLOCK_AGAIN)
			return gd__block_fail(r);
	}
}
GD__PUBLISH(epoll_wait);

int gd__libc_epoll_pwait(int ep, struct epoll_event *e, int max, int timeout_ms,
			 const sigset_t *mask)
{
	if (!mask)
		return gd__libc_epoll_wait(ep, e, max, timeout_ms);
	return GD__HAND_OFF(GD__NEXT(epoll_pwait)(ep, e, max, timeout_ms, mask));
}
GD__PUBLISH(epoll_pwait);
