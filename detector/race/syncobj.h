/*
 * syncobj.h - what each synchronisation object carries, found by its address.
 *
 * A hash of records by address, in stripes with a lock and a table each. A
 * record is made at the first release only: acquiring an object nobody released
 * does nothing.
 */
#ifndef GD_DETECTOR_RACE_SYNCOBJ_H
#define GD_DETECTOR_RACE_SYNCOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

/* These also begin a new interval for g where its epoch rose. */
void gd__sync_acquire(struct gd__hook_ctx *g, uintptr_t obj);
void gd__sync_release(struct gd__hook_ctx *g, uintptr_t obj);
void gd__sync_release_merge(struct gd__hook_ctx *g, uintptr_t obj);
void gd__sync_swap(struct gd__hook_ctx *g, uintptr_t obj);
/*
 * Memory [obj, obj+n) goes away: drop every record in it. One or two loads for a
 * small block on a page without records, one load per page for a large one.
 */
void gd__sync_forget(uintptr_t obj, size_t n);

struct gd__syncobj {
	uintptr_t addr;
	struct gd__clock value;
	struct gd__syncobj *next;
};

/*
 * For atomics: the record of obj, made if make is set. It is locked until
 * gd__sync_unlock(obj); in between the caller works on value, calls nothing else
 * of this file, and has gd__race_cur set to NULL against signal handlers. NULL, and
 * nothing locked: there is none, or no memory. Who acquires reads the program's
 * value first: a release may come right after a NULL.
 */
struct gd__syncobj *gd__sync_lock(uintptr_t obj, bool make);
void gd__sync_unlock(uintptr_t obj);

/* Records that exist, for tests and statistics. */
size_t gd__sync_count(void);

#endif
