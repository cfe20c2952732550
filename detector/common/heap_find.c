/*
 * heap_find.c - which live block contains an address, in our own memory or in another's.
 *
 * The last start below tells the block's room; if it does not reach as far as addr, nothing but a
 * large block does, and the page's word leads to its start. So a look-up is mostly one word of the
 * tables and touches no block; the farthest that it goes back is the room of the largest small
 * block, over words that are empty.
 *
 * One text for two address spaces: with m NULL the addresses are our own and every read is an
 * atomic load; the compiler makes two functions of it.
 */
#include "detector/common/heap.h"
#include "detector/common/heap_layout.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"

struct gd__heap_root gd__heap;

static GD__ALWAYS_INLINE bool load(const struct gd__mem *m, uint64_t addr, uint64_t *v)
{
	if (m != NULL)
		return m->read(m, addr, v, sizeof(*v));
	/* pairs with the stores of heap.c */
	*v = gd__load_acquire((const _Atomic uint64_t *)(uintptr_t)addr);
	return true;
}

static GD__ALWAYS_INLINE unsigned msb(uint64_t v)
{
	return 63u - (unsigned)__builtin_clzll(v);
}

/* Addresses of the table and the chunk of addr; *chunk is 0 if there is none. */
static GD__ALWAYS_INLINE bool chunk_at(const struct gd__mem *m, uint64_t root, uint64_t addr,
				       uint64_t *table, uint64_t *chunk)
{
	uint64_t i = addr >> GD__HEAP_TABLE_SHIFT;

	*table = *chunk = 0;
	if (i >= GD__HEAP_TABLES ||
	    !load(m, root + offsetof(struct gd__heap_root, table) + 8 * i, table) || *table == 0)
		return false;
	return load(m,
		    *table + offsetof(struct gd__heap_table, chunk) + 8 * gd__heap_chunk_of(addr),
		    chunk);
}

/* Reads the 8 bytes of start[] of which the first describes the unit at addr. */
static GD__ALWAYS_INLINE bool load_starts(const struct gd__mem *m, uint64_t chunk, uint64_t addr,
					  uint64_t *v)
{
	return load(m, chunk + offsetof(struct gd__heap_chunk, start) + gd__heap_unit_of(addr), v);
}

static GD__ALWAYS_INLINE bool page_word(const struct gd__mem *m, uint64_t chunk, uint64_t addr,
					uint64_t *word)
{
	return load(m, chunk + offsetof(struct gd__heap_chunk, page) + 8 * gd__heap_page_of(addr),
		    word);
}

/* What starts in a unit, in the order of addresses, at or below grain `from`: *what is cut so. */
static GD__ALWAYS_INLINE bool starts_by(unsigned from, unsigned *what)
{
	if (*what >= 16)
		return *what % 4 <= from;
	*what &= (2u << from) - 1;
	return *what != 0;
}

/* A block found: where it starts, its room (0: large) and size as far as they are known so. */
struct found {
	uint64_t start, room, size;
};

/* The block of which the byte at unit says this. false: unreadable. */
static GD__ALWAYS_INLINE bool decode(const struct gd__mem *m, uint64_t chunk, uint64_t unit,
				     unsigned what, struct found *f)
{
	uint64_t word;

	if (gd__likely(what >= GD__START_FIRST << 2)) {
		f->start = unit + (what % 4 << GD__HEAP_GRAIN_SHIFT);
		f->room = f->size = gd__heap_room(what >> 2);
		return true;
	}
	if (!page_word(m, chunk, unit, &word))
		return false;
	f->start = unit + ((what < 16 ? msb(what) : what % 4) << GD__HEAP_GRAIN_SHIFT);
	f->room = what < 16 ? word >> 2 : 0;
	f->size = word >> 2;
	return true;
}

/* The last block that starts at or below addr, no farther than a small one reaches. */
static GD__ALWAYS_INLINE bool last_start(const struct gd__mem *m, uint64_t root, uint64_t chunk,
					 uint64_t addr, struct found *f)
{
	uint64_t word = addr >> GD__HEAP_WORD_SHIFT << GD__HEAP_WORD_SHIFT, table, v = 0;
	unsigned u = (unsigned)(addr >> GD__HEAP_UNIT_SHIFT) % 8, what;

	if (chunk != 0 && !load_starts(m, chunk, word, &v))
		return false;
	what = (unsigned)(v >> 8 * u) & 0xff;
	if (starts_by(gd__heap_grain_of(addr), &what))
		return decode(m, chunk, addr >> GD__HEAP_UNIT_SHIFT << GD__HEAP_UNIT_SHIFT, what,
			      f);
	v &= ((uint64_t)1 << 8 * u) - 1;
	while (v == 0) {
		if (addr - word >= GD__HEAP_SMALL || word == 0)
			return false;
		word -= (uint64_t)1 << GD__HEAP_WORD_SHIFT;
		if ((word & (GD__HEAP_CHUNK - 1)) ==
		    GD__HEAP_CHUNK - ((uint64_t)1 << GD__HEAP_WORD_SHIFT))
			chunk_at(m, root, word, &table, &chunk);
		if (chunk != 0 && !load_starts(m, chunk, word, &v))
			return false;
	}
	u = msb(v) / 8;
	return decode(m, chunk, word + ((uint64_t)u << GD__HEAP_UNIT_SHIFT),
		      (unsigned)(v >> 8 * u) & 0xff, f);
}

