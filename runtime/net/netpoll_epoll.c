/*
 * netpoll_epoll.c - the poller's ops over epoll.
 *
 * Edge-triggered, both directions at once: one epoll_ctl in the life of a descriptor. The
 * interrupt is an eventfd, edge-triggered as well: each write is an event, and nobody reads it.
 * Times are nanoseconds where the kernel has epoll_pwait2 (5.11), else milliseconds rounded up.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/net/netpoll.h"

#define INTERRUPT UINT64_MAX /* no descriptor's data: its number would be negative */

#ifndef SYS_epoll_pwait2
#	define SYS_epoll_pwait2 441
#endif

static int ep = -1, bell = -1;
static bool coarse; /* no epoll_pwait2; written by the one thread that polls */

static int control(int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return (int)gd__os_call(SYS_epoll_ctl, ep, op, fd, (long)&e, 0, 0);
}

static int open_epoll(void)
{
	int r;

	ep = (int)gd__os_call(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
	if (ep < 0)
		return ep;
	bell = (int)gd__os_call(SYS_eventfd2, 0, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
	r = bell < 0 ? bell : control(EPOLL_CTL_ADD, bell, EPOLLIN | EPOLLET, INTERRUPT);
	if (r < 0) {
		if (bell >= 0)
			gd__os_call(SYS_close, bell, 0, 0, 0, 0, 0);
		gd__os_call(SYS_close, ep, 0, 0, 0, 0, 0);
	}
	return r;
}

static int add(int fd, uint64_t data, bool again)
{
	const uint32_t both = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
	int r = control(again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, both, data);

	if (r == -ENOENT || r == -EEXIST)
		r = control(again ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, both, data);
	return r;
}

/* The batch of the kernel's own form. One thread at a time. */
static struct epoll_event batch[GD__POLL_BATCH];

static long wait_in_ms(int64_t ns)
{
	int64_t ms = ns < 0 ? -1 : (ns + 999999) / 1000000;

	return gd__os_call(SYS_epoll_pwait, ep, (long)batch, GD__POLL_BATCH,
			   (long)(ms > INT32_MAX ? INT32_MAX : ms), 0, 8);
}

/* ns < 0: without limit. */
static long wait_ns(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };
	long r = -ENOSYS;

	if (ns > 0 && !coarse)
		r = gd__os_call(SYS_epoll_pwait2, ep, (long)batch, GD__POLL_BATCH, (long)&ts, 0, 8);
	if (r == -ENOSYS || r == -EPERM) { /* old kernels; some sandboxes */
		coarse |= ns > 0;
		r = wait_in_ms(ns);
	}
	return r;
}

static int wait_events(struct gd__poll_event *e, int64_t until)
{
	long n = wait_ns(until == INT64_MIN ? 0 : gd__clock_left(until));
	int kept = 0;

	if (n < 0 && n != -EINTR)
		gd__throw("netpoll: epoll_wait failed");
	for (long i = 0; i < n; i++) {
		uint32_t what = batch[i].events;

		if (batch[i].data.u64 == INTERRUPT)
			continue;
		e[kept++] = (struct gd__poll_event){
			.data = batch[i].data.u64,
			.read = what & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR),
			.write = what & (EPOLLOUT | EPOLLHUP | EPOLLERR),
			.ending = what & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR),
		};
	}
	return kept;
}

static void interrupt(void)
{
	static const uint64_t one = 1;

	while (gd__os_call(SYS_write, bell, (long)&one, sizeof(one), 0, 0, 0) == -EINTR)
		;
}

static void forget(void)
{
	gd__os_call(SYS_close, ep, 0, 0, 0, 0, 0);
	gd__os_call(SYS_close, bell, 0, 0, 0, 0, 0);
}

const struct gd__poll_ops gd__poll_epoll = { open_epoll, add, wait_events, interrupt, forget };
