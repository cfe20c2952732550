/*
 * unwind.h - libunwind, loaded when first needed.
 */
#ifndef GD_RUNTIME_INSPECT_UNWIND_H
#define GD_RUNTIME_INSPECT_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/arch/regs.h"
#include "runtime/inspect/traceback.h"

/* Registers by DWARF number, then the pc; those that are not known are 0. */
struct gd__unwind_regs {
	uint64_t r[GD__REGS];
};

/* What a walk has followed: of frame i, found from the one before it. */
struct gd__unwind_log {
	size_t n; /* frames; 0: it was not noted */
	struct {
		uint64_t sp, fp;
		uint64_t fp_at; /* where fp was saved; 0: nowhere in memory */
	} frame[GD__FRAMES_MAX];
};

/* Loads libunwind if that was not tried yet. Calls dlopen: not under a stopped world. */
bool gd__unwind_load(void);

/*
 * Frames from regs outward while the stack pointer stays in [lo, hi) and rises.
 * pcs[0] is the pc of regs. exact: that is an instruction about to run. Needs a big stack.
 * log may be NULL, and has room for GD__FRAMES_MAX frames, as pcs then has at most.
 */
size_t gd__unwind(const struct gd__unwind_regs *regs, bool exact, uintptr_t lo, uintptr_t hi,
		  uintptr_t *pcs, size_t max, struct gd__unwind_log *log);

#endif
