/*
 * heap.h - which heap blocks are live: the record that our malloc keeps per block.
 *
 * A header of 16 bytes before each block and a start bit per 16 bytes of
 * address space, in 4 MiB chunks found through two table levels. Everything
 * lies in ordinary memory, so that a dump holds it; the same lookup runs on
 * our own memory and, through struct gd__mem, on a core.
 */
#ifndef GD_DETECTOR_COMMON_HEAP_H
#define GD_DETECTOR_COMMON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/inspect/inspect.h"

struct gd__block {
	uint64_t start, size; /* what the user asked for */
	uint32_t stack;       /* depot id of the allocation, 0 if unknown */
	uint32_t goid;        /* goroutine that allocated, low 32 bits */
};

/*
 * Called by interpose_malloc. p is 16-byte aligned and has 16 bytes before it
 * that are ours. false: no memory for the tables, p is not recorded.
 */
bool gd__heap_add(void *p, size_t size, uint32_t align_log2, uint32_t stack, uint32_t goid);
/* false: p is no live block (wild or double free). Of several removers of p one wins. */
bool gd__heap_remove(void *p, size_t *size, uint32_t *align_log2);
/* As remove, but p stays. */
bool gd__heap_get(const void *p, size_t *size, uint32_t *align_log2);
/* p has been resized in place by its owner. */
void gd__heap_resize(void *p, size_t size, uint32_t stack, uint32_t goid);

/*
 * The live block that contains addr; one past the end of a block does not
 * count, a block of 0 bytes contains its start. Lock-free. Right for blocks that
 * stay meanwhile, whatever the other threads do or wherever they were stopped.
 */
bool gd__heap_find(uint64_t addr, struct gd__block *b);
/* The same in another address space; root is gd__runtime.heap_root. */
bool gd__heap_find_in(const struct gd__mem *m, uint64_t root, uint64_t addr, struct gd__block *b);
/* Live blocks and bytes, by a walk of the whole map. */
void gd__heap_totals(uint64_t *blocks, uint64_t *bytes);
/* Address for the anchor. */
uint64_t gd__heap_root(void);

#endif
