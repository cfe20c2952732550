/*
 * os_linux.h - the system calls we use, each checked, EINTR retried here and nowhere else.
 *
 * Functions that return int give 0 or a negative errno. errno itself is left alone.
 */
#ifndef GD_RUNTIME_BASE_OS_LINUX_H
#define GD_RUNTIME_BASE_OS_LINUX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a page: a constant where the CPU knows one size only, else the kernel's choice. */
#if defined(__x86_64__)
#	define GD__PAGE ((size_t)4096)
#else
extern size_t gd__os_page; /* 64 KiB, the largest there is, until the constructors run */
#	define GD__PAGE gd__os_page
#endif

/* Zeroed private memory, page-aligned; NULL when there is none. */
void *gd__os_map(size_t n);
/* As gd__os_map, without reserving swap: for sparse tables and stacks. */
void *gd__os_reserve(size_t n);
void gd__os_unmap(void *p, size_t n);
/* Keeps [p, p+n) out of core dumps. */
void gd__os_nodump(void *p, size_t n);
/* Gives the pages back; they read as zeros afterwards. */
int gd__os_discard(void *p, size_t n);
/* Keeps [p, p+n) out of huge pages: a stack uses one small page, not 2 MiB. */
void gd__os_nohuge(void *p, size_t n);
/* Makes [p, p+n) fault on access. */
int gd__os_protect_none(void *p, size_t n);
/*
 * As protect_none, without a mapping of its own (MADV_GUARD_INSTALL, Linux 6.13); -EINVAL where
 * that is not known, or accepted and not done. The range has not been written to yet.
 */
int gd__os_guard(void *p, size_t n);
/* The same for count ranges of n bytes, stride apart from p on, up to 64 in one call. */
int gd__os_guard_each(void *p, size_t count, size_t stride, size_t n);

/* A range of memory. */
struct gd__os_range {
	void *p;
	size_t n;
};
/* Gives back the pages of up to 64 ranges: lazily, as the kernel needs them, with what they hold
 * until then; or at once, and they read as zeros. */
int gd__os_release(const struct gd__os_range *range, size_t count, bool lazily);
/* How many of the pages that [p, p+n) touches are in memory; lowest: the address of the first one,
 * the end of all if there is none. */
size_t gd__os_resident(void *p, size_t n, uintptr_t *lowest);

/* Waits while *word == value, at most timeout_ns (< 0: for ever). 0 or -ETIMEDOUT; may wake early.
 */
int gd__os_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);
/* Wakes up to n waiters. */
void gd__os_futex_wake(_Atomic uint32_t *word, int n);

/*
 * A full memory barrier on every thread of this process, at some moment during the call;
 * microseconds. init, once, before there are other threads; false: the kernel has none, do not call
 * the other.
 */
bool gd__os_barrier_init(void);
void gd__os_barrier(void);

/* Monotonic clock in nanoseconds. */
int64_t gd__os_now(void);
/* The same clock as of the kernel's last tick: some milliseconds old, five times cheaper. */
int64_t gd__os_now_coarse(void);
void gd__os_nanosleep(int64_t ns);
int gd__os_tid(void);
int gd__os_pid(void);
/* The signals that this thread blocks: bit n - 1 for signal n. */
uint64_t gd__os_signal_mask(void);
/* Nanoseconds of CPU time that a thread of this process has used; -1: there is no such thread. */
int64_t gd__os_thread_cpu(int tid);
/* Sends sig to one thread of this process. */
int gd__os_tgkill(int tid, int sig);
/* CPUs this process may run on, at least 1. */
int gd__os_cpus(void);
/* Threads of this process; 0 if the kernel does not say (no /proc). */
int gd__os_threads(void);
/* Bytes of address space this process may have (RLIMIT_AS); UINT64_MAX: no limit. */
uint64_t gd__os_address_space(void);
/* The number that a file of /proc begins with; -1 if there is none. */
int64_t gd__os_file_number(const char *path);
/* 8 random bytes; falls back to clock and addresses. */
uint64_t gd__os_random(void);
/* All n bytes, or a negative errno. */
int gd__os_write(int fd, const void *p, size_t n);
/*
 * The same in parts that a pipe or socket takes without blocking, with a pause of at most
 * patience_ns before each: else -ETIMEDOUT. Waits for a descriptor that does not block, too.
 */
int gd__os_write_within(int fd, const void *p, size_t n, int64_t patience_ns);
/*
 * For tests of what fails: decides before each system call of the runtime whether it is made (0),
 * or what it gives instead (a negative errno). arg: its six arguments. Called on any thread, with
 * locks of the runtime held and on small stacks: it waits for nothing and calls nothing of the
 * runtime. NULL, as normally: all are made. Set while there is one thread.
 */
extern long (*gd__os_filter)(long nr, const long *arg);
/* Any system call, as made by the layers above with their own numbers: the kernel's result, a
 * negative errno included. */
long gd__os_call(long n, long a, long b, long c, long d, long e, long f);
/* Ends the process at once, without atexit handlers. */
void gd__os_exit(int code) __attribute__((noreturn));

#endif
