/*
 * socket.c - recv*, send*, accept*, connect.
 *
 * accept and connect cannot be asked without blocking as a message can. A
 * goroutine accepts when the listener is ready. It connects by making the
 * socket non-blocking for the moment in which the kernel sends its first
 * packet; then it waits, and asks for the result with the blocking call.
 */
#include <errno.h>
#include <limits.h>

#include "runtime/libc/libc.h"

/* Flags of calls that do not wait, or whose wait is the kernel's business. */
#define NO_WAIT (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

/* With nothing to receive into, or to be seen twice and whole, the kernel's own call is exact. */
static bool parks(size_t bytes, int flags)
{
	return bytes > 0 && !(flags & NO_WAIT) &&
	       (flags & (MSG_PEEK | MSG_WAITALL)) != (MSG_PEEK | MSG_WAITALL) &&
	       gd__block_may_park();
}

static struct gd__block_transfer receiving(int fd, int flags)
{
	return (struct gd__block_transfer){ .fd = fd,
					    .socket = true,
					    .whole = (flags & MSG_WAITALL) && is_stream(fd),
					    .flags = flags };
}

static struct gd__block_transfer sending(int fd, int flags)
{
	return (struct gd__block_transfer){
		.fd = fd, .write = true, .socket = true, .whole = true, .flags = flags
	};
}

static ssize_t move_buffer(struct gd__block_transfer *t, const void *buf, size_t n)
{
	struct iovec iov = { (void *)buf, n };

	t->msg.msg_iov = &iov;
	t->msg.msg_iovlen = 1;
	t->left = n;
	return gd__block_move(t);
}

ssize_t gd__libc_recv(int fd, void *buf, size_t n, int flags)
{
	struct gd__block_transfer t;

	if (!parks(n, flags))
		return GD__HAND_OFF(GD__NEXT(recv)(fd, buf, n, flags));
	t = receiving(fd, flags);
	return move_buffer(&t, buf, n);
}
GD__PUBLISH(recv);

ssize_t gd__libc_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from,
			  socklen_t *len)
{
	struct gd__block_transfer t;
	ssize_t r;

	if (!parks(n, flags))
		return GD__HAND_OFF(GD__NEXT(recvfrom)(fd, buf, n, flags, from, len));
	t = receiving(fd, flags);
	if (from && len) {
		t.msg.msg_name = from;
		t.msg.msg_namelen = *len;
	}
	r = move_buffer(&t, buf, n);
	if (r >= 0 && from && len)
		*len = t.msg.msg_namelen;
	return r;
}
GD__PUBLISH(recvfrom);

static bool parks_message(const struct msghdr *m, int flags)
{
	return m && m->msg_iov && m->msg_iovlen <= IOV_MAX &&
	       parks(gd__block_bytes(m->msg_iov, m->msg_iovlen), flags);
}

ssize_t gd__libc_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct gd__block_transfer t;
	ssize_t r;

	if (!parks_message(m, flags) || ((flags & MSG_WAITALL) && m->msg_control))
		return GD__HAND_OFF(GD__NEXT(recvmsg)(fd, m, flags));
	t = receiving(fd, flags);
	t.msg = *m;
	t.left = gd__block_bytes(m->msg_iov, m->msg_iovlen);
	r = gd__block_move(&t);
	if (r >= 0) {
		m->msg_namelen = t.msg.msg_namelen;
		m->msg_controllen = t.msg.msg_controllen;
		m->msg_flags = t.msg.msg_flags;
	}
	return r;
}
GD__PUBLISH(recvmsg);

ssize_t gd__libc_send(int fd, const void *buf, size_t n, int flags)
{
	struct gd__block_transfer t;

	if (!parks(n, flags))
		return GD__HAND_OFF(GD__NEXT(send)(fd, buf, n, flags));
	t = sending(fd, flags);
	return move_buffer(&t, buf, n);
}
GD__PUBLISH(send);

