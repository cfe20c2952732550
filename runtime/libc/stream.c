/*
 * stream.c - read, readv, write, writev. Files never wait long enough to park: they are
 * read and written under gd_syscall, all at once, as the kernel would.
 */
#include <errno.h>
#include <limits.h>

#include "runtime/libc/libc.h"

/* The most that the kernel moves in one call. */
#define MOST 0x7ffff000

enum kind { KIND_FILE, KIND_SOCKET, KIND_OTHER };

static enum kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return KIND_FILE; /* whose call fails in the same way */
	if (S_ISSOCK(st.st_mode))
		return KIND_SOCKET;
	return S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode) ? KIND_FILE
										 : KIND_OTHER;
}

static ssize_t move(int fd, enum kind kind, bool write, const struct iovec *iov, size_t n)
{
	struct gd__block_transfer t = { .fd = fd,
					.write = write,
					.socket = kind == KIND_SOCKET,
					.whole = write,
					.msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n },
					.left = gd__block_bytes(iov, n) };

	return gd__block_move(&t);
}

ssize_t gd__libc_read(int fd, void *buf, size_t n)
{
	struct iovec iov = { buf, n < MOST ? n : MOST };
	enum kind kind;

	if (n == 0 || !gd__block_may_park())
		return GD__NEXT(read)(fd, buf, n);
	kind = kind_of(fd);
	if (kind == KIND_FILE)
		return gd_syscall(GD__NEXT(read)(fd, buf, n));
	return move(fd, kind, false, &iov, 1);
}
GD__PUBLISH(read);

ssize_t gd__libc_write(int fd, const void *buf, size_t n)
{
	struct iovec iov = { (void *)buf, n < MOST ? n : MOST };
	enum kind kind;

	if (n == 0 || !gd__block_may_park())
		return GD__NEXT(write)(fd, buf, n);
	kind = kind_of(fd);
	if (kind == KIND_FILE)
		return gd_syscall(GD__NEXT(write)(fd, buf, n));
	return move(fd, kind, true, &iov, 1);
}
GD__PUBLISH(write);

/* A list that the kernel may refuse, or with nothing to move, is the kernel's. */
static bool is_plain(const struct iovec *iov, int n)
{
	return n <= 0 || n > IOV_MAX || !iov || gd__block_bytes(iov, (size_t)n) == 0 ||
	       gd__block_bytes(iov, (size_t)n) > MOST;
}

ssize_t gd__libc_readv(int fd, const struct iovec *iov, int n)
{
	enum kind kind;

	if (!gd__block_may_park())
		return GD__NEXT(readv)(fd, iov, n);
	kind = is_plain(iov, n) ? KIND_FILE : kind_of(fd);
	if (kind == KIND_FILE)
		return gd_syscall(GD__NEXT(readv)(fd, iov, n));
	return move(fd, kind, false, iov, (size_t)n);
}
GD__PUBLISH(readv);

ssize_t gd__libc_writev(int fd, const struct iovec *iov, int n)
{
	enum kind kind;

	if (!gd__block_may_park())
		return GD__NEXT(writev)(fd, iov, n);
	kind = is_plain(iov, n) ? KIND_FILE : kind_of(fd);
	if (kind == KIND_FILE)
		return gd_syscall(GD__NEXT(writev)(fd, iov, n));
	return move(fd, kind, true, iov, (size_t)n);
}
GD__PUBLISH(writev);
