/*
 * heap_layout.h - the tables of heap.c, as they lie in memory and in a dump.
 *
 *   root:  table[4096]                              32 GiB each
 *   table: chunk[8192], inside[8192]                4 MiB each
 *   chunk: start[65536] what starts in these 64 bytes
 *          page[1024]   what lies in these 4 KiB
 *
 * That is 1.76 % of the memory described. A byte of start[] is
 *
 *   0..15            live tiny blocks, of a room below 64: bit k, one starts at 16 k in there; the
 *                    page says their room
 *   60 + k           a large block starts at 16 k; the page says its size
 *   code << 2 | k    a block starts at 16 k whose room has this code, 16 or more
 *
 * so that what starts in a unit and how long it is are one byte, which nobody else writes but for
 * tiny blocks. A word of page[], by its two lowest bits, is
 *
 *   GD__PAGE_TINY    every tiny block that starts in it has this room: << 2
 *   GD__PAGE_LARGE   one large block starts in it, of this size: << 2
 *   GD__PAGE_INSIDE  it lies in the large block that starts at this address
 *
 * inside[] says the last of a chunk that lies in one large block as a whole.
 *
 * Words may be of blocks that are gone, those of a live block's pages are its own. What a look-up
 * finds by a word counts only if the byte of the start says that it is live, and the block reaches
 * far enough: live blocks do not overlap, so that is proof.
 */
#ifndef GD_DETECTOR_COMMON_HEAP_LAYOUT_H
#define GD_DETECTOR_COMMON_HEAP_LAYOUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"

#define GD__HEAP_GRAIN_SHIFT 4
#define GD__HEAP_UNIT_SHIFT  6
#define GD__HEAP_WORD_SHIFT  9 /* what 8 bytes of start[] describe */
#define GD__HEAP_PAGE_SHIFT  12
#define GD__HEAP_CHUNK_SHIFT 22
#define GD__HEAP_TABLE_SHIFT 35
#define GD__HEAP_ADDR_BITS   47

#define GD__HEAP_PAGE   ((uint64_t)1 << GD__HEAP_PAGE_SHIFT)
#define GD__HEAP_CHUNK  ((uint64_t)1 << GD__HEAP_CHUNK_SHIFT)
#define GD__HEAP_PAGES  (1u << (GD__HEAP_CHUNK_SHIFT - GD__HEAP_PAGE_SHIFT))
#define GD__HEAP_UNITS  (1u << (GD__HEAP_CHUNK_SHIFT - GD__HEAP_UNIT_SHIFT))
#define GD__HEAP_CHUNKS (1u << (GD__HEAP_TABLE_SHIFT - GD__HEAP_CHUNK_SHIFT))
#define GD__HEAP_TABLES (1u << (GD__HEAP_ADDR_BITS - GD__HEAP_TABLE_SHIFT))

/* Changes with any of the structs here: a dump's reader checks it. */
#define GD__HEAP_LAYOUT 2u

enum { GD__PAGE_NONE, GD__PAGE_TINY, GD__PAGE_LARGE, GD__PAGE_INSIDE, GD__PAGE_KIND = 3 };

/* From this room on a block has the byte of its start to itself. */
#define GD__HEAP_ALONE ((size_t)1 << GD__HEAP_UNIT_SHIFT)

#define GD__START_LARGE 15u
#define GD__START_FIRST 16u /* the code of GD__HEAP_ALONE */
#define GD__START_CODES 64u

/* Behind a block, where notes are kept: in the last 16 bytes of the room of a small block, after
 * the size of a large one rounded up to 16. */
struct gd__heap_note {
	_Atomic uint64_t size; /* what the user asked for */
	_Atomic uint32_t stack, goid;
};
_Static_assert(sizeof(struct gd__heap_note) == 16, "malloc asks for 16 bytes more");

struct gd__heap_chunk {
	_Atomic uint8_t start[GD__HEAP_UNITS];
	_Atomic uint64_t page[GD__HEAP_PAGES];
};

struct gd__heap_table {
	struct gd__heap_chunk *_Atomic chunk[GD__HEAP_CHUNKS];
	_Atomic uint64_t inside[GD__HEAP_CHUNKS];
};

struct gd__heap_root {
	_Atomic uint32_t layout, notes; /* notes: 1 if blocks have a struct gd__heap_note */
	_Atomic uint64_t lo, hi; /* all blocks there ever were lie in [lo, hi); 0: none yet */
	struct gd__heap_table *_Atomic table[GD__HEAP_TABLES];
};

extern struct gd__heap_root gd__heap;

static inline unsigned gd__heap_page_of(uint64_t addr)
{
	return (unsigned)(addr >> GD__HEAP_PAGE_SHIFT) % GD__HEAP_PAGES;
}

static inline unsigned gd__heap_unit_of(uint64_t addr)
{
	return (unsigned)(addr >> GD__HEAP_UNIT_SHIFT) % GD__HEAP_UNITS;
}

