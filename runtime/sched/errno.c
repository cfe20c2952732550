/*
 * errno.c - errno for code that parks.
 *
 * libc declares the function behind errno as one whose result never changes, so a compiler asks
 * once per function; but a goroutine may go on on another thread, whose errno lies elsewhere. These
 * are functions of another file with no such promise: each call looks again.
 */
#include <errno.h>

#include <gdetect/go.h>

#include "runtime/base/compiler.h"
#include "runtime/sched/m.h"

GD__NOINLINE int *gd_errno_at(void)
{
	const struct gd__m *m = gd__m_self();

	return m ? m->errno_at : &errno;
}

int gd_errno(void)
{
	return *gd_errno_at();
}

void gd_errno_set(int value)
{
	*gd_errno_at() = value;
}
