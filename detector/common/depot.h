/*
 * depot.h - each distinct stack is kept once and named by a number, for good.
 */
#ifndef GD_DETECTOR_COMMON_DEPOT_H
#define GD_DETECTOR_COMMON_DEPOT_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/inspect/inspect.h"

#define GD__DEPOT_FRAMES 32

/* Id of the stack pcs[0..n), innermost first; 0 if n is 0 or memory ran out. Lock-free lookup. */
uint32_t gd__depot_put(const uintptr_t *pcs, size_t n);
/* Copies the stack with this id; returns its length, 0 for id 0. */
size_t gd__depot_get(uint32_t id, uintptr_t *pcs, size_t max);
size_t gd__depot_get_in(const struct gd__mem *m, uint64_t root, uint32_t id, uint64_t *pcs,
			size_t max);
uint64_t gd__depot_root(void);

#endif
