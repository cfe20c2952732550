/*
 * heap.c - keeps the map of live heap blocks; heap_find.c reads it.
 *
 * A block is live exactly as long as the byte of its start says so. That one store is all that most
 * blocks need (heap_layout.h); tiny ones share the byte and large ones describe their pages before.
 * (Rejected: a header before each block, which makes a block of 256 bytes one of 320; a bit per 16
 * bytes, half the memory, which costs two locked instructions per malloc and free and says nothing
 * of the size.)
 */
#include "detector/common/heap.h"

#include "detector/common/heap_layout.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"

static struct gd__heap_table *table_get(uint64_t addr)
{
	unsigned i = (unsigned)(addr >> GD__HEAP_TABLE_SHIFT);
	/* pairs with cas below */
	struct gd__heap_table *t = gd__load_acquire(&gd__heap.table[i]);

	if (gd__likely(t != NULL))
		return t;
	struct gd__heap_table *fresh = gd__os_map(sizeof(*fresh));

	if (fresh == NULL)
		return NULL;
	if (gd__cas_acq_rel(&gd__heap.table[i], &t, fresh)) /* pairs with the load above */
		return fresh;
	gd__os_unmap(fresh, sizeof(*fresh));
	return t;
}

/* Before [lo, hi) has blocks. */
static void widen(uint64_t lo, uint64_t hi)
{
	uint64_t was = gd__load_relaxed(&gd__heap.lo); /* only widens: any order is right */

	/* Not the borders themselves: they lie in our data, which a leak check scans, and must not
	 * be taken for pointers to the first and the last block. */
	while ((was == 0 || lo - 1 < was) && !gd__cas_relaxed(&gd__heap.lo, &was, lo - 1))
		;
	was = gd__load_relaxed(&gd__heap.hi); /* as lo */
	while (hi + 1 > was && !gd__cas_relaxed(&gd__heap.hi, &was, hi + 1))
		;
	/* Relaxed: everybody stores the same. */
	gd__store_relaxed(&gd__heap.layout, GD__HEAP_LAYOUT);
	gd__store_relaxed(&gd__heap.notes, gd__heap_notes()); /* as layout */
}

static struct gd__heap_chunk *chunk_get(struct gd__heap_table *t, uint64_t addr)
{
	unsigned i = gd__heap_chunk_of(addr);
	struct gd__heap_chunk *c = gd__load_acquire(&t->chunk[i]); /* pairs with cas below */

	if (gd__likely(c != NULL))
		return c;
	uint64_t base = addr / GD__HEAP_CHUNK * GD__HEAP_CHUNK;
	struct gd__heap_chunk *fresh = gd__os_map(sizeof(*fresh));

	if (fresh == NULL)
		return NULL;
	widen(base, base + GD__HEAP_CHUNK + GD__HEAP_SMALL);
	if (gd__cas_acq_rel(&t->chunk[i], &c, fresh)) /* pairs with the load above */
		return fresh;
	gd__os_unmap(fresh, sizeof(*fresh));
	return c;
}

/* The chunk of addr, made if need be. NULL: no memory, or no address of a user's. */
static struct gd__heap_chunk *chunk_make(uint64_t addr)
{
	struct gd__heap_table *t = addr >> GD__HEAP_ADDR_BITS == 0 ? table_get(addr) : NULL;

	return t == NULL ? NULL : chunk_get(t, addr);
}

/* Says of the page at addr what is in it. */
static bool describe_page(uint64_t addr, uint64_t what)
{
	struct gd__heap_chunk *c = chunk_make(addr);

	if (c == NULL)
		return false;
	_Atomic uint64_t *word = &c->page[gd__heap_page_of(addr)];

	/* Relaxed: published by the start; of several that share the page all store the same. */
	if (gd__load_relaxed(word) != what)
		gd__store_relaxed(word, what); /* as above */
	return true;
}

