/*
 * fd.c - reading, writing and closing descriptors.
 *
 * The call comes first, the wait only after EAGAIN; so a descriptor that never lets anybody wait
 * is never put into the poller, and a round trip on a busy one is a read and a write.
 */
#include "runtime/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <gdetect/error.h>
#include <gdetect/go.h>
#include <gdetect/io.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/sched.h"

/* NOLINTNEXTLINE(misc-redundant-expression): two names of one value, to stay that. */
_Static_assert(GD_FOREVER == GD__FOREVER && GD_NO_WAIT == GD__NO_WAIT, "as the channels have it");

void gd__io_tell(enum gd__hook_io what, int fd, const void *addr, unsigned len)
{
	gd__hook(io, gd__self()->hook_ctx, what, fd, addr, len);
}

long gd__io_once(int fd, const struct gd__io_call *k)
{
	long r;

	do
		r = gd__os_call(k->nr, fd, k->a, k->b, k->c, k->d, k->e);
	while (r == -EINTR);
	return r;
}

long gd__io_quietly(int fd, const struct gd__io_call *k)
{
	static const uint64_t sigpipe = UINT64_C(1) << (SIGPIPE - 1);
	static const struct timespec now;
	uint64_t old = 0, pending = 0;
	long r;

	gd__os_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&sigpipe, (long)&old, 8, 0, 0);
	gd__os_call(SYS_rt_sigpending, (long)&pending, 8, 0, 0, 0, 0);
	r = gd__io_once(fd, k);
	if (r == -EPIPE && !(pending & sigpipe))
		gd__os_call(SYS_rt_sigtimedwait, (long)&sigpipe, 0, (long)&now, 8, 0, 0);
	if (!(old & sigpipe))
		gd__os_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, 8, 0, 0);
	return r;
}

/* A file makes its thread wait for the disk. */
static GD__NOINLINE long attempt_blocking(int fd, const struct gd__io_call *k)
{
	long r;

	gd_syscall_enter();
	r = gd__io_once(fd, k);
	gd_syscall_exit();
	return r;
}

int64_t gd__io_perform(const struct gd__pd_use *u, const struct gd__io_call *k, int64_t until)
{
	for (;;) {
		long r;
		int w;

		gd__pd_call(u);
		if (gd__unlikely(u->kind == GD__PD_FILE))
			r = attempt_blocking(u->fd, k);
		else if (gd__unlikely(u->kind == GD__PD_PIPE && u->dir == GD__PD_WRITE))
			r = gd__io_quietly(u->fd, k);
		else
			r = gd__io_once(u->fd, k);
		if (gd__likely(r >= 0))
			return r;
		if (r != -EAGAIN)
			return gd__errno_code(r);
		w = gd__pd_wait(u, until);
		if (w != GD_OK)
			return w;
	}
}

void gd__io_end(const struct gd__pd_use *u)
{
	gd__pd_end(u);
	gd__safe_point(u->g);
}

int64_t gd__io(int fd, enum gd__pd_dir dir, const struct gd__io_call *k, int64_t until)
{
	struct gd__pd_use u;
	int64_t r = gd__pd_begin(&u, fd, dir, until);

	if (r != GD_OK)
		return r;
	r = gd__io_perform(&u, k, until);
	gd__io_end(&u);
	return r;
}

