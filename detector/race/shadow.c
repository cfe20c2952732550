/*
 * shadow.c - the reservation of all cells, and clearing of ranges.
 *
 * The shadow lies anywhere; its base is in a hidden global. It takes memory only
 * where it is touched, stays out of core dumps, and is given back in whole pages
 * where large ranges are cleared. Private records in such pages would leak: each
 * chunk of the shadow counts its cells' records, and only chunks that have some
 * are walked.
 */
#include "detector/race/shadow.h"

#include "detector/race/access.h"
#include "detector/race/history.h"
#include "detector/race/interval.h"
#include "detector/race/record.h"
#include "detector/race/site.h"
#include "detector/race/slot.h"
#include "runtime/base/os_linux.h"

/* Memory whose shadow is one chunk, and the least range for which pages are given back. */
#define CHUNK_BYTES   ((uintptr_t)64 << 10)
#define DISCARD_BYTES ((size_t)32 << 10)
#define CHUNKS        (GD__SHADOW_CELLS * GD__CELL_BYTES / CHUNK_BYTES)
/* Memory whose shadow is one page. */
#define PAGE_SPAN ((uintptr_t)GD__PAGE / sizeof(struct gd__cell) * GD__CELL_BYTES)

char *gd__shadow_base;

/* Cells' private records per chunk. */
static _Atomic int32_t *chunk_records;

bool gd__shadow_init(void)
{
	char *base = gd__os_reserve(GD__SHADOW_BYTES);

	chunk_records = gd__os_reserve(CHUNKS * sizeof(chunk_records[0]));
	if (!base || !chunk_records)
		return false;
	gd__os_nodump(base, GD__SHADOW_BYTES);
	gd__os_nohuge(base, GD__SHADOW_BYTES); /* sparse: a huge page per touch would be 2 MiB */
	gd__os_nodump((void *)chunk_records, CHUNKS * sizeof(chunk_records[0]));
	gd__shadow_base = base;
	return gd__interval_init() && gd__site_init() && gd__record_init() && gd__history_init();
}

static _Atomic int32_t *records_of(const struct gd__cell *c)
{
	size_t offset = (size_t)((const char *)c - gd__shadow_base);

	return &chunk_records[offset / (CHUNK_BYTES * 2)];
}

void gd__cell_count_slow(struct gd__cell *c, int change)
{
	gd__add_relaxed(records_of(c), change); /* read by who clears memory that nobody uses */
}

/* w and r become the cell's, what it owned is freed. */
static void cell_set(struct gd__cell *c, uint64_t w, uint64_t r)
{
	uint64_t old_w = gd__cell_lock(c);
	uint64_t old_r = gd__load_relaxed(&c->r); /* under the lock */

	gd__slot_free(old_w);
	gd__slot_free(old_r);
	gd__cell_count_records(c, old_w, old_r, w, r);
	gd__cell_unlock(c, w, r);
}

/* Clears the bytes of mask in one cell. */
static void cell_clear(struct gd__cell *c, uint64_t mask)
{
	/* relaxed: an access at the same time is the user's race with his allocator */
	if (gd__load_relaxed(&c->w) == 0 && gd__load_relaxed(&c->r) == 0)
		return;
	if (mask == GD__FACT_MASK) {
		cell_set(c, 0, 0);
		return;
	}
	uint64_t w = gd__cell_lock(c);
	uint64_t r = gd__load_relaxed(&c->r); /* under the lock */
	uint64_t w2 = gd__slot_forget(w, mask), r2 = gd__slot_forget(r, mask);

	gd__cell_count_records(c, w, r, w2, r2);
	gd__cell_unlock(c, w2, r2);
}

/* [addr, end), both multiples of GD__CELL_BYTES. */
static void clear_cells(uintptr_t addr, uintptr_t end)
{
	for (; addr < end; addr += GD__CELL_BYTES)
		cell_clear(gd__cell_of(addr), GD__FACT_MASK);
}

/* [addr, end), both multiples of PAGE_SPAN: by whole pages of the shadow. */
static void clear_pages(uintptr_t addr, uintptr_t end)
{
	while (addr < end) {
		uintptr_t next = (addr / CHUNK_BYTES + 1) * CHUNK_BYTES;
		uintptr_t clean = addr;

		/* Chunks without records in a row. relaxed: nobody else uses this memory. */
		while (clean < end && gd__load_relaxed(records_of(gd__cell_of(clean))) == 0)
			clean = (clean / CHUNK_BYTES + 1) * CHUNK_BYTES;
		if (clean > end)
			clean = end;
		if (clean > addr) {
			/* One call must not run over the end of the shadow. */
			size_t left = (size_t)(gd__shadow_base + GD__SHADOW_BYTES -
					       (char *)gd__cell_of(addr));
			size_t n = (clean - addr) * 2;

			if (n > left)
				n = left;
			gd__os_discard(gd__cell_of(addr), n);
			addr += n / 2;
			continue;
		}
		if (next > end)
			next = end;
		clear_cells(addr, next);
		addr = next;
	}
}

static void reset_range(uintptr_t addr, size_t n)
{
	uintptr_t end = addr + n;
	uintptr_t first = (addr + GD__CELL_BYTES - 1) & ~(uintptr_t)(GD__CELL_BYTES - 1);
	uintptr_t last = end & ~(uintptr_t)(GD__CELL_BYTES - 1);
	uintptr_t pages = (first + PAGE_SPAN - 1) & ~(PAGE_SPAN - 1);
	uintptr_t pages_end = last & ~(PAGE_SPAN - 1);

	if (first > last) { /* within one cell */
		cell_clear(gd__cell_of(addr), gd__access_mask(addr, n));
		return;
	}
	if (first != addr)
		cell_clear(gd__cell_of(addr), gd__access_mask(addr, first - addr));
	if (end != last)
		cell_clear(gd__cell_of(last), gd__access_mask(last, end - last));
	if (n >= DISCARD_BYTES) {
		clear_cells(first, pages);
		clear_pages(pages, pages_end);
		clear_cells(pages_end, last);
	} else {
		clear_cells(first, last);
	}
}

void gd__shadow_reset(uintptr_t addr, size_t n)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (n == 0 || !gd__shadow_base)
		return;
	/* A signal handler on this thread must not wait for a cell that we have locked. */
	if (g)
		g->ignore++;
	reset_range(addr, n);
	if (g)
		g->ignore--;
}