static inline unsigned gd__heap_chunk_of(uint64_t addr)
{
	return (unsigned)(addr >> GD__HEAP_CHUNK_SHIFT) % GD__HEAP_CHUNKS;
}

static inline unsigned gd__heap_grain_of(uint64_t addr)
{
	return (unsigned)(addr >> GD__HEAP_GRAIN_SHIFT) % 4;
}

/*
 * The room with this code: 64, 80, 96, 112, 128, then four to each doubling. Those are the size
 * classes of jemalloc; the last is 224 KiB, the largest that shares pages of 64 KiB with others.
 */
static inline uint64_t gd__heap_room(unsigned code)
{
	unsigned i = code - GD__START_FIRST;

	return i < 5 ? 64 + 16 * i : (uint64_t)(5 + (i - 5) % 4) << (5 + (i - 5) / 4);
}

/* The chunk of addr, below 2^47, if it exists. */
static GD__ALWAYS_INLINE struct gd__heap_chunk *gd__heap_chunk_peek(uint64_t addr)
{
	struct gd__heap_table *t = gd__load_acquire(
		&gd__heap.table[addr >> GD__HEAP_TABLE_SHIFT]); /* pairs with table_get */

	if (gd__unlikely(t == NULL))
		return NULL;
	return gd__load_acquire(&t->chunk[gd__heap_chunk_of(addr)]); /* pairs with chunk_get */
}

/* Bits that the start of a block never has. */
#define GD__HEAP_NO_START                                                                          \
	(~(((uint64_t)1 << GD__HEAP_ADDR_BITS) - 1) | (((uint64_t)1 << GD__HEAP_GRAIN_SHIFT) - 1))

/* The four bytes around that of a tiny block: a word, because of such the CPU tells a bit's old
 * value without a loop. Whoever is in that page writes it so. */
static GD__ALWAYS_INLINE _Atomic uint32_t *gd__heap_shared(struct gd__heap_chunk *c, uint64_t start)
{
	return (_Atomic uint32_t *)(void *)&c->start[gd__heap_unit_of(start) & ~3u];
}

static GD__ALWAYS_INLINE unsigned gd__heap_shared_bit(uint64_t start)
{
	return gd__heap_unit_of(start) % 4 * 8 + gd__heap_grain_of(start);
}

/* gd__heap_add without a note of a block whose room is not below GD__HEAP_ALONE and has this code,
 * in the low 8 bits. false: the slow way, please. */
static GD__ALWAYS_INLINE bool gd__heap_add_quick(void *p, uint32_t code)
{
	uint64_t start = (uintptr_t)p;
	struct gd__heap_chunk *c = gd__heap_chunk_peek(start);

	if (gd__unlikely(c == NULL))
		return false;
	/* pairs with the loads of heap_find.c and of heap_remove */
	gd__store_release(&c->start[gd__heap_unit_of(start)],
			  (uint8_t)(code << 2 | gd__heap_grain_of(start)));
	return true;
}

/* The same of a tiny one. */
static GD__ALWAYS_INLINE bool gd__heap_add_tiny(void *p, size_t room)
{
	uint64_t start = (uintptr_t)p, word = (uint64_t)room << 2 | GD__PAGE_TINY;
	struct gd__heap_chunk *c = gd__heap_chunk_peek(start);

	/* Relaxed: a word that is right was stored by the owner of a block in that page, which is
	 * there since, or it will be stored once more by this one. */
	if (gd__unlikely(c == NULL || gd__load_relaxed(&c->page[gd__heap_page_of(start)]) != word))
		return false;
	/* pairs with the loads of heap_find.c and of heap_remove */
	gd__or_seq_cst(gd__heap_shared(c, start), (uint32_t)1 << gd__heap_shared_bit(start));
	return true;
}

/* gd__heap_remove of a block that is not large, without a note; p has none of GD__HEAP_NO_START.
 * false: it is none, or the slow way, please. */
static GD__ALWAYS_INLINE bool gd__heap_remove_quick(void *p)
{
	uint64_t start = (uintptr_t)p;
	struct gd__heap_chunk *c = gd__heap_chunk_peek(start);

	if (gd__unlikely(c == NULL))
		return false;
	_Atomic uint8_t *unit = &c->start[gd__heap_unit_of(start)];
	unsigned what = gd__load_acquire(unit); /* pairs with gd__heap_add_quick */

	/* Nobody else may touch the byte, unless p is freed twice: of two swaps one gets 0. */
	if (gd__likely(what >= GD__START_FIRST << 2))
		return what % 4 == gd__heap_grain_of(start) &&
		       gd__swap_acq_rel(unit, 0) != 0; /* pairs with the swap of another remover */
	if (what >= 16)
		return false;
	uint32_t bit = (uint32_t)1 << gd__heap_shared_bit(start);

	return (gd__and_seq_cst(gd__heap_shared(c, start), ~bit) & bit) != 0; /* pairs: as above */
}

#endif