/* Whether a large block starts there, where a word says so that may be old. */
static GD__ALWAYS_INLINE bool large_at(const struct gd__mem *m, uint64_t root, uint64_t word,
				       struct found *f)
{
	uint64_t start = word & ~(uint64_t)15, table, chunk, v;

	if ((word & GD__PAGE_KIND) != GD__PAGE_INSIDE ||
	    !chunk_at(m, root, start, &table, &chunk) || chunk == 0 ||
	    !load_starts(m, chunk, start >> GD__HEAP_WORD_SHIFT << GD__HEAP_WORD_SHIFT, &v))
		return false;
	unsigned what = (unsigned)(v >> 8 * ((start >> GD__HEAP_UNIT_SHIFT) % 8)) & 0xff;

	return what == (GD__START_LARGE << 2 | gd__heap_grain_of(start)) &&
	       decode(m, chunk, start >> GD__HEAP_UNIT_SHIFT << GD__HEAP_UNIT_SHIFT, what, f);
}

static GD__ALWAYS_INLINE bool reaches(const struct found *f, uint64_t addr)
{
	return addr - f->start < f->size || addr == f->start;
}

/* The live block whose room contains addr. */
static GD__ALWAYS_INLINE bool candidate(const struct gd__mem *m, uint64_t root, uint64_t addr,
					struct found *f)
{
	uint64_t table, chunk, word;

	if (!chunk_at(m, root, addr, &table, &chunk))
		return false;
	if (last_start(m, root, chunk, addr, f) && reaches(f, addr))
		return true;
	if (chunk != 0 && page_word(m, chunk, addr, &word) && large_at(m, root, word, f) &&
	    reaches(f, addr))
		return true;
	return load(m,
		    table + offsetof(struct gd__heap_table, inside) + 8 * gd__heap_chunk_of(addr),
		    &word) &&
	       large_at(m, root, word, f) && reaches(f, addr);
}

/* The note behind the block. Without one the size is what its start or its page says. */
static GD__ALWAYS_INLINE bool read_note(const struct gd__mem *m, struct found *f,
					struct gd__block *b)
{
	uint64_t at = f->room != 0 ? f->start + f->room - GD__HEAP_NOTE
				   : f->start + ((f->size + 15) & ~(uint64_t)15);
	uint64_t ids;

	if (f->room != 0 && !load(m, at, &f->size))
		return false;
	if (!load(m, at + offsetof(struct gd__heap_note, stack), &ids))
		return false;
	b->stack = (uint32_t)ids;
	b->goid = (uint32_t)(ids >> 32);
	return true;
}

static GD__ALWAYS_INLINE bool find(const struct gd__mem *m, uint64_t root, uint64_t addr,
				   struct gd__block *b)
{
	struct found f, again = { 0 };
	uint64_t flags;

	if (!load(m, root + offsetof(struct gd__heap_root, layout), &flags))
		return false;
	b->stack = b->goid = 0;
	for (bool notes = flags >> 32 != 0;;) {
		if (!candidate(m, root, addr, &f))
			return false;
		if (!notes || (again.start == f.start && again.size == f.size))
			break;
		/* A large block's note lies elsewhere when its owner has resized it meanwhile. */
		again = f;
		if (!read_note(m, &f, b))
			return false;
		if (f.room != 0)
			break;
	}
	b->start = f.start;
	b->size = f.size;
	return reaches(&f, addr);
}

static GD__ALWAYS_INLINE bool bounds(const struct gd__mem *m, uint64_t root, uint64_t *lo,
				     uint64_t *hi)
{
	return load(m, root + offsetof(struct gd__heap_root, lo), lo) &&
	       load(m, root + offsetof(struct gd__heap_root, hi), hi);
}

bool gd__heap_find(uint64_t addr, struct gd__block *b)
{
	uint64_t lo, hi;

	bounds(NULL, (uintptr_t)&gd__heap, &lo, &hi);
	return addr >= lo && addr < hi && find(NULL, (uintptr_t)&gd__heap, addr, b);
}

static bool known_layout(const struct gd__mem *m, uint64_t root)
{
	uint64_t flags;

	return load(m, root + offsetof(struct gd__heap_root, layout), &flags) &&
	       (uint32_t)flags == GD__HEAP_LAYOUT;
}

bool gd__heap_find_in(const struct gd__mem *m, uint64_t root, uint64_t addr, struct gd__block *b)
{
	return known_layout(m, root) && find(m, root, addr, b);
}

bool gd__heap_bounds(uint64_t *lo, uint64_t *hi)
{
	return bounds(NULL, (uintptr_t)&gd__heap, lo, hi);
}

bool gd__heap_bounds_in(const struct gd__mem *m, uint64_t root, uint64_t *lo, uint64_t *hi)
{
	return known_layout(m, root) && bounds(m, root, lo, hi);
}

void gd__heap_prefetch(uint64_t addr)
{
	uint64_t table, chunk;

	if (!chunk_at(NULL, (uintptr_t)&gd__heap, addr, &table, &chunk) || chunk == 0)
		return;
	const struct gd__heap_chunk *c = (const struct gd__heap_chunk *)(uintptr_t)chunk;

	__builtin_prefetch((const void *)&c->start[gd__heap_unit_of(addr)]);
}
