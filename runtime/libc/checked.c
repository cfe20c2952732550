/*
 * checked.c - the calls that glibc's _FORTIFY_SOURCE makes in place of read, recv, poll and theirs,
 * with the size of the buffer at the end.
 */
#include "runtime/libc/libc.h"

/* glibc's: says that a buffer overflow was detected, and aborts. */
extern void __chk_fail(void) GD__NORETURN;

#define CHECKED(type, name, params, size, capacity, args)                                          \
	type gd__libc_##name##_chk params GD__HIDDEN;                                              \
	type gd__libc_##name##_chk params                                                          \
	{                                                                                          \
		if ((size) > (capacity))                                                           \
			__chk_fail();                                                              \
		return gd__libc_##name args;                                                       \
	}                                                                                          \
	__asm__(".weak __" #name "_chk\n\t.set __" #name "_chk, gd__libc_" #name "_chk")

CHECKED(ssize_t, read, (int fd, void *buf, size_t n, size_t cap), n, cap, (fd, buf, n));
CHECKED(ssize_t, pread, (int fd, void *buf, size_t n, off_t at, size_t cap), n, cap,
	(fd, buf, n, at));
CHECKED(ssize_t, pread64, (int fd, void *buf, size_t n, off64_t at, size_t cap), n, cap,
	(fd, buf, n, at));
CHECKED(ssize_t, recv, (int fd, void *buf, size_t n, size_t cap, int flags), n, cap,
	(fd, buf, n, flags));
CHECKED(ssize_t, recvfrom,
	(int fd, void *buf, size_t n, size_t cap, int flags, struct sockaddr *from, socklen_t *len),
	n, cap, (fd, buf, n, flags, from, len));
CHECKED(int, poll, (struct pollfd * fds, nfds_t n, int timeout_ms, size_t cap), n,
	cap / sizeof(*fds), (fds, n, timeout_ms));
CHECKED(int, ppoll,
	(struct pollfd * fds, nfds_t n, const struct timespec *ts, const sigset_t *mask,
	 size_t cap),
	n, cap / sizeof(*fds), (fds, n, ts, mask));
