/* race_api.c - <gdetect/race.h>. */
#include <gdetect/race.h>

#include "detector/race/abi.h"
#include "detector/race/keys.h"
#include "detector/race/race_report.h"
#include "detector/race/syncobj.h"

size_t gd_race_count(void)
{
	return gd__race_reported();
}

void gd_race_release(const void *obj)
{
	if (gd__race_cur)
		gd__sync_release_merge(gd__race_cur, gd__key_note(obj));
}

void gd_race_acquire(const void *obj)
{
	if (gd__race_cur)
		gd__sync_acquire(gd__race_cur, gd__key_note(obj));
}

void gd_race_ignore_begin(void)
{
	__tsan_ignore_thread_begin();
}

void gd_race_ignore_end(void)
{
	__tsan_ignore_thread_end();
}
