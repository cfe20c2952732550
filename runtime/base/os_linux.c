/*
 * os_linux.c - system calls, made directly so that no interposer and no errno is in between.
 */
#include "runtime/base/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"

#ifndef MADV_GUARD_INSTALL
#	define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF_THREAD
#	define PIDFD_SELF_THREAD (-10000)
#endif

#ifndef __x86_64__
size_t gd__os_page = (size_t)64 << 10;

/* Before all constructors that map memory. */
__attribute__((constructor(101))) static void find_page(void)
{
	gd__os_page = getauxval(AT_PAGESZ);
}
#endif

long (*gd__os_filter)(long nr, const long *arg);

/* NOLINTNEXTLINE(readability-function-size): a system call has up to six arguments. */
static GD__NOINLINE long filtered(long n, long a, long b, long c, long d, long e, long f)
{
	return gd__os_filter(n, (const long[]){ a, b, c, d, e, f });
}

/* NOLINTNEXTLINE(readability-function-size): as above. */
static long raw6(long n, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long r = gd__unlikely(gd__os_filter) ? filtered(n, a, b, c, d, e, f) : 0;

	if (r < 0)
		return r;
	r = syscall(n, a, b, c, d, e, f);
	if (r < 0)
		r = -errno;
	errno = saved;
	return r;
}