/* [lo, hi), whole pages, lies in the large block at start. */
static bool describe_inside(uint64_t lo, uint64_t hi, uint64_t start)
{
	while (lo < hi) {
		if (lo % GD__HEAP_CHUNK != 0 || hi - lo < GD__HEAP_CHUNK) {
			if (!describe_page(lo, start | GD__PAGE_INSIDE))
				return false;
			lo += GD__HEAP_PAGE;
			continue;
		}
		struct gd__heap_table *t = lo >> GD__HEAP_ADDR_BITS == 0 ? table_get(lo) : NULL;

		if (t == NULL)
			return false;
		/* published by the start */
		gd__store_relaxed(&t->inside[gd__heap_chunk_of(lo)], start | GD__PAGE_INSIDE);
		lo += GD__HEAP_CHUNK;
	}
	return true;
}

static uint64_t page_at(uint64_t addr)
{
	return addr / GD__HEAP_PAGE * GD__HEAP_PAGE;
}

/* All pages of a large block but the first. */
static bool describe_rest(uint64_t start, size_t room)
{
	uint64_t end = page_at(start + room + GD__HEAP_PAGE - 1);

	widen(page_at(start), end);
	return describe_inside(page_at(start) + GD__HEAP_PAGE, end, start);
}

/* Of a block of this room, by its start; room 0: it is a large one. */
static struct gd__heap_note *note_of(uint64_t start, size_t room, size_t size)
{
	uint64_t at =
		room != 0 ? start + room - GD__HEAP_NOTE : start + ((size + 15) & ~(uint64_t)15);

	return (struct gd__heap_note *)(uintptr_t)at;
}

static void write_note(uint64_t start, size_t size, size_t room, uint32_t stack, uint32_t goid)
{
	struct gd__heap_note *n = note_of(start, room <= GD__HEAP_SMALL ? room : 0, size);

	gd__store_relaxed(&n->size, size);   /* published by the start */
	gd__store_relaxed(&n->stack, stack); /* as above */
	gd__store_relaxed(&n->goid, goid);   /* as above */
}

unsigned gd__heap_code(size_t room)
{
	if (room > GD__HEAP_SMALL)
		return GD__START_LARGE;
	for (unsigned code = GD__START_FIRST; code < GD__START_CODES; code++)
		if (gd__heap_room(code) == room)
			return code;
	return 0;
}

bool gd__heap_add(void *p, size_t size, size_t room, uint32_t stack, uint32_t goid)
{
	uint64_t start = (uintptr_t)p;
	unsigned code = room < GD__HEAP_ALONE ? 0 : gd__heap_code(room);
	struct gd__heap_chunk *c = chunk_make(start);

	if (c == NULL)
		return false;
	if (room < GD__HEAP_ALONE && !describe_page(start, (uint64_t)room << 2 | GD__PAGE_TINY))
		return false;
	if (room > GD__HEAP_SMALL && (!describe_rest(start, room) ||
				      !describe_page(start, (uint64_t)size << 2 | GD__PAGE_LARGE)))
		return false;
	if (gd__heap_notes())
		write_note(start, size, room, stack, goid);
	if (room >= GD__HEAP_ALONE)
		return gd__heap_add_quick(p, code);
	/* pairs with the loads of heap_find.c and of owned */
	gd__or_seq_cst(gd__heap_shared(c, start), (uint32_t)1 << gd__heap_shared_bit(start));
	return true;
}

/* A live block, as its start and its page describe it. */
struct owned {
	struct gd__heap_chunk *chunk;
	uint8_t what; /* at its start */
	size_t room;  /* 0: large */
	size_t size;
};

static bool owned(const void *p, struct owned *o)
{
	uint64_t start = (uintptr_t)p, word;
	unsigned grain = gd__heap_grain_of(start);

	o->chunk = (start & GD__HEAP_NO_START) == 0 ? gd__heap_chunk_peek(start) : NULL;
	if (o->chunk == NULL)
		return false;
	/* pairs with the stores of heap_add */
	o->what = gd__load_acquire(&o->chunk->start[gd__heap_unit_of(start)]);
	word = gd__load_relaxed(&o->chunk->page[gd__heap_page_of(start)]); /* ordered by what */
	if (o->what < 16 ? (o->what >> grain & 1) == 0 : o->what % 4 != grain)
		return false;
	o->room = o->what < 16 ? word >> 2 : gd__heap_room(o->what >> 2);
	if (o->what >> 2 == GD__START_LARGE)
		o->room = 0;
	o->size = o->room == 0 ? word >> 2 : o->room;
	if (o->room != 0 && gd__heap_notes()) /* ordered by what */
		o->size = gd__load_relaxed(&note_of(start, o->room, 0)->size);
	return true;
}

