/*
 * leak_expect.h - leaks that the program has said will be there: left out of reports, and missed
 * when they are not. Between gd__leak_begin and gd__leak_end.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_EXPECT_H
#define GD_DETECTOR_LEAK_LEAK_EXPECT_H

#include "detector/leak/group.h"
#include "runtime/base/fmt.h"

/*
 * Takes the expected goroutines out of gs; counts them. What is beyond what was expected stays, and
 * is announced.
 */
size_t gd__expect_sift(struct gd__leak_groups *gs, const struct gd__leak_result *r,
		       struct gd__out *o);
/* The end of a scope (0: the program), after sift: how many were expected and are not there, with a
 * line on each place. The expectations are over. */
size_t gd__expect_finish(uint32_t scope, struct gd__out *o);
/* Whether anything is expected in this scope: then an end without goroutines is worth a look. */
bool gd__expect_any(uint32_t scope);

#endif
