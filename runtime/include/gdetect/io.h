/*
 * io.h - files, pipes and sockets for goroutines: who waits, parks; its thread goes on.
 *
 *     int l = gd_tcp_listen(":8080");
 *     int c = gd_fd_accept(l);
 *     int64_t n = gd_fd_read(c, buf, sizeof(buf));
 *     if (n <= 0 || gd_fd_write(c, buf, (size_t)n) < 0)
 *             gd_fd_close(c);
 *
 * A descriptor is the kernel's: setsockopt, fstat and the like take it. The functions here use
 * descriptors made here, and those handed over with gd_fd_adopt; they are non-blocking and
 * close-on-exec, and must be closed with gd_fd_close, for a close(2) of another hand would leave
 * its waiters behind (in programs built with -fgdetect close(2) is seen, and as good).
 *
 * Results: a count, a descriptor or 0; or a negative code. GD_ECLOSED: not such a descriptor, or
 * closed meanwhile; GD_ETIMEDOUT: the deadline has passed; GD_ENOMEM; GD_EINVAL; GD_EIO; else
 * GD_ERRNO(e) with what the kernel said: GD_ERRNO(ECONNRESET), GD_ERRNO(EMFILE). errno is not
 * touched. A write to a connection whose reader is gone is GD_ERRNO(EPIPE), never a signal.
 *
 * Deadlines are times of gd_now(). One that holds for all reads, or writes, of a descriptor from
 * now on is set with gd_fd_set_read_deadline; one for a single call is the last argument of its
 * _until form. The earlier counts. GD_NO_WAIT: the call never parks, and says GD_EAGAIN.
 *
 * One goroutine reads and one writes at a time; others wait for their turn, and have it whole: a
 * gd_fd_write is not mixed with another. All of it is for goroutines only: elsewhere a fatal error.
 * May park: all but adopt, the deadlines, the addresses and the listeners of numeric addresses.
 */
#ifndef GDETECT_IO_H
#define GDETECT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;
struct msghdr;
struct sockaddr;

#define GD_FOREVER INT64_MAX
#define GD_NO_WAIT INT64_MIN

/*
 * fd, made elsewhere, is used by these functions from here on: it becomes non-blocking. 0, or the
 * kernel's code.
 */
int gd_fd_adopt(int fd);
/*
 * Calls in progress end with GD_ECLOSED; when they have, fd is closed. 0, GD_ECLOSED for who comes
 * second, or what close said (the descriptor is gone even so). As with close(2) the number may be
 * given out again at once: to stop a goroutine that will call again, set a deadline that has passed
 * or shut the socket down, and let that goroutine close it.
 */
int gd_fd_close(int fd);

/* Deadline of all calls, also those in progress: a time, or GD_FOREVER. 0 or GD_ECLOSED. */
int gd_fd_set_deadline(int fd, int64_t when);
int gd_fd_set_read_deadline(int fd, int64_t when);
int gd_fd_set_write_deadline(int fd, int64_t when);

/* What is there, n bytes at most; 0 at the end of the stream (or with n 0). */
int64_t gd_fd_read_until(int fd, void *buf, size_t n, int64_t until);
int64_t gd_fd_readv_until(int fd, const struct iovec *iov, int n, int64_t until);
/* n bytes, no less: GD_ERRNO(EPIPE) if the stream ends before. */
int64_t gd_fd_read_full_until(int fd, void *buf, size_t n, int64_t until);
/* All n bytes: the result is n, or a code; some may have gone out before that. */
int64_t gd_fd_write_until(int fd, const void *buf, size_t n, int64_t until);
int64_t gd_fd_writev_until(int fd, const struct iovec *iov, int n, int64_t until);

/* As the system calls of the name, flags included; from, to and len may be NULL. */
int64_t gd_fd_recvfrom_until(int fd, void *buf, size_t n, int flags, struct sockaddr *from,
			     unsigned *len, int64_t until);
int64_t gd_fd_sendto_until(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
			   unsigned len, int64_t until);
int64_t gd_fd_recvmsg_until(int fd, struct msghdr *m, int flags, int64_t until);
int64_t gd_fd_sendmsg_until(int fd, const struct msghdr *m, int flags, int64_t until);

