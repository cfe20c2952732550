/*
 * transfer.c - moving bytes without blocking the thread, on descriptors that stay blocking.
 *
 * Nothing is changed in the descriptor: sockets are asked with MSG_DONTWAIT,
 * pipes and the like with RWF_NOWAIT. Where a kernel or a driver knows no such
 * question (terminals; pipes before Linux 6.4), the goroutine waits until the
 * descriptor is ready and then makes the blocking call under gd_syscall: if
 * somebody was quicker, it holds a thread until it is its turn, and no more.
 */
#include <errno.h>

#include "runtime/libc/libc.h"

bool gd__block_no_nowait;

size_t gd__block_bytes(const struct iovec *iov, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* What is left to move, as a message; part is for an element that is done in part. */
static struct msghdr rest_of(const struct gd__block_transfer *t, struct iovec *part)
{
	struct msghdr m = t->msg;

	if (t->skip > 0) {
		part->iov_base = (char *)m.msg_iov->iov_base + t->skip;
		part->iov_len = m.msg_iov->iov_len - t->skip;
		m.msg_iov = part;
		m.msg_iovlen = 1;
	}
	return m;
}

static void advance(struct gd__block_transfer *t, size_t n)
{
	t->left -= n;
	t->skip += n;
	while (t->msg.msg_iovlen > 0 && t->skip >= t->msg.msg_iov->iov_len) {
		t->skip -= t->msg.msg_iov->iov_len;
		t->msg.msg_iov++;
		t->msg.msg_iovlen--;
	}
	/* Descriptors and credentials go with the first byte. */
	t->msg.msg_control = NULL;
	t->msg.msg_controllen = 0;
}

static ssize_t socket_call(struct gd__block_transfer *t, int more_flags)
{
	struct iovec part;
	struct msghdr m = rest_of(t, &part);
	ssize_t r;

	if (t->write)
		return GD__NEXT(sendmsg)(t->fd, &m, t->flags | more_flags);
	r = GD__NEXT(recvmsg)(t->fd, &m, t->flags | more_flags);
	if (r >= 0) {
		t->msg.msg_namelen = m.msg_namelen;
		t->msg.msg_controllen = m.msg_controllen;
		t->msg.msg_flags = m.msg_flags;
	}
	return r;
}

/* Never blocks: -1 with EAGAIN instead, or with another errno if it cannot be asked so. */
static ssize_t ask(struct gd__block_transfer *t)
{
	struct iovec part;
	struct msghdr m;

	if (t->socket)
		return socket_call(t, MSG_DONTWAIT);
	if (gd__block_no_nowait)
		return gd__block_fail(EOPNOTSUPP);
	m = rest_of(t, &part);
	return t->write ? pwritev2(t->fd, m.msg_iov, (int)m.msg_iovlen, -1, RWF_NOWAIT)
			: preadv2(t->fd, m.msg_iov, (int)m.msg_iovlen, -1, RWF_NOWAIT);
}

/* The blocking call, or on a non-blocking descriptor the call as it is. */
static ssize_t block(struct gd__block_transfer *t)
{
	struct iovec part;
	struct msghdr m;

	if (t->socket)
		return gd_syscall(socket_call(t, 0));
	m = rest_of(t, &part);
	return t->write ? gd_syscall(GD__NEXT(writev)(t->fd, m.msg_iov, (int)m.msg_iovlen))
			: gd_syscall(GD__NEXT(readv)(t->fd, m.msg_iov, (int)m.msg_iovlen));
}

static bool cannot_ask(const struct gd__block_transfer *t, int error)
{
	return !t->socket && (error == EOPNOTSUPP || error == ENOSYS);
}

ssize_t gd__block_move(struct gd__block_transfer *t)
{
	struct gd__block_wait w = { .fd = t->fd, .write = t->write };
	bool asking = true;
	size_t done = 0;
	int error;

	for (;;) {
		ssize_t r = asking ? ask(t) : block(t);

		if (r >= 0) {
			done += (size_t)r;
			if (!t->whole || r == 0 || (size_t)r == t->left)
				return (ssize_t)done;
			advance(t, (size_t)r);
			w.in_vain = 0;
			continue;
		}
		error = gd_errno();
		if (!asking)
			break;
		asking = !cannot_ask(t, error);
		if (asking && error != EAGAIN)
			break;
		int next = gd__block_wait(&w);

		if (next == GD__BLOCK_REALLY) {
			asking = false;
		} else if (next == EBADF || (next != GD__BLOCK_AGAIN && asking)) {
			error = next;
			break;
		}
	}
	return done > 0 ? (ssize_t)done : gd__block_fail(error);
}
