/*
 * leak_print.h - the report of a check in our own process.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_PRINT_H
#define GD_DETECTOR_LEAK_LEAK_PRINT_H

#include "detector/leak/group.h"
#include "runtime/base/fmt.h"

/* Where a channel lost its last reference. */
struct gd__leak_drop {
	uint64_t chan;
	uint64_t goid;
	size_t npcs;
	uintptr_t pcs[16];
};

struct gd__leak_report {
	const struct gd__leak_result *result;
	const struct gd__leak_groups *groups;
	/* The drop of this channel, NULL if none is known. */
	const struct gd__leak_drop *(*drop)(uint64_t chan);
	/* Filled in: goroutines reported, by verdict; suppressed ones are not counted. */
	size_t reported[4];
	size_t suppressed;
};

/* Symbolises, applies suppressions, prints. May allocate: the world must be going, or nothing run.
 */
void gd__leak_print(struct gd__leak_report *report, struct gd__out *o);

#endif
