/*
 * interpose_io.c - input and output: user memory that the kernel reads and writes, and the edge
 * from who wrote to who reads it.
 *
 * A write releases before the system call, a read acquires after it, on the
 * name that fd_key.h gives the descriptor.
 */
#include "detector/race/interpose.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "detector/race/fd_key.h"
#include "detector/race/syncobj.h"

static void release(uintptr_t key)
{
	if (gd__race_cur && key)
		gd__sync_release_merge(gd__race_cur, key);
}

static void acquire(uintptr_t key)
{
	if (gd__race_cur && key)
		gd__sync_acquire(gd__race_cur, key);
}

static void will_write(int fd, const void *buf, size_t n, uintptr_t pc)
{
	if (!gd__race_cur)
		return;
	gd__reads(buf, n, pc);
	release(gd__fd_key_write(fd));
}

/* got: result of the call. End of file is news too: the writer's close. */
static ssize_t has_read(int fd, const void *buf, ssize_t got, uintptr_t pc)
{
	if (got < 0 || !gd__race_cur)
		return got;
	acquire(gd__fd_key_read(fd));
	gd__writes(buf, (size_t)got, pc);
	return got;
}

static void will_write_parts(int fd, const struct iovec *iov, size_t n, uintptr_t pc)
{
	if (!gd__race_cur)
		return;
	gd__reads(iov, n * sizeof(*iov), pc);
	for (size_t i = 0; i < n; i++)
		gd__reads(iov[i].iov_base, iov[i].iov_len, pc);
	release(gd__fd_key_write(fd));
}

static ssize_t has_read_parts(int fd, const struct iovec *iov, size_t n, ssize_t got, uintptr_t pc)
{
	if (got < 0 || !gd__race_cur)
		return got;
	acquire(gd__fd_key_read(fd));
	gd__reads(iov, n * sizeof(*iov), pc);
	size_t left = (size_t)got;

	for (size_t i = 0; i < n && left > 0; i++) {
		size_t part = left < iov[i].iov_len ? left : iov[i].iov_len;

		gd__writes(iov[i].iov_base, part, pc);
		left -= part;
	}
	return got;
}

ssize_t read(int fd, void *buf, size_t n)
{
	return has_read(fd, buf, GD__REAL(read)(fd, buf, n), GD__RETURN_PC);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	return has_read(fd, buf, GD__REAL(pread)(fd, buf, n, at), GD__RETURN_PC);
}

ssize_t pread64(int fd, void *buf, size_t n, off64_t at)
{
	return has_read(fd, buf, GD__REAL(pread64)(fd, buf, n, at), GD__RETURN_PC);
}

ssize_t readv(int fd, const struct iovec *iov, int n)
{
	return has_read_parts(fd, iov, (size_t)n, GD__REAL(readv)(fd, iov, n), GD__RETURN_PC);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	will_write(fd, buf, n, GD__RETURN_PC);
	return GD__REAL(write)(fd, buf, n);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	will_write(fd, buf, n, GD__RETURN_PC);
	return GD__REAL(pwrite)(fd, buf, n, at);
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
	will_write(fd, buf, n, GD__RETURN_PC);
	return GD__REAL(pwrite64)(fd, buf, n, at);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	will_write_parts(fd, iov, n < 0 ? 0 : (size_t)n, GD__RETURN_PC);
	return GD__REAL(writev)(fd, iov, n);
}