void gd__io_close_raw(int fd)
{
	gd__os_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

int gd_fd_adopt(int fd)
{
	enum gd__pd_kind kind = GD__PD_STREAM;
	struct stat st;
	long r = gd__os_call(SYS_fstat, fd, (long)&st, 0, 0, 0, 0), flags;

	if (r < 0)
		return gd__errno_code(r);
	if (S_ISSOCK(st.st_mode))
		kind = GD__PD_SOCKET;
	else if (S_ISFIFO(st.st_mode))
		kind = GD__PD_PIPE;
	else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		kind = GD__PD_FILE;
	flags = gd__os_call(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
	if (flags >= 0 && kind != GD__PD_FILE && !(flags & O_NONBLOCK))
		flags = gd__os_call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK, 0, 0, 0);
	return flags < 0 ? gd__errno_code(flags) : gd__pd_open(fd, kind);
}

int gd_fd_close(int fd)
{
	int r;

	if (gd__hooks)
		gd__io_tell(GD__IO_WRITE, fd, NULL, 0); /* the other end finds the end of file */
	r = gd__pd_close(fd);
	if (r != GD_OK)
		return r;
	r = (int)gd__os_call(SYS_close, fd, 0, 0, 0, 0, 0);
	return r < 0 && r != -EINTR ? gd__errno_code(r) : GD_OK;
}

int gd_fd_set_read_deadline(int fd, int64_t when)
{
	return gd__pd_set_deadline(fd, GD__PD_READ, when);
}

int gd_fd_set_write_deadline(int fd, int64_t when)
{
	return gd__pd_set_deadline(fd, GD__PD_WRITE, when);
}

int gd_fd_set_deadline(int fd, int64_t when)
{
	int r = gd__pd_set_deadline(fd, GD__PD_READ, when);

	return r != GD_OK ? r : gd__pd_set_deadline(fd, GD__PD_WRITE, when);
}

/* --- reading --- */

static GD__NOINLINE void tell_read(int fd, const struct iovec *iov, size_t n, int64_t got,
				   uintptr_t pc)
{
	struct gd__hook_ctx *ctx = gd__self()->hook_ctx;

	gd__io_tell(GD__IO_READ, fd, NULL, 0);
	for (size_t i = 0; i < n && got > 0; i++) {
		size_t part = (size_t)got < iov[i].iov_len ? (size_t)got : iov[i].iov_len;

		gd__hook(write, ctx, iov[i].iov_base, part, pc);
		got -= (int64_t)part;
	}
}

static int64_t has_read(int fd, const struct iovec *iov, size_t n, int64_t got, uintptr_t pc)
{
	if (gd__unlikely(gd__hooks != NULL) && got >= 0)
		tell_read(fd, iov, n, got, pc);
	return got;
}

/* With the turn taken. */
static int64_t read_some(const struct gd__pd_use *u, void *buf, size_t n, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_read, .a = (long)buf, .b = (long)n };
	int64_t r = GD_OK;

	if (gd__pd_is_drained(u))
		r = gd__pd_wait(u, until);
	if (r == GD_OK)
		r = gd__io_perform(u, &k, until);
	if (u->kind == GD__PD_TCP && r > 0 && (size_t)r < n)
		gd__pd_drained(u);
	return r;
}

int64_t gd_fd_read_until(int fd, void *buf, size_t n, int64_t until)
{
	struct gd__pd_use u;
	int64_t r = gd__pd_begin(&u, fd, GD__PD_READ, until);

	if (r != GD_OK)
		return r;
	r = read_some(&u, buf, n, until);
	gd__io_end(&u);
	return has_read(fd, &(struct iovec){ buf, n }, 1, r, GD__IO_PC);
}

int64_t gd_fd_readv_until(int fd, const struct iovec *iov, int n, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_readv, .a = (long)iov, .b = n };

	return has_read(fd, iov, (size_t)n, gd__io(fd, GD__PD_READ, &k, until), GD__IO_PC);
}

int64_t gd_fd_read_full_until(int fd, void *buf, size_t n, int64_t until)
{
	struct gd__pd_use u;
	size_t done = 0;
	int64_t r = gd__pd_begin(&u, fd, GD__PD_READ, until);

	if (r != GD_OK)
		return r;
	while (done < n) {
		r = read_some(&u, (char *)buf + done, n - done, until);
		if (r <= 0)
			break;
		done += (size_t)r;
		r = gd__pd_expired(&u);
		if (r != GD_OK && done < n)
			break;
	}
	gd__io_end(&u);
	if (done < n)
		return r == 0 ? GD_ERRNO(EPIPE) : r;
	return has_read(fd, &(struct iovec){ buf, n }, 1, (int64_t)n, GD__IO_PC);
}

/* NOLINTNEXTLINE(readability-function-size): the system call has six arguments. */
int64_t gd_fd_recvfrom_until(int fd, void *buf, size_t n, int flags, struct sockaddr *from,
			     unsigned *len, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_recvfrom,
				       .a = (long)buf,
				       .b = (long)n,
				       .c = flags | MSG_DONTWAIT,
				       .d = (long)from,
				       .e = (long)len };
	const struct iovec all = { buf, n };

	return has_read(fd, &all, 1, gd__io(fd, GD__PD_READ, &k, until), GD__IO_PC);
}

int64_t gd_fd_recvmsg_until(int fd, struct msghdr *m, int flags, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_recvmsg, .a = (long)m, .b = flags | MSG_DONTWAIT };

	return has_read(fd, m->msg_iov, m->msg_iovlen, gd__io(fd, GD__PD_READ, &k, until),
			GD__IO_PC);
}

/* --- writing --- */

static void will_write(int fd, const struct iovec *iov, size_t n, uintptr_t pc)
{
	if (gd__likely(gd__hooks == NULL))
		return;
	for (size_t i = 0; i < n; i++)
		gd__hook(read, gd__self()->hook_ctx, iov[i].iov_base, iov[i].iov_len, pc);
	gd__io_tell(GD__IO_WRITE, fd, NULL, 0);
}

static bool is_socket(const struct gd__pd_use *u)
{
	return u->kind == GD__PD_SOCKET || u->kind == GD__PD_TCP;
}

/* The call that writes [p, p+n): to a socket one that raises no signal. */
static struct gd__io_call write_call(const struct gd__pd_use *u, const void *p, size_t n)
{
	return (struct gd__io_call){ .nr = is_socket(u) ? SYS_sendto : SYS_write,
				     .a = (long)p,
				     .b = (long)n,
				     .c = MSG_NOSIGNAL };
}