ssize_t gd__libc_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
			socklen_t len)
{
	struct gd__block_transfer t;

	if (!parks(n, flags))
		return GD__HAND_OFF(GD__NEXT(sendto)(fd, buf, n, flags, to, len));
	t = sending(fd, flags);
	t.msg.msg_name = (struct sockaddr *)to;
	t.msg.msg_namelen = to ? len : 0;
	return move_buffer(&t, buf, n);
}
GD__PUBLISH(sendto);

ssize_t gd__libc_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct gd__block_transfer t;

	if (!parks_message(m, flags))
		return GD__HAND_OFF(GD__NEXT(sendmsg)(fd, m, flags));
	t = sending(fd, flags);
	t.msg = *m;
	t.left = gd__block_bytes(m->msg_iov, m->msg_iovlen);
	return gd__block_move(&t);
}
GD__PUBLISH(sendmsg);

/* Somebody else may have been quicker: an accept in the kernel would hold a thread. */
static bool is_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return GD__NEXT(poll)(&p, 1, 0) != 0;
}

/* GD__BLOCK_REALLY: call accept, under gd_syscall; else an errno. */
static int wait_to_accept(int fd)
{
	struct gd__block_wait w = { .fd = fd };
	int r;

	if (is_ready(fd))
		return GD__BLOCK_REALLY;
	do
		r = gd__block_wait(&w);
	while (r == GD__BLOCK_AGAIN && !is_ready(fd));
	return r == GD__BLOCK_AGAIN ? GD__BLOCK_REALLY : r;
}

int gd__libc_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	int r;

	if (!gd__block_may_park())
		return GD__NEXT(accept4)(fd, from, len, flags);
	r = wait_to_accept(fd);
	return r == GD__BLOCK_REALLY ? gd_syscall(GD__NEXT(accept4)(fd, from, len, flags))
				     : gd__block_fail(r);
}
GD__PUBLISH(accept4);

int gd__libc_accept(int fd, struct sockaddr *from, socklen_t *len)
{
	return gd__libc_accept4(fd, from, len, 0);
}
GD__PUBLISH(accept);

/* Begins a connection without waiting for it: the result of a non-blocking connect. */
static int begin_connect(int fd, int mode, const struct sockaddr *to, socklen_t len)
{
	int r, error;

	GD__NEXT(fcntl)(fd, F_SETFL, mode | O_NONBLOCK);
	r = GD__NEXT(connect)(fd, to, len);
	error = gd_errno();
	GD__NEXT(fcntl)(fd, F_SETFL, mode);
	return r == 0 ? 0 : gd__block_fail(error);
}

/* Only these connect in the background; a local socket's connect waits for a place in the queue. */
static bool connects_aside(const struct sockaddr *to, socklen_t len)
{
	return to && len >= sizeof(to->sa_family) &&
	       (to->sa_family == AF_INET || to->sa_family == AF_INET6);
}

int gd__libc_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct gd__block_wait w = { .fd = fd, .write = true };
	int mode, r;

	if (!gd__block_may_park())
		return GD__NEXT(connect)(fd, to, len);
	mode = connects_aside(to, len) ? GD__NEXT(fcntl)(fd, F_GETFL) : -1;
	if (mode < 0 || (mode & O_NONBLOCK))
		return gd_syscall(GD__NEXT(connect)(fd, to, len));
	r = begin_connect(fd, mode, to, len);
	if (r == 0 || gd_errno() != EINPROGRESS)
		return r;
	r = gd__block_wait(&w);
	if (r == EAGAIN)
		return gd__block_fail(EINPROGRESS); /* SO_SNDTIMEO */
	if (r != GD__BLOCK_AGAIN && r != GD__BLOCK_REALLY)
		return gd__block_fail(r);
	/* On a socket that is connecting it waits, and gives the result of the first. */
	r = gd_syscall(GD__NEXT(connect)(fd, to, len));
	return r != 0 && gd_errno() == EISCONN ? 0 : r;
}
GD__PUBLISH(connect);