/* The reader at the other end finds the end of the file. */
int close(int fd)
{
	if (gd__race_cur)
		release(gd__fd_key_write(fd));
	return GD__REAL(close)(fd);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	will_write(fd, buf, n, GD__RETURN_PC);
	return GD__REAL(send)(fd, buf, n, flags);
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
	       socklen_t len)
{
	if (gd__race_cur) {
		gd__reads(buf, n, GD__RETURN_PC);
		release(gd__fd_key_to(fd, to, len));
	}
	return GD__REAL(sendto)(fd, buf, n, flags, to, len);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (gd__race_cur) {
		will_write_parts(fd, m->msg_iov, m->msg_iovlen, GD__RETURN_PC);
		if (m->msg_name)
			release(gd__fd_key_to(fd, m->msg_name, m->msg_namelen));
	}
	return GD__REAL(sendmsg)(fd, m, flags);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return has_read(fd, buf, GD__REAL(recv)(fd, buf, n, flags), GD__RETURN_PC);
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
	return has_read(fd, buf, GD__REAL(recvfrom)(fd, buf, n, flags, from, len), GD__RETURN_PC);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t got = GD__REAL(recvmsg)(fd, m, flags);

	return has_read_parts(fd, m->msg_iov, m->msg_iovlen, got, GD__RETURN_PC);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	if (gd__race_cur && to)
		release(gd__fd_key_to(fd, to, len));
	return GD__REAL(connect)(fd, to, len);
}

int accept(int fd, struct sockaddr *from, socklen_t *len)
{
	int got = GD__REAL(accept)(fd, from, len);

	if (got >= 0 && gd__race_cur)
		acquire(gd__fd_key_accept(fd));
	return got;
}

int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	int got = GD__REAL(accept4)(fd, from, len, flags);

	if (got >= 0 && gd__race_cur)
		acquire(gd__fd_key_accept(fd));
	return got;
}

/* What was prepared before a descriptor was put into the set is seen by who gets its event. */
int epoll_ctl(int ep, int op, int fd, struct epoll_event *e)
{
	release(gd__fd_key_self(ep));
	return GD__REAL(epoll_ctl)(ep, op, fd, e);
}

static int has_polled(int ep, const struct epoll_event *e, int n, uintptr_t pc)
{
	if (n > 0) {
		acquire(gd__fd_key_self(ep));
		gd__writes(e, (size_t)n * sizeof(*e), pc);
	}
	return n;
}

int epoll_wait(int ep, struct epoll_event *e, int max, int timeout_ms)
{
	return has_polled(ep, e, GD__REAL(epoll_wait)(ep, e, max, timeout_ms), GD__RETURN_PC);
}

int epoll_pwait(int ep, struct epoll_event *e, int max, int timeout_ms, const sigset_t *mask)
{
	return has_polled(ep, e, GD__REAL(epoll_pwait)(ep, e, max, timeout_ms, mask),
			  GD__RETURN_PC);
}

/* Streams: a FILE's own lock orders nothing for us; it would hide races between any two printfs. */
size_t fread(void *buf, size_t size, size_t n, FILE *f)
{
	size_t got = GD__REAL(fread)(buf, size, n, f);

	if (gd__race_cur)
		has_read(fileno(f), buf, (ssize_t)(got * size), GD__RETURN_PC);
	return got;
}

int fclose(FILE *f)
{
	if (gd__race_cur)
		release(gd__fd_key_write(fileno(f)));
	return GD__REAL(fclose)(f);
}

size_t fwrite(const void *buf, size_t size, size_t n, FILE *f)
{
	if (gd__race_cur)
		will_write(fileno(f), buf, size * n, GD__RETURN_PC);
	return GD__REAL(fwrite)(buf, size, n, f);
}

char *fgets(char *buf, int n, FILE *f)
{
	char *got = GD__REAL(fgets)(buf, n, f);

	if (got && gd__race_cur)
		has_read(fileno(f), buf, (ssize_t)GD__REAL(strlen)(buf) + 1, GD__RETURN_PC);
	return got;
}

int fputs(const char *s, FILE *f)
{
	if (gd__race_cur)
		will_write(fileno(f), s, GD__REAL(strlen)(s) + 1, GD__RETURN_PC);
	return GD__REAL(fputs)(s, f);
}

int puts(const char *s)
{
	if (gd__race_cur)
		gd__reads(s, GD__REAL(strlen)(s) + 1, GD__RETURN_PC);
	return GD__REAL(puts)(s);
}