/* The next connection. GD_ERRNO(EMFILE), GD_ERRNO(ENFILE): it still waits to be accepted. */
int gd_fd_accept_until(int fd, int64_t until);
/* For sockets adopted; gd_tcp_dial and its like do it all. */
int gd_fd_connect_until(int fd, const struct sockaddr *to, unsigned len, int64_t until);

/*
 * Moves up to n bytes within the kernel, until from ends: the count. From a failure on the write
 * side some bytes taken from the read side may be lost. sendfile: of an ordinary file, not
 * adopted, from *at on (advanced), or from its own position with NULL.
 */
int64_t gd_fd_splice_until(int from, int to, size_t n, int64_t until);
int64_t gd_fd_sendfile_until(int to, int file, int64_t *at, size_t n, int64_t until);

/*
 * Parks until fd, anybody's descriptor in any mode, adopted or not, seems ready to be read
 * (written); for libraries that do their own I/O. It may be wrong: be ready for EAGAIN. 0, or a
 * code; GD_ERRNO(EPERM) for files and others that never wait.
 */
int gd_fd_wait_until(int fd, bool write, int64_t until);

/* [0] is read, [1] is written. */
int gd_pipe(int fds[2]);
/* Two connected stream sockets. */
int gd_unix_pair(int fds[2]);

/*
 * Addresses as text: "host:port", "127.0.0.1:80", "[::1]:http", ":8080" (listening: all of this
 * machine's addresses; else the machine itself). Port 0 listens on a free one: gd_fd_port says
 * which. Unix paths that begin with @ are abstract. A result >= 0 is a descriptor.
 */
int gd_tcp_listen(const char *address);
int gd_tcp_dial_until(const char *address, int64_t until);
/* For recvfrom and sendto; dialled ones also for read and write. */
int gd_udp_listen(const char *address);
int gd_udp_dial_until(const char *address, int64_t until);
int gd_unix_listen(const char *path);
int gd_unix_dial_until(const char *path, int64_t until);

/* An address in the kernel's form: cast bytes to struct sockaddr. */
struct gd_addr {
	unsigned len;
	unsigned char bytes[116];
};
#define GD_ADDR_TEXT 128

/*
 * The addresses of "host:port", at most max of them, those to be tried first in front. How many,
 * or GD_ENOHOST, or a code. The system's resolver runs on a thread's stack, not the goroutine's.
 */
int gd_resolve_until(const char *address, struct gd_addr *out, int max, int64_t until);
/* "127.0.0.1:80", "[::1]:80" or a path, cut at n - 1. The length written. */
size_t gd_addr_text(const struct gd_addr *a, char *buf, size_t n);
/* 0 or a code. */
int gd_fd_local_addr(int fd, struct gd_addr *a);
int gd_fd_peer_addr(int fd, struct gd_addr *a);
/* The port a socket is bound to, or a code. */
int gd_fd_port(int fd);

/*
 * The same without a deadline of the call's own: gd_fd_read(fd, buf, n). Macros, so that reports
 * name the line of the call.
 */
#define gd_fd_read(...)      gd_fd_read_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_readv(...)     gd_fd_readv_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_read_full(...) gd_fd_read_full_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_write(...)     gd_fd_write_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_writev(...)    gd_fd_writev_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_recvfrom(...)  gd_fd_recvfrom_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_sendto(...)    gd_fd_sendto_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_recvmsg(...)   gd_fd_recvmsg_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_sendmsg(...)   gd_fd_sendmsg_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_accept(...)    gd_fd_accept_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_connect(...)   gd_fd_connect_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_splice(...)    gd_fd_splice_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_sendfile(...)  gd_fd_sendfile_until(__VA_ARGS__, GD_FOREVER)
#define gd_fd_wait(...)      gd_fd_wait_until(__VA_ARGS__, GD_FOREVER)
#define gd_tcp_dial(...)     gd_tcp_dial_until(__VA_ARGS__, GD_FOREVER)
#define gd_udp_dial(...)     gd_udp_dial_until(__VA_ARGS__, GD_FOREVER)
#define gd_unix_dial(...)    gd_unix_dial_until(__VA_ARGS__, GD_FOREVER)
#define gd_resolve(...)      gd_resolve_until(__VA_ARGS__, GD_FOREVER)

#ifdef __cplusplus
}
#endif
#endif