static void *map(size_t n, int prot, int flags)
{
	long r = raw6(SYS_mmap, 0, (long)n, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

void *gd__os_map(size_t n)
{
	return map(n, PROT_READ | PROT_WRITE, 0);
}

void *gd__os_reserve(size_t n)
{
	return map(n, PROT_READ | PROT_WRITE, MAP_NORESERVE);
}

static int advise(void *p, size_t n, int advice)
{
	long r;

	do
		r = raw6(SYS_madvise, (long)p, (long)n, advice, 0, 0, 0);
	while (r == -EINTR);
	return (int)r;
}

void gd__os_unmap(void *p, size_t n)
{
	raw6(SYS_munmap, (long)p, (long)n, 0, 0, 0, 0);
}

void gd__os_nodump(void *p, size_t n)
{
	advise(p, n, MADV_DONTDUMP);
}

void gd__os_nohuge(void *p, size_t n)
{
	advise(p, n, MADV_NOHUGEPAGE);
}

int gd__os_discard(void *p, size_t n)
{
	return advise(p, n, MADV_DONTNEED);
}

int gd__os_protect_none(void *p, size_t n)
{
	return (int)raw6(SYS_mprotect, (long)p, (long)n, PROT_NONE, 0, 0, 0);
}

/* Whether a read at p faults: the kernel tries it, for a wait that does not wait. */
static bool faults(const void *p)
{
	struct timespec now = { 0, 0 };

	return raw6(SYS_futex, (long)p, FUTEX_WAIT_PRIVATE, 1, (long)&now, 0, 0) == -EFAULT;
}

/* Emulators accept advice that they do not know (qemu 7): so the first guard at p is tried. */
static int prove_guard(const void *p)
{
	static _Atomic uint32_t proven;

	if (gd__load_relaxed(&proven)) /* two may try it, no harm */
		return 0;
	if (!faults(p))
		return -EINVAL;
	gd__store_relaxed(&proven, 1);
	return 0;
}

int gd__os_guard(void *p, size_t n)
{
	int r = advise(p, n, MADV_GUARD_INSTALL);

	return r != 0 ? r : prove_guard(p);
}

/*
 * One call for many; the bytes done, or a negative errno. Linux 6.15 knows a name for the caller;
 * before, it takes a descriptor, which the program sees come and go.
 */
static long advise_each(const struct iovec *range, size_t count, int advice)
{
	static _Atomic uint32_t nameless; /* two may find it out, no harm */
	long fd, done;

	if (!gd__load_relaxed(&nameless)) {
		done = raw6(SYS_process_madvise, PIDFD_SELF_THREAD, (long)range, (long)count,
			    advice, 0, 0);
		if (done != -EBADF)
			return done;
		gd__store_relaxed(&nameless, 1);
	}
	fd = raw6(SYS_pidfd_open, gd__os_pid(), 0, 0, 0, 0, 0);
	if (fd < 0)
		return fd;
	done = raw6(SYS_process_madvise, fd, (long)range, (long)count, advice, 0, 0);
	raw6(SYS_close, fd, 0, 0, 0, 0, 0);
	return done;
}

/* In one call 0.4 us a guard against 1.0 (measured 2026). */
int gd__os_guard_each(void *p, size_t count, size_t stride, size_t n)
{
	struct iovec range[64];
	long done;

	if (count > gd__countof(range))
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		range[i] = (struct iovec){ (char *)p + i * stride, n };
	done = advise_each(range, count, MADV_GUARD_INSTALL);
	if (done < 0)
		return (int)done;
	return (size_t)done == count * n ? prove_guard(p) : -EAGAIN;
}

int gd__os_release(const struct gd__os_range *range, size_t count, bool lazily)
{
	int advice = lazily ? MADV_FREE : MADV_DONTNEED, r = 0;
	struct iovec v[64];
	size_t all = 0;
	long done = -1;

	for (size_t i = 0; i < count && count <= gd__countof(v); i++) {
		v[i] = (struct iovec){ range[i].p, range[i].n };
		all += range[i].n;
	}
	if (count <= gd__countof(v))
		done = advise_each(v, count, advice);
	/* Of oneself it takes any advice since Linux 6.13; before, one by one. */
	for (size_t i = 0; i < count && done != (long)all; i++) {
		int e = advise(range[i].p, range[i].n, advice);

		r = e != 0 ? e : r;
	}
	return r;
}

size_t gd__os_resident(void *p, size_t n, uintptr_t *lowest)
{
	unsigned char in[256];
	size_t count = 0;

	size_t before = (uintptr_t)p % GD__PAGE;

	p = (char *)p - before;
	n = (n + before + GD__PAGE - 1) & ~(GD__PAGE - 1);
	*lowest = (uintptr_t)p + n;
	for (size_t at = 0; at < n; at += sizeof(in) * GD__PAGE) {
		size_t part = n - at < sizeof(in) * GD__PAGE ? n - at : sizeof(in) * GD__PAGE;

		if (raw6(SYS_mincore, (long)p + (long)at, (long)part, (long)in, 0, 0, 0) != 0)
			continue;
		for (size_t i = 0; i < part / GD__PAGE; i++) {
			if (!(in[i] & 1))
				continue;
			if (count++ == 0)
				*lowest = (uintptr_t)p + at + i * GD__PAGE;
		}
	}
	return count;
}

int gd__os_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
	struct timespec ts = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
	long r = raw6(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value,
		      (long)(timeout_ns < 0 ? NULL : &ts), 0, 0);

	return r == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

void gd__os_futex_wake(_Atomic uint32_t *word, int n)
{
	raw6(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, n, 0, 0, 0);
}

bool gd__os_barrier_init(void)
{
	return raw6(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0, 0, 0, 0) == 0;
}

void gd__os_barrier(void)
{
	while (raw6(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0, 0, 0, 0) != 0)
		if (!gd__os_barrier_init()) /* it was there: at worst a child of fork begins anew */
			gd__throw("os: no memory barrier");
}

int64_t gd__os_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t gd__os_now_coarse(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void gd__os_nanosleep(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (raw6(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&ts, (long)&ts, 0, 0) == -EINTR)
		;
}

int gd__os_tid(void)
{
	return (int)raw6(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

int gd__os_pid(void)
{
	return (int)raw6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

uint64_t gd__os_signal_mask(void)
{
	uint64_t mask = 0;

	raw6(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, sizeof(mask), 0, 0);
	return mask;
}

int64_t gd__os_thread_cpu(int tid)
{
	/* The kernel's name for a thread's CPU clock: bits of the id inverted, 4 thread, 2 used. */
	long clock = (long)(~(unsigned long)tid << 3 | 6);
	struct timespec ts;

	if (raw6(SYS_clock_gettime, (int)clock, (long)&ts, 0, 0, 0, 0) != 0)
		return -1;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int gd__os_tgkill(int tid, int sig)
{
	return (int)raw6(SYS_tgkill, gd__os_pid(), tid, sig, 0, 0, 0);
}

int gd__os_cpus(void)
{
	cpu_set_t set;
	long n = raw6(SYS_sched_getaffinity, 0, sizeof(set), (long)&set, 0, 0, 0);
	int count = 0;

	for (long i = 0; i < n * 8; i++)
		count += CPU_ISSET((size_t)i, &set) != 0;
	return count > 0 ? count : 1;
}

int gd__os_threads(void)
{
	struct stat st;

	/* A directory has two links more than directories in it. */
	if (raw6(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0, 0, 0) != 0 ||
	    st.st_nlink < 2)
		return 0;
	return (int)st.st_nlink - 2;
}

uint64_t gd__os_address_space(void)
{
	struct rlimit limit;

	if (raw6(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&limit, 0, 0) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

int64_t gd__os_file_number(const char *path)
{
	char text[24];
	int64_t value = 0;
	long fd = raw6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0), n, i;

	if (fd < 0)
		return -1;
	n = raw6(SYS_read, fd, (long)text, sizeof(text), 0, 0, 0);
	raw6(SYS_close, fd, 0, 0, 0, 0, 0);
	for (i = 0; i < n && i < 18 && text[i] >= '0' && text[i] <= '9'; i++)
		value = value * 10 + (text[i] - '0');
	return i > 0 ? value : -1;
}

uint64_t gd__os_random(void)
{
	uint64_t v = 0;

	if (raw6(SYS_getrandom, (long)&v, sizeof(v), GRND_NONBLOCK, 0, 0, 0) != sizeof(v))
		v = (uint64_t)gd__os_now() * 0x9e3779b97f4a7c15u ^ (uintptr_t)&v;
	return v;
}

int gd__os_write(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		long r = raw6(SYS_write, fd, (long)s, (long)n, 0, 0, 0);

		if (r == -EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? (int)r : -EIO;
		s += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Until fd takes PIPE_BUF bytes at once, or fails; false: not by then. */
static bool wait_writable(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	for (;;) {
		int64_t left = deadline - gd__os_now();
		struct timespec ts = { left / 1000000000, left % 1000000000 };

		if (left <= 0)
			return false;

		long r = raw6(SYS_ppoll, (long)&p, 1, (long)&ts, 0, 8, 0);

		if (r != -EINTR)
			return r != 0; /* an error: the write shall say it */
	}
}

int gd__os_write_within(int fd, const void *p, size_t n, int64_t patience_ns)
{
	const char *s = p;

	while (n > 0) {
		int64_t deadline = gd__os_now() + patience_ns;
		size_t part = n < PIPE_BUF ? n : PIPE_BUF;
		long r;

		do {
			if (!wait_writable(fd, deadline))
				return -ETIMEDOUT;
			r = raw6(SYS_write, fd, (long)s, (long)part, 0, 0, 0);
		} while (r == -EINTR || r == -EAGAIN);
		if (r <= 0)
			return r < 0 ? (int)r : -EIO;
		s += r;
		n -= (size_t)r;
	}
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): as raw6. */
long gd__os_call(long n, long a, long b, long c, long d, long e, long f)
{
	return raw6(n, a, b, c, d, e, f);
}

void gd__os_exit(int code)
{
	_exit(code);
}
