/*
 * ranges.c - the table of ranges.
 *
 * A slot is free (lo 0), being changed (lo 1), or holds a range. Who takes it by cas writes the
 * rest and then lo; a reader skips slots that are being changed, whose memory is either not yet
 * known to the program or about to go. Changes of one range by two threads at once would be a
 * program that maps and unmaps the same memory without any order.
 */
#include "detector/common/ranges.h"

#include <jemalloc/jemalloc.h>
#include <link.h>
#include <string.h>

#include "detector/common/interpose.h"
#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"

#define CHANGING 1

/* As a reader of a core sees them. */
struct slot {
	_Atomic uintptr_t lo;
	uintptr_t hi; /* written by who has taken the slot */
};

/*
 * Not in our data segment, which is a root: the end of one mapping may be the address of a heap
 * block in the next.
 */
struct table {
	struct slot range[GD__RANGES_MAX];
	struct {
		uintptr_t pc; /* likewise */
		enum gd__range_kind kind;
	} about[GD__RANGES_MAX];
};
static struct table *_Atomic table; /* made at the first use */

static _Atomic size_t used; /* no slot from here on was ever taken */
static _Atomic bool lost;

/* jemalloc's code: what it maps holds heap blocks, whose records say more. Written once, early. */
static uintptr_t malloc_lo, malloc_hi;

static struct table *get_table(void)
{
	struct table *t = gd__load_acquire(&table), *none = NULL; /* pairs with the cas below */

	if (t)
		return t;
	t = gd__os_map(sizeof(*t));
	if (t && !gd__cas_acq_rel(&table, &none, t)) { /* pairs with the load above: zeroes */
		gd__os_unmap(t, sizeof(*t));
		t = none;
	}
	return t;
}

static bool of_malloc(uintptr_t pc)
{
	return pc >= malloc_lo && pc < malloc_hi;
}

/* There is a table where there is a slot in use. */
static struct slot *slot(size_t i)
{
	return &get_table()->range[i];
}

static bool take(size_t i, uintptr_t lo)
{
	return gd__cas_acq_rel(&slot(i)->lo, &lo, CHANGING); /* pairs with give */
}

static void give(size_t i, uintptr_t lo)
{
	gd__store_release(&slot(i)->lo, lo); /* pairs with take and gd__ranges_get */
}

static size_t count(void)
{
	return gd__load_acquire(&used); /* pairs with the cas in widen */
}

/* Slot i is about to be taken for the first time. */
static void widen(size_t i)
{
	size_t n = gd__load_relaxed(&used); /* the cas decides */

	while (n <= i && !gd__cas_acq_rel(&used, &n, i + 1)) /* pairs with count */
		;
}

static void drop(uintptr_t lo, bool only_registered)
{
	for (size_t i = 0; lo > CHANGING && i < count(); i++)
		if (gd__load_relaxed(&slot(i)->lo) == lo && /* take decides */
		    (!only_registered || get_table()->about[i].kind == GD__RANGE_REGISTERED) &&
		    take(i, lo))
			give(i, 0);
}

bool gd__ranges_add(uintptr_t lo, uintptr_t hi, enum gd__range_kind kind, uintptr_t pc)
{
	if (lo <= CHANGING || lo >= hi || of_malloc(pc))
		return true;
	if (!get_table()) {
		gd__store_relaxed(&lost, true); /* read in a stopped world */
		return false;
	}
	if (kind == GD__RANGE_REGISTERED)
		drop(lo, true);
	for (size_t i = 0; i < GD__RANGES_MAX; i++) {
		if (gd__load_relaxed(&slot(i)->lo) != 0) /* take decides */
			continue;
		widen(i);
		if (!take(i, 0))
			continue;
		slot(i)->hi = hi;
		get_table()->about[i].pc = pc;
		get_table()->about[i].kind = kind;
		gd__anchor.user_roots_n = count();
		gd__anchor.user_roots = (uintptr_t)slot(0);
		give(i, lo);
		return true;
	}
	gd__store_relaxed(&lost, true); /* read in a stopped world */
	return false;
}

/* Slot i, which holds [a, b), loses [lo, hi). */
static void cut_slot(size_t i, uintptr_t a, uintptr_t lo, uintptr_t hi)
{
	uintptr_t b = slot(i)->hi;

	if (a >= hi || b <= lo || !take(i, a))
		return;
	b = slot(i)->hi;
	if (b > hi && a < lo) /* what is behind the hole first: nothing is missing meanwhile */
		gd__ranges_add(hi, b, get_table()->about[i].kind, get_table()->about[i].pc);
	if (a < lo) {
		slot(i)->hi = lo;
		give(i, a);
	} else if (b > hi) {
		give(i, hi);
	} else {
		give(i, 0);
	}
}

void gd__ranges_cut(uintptr_t lo, uintptr_t hi)
{
	for (size_t i = 0; lo < hi && i < count(); i++) {
		uintptr_t a = gd__load_acquire(&slot(i)->lo); /* pairs with give */

		if (a > CHANGING)
			cut_slot(i, a, lo, hi);
	}
}

void gd__ranges_drop(uintptr_t lo)
{
	drop(lo, false);
}

bool gd__ranges_get(size_t i, uintptr_t *lo, uintptr_t *hi, enum gd__range_kind *kind)
{
	if (i >= count())
		return false;
	*lo = gd__load_acquire(&slot(i)->lo); /* pairs with give */
	*hi = slot(i)->hi;
	*kind = get_table()->about[i].kind;
	return *lo > CHANGING;
}

bool gd__ranges_lost(void)
{
	return gd__load_relaxed(&lost); /* a flag that is only set */
}

/* The library that holds addr: its first page holds the ELF header. */
static void find_library(uintptr_t addr, uintptr_t *lo, uintptr_t *hi)
{
	uintptr_t base = addr & ~(uintptr_t)(GD__PAGE - 1);

	while (memcmp((const void *)base, ELFMAG, SELFMAG) != 0)
		base -= GD__PAGE;
	const ElfW(Ehdr) *e = (const void *)base;
	const ElfW(Phdr) *p = (const void *)(base + e->e_phoff);

	*lo = base;
	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && base + p[i].p_vaddr + p[i].p_memsz > *hi)
			*hi = base + p[i].p_vaddr + p[i].p_memsz;
}

/* Linked statically jemalloc is part of the program: then its mappings are taken for arenas. */
__attribute__((constructor)) static void find_malloc(void)
{
	uintptr_t lo = 0, hi = 0, own = (uintptr_t)find_malloc;

	find_library((uintptr_t)gd__real_find("mallocx", NULL), &lo, &hi);
	if (own >= lo && own < hi)
		return;
	malloc_lo = lo;
	malloc_hi = hi;
	for (size_t i = 0; i < count(); i++) /* what it had mapped before we knew */
		if (get_table()->about[i].kind != GD__RANGE_REGISTERED &&
		    of_malloc(get_table()->about[i].pc))
			gd__ranges_drop(gd__load_relaxed(&slot(i)->lo)); /* start-up: one thread */
}
