/*
 * leak_print.h - the report of a check in our own process.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_PRINT_H
#define GD_DETECTOR_LEAK_LEAK_PRINT_H

#include "detector/leak/group.h"
#include "detector/leak/names.h"
#include "runtime/base/fmt.h"

struct gd__leak_report {
	const struct gd__leak_result *result;
	const struct gd__leak_groups *groups;
	gd__find_drop *drop;
	const char *test; /* whose goroutines these are, or NULL */
	/* Filled in: goroutines reported, by verdict; suppressed ones are not counted. */
	size_t reported[4];
	size_t suppressed;
};

/* Symbolises, applies suppressions, prints. May allocate: the world must be going, or nothing run.
 */
void gd__leak_print(struct gd__leak_report *report, struct gd__out *o);

#endif