bool gd__heap_get(const void *p, size_t *size, size_t *room)
{
	struct owned o;

	if (!owned(p, &o))
		return false;
	*size = o.size;
	*room = o.room;
	return true;
}

bool gd__heap_remove(void *p, size_t *size)
{
	uint64_t start = (uintptr_t)p;
	struct owned o;

	if (!owned(p, &o))
		return false;
	*size = o.size;
	if (o.what >= 16)
		/* pairs with the swap of another remover */
		return gd__swap_acq_rel(&o.chunk->start[gd__heap_unit_of(start)], 0) != 0;
	return gd__heap_remove_quick(p);
}

bool gd__heap_resize(void *p, size_t size, size_t room, uint32_t stack, uint32_t goid)
{
	uint64_t start = (uintptr_t)p;

	if (gd__heap_notes())
		write_note(start, size, room, stack, goid);
	if (room <= GD__HEAP_SMALL)
		return true;
	if (!describe_rest(start, room))
		return false;
	struct gd__heap_chunk *c = gd__heap_chunk_peek(start);

	/* pairs with the loads in heap_find.c: the note and the other pages */
	gd__store_release(&c->page[gd__heap_page_of(start)], (uint64_t)size << 2 | GD__PAGE_LARGE);
	return true;
}

/* The blocks that start in unit u of the chunk at base. */
static void unit_totals(struct gd__heap_chunk *c, uint64_t base, unsigned u, uint64_t *blocks,
			uint64_t *bytes)
{
	struct owned o;

	if (gd__load_relaxed(&c->start[u]) == 0) /* owned looks again */
		return;
	for (unsigned k = 0; k < 4; k++) {
		uint64_t start =
			base + ((uint64_t)u << GD__HEAP_UNIT_SHIFT) + (k << GD__HEAP_GRAIN_SHIFT);

		if (owned((const void *)(uintptr_t)start, &o)) {
			++*blocks;
			*bytes += o.size;
		}
	}
}

void gd__heap_totals(uint64_t *blocks, uint64_t *bytes)
{
	*blocks = *bytes = 0;
	for (uint64_t i = 0; i < GD__HEAP_TABLES; i++) {
		/* pairs with table_get */
		struct gd__heap_table *t = gd__load_acquire(&gd__heap.table[i]);

		for (uint64_t k = 0; t != NULL && k < GD__HEAP_CHUNKS; k++) {
			/* pairs with chunk_get */
			struct gd__heap_chunk *c = gd__load_acquire(&t->chunk[k]);
			uint64_t base = i << GD__HEAP_TABLE_SHIFT | k << GD__HEAP_CHUNK_SHIFT;

			for (unsigned u = 0; c != NULL && u < GD__HEAP_UNITS; u++)
				unit_totals(c, base, u, blocks, bytes);
		}
	}
}

bool gd__heap_next(uint64_t *at)
{
	uint64_t a = *at;

	while (a >> GD__HEAP_ADDR_BITS == 0) {
		/* pairs with table_get */
		struct gd__heap_table *t =
			gd__load_acquire(&gd__heap.table[a >> GD__HEAP_TABLE_SHIFT]);
		unsigned i = gd__heap_chunk_of(a);

		if (t == NULL) {
			a = ((a >> GD__HEAP_TABLE_SHIFT) + 1) << GD__HEAP_TABLE_SHIFT;
			/* relaxed: where a large block lies, if it is still there */
		} else if (gd__heap_chunk_peek(a) != NULL || gd__load_relaxed(&t->inside[i]) != 0) {
			*at = a;
			return true;
		} else {
			a = a / GD__HEAP_CHUNK * GD__HEAP_CHUNK + GD__HEAP_CHUNK;
		}
	}
	return false;
}

uint64_t gd__heap_root(void)
{
	return (uintptr_t)&gd__heap;
}
