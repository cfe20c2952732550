/*
 * quiet.h - calls of libc functions that are not the program's doing: those from inside jemalloc.
 *
 * It locks its arenas and fills its memory also outside of malloc and free, when
 * a thread ends. Those locks would order all threads that ever allocated.
 */
#ifndef GD_DETECTOR_RACE_QUIET_H
#define GD_DETECTOR_RACE_QUIET_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/compiler.h"

/* Code of libjemalloc.so; empty where it is linked into the program itself. */
extern uintptr_t gd__quiet_start GD__HIDDEN;
extern uintptr_t gd__quiet_size GD__HIDDEN;

/* At start-up. */
void gd__quiet_init(void);

static inline bool gd__is_quiet(uintptr_t pc)
{
	return pc - gd__quiet_start < gd__quiet_size;
}

#endif
