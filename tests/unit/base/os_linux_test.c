/* link: gdetect */
/* os_linux_test.c - what the system does for us, where that is not plain from the callers' tests.
 */
#include "runtime/base/os_linux.h"

#include <errno.h>
#include <signal.h>

#include "tests/support/child.h"
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

CASE(pages_are_of_the_kernels_size)
{
	CHECK_EQ(GD__PAGE, sysconf(_SC_PAGESIZE));
}

UNIT_MAIN
