/* link: gdetect */
/*
 * syscall_test.c - each system call of the runtime fails: the n-th one, or all from the n-th on.
 */
#include <sys/syscall.h>

#include <linux/futex.h>

#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "tests/unit/fault/fault.h"

#ifndef SYS_process_madvise
#	define SYS_process_madvise 440
#endif
#ifndef SYS_pidfd_open
#	define SYS_pidfd_open 434
#endif
#ifndef SYS_epoll_pwait2
#	define SYS_epoll_pwait2 441
#endif

#define ANY     (-1)
#define NTH_MAX 24 /* a call made more often than that is made for the same reasons again */

/* As before Linux 6.15: process_madvise knows no name for the caller (PIDFD_SELF_THREAD). */
static bool nameless;

static struct {
	long nr, op; /* op: the second argument of a futex, or ANY */
	int error;   /* a positive errno */
	int first;   /* from this call on */
	int last;
} plan;

static long by_plan(long nr, const long *arg)
{
	int n;

	if (nameless && nr == SYS_process_madvise && arg[0] < 0)
		return -EBADF;
	if (nr != plan.nr || (plan.op != ANY && arg[1] != plan.op))
		return 0;
	n = atomic_fetch_add(&fault_shared->calls, 1) + 1;
	return n >= plan.first && n <= plan.last ? -plan.error : 0;
}

static void run_plan(enum fault_end may)
{
	char how[128];

	snprintf(how, sizeof(how), "system call %ld, errno %d, calls %d to %d", plan.nr, plan.error,
		 plan.first, plan.last);
	gd__os_filter = by_plan;
	fault_run(may, how);
}

/* The first one, the second one and so on. */
static void each(enum fault_end may, long nr, long op, int error)
{
	fault_share();
	plan.nr = nr;
	plan.op = op;
	plan.error = error;
	for (int n = 1; n <= NTH_MAX; n++) {
		plan.first = plan.last = n;
		run_plan(may);
		if (atomic_load(&fault_shared->calls) < n) {
			CHECK(n > 1); /* else nothing was tried */
			break;
		}
	}
}

/* All of them; then all but the first; and so on, twice as many each time. */
static void ever_since(enum fault_end may, long nr, int error)
{
	fault_share();
	plan.nr = nr;
	plan.op = ANY;
	plan.error = error;
	plan.last = INT32_MAX;
	for (int n = 1; n <= 64; n *= 2) {
		plan.first = n;
		run_plan(may);
		if (atomic_load(&fault_shared->calls) < n) {
			CHECK(n > 1);
			break;
		}
	}
}

CASE(nothing_fails)
{
	fault_share();
	plan.nr = ANY;
	run_plan(FAULT_SURVIVES);
}

CASE(mmap_once)
{
	each(FAULT_EXPLAINS, SYS_mmap, ANY, ENOMEM);
}

CASE(mmap_for_ever)
{
	ever_since(FAULT_EXPLAINS, SYS_mmap, ENOMEM);
}

CASE(madvise_is_unknown)
{
	ever_since(FAULT_SURVIVES, SYS_madvise, EINVAL);
}

CASE(madvise_once)
{
	each(FAULT_SURVIVES, SYS_madvise, ANY, ENOMEM);
}

CASE(madvise_again)
{
	each(FAULT_SURVIVES, SYS_madvise, ANY, EAGAIN);
}

CASE(process_madvise_is_unknown)
{
	ever_since(FAULT_SURVIVES, SYS_process_madvise, ENOSYS);
}

CASE(process_madvise_once)
{
	each(FAULT_SURVIVES, SYS_process_madvise, ANY, EPERM);
}

CASE(process_madvise_by_descriptor_is_unknown)
{
	nameless = true;
	ever_since(FAULT_SURVIVES, SYS_process_madvise, ENOSYS);
}

CASE(pidfd_open_is_unknown)
{
	nameless = true;
	ever_since(FAULT_SURVIVES, SYS_pidfd_open, ENOSYS);
}

CASE(pidfd_open_has_no_descriptor)
{
	nameless = true;
	each(FAULT_SURVIVES, SYS_pidfd_open, ANY, EMFILE);
}

CASE(mprotect_once)
{
	each(FAULT_SURVIVES, SYS_mprotect, ANY, ENOMEM);
}

CASE(mprotect_for_ever)
{
	gd__options.guard_mprotect = true;
	ever_since(FAULT_SURVIVES, SYS_mprotect, ENOMEM);
}

CASE(futex_wait_is_interrupted)
{
	each(FAULT_SURVIVES, SYS_futex, FUTEX_WAIT_PRIVATE, EINTR);
}

CASE(futex_wait_has_no_memory)
{
	each(FAULT_SURVIVES, SYS_futex, FUTEX_WAIT_PRIVATE, ENOMEM);
}

CASE(nanosleep_is_interrupted)
{
	each(FAULT_SURVIVES, SYS_clock_nanosleep, ANY, EINTR);
}

/* --- what the runtime asks for in a constructor: by an exec of the test itself --- */

static int early_calls;

static long early(long nr, const long *arg)
{
	(void)arg;
	if (nr != SYS_membarrier)
		return 0;
	early_calls++;
	return -ENOSYS;
}

__attribute__((constructor(101))) static void begin_early(void)
{
	if (getenv("FAULT_EARLY"))
		gd__os_filter = early;
}

