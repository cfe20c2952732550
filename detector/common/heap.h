/*
 * heap.h - which heap blocks are live: the record that our malloc keeps of each.
 *
 * A byte per 64 and a word per 4096 bytes of address space, in tables beside the heap
 * (heap_layout.h); the blocks themselves stay as jemalloc makes them. Everything lies in ordinary
 * memory, so that a dump holds it; the same look-up runs on our own memory and, through struct
 * gd__mem, on a core.
 *
 * Who wants to know more of a block than where it is (the race detector, for its reports) has a
 * note kept behind each: the exact size, the stack of its allocation, the goroutine. It asks for
 * that by defining gd__heap_wants_notes.
 */
#ifndef GD_DETECTOR_COMMON_HEAP_H
#define GD_DETECTOR_COMMON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/inspect/inspect.h"

struct gd__block {
	/* What the user asked for; of a small block without a note its room, which is up to a
	 * quarter more. */
	uint64_t start, size;
	uint32_t stack; /* depot id of the allocation, 0 if unknown */
	uint32_t goid;  /* goroutine that allocated, low 32 bits */
};

/* Bytes that a note takes. */
#define GD__HEAP_NOTE 16
/* Up to this room jemalloc puts blocks of one room together into pages; above, each block has its
 * pages for itself. */
#if defined(__x86_64__)
#	define GD__HEAP_SMALL ((size_t)14 << 10)
#else
#	define GD__HEAP_SMALL ((size_t)224 << 10) /* with pages of 64 KiB */
#endif

extern const char gd__heap_wants_notes __attribute__((weak));
/* Constant for the life of the process. */
static inline bool gd__heap_notes(void)
{
	return &gd__heap_wants_notes != NULL;
}

/* What stands for a room of 64 bytes or more in the record (heap_layout.h); 0: no size class of
 * jemalloc's. Not fast. */
unsigned gd__heap_code(size_t room);
/*
 * Called by interpose_malloc. p is 16-byte aligned; room >= size + note, at least 16, is what p
 * has: up to GD__HEAP_SMALL all that share a page have the same. false: no memory for the tables,
 * p is not recorded.
 */
bool gd__heap_add(void *p, size_t size, size_t room, uint32_t stack, uint32_t goid);
/* false: p is no live block (wild or double free). Of several removers of p one wins. size: as
 * gd__block has it. */
bool gd__heap_remove(void *p, size_t *size);
/* As remove, but p stays. room: that of a small block, 0 for a large one. */
bool gd__heap_get(const void *p, size_t *size, size_t *room);
/* p has been resized in place by its owner; a small block keeps its room. As heap_add. */
bool gd__heap_resize(void *p, size_t size, size_t room, uint32_t stack, uint32_t goid);

/*
 * The live block that contains addr; one past the end of a block does not count, a block of 0
 * bytes contains its start. Lock-free. Right for blocks that stay meanwhile, whatever the other
 * threads do or wherever they were stopped.
 */
bool gd__heap_find(uint64_t addr, struct gd__block *b);
/* The same in another address space; root is gd__runtime.heap_root. */
bool gd__heap_find_in(const struct gd__mem *m, uint64_t root, uint64_t addr, struct gd__block *b);
/* All blocks there ever were lie in [*lo, *hi): most words of a scan end here. false: unreadable.
 */
bool gd__heap_bounds(uint64_t *lo, uint64_t *hi);
bool gd__heap_bounds_in(const struct gd__mem *m, uint64_t root, uint64_t *lo, uint64_t *hi);
/* Brings what a look-up of addr will read closer to the CPU. Own memory; any addr. */
void gd__heap_prefetch(uint64_t addr);
/* Live blocks and bytes, by a walk of the whole map. */
void gd__heap_totals(uint64_t *blocks, uint64_t *bytes);
/* Moves *at up to the next of those 4 MiB, from a multiple on, in which there are or were blocks;
 * it stays if it lies in such. false: there are none. */
bool gd__heap_next(uint64_t *at);
/* Address for the anchor. */
uint64_t gd__heap_root(void);

#endif
