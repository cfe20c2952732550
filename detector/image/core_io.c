/* core_io.c - files by raw system calls; see core_io.h. */
#include "detector/image/core_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"

/* Layout of the kernel's struct linux_dirent64. */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

static int64_t call(long number, long a, long b, long c, long d)
{
	int64_t r;

	do
		r = gd__os_call(number, a, b, c, d, 0, 0);
	while (r == -EINTR);
	return r;
}

int gd__io_open(const char *path, int flags, unsigned mode)
{
	return (int)call(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, (long)mode);
}

int gd__io_open_proc(int32_t pid, const char *name)
{
	char path[96];

	gd__fmt(path, sizeof(path), "/proc/%d/%s", pid, name);
	return gd__io_open(path, O_RDONLY, 0);
}

void gd__io_close(int fd)
{
	call(SYS_close, fd, 0, 0, 0);
}

int64_t gd__io_read(int fd, void *buf, size_t n)
{
	return call(SYS_read, fd, (long)buf, (long)n, 0);
}

int64_t gd__io_pread(int fd, void *buf, size_t n, uint64_t offset)
{
	return call(SYS_pread64, fd, (long)buf, (long)n, (long)offset);
}

int gd__io_pwrite(int fd, const void *buf, size_t n, uint64_t offset)
{
	const char *p = buf;

	while (n > 0) {
		int64_t r = call(SYS_pwrite64, fd, (long)p, (long)n, (long)offset);

		if (r <= 0)
			return r < 0 ? (int)r : -ENOSPC;
		p += r;
		n -= (size_t)r;
		offset += (uint64_t)r;
	}
	return 0;
}

int gd__io_truncate(int fd, uint64_t size)
{
	return (int)call(SYS_ftruncate, fd, (long)size, 0, 0);
}

int gd__io_sync(int fd)
{
	int r = (int)call(SYS_fdatasync, fd, 0, 0, 0);

	return r == -EINVAL ? 0 : r; /* a file system that has nothing to sync */
}

int gd__io_lock(int fd)
{
	return (int)call(SYS_flock, fd, LOCK_EX | LOCK_NB, 0, 0);
}

int gd__io_replaceable(const char *path)
{
	struct stat st;
	int64_t r = call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, AT_SYMLINK_NOFOLLOW);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return (int)r;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) ? 0 : -EINVAL;
}

int gd__io_rename(const char *from, const char *to)
{
	return (int)call(SYS_renameat, AT_FDCWD, (long)from, AT_FDCWD, (long)to);
}

void gd__io_unlink(const char *path)
{
	call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0);
}

int64_t gd__io_slurp(int32_t pid, const char *name, void *buf, size_t n)
{
	int fd = gd__io_open_proc(pid, name);
	size_t have = 0;

	if (fd < 0)
		return fd;
	while (have < n) {
		int64_t r = gd__io_read(fd, (char *)buf + have, n - have);

		if (r <= 0)
			break;
		have += (size_t)r;
	}
	gd__io_close(fd);
	return (int64_t)have;
}

/* A decimal number, or 0 for a name that is none ("." and ".."). */
static int32_t number(const char *s)
{
	int64_t n = 0;

	for (; *s >= '0' && *s <= '9' && n < INT32_MAX; s++)
		n = n * 10 + (*s - '0');
	return *s || n > INT32_MAX ? -1 : (int32_t)n;
}

int gd__io_numbers(int32_t pid, const char *name, void (*visit)(void *arg, int32_t number),
		   void *arg)
{
	_Alignas(8) char buf[4096];
	int fd = gd__io_open_proc(pid, name);
	int64_t n;

	if (fd < 0)
		return fd;
	while ((n = call(SYS_getdents64, fd, (long)buf, sizeof(buf), 0)) > 0) {
		for (int64_t at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(buf + at);
			int32_t n_of = number(e->name);

			if (n_of >= 0)
				visit(arg, n_of);
			at += e->length;
		}
	}
	gd__io_close(fd);
	return (int)n;
}

int gd__io_tasks(int32_t pid, void (*visit)(void *arg, int32_t tid), void *arg)
{
	return gd__io_numbers(pid, "task", visit, arg);
}