CASE(membarrier_is_unknown)
{
	if (!getenv("FAULT_EARLY")) {
		setenv("FAULT_EARLY", "1", 1);
		execl("/proc/self/exe", "fault", "membarrier_is_unknown", NULL);
	}
	CHECK_EQ(early_calls, 1);
	fault_share();
	fault_run(FAULT_SURVIVES, "no memory barrier");
}

CASE(membarrier_once)
{
	each(FAULT_SURVIVES, SYS_membarrier, ANY, EPERM);
}

CASE(sched_getaffinity_is_refused)
{
	fault_default_procs = true;
	ever_since(FAULT_SURVIVES, SYS_sched_getaffinity, EPERM);
}

CASE(getrandom_is_unknown)
{
	ever_since(FAULT_SURVIVES, SYS_getrandom, ENOSYS);
}

CASE(openat_is_refused)
{
	gd__options.guard_mprotect = true;
	ever_since(FAULT_SURVIVES, SYS_openat, EMFILE);
}

CASE(prlimit_is_refused)
{
	ever_since(FAULT_SURVIVES, SYS_prlimit64, EPERM);
}

CASE(epoll_create_once)
{
	each(FAULT_EXPLAINS, SYS_epoll_create1, ANY, EMFILE);
}

CASE(epoll_create_for_ever)
{
	ever_since(FAULT_EXPLAINS, SYS_epoll_create1, ENOMEM);
}

CASE(eventfd_once)
{
	each(FAULT_EXPLAINS, SYS_eventfd2, ANY, EMFILE);
}

CASE(epoll_ctl_has_no_memory)
{
	each(FAULT_EXPLAINS, SYS_epoll_ctl, ANY, ENOMEM);
}

CASE(epoll_ctl_has_no_space)
{
	each(FAULT_EXPLAINS, SYS_epoll_ctl, ANY, ENOSPC);
}

CASE(epoll_wait_is_interrupted)
{
	each(FAULT_SURVIVES, SYS_epoll_pwait, ANY, EINTR);
}

CASE(epoll_pwait2_is_interrupted)
{
	each(FAULT_SURVIVES, SYS_epoll_pwait2, ANY, EINTR);
}

CASE(epoll_pwait2_is_unknown)
{
	ever_since(FAULT_SURVIVES, SYS_epoll_pwait2, ENOSYS);
}

CASE(epoll_pwait2_is_refused)
{
	each(FAULT_SURVIVES, SYS_epoll_pwait2, ANY, EPERM);
}

CASE(socketpair_has_no_descriptor)
{
	each(FAULT_EXPLAINS, SYS_socketpair, ANY, EMFILE);
}

CASE(read_is_interrupted)
{
	each(FAULT_SURVIVES, SYS_read, ANY, EINTR);
}

CASE(read_fails)
{
	each(FAULT_EXPLAINS, SYS_read, ANY, EIO);
}

CASE(write_is_interrupted)
{
	each(FAULT_SURVIVES, SYS_write, ANY, EINTR);
}

CASE(send_has_no_memory)
{
	each(FAULT_EXPLAINS, SYS_sendto, ANY, ENOBUFS);
}

CASE(pipe_has_no_descriptor)
{
	each(FAULT_EXPLAINS, SYS_pipe2, ANY, EMFILE);
}

/* --- everything, now and then --- */

static const struct {
	long nr;
	int error;
} anything[] = {
	{ SYS_mmap, ENOMEM },          { SYS_madvise, EAGAIN },     { SYS_process_madvise, EAGAIN },
	{ SYS_pidfd_open, EMFILE },    { SYS_mprotect, ENOMEM },    { SYS_clock_nanosleep, EINTR },
	{ SYS_epoll_create1, EMFILE }, { SYS_eventfd2, EMFILE },    { SYS_epoll_ctl, ENOMEM },
	{ SYS_epoll_pwait, EINTR },    { SYS_epoll_pwait2, EINTR }, { SYS_socketpair, ENFILE },
	{ SYS_pipe2, EMFILE },         { SYS_sendto, EINTR },       { SYS_read, EINTR },
	{ SYS_write, EINTR },
};

static uint32_t seed, odds;

static long by_chance(long nr, const long *arg)
{
	uint32_t x = (uint32_t)atomic_fetch_add(&fault_shared->calls, 1) + seed * 2654435761u;

	(void)arg;
	x = (x ^ x >> 16) * 0x45d9f3bu;
	x = (x ^ x >> 16) * 0x45d9f3bu;
	if ((x ^ x >> 16) % odds != 0)
		return 0;
	for (size_t i = 0; i < sizeof(anything) / sizeof(anything[0]); i++)
		if (anything[i].nr == nr)
			return -anything[i].error;
	return 0;
}

static void at_odds(uint32_t one_in)
{
	char how[64];

	fault_share();
	odds = one_in;
	gd__os_filter = by_chance;
	for (seed = 1; seed <= 16; seed++) {
		snprintf(how, sizeof(how), "one call in %u fails, seed %u", odds, seed);
		fault_run(FAULT_EXPLAINS, how);
	}
}

CASE(one_call_in_100_fails)
{
	at_odds(100);
}

CASE(one_call_in_8_fails)
{
	at_odds(8);
}

UNIT_MAIN
