/* clock.c - the system's monotonic clock as the one of deadlines. */
#include "runtime/base/clock.h"

#include "runtime/base/os_linux.h"

static bool passed(int64_t until, int64_t os_now)
{
	return os_now >= until;
}

static int64_t left(int64_t until)
{
	int64_t ns = until == INT64_MAX ? -1 : until - gd__os_now();

	return until == INT64_MAX || ns > 0 ? ns : 0;
}

struct gd__timebase gd__timebase = { gd__os_now, gd__os_now_coarse, passed, left };

int64_t gd__clock_now(void)
{
	return gd__timebase.now();
}
