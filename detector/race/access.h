/*
 * access.h - one memory access against the shadow.
 *
 * Cells are 16 bytes for 8 bytes of memory: the last write W and the last
 * reads R, each u64 = interval id 32, site 22, flags 2, byte mask 8; ids from
 * 0xC0000000 name side records (docs/design/shadow.md).
 */
#ifndef GD_DETECTOR_RACE_ACCESS_H
#define GD_DETECTOR_RACE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

enum gd__access_kind {
	GD__ACCESS_READ = 0,
	GD__ACCESS_WRITE = 1,
	GD__ACCESS_ATOMIC = 2, /* or-ed: two atomic accesses never race */
	GD__ACCESS_FREE = 4    /* or-ed to WRITE: free() or pool put */
};

/* [addr, addr+n), n >= 1, any alignment. pc: the instruction after the access. */
void gd__access(struct gd__hook_ctx *g, uintptr_t addr, size_t n, unsigned kind, uintptr_t pc);
/* n in 1, 2, 4, 8 and the access within one cell: the fast path in the callback, this behind it. */
void gd__access_cell_slow(struct gd__hook_ctx *g, uintptr_t addr, size_t n, unsigned kind,
			  uintptr_t pc);
/* Memory is new: cells become empty. */
void gd__shadow_reset(uintptr_t addr, size_t n);
/* Memory is new and written by g (malloc): later own accesses are hits. */
void gd__shadow_stamp(struct gd__hook_ctx *g, uintptr_t addr, size_t n, uintptr_t pc);

/* Maps the shadow. false: no address space, the detector cannot run. */
bool gd__shadow_init(void);
extern char *gd__shadow_base GD__HIDDEN;

#endif
