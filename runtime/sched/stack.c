/*
 * stack.c - arenas of stack slots with a guard at the low end of each, a record at the high end.
 *
 * MADV_GUARD_INSTALL (Linux 6.13) makes a guard without a mapping of its own;
 * mprotect splits the mapping in two per stack and meets vm.max_map_count
 * at some 32,000 goroutines (anchors of 2026: 32,753). Which one works is
 * found by trying. Stacks are never unmapped: a late reader may look at them.
 */
#include "runtime/sched/stack.h"

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/gtab.h"

/* Larger than a small page: a frame with a big local array skips a small guard. */
#define GUARD_LEAST ((size_t)16 << 10)
#define GUARD       (GD__PAGE > GUARD_LEAST ? GD__PAGE : GUARD_LEAST)
/*
 * 31 pages with the guard. Page tables cost a goroutine 8 bytes per page of its slot, touched or
 * not: 248 here, 513 with 256 KiB. C libraries put 64 KiB buffers on the stack, so no less.
 */
#define DEFAULT_KB 108

enum guard_kind { GUARD_MADVISE, GUARD_MPROTECT, GUARD_NONE };

/* Only ever moves to a weaker kind; a stale read costs one failed call. */
static _Atomic uint32_t guard_kind;

size_t gd__stack_size(void)
{
	return gd__gtab.head.slot_size;
}

void gd__stack_init(void)
{
	size_t kb = (size_t)gd__options.stack_kb;

	if (gd__options.stack_kb < 16 || gd__options.stack_kb > 65536) {
		gd__warn("GDETECT_OPTIONS: stack_kb must be 16 to 65536; %d is used", DEFAULT_KB);
		kb = DEFAULT_KB;
	}
	/* An odd number of pages: see gtab.h. */
	gd__gtab.head.slot_size = ((GUARD + kb * 1024 + GD__PAGE - 1) / GD__PAGE | 1) * GD__PAGE;
	if (gd__options.guard_mprotect)
		gd__store_relaxed(&guard_kind, GUARD_MPROTECT); /* before any other thread */
}

char *gd__stack_arena(size_t n)
{
	char *arena = gd__os_reserve(n * gd__gtab.head.slot_size);

	if (arena)
		gd__os_nohuge(arena, n * gd__gtab.head.slot_size);
	return arena;
}

/*
 * How many guards of mprotect there may be: each takes two mappings of the limit, and once it is
 * reached nothing can be mapped at all, no further stack either. A quarter is left to others.
 */
static uint32_t guards_max(void)
{
	int64_t maps = gd__os_file_number("/proc/sys/vm/max_map_count");

	return (uint32_t)(maps < 0 || maps > INT32_MAX ? 65530 : maps) / 8 * 3;
}

static bool guard_by_mprotect(char *slot)
{
	static _Atomic uint32_t most, made;
	uint32_t limit = gd__load_relaxed(&most); /* always the same number */

	if (limit == 0) {
		limit = guards_max();
		gd__store_relaxed(&most, limit); /* two may find it out, no harm */
	}
	if (gd__add_relaxed(&made, 1) >= limit) /* a count */
		return false;
	return gd__os_protect_none(slot, GUARD) == 0;
}

static void fall_back(enum guard_kind kind)
{
	uint32_t was = gd__swap_relaxed(&guard_kind, kind);

	if (kind == GUARD_NONE && was != GUARD_NONE)
		gd__warn("memory mappings run out (vm.max_map_count): further goroutine stacks "
			 "have no guard against overflow");
}

static bool guard_one(char *slot)
{
	uint32_t kind = gd__load_relaxed(&guard_kind); /* see its comment */

	if (kind == GUARD_MADVISE && gd__os_guard(slot, GUARD) != 0)
		fall_back(kind = GUARD_MPROTECT);
	if (kind == GUARD_MPROTECT && !guard_by_mprotect(slot))
		fall_back(kind = GUARD_NONE);
	return kind != GUARD_NONE;
}

uint64_t gd__stack_guard(char *slots, size_t n)
{
	uint64_t without = 0;

	/* relaxed: see its comment */
	if (n > 1 && gd__load_relaxed(&guard_kind) == GUARD_MADVISE &&
	    gd__os_guard_each(slots, n, gd__gtab.head.slot_size, GUARD) == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!guard_one(slots + i * gd__gtab.head.slot_size))
			without |= (uint64_t)1 << i;
	return without;
}

/*
 * What would be the guard is memory that nobody stores to, so it reads as zeros; and reading it
 * makes no page of it, for the kernel has one page of zeros for all.
 */
#define CANARY 1024

void gd__stack_check(struct gd__g *g)
{
	const uint64_t *word = (const uint64_t *)(g->stack_lo - CANARY);
	uint64_t any = 0;

	for (size_t i = 0; i < CANARY / sizeof(*word); i++)
		any |= word[i];
	if (any == 0)
		return;
	g->call_sp = g->ctx.sp; /* it counts as running: the dump finds its stack so */
	g->call_pc = g->ctx.pc;
	g->call_bp = g->ctx.bp;
	gd__fatal("stack overflow: what lies below the stack of goroutine %lu (%s), %lu KiB "
		  "without a "
		  "guard, was overwritten; GDETECT_OPTIONS=stack_kb=N gives more",
		  (unsigned long)g->id, g->name ? g->name : "?",
		  (unsigned long)((g->stack_hi - g->stack_lo) / 1024));
}

uintptr_t gd__stack_lo(const char *slot)
{
	return (uintptr_t)slot + GUARD;
}

bool gd__stack_in_guard(uintptr_t lo, uintptr_t addr)
{
	return addr < lo && addr >= lo - GUARD;
}
