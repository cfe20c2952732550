/* link: gdetect */
/* os_linux_test.c - what the system does for us, where that is not plain from the callers' tests.
 */
#include "runtime/base/os_linux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/support/child.h"
#include "tests/support/descriptors.h"
#include "tests/support/unit.h"

static void touch_guard(void)
{
	char *p = gd__os_map(4 * GD__PAGE);

	signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own end for it */
	if (gd__os_guard(p, GD__PAGE) == 0)
		((volatile char *)p)[0] = 1;
	else
		abort();
}

/* An emulator that says yes and does nothing must not be believed. */
CASE(a_guard_faults_or_is_refused)
{
	char *p = gd__os_map(4 * GD__PAGE);
	int r = gd__os_guard(p, GD__PAGE);
	struct child c;

	((volatile char *)p)[GD__PAGE] = 1; /* the next page is as before */
	CHECK(r == 0 || r == -EINVAL);
	child_run(&c, touch_guard);
	CHECK_EQ(c.code, r == 0 ? 128 + SIGSEGV : 128 + SIGABRT);
}

CASE(guards_of_many_ranges)
{
	char *p = gd__os_map(8 * GD__PAGE);
	int one = gd__os_guard(p + 6 * GD__PAGE, GD__PAGE);
	int r = gd__os_guard_each(p, 3, 2 * GD__PAGE, GD__PAGE);

	for (int i = 0; i < 3; i++)
		((volatile char *)p)[(size_t)(2 * i + 1) * GD__PAGE] = 1; /* between the guards */
	if (one != 0)
		CHECK(r != 0);
	CHECK_EQ(gd__os_guard_each(p, 65, 2 * GD__PAGE, GD__PAGE), -EINVAL);
}

static int by_name, opened, closed;
static bool old_kernel;

static long count_descriptors(long nr, const long *arg)
{
	bool self = nr == SYS_process_madvise && arg[0] < 0;

	by_name += self;
	opened += nr == SYS_pidfd_open;
	closed += nr == SYS_close;
	return self && old_kernel ? -EBADF : 0;
}

/* Twice, as the first call may find out what the kernel knows. */
static void release_twice(void)
{
	char *p = gd__os_map(4 * GD__PAGE);
	struct gd__os_range range[] = { { p, GD__PAGE }, { p + 2 * GD__PAGE, GD__PAGE } };

	gd__os_filter = count_descriptors;
	for (int i = 0; i < 2; i++) {
		memset(p, 1, 4 * GD__PAGE);
		CHECK_EQ(gd__os_release(range, 2, false), 0);
		CHECK_EQ(p[0] + p[2 * GD__PAGE], 0);
		CHECK_EQ(p[GD__PAGE] + p[3 * GD__PAGE], 2);
	}
	gd__os_filter = NULL;
}

CASE(an_old_kernel_is_asked_once_and_its_descriptor_closed)
{
	int before = open_descriptors();

	old_kernel = true;
	release_twice();
	CHECK_EQ(by_name, 1);
	CHECK_EQ(opened, 2);
	CHECK_EQ(closed, 2);
	CHECK_EQ(open_descriptors(), before);
}

CASE(memory_is_given_back_without_a_descriptor)
{
	char *p = gd__os_map(GD__PAGE);
	struct iovec v = { p, GD__PAGE };

	/* PIDFD_SELF_THREAD; MADV_DONTNEED is 4 */
	if (syscall(SYS_process_madvise, -10000, &v, 1, 4, 0) < 0 && errno == EBADF) {
		printf("skipped: the kernel has no PIDFD_SELF_THREAD\n");
		return;
	}
	release_twice();
	CHECK_EQ(by_name, 2);
	CHECK_EQ(opened, 0);
}

CASE(a_descriptor_that_stays_open_is_counted)
{
	int before = open_descriptors();

	CHECK(dup(0) >= 0 || dup(2) >= 0);
	CHECK_EQ(open_descriptors(), before + 1);
}

CASE(pages_are_of_the_kernels_size)
{
	CHECK_EQ(GD__PAGE, sysconf(_SC_PAGESIZE));
}

UNIT_MAIN
