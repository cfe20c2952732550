/*
 * tally.h - what recovery has done so far, by group, so that a program that leaks and is recovered
 * all day prints each group once and the totals at its end.
 *
 * The memory is bounded: groups are as many as there are places that leak, and beyond TALLY_MAX
 * they are counted together. Between gd__leak_begin and gd__leak_end.
 */
#ifndef GD_DETECTOR_LEAK_TALLY_H
#define GD_DETECTOR_LEAK_TALLY_H

#include "detector/leak/group.h"
#include "runtime/base/fmt.h"

#define GD__TALLY_MAX 1024

enum gd__tally_how {
	GD__TALLY_NEWS, /* what was printed before need not be printed again */
	GD__TALLY_ALL,
	GD__TALLY_QUIET /* nothing is printed */
};

struct gd__tally {
	/* Goroutines; no suppressed ones. */
	size_t muted; /* of groups that were left out: all proven */
	size_t open;  /* of all groups: recovered, or the next check will tell */
};

/*
 * Counts the recovered of gs, and with GD__TALLY_NEWS takes those groups out of gs that consist of
 * what is gd__recover_open alone and were printed before. Looks up symbols of new groups.
 */
void gd__tally_add(struct gd__leak_groups *gs, const struct gd__leak_result *r,
		   enum gd__tally_how how, struct gd__tally *t);
/* Recovered so far, without the suppressed. */
size_t gd__tally_total(void);
void gd__tally_print(struct gd__out *o);
/* Forgets it all: in the child of a fork. */
void gd__tally_forget(void);

/* "  recovery: 10 returned GD_ELEAKED; 2 not: gd_go_recoverable was not called", or nothing. */
void gd__tally_explain(struct gd__out *o, const struct gd__leak_groups *gs,
		       const struct gd__leak_group *g, const struct gd__leak_result *r);

#endif
