/*
 * syncobj.h - what each synchronisation object carries, found by its address.
 *
 * A hash of records by address; each record has a spin bit. A record is made
 * at the first release only: acquiring an object nobody released does nothing.
 */
#ifndef GD_DETECTOR_RACE_SYNCOBJ_H
#define GD_DETECTOR_RACE_SYNCOBJ_H

#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

/* These also begin a new interval for g where its epoch rose. */
void gd__sync_acquire(struct gd__hook_ctx *g, uintptr_t obj);
void gd__sync_release(struct gd__hook_ctx *g, uintptr_t obj);
void gd__sync_release_merge(struct gd__hook_ctx *g, uintptr_t obj);
void gd__sync_swap(struct gd__hook_ctx *g, uintptr_t obj);
/* Memory [obj, obj+n) goes away: drop every record in it. Cheap when there is none. */
void gd__sync_forget(uintptr_t obj, size_t n);

/*
 * For atomics: the record of obj, locked, made if make is set; NULL if there is
 * none (or no memory). The caller works on *value and unlocks.
 */
struct gd__syncobj {
	uintptr_t addr;
	struct gd__clock value;
	struct gd__syncobj *next;
};
struct gd__syncobj *gd__sync_lock(uintptr_t obj, bool make);
void gd__sync_unlock(uintptr_t obj);

#endif
