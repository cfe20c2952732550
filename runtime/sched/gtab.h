/*
 * gtab.h - the table of all goroutine records.
 *
 * A record lies at the top of its goroutine's stack slot: a parked goroutine is one page of
 * memory and one entry of the TLB. Slots come in arenas that are never unmapped, so a stranger
 * may always look at a record that was ever handed out.
 *
 * In slots of equal shape the records, and the first frames below them, would all fall into the
 * same few sets of the first-level cache. So the record of slot i lies i % GD__G_COLOURS steps
 * lower; and a slot is an odd number of pages (stack.c), which does the same for larger caches.
 */
#ifndef GD_RUNTIME_SCHED_GTAB_H
#define GD_RUNTIME_SCHED_GTAB_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/sched/g.h"

#define GD__G_ARENA       256u /* slots of an arena */
#define GD__G_ARENAS      65536u
#define GD__G_COLOURS     8u
#define GD__G_COLOUR_STEP 128u

struct gd__arena {
	char *base;
	uint32_t slots;        /* GD__G_ARENA, or fewer where address space is short */
	_Atomic uint32_t used; /* records [0, used) were handed out; never falls */
};

#define GD__SLOT_MAX ((uint64_t)128 << 20)

/* arena[i] is set before n passes i; neither is ever taken back. */
struct gd__gtab {
	struct gd__gtab_head {
		_Atomic uint32_t n;
		uint32_t unused;
		/* Bytes, guard and record included. Constant after gd__stack_init. */
		uint64_t slot_size;
	} head;
	struct gd__arena arena[GD__G_ARENAS];
};

extern struct gd__gtab gd__gtab;

/* Address of record i of an arena at base, in any address space. */
static inline uint64_t gd__g_address(uint64_t base, uint64_t slot_size, uint32_t i)
{
	uint64_t room = (sizeof(struct gd__g) + 63) & ~UINT64_C(63);

	return base + (i + 1) * slot_size - room - i % GD__G_COLOURS * GD__G_COLOUR_STEP;
}

#endif