/* All of it, with the turn taken: GD_OK or a code. */
static int64_t write_all(const struct gd__pd_use *u, const void *p, size_t n, int64_t until)
{
	const char *at = p;

	do {
		struct gd__io_call k = write_call(u, at, n);
		int64_t r = gd__io_perform(u, &k, until);

		if (r < 0)
			return r;
		at += r;
		n -= (size_t)r;
		if (n > 0 && gd__pd_expired(u) != GD_OK)
			return GD_ETIMEDOUT;
	} while (n > 0);
	return GD_OK;
}

int64_t gd_fd_write_until(int fd, const void *buf, size_t n, int64_t until)
{
	struct gd__pd_use u;
	int64_t r;

	will_write(fd, &(struct iovec){ (void *)buf, n }, 1, GD__IO_PC);
	r = gd__pd_begin(&u, fd, GD__PD_WRITE, until);
	if (r != GD_OK)
		return r;
	r = write_all(&u, buf, n, until);
	gd__io_end(&u);
	return r == GD_OK ? (int64_t)n : r;
}

/* One call for many parts; what it leaves of the part it stopped in. */
static int64_t write_parts(const struct gd__pd_use *u, const struct iovec *iov, size_t n,
			   int64_t until)
{
	const struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
	struct gd__io_call k = { .nr = SYS_writev, .a = (long)iov, .b = (long)n };

	if (is_socket(u))
		k = (struct gd__io_call){ .nr = SYS_sendmsg, .a = (long)&m, .b = MSG_NOSIGNAL };
	return gd__io_perform(u, &k, until);
}

int64_t gd_fd_writev_until(int fd, const struct iovec *iov, int parts, int64_t until)
{
	struct gd__pd_use u;
	size_t i = 0, n = (size_t)parts;
	int64_t total = 0, r;

	will_write(fd, iov, n, GD__IO_PC);
	r = gd__pd_begin(&u, fd, GD__PD_WRITE, until);
	if (r != GD_OK)
		return r;
	while (i < n) {
		r = write_parts(&u, iov + i, n - i, until);
		if (r < 0)
			break;
		total += r;
		for (; i < n && (size_t)r >= iov[i].iov_len; i++)
			r -= (int64_t)iov[i].iov_len;
		if (r == 0)
			continue;
		/* Stopped within a part: the rest of that alone, and then the others. */
		size_t left = iov[i].iov_len - (size_t)r;

		r = write_all(&u, (const char *)iov[i].iov_base + r, left, until);
		if (r < 0)
			break;
		total += (int64_t)left;
		i++;
	}
	gd__io_end(&u);
	return r < 0 ? r : total;
}

/* NOLINTNEXTLINE(readability-function-size): the system call has six arguments. */
int64_t gd_fd_sendto_until(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
			   unsigned len, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_sendto,
				       .a = (long)buf,
				       .b = (long)n,
				       .c = flags | MSG_NOSIGNAL | MSG_DONTWAIT,
				       .d = (long)to,
				       .e = len };

	will_write(fd, &(struct iovec){ (void *)buf, n }, 1, GD__IO_PC);
	if (to && gd__hooks)
		gd__io_tell(GD__IO_TO, fd, to, len);
	return gd__io(fd, GD__PD_WRITE, &k, until);
}

int64_t gd_fd_sendmsg_until(int fd, const struct msghdr *m, int flags, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_sendmsg,
				       .a = (long)m,
				       .b = flags | MSG_NOSIGNAL | MSG_DONTWAIT };

	will_write(fd, m->msg_iov, m->msg_iovlen, GD__IO_PC);
	if (m->msg_name && gd__hooks)
		gd__io_tell(GD__IO_TO, fd, m->msg_name, m->msg_namelen);
	return gd__io(fd, GD__PD_WRITE, &k, until);
}

int gd_fd_wait_until(int fd, bool write, int64_t until)
{
	return gd__netpoll_wait_fd(fd, write, until);
}

int gd__io_open_both(const int fds[2], enum gd__pd_kind kind)
{
	int r = gd__pd_open(fds[0], kind);

	if (r == GD_OK) {
		r = gd__pd_open(fds[1], kind);
		if (r == GD_OK)
			return GD_OK;
		gd__netpoll_closed(fds[0], gd__netpoll_generation(fds[0]));
	}
	gd__io_close_raw(fds[0]);
	gd__io_close_raw(fds[1]);
	return r;
}

int gd_pipe(int fds[2])
{
	long r = gd__os_call(SYS_pipe2, (long)fds, O_NONBLOCK | O_CLOEXEC, 0, 0, 0, 0);

	return r < 0 ? gd__errno_code(r) : gd__io_open_both(fds, GD__PD_PIPE);
}
