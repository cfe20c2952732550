/*
 * recover.h - which of the goroutines that are proven stuck get GD_ELEAKED, and giving it to them.
 *
 * All of them that have asked for it, but for who waits for a lock whose holder is one of them:
 * the holder may give it up, which is the better end. Of a deadlock of locks the youngest is the
 * victim, as it has the least work to lose. docs/design/leak.md, "Recovery", has the argument.
 *
 * Two steps: choosing reads a result and may be done by a forked child; applying needs the process
 * itself, stopped. What happened in between is seen by the number of the wait.
 */
#ifndef GD_DETECTOR_LEAK_RECOVER_H
#define GD_DETECTOR_LEAK_RECOVER_H

#include "detector/common/alloc.h"
#include "detector/common/report.h"
#include "runtime/base/recovered.h"

/* A wait to be ended. Plain data: may go from process to process. */
struct gd__recovery {
	uint64_t record, id; /* of its gd__ginfo */
	uint32_t parks;
	uint32_t leak; /* position in the result */
};

struct gd__recoveries {
	struct gd__recovery *one; /* in the arena */
	size_t n;
	uint64_t basis; /* of the choice: see gd__recover_apply */
};

/*
 * Chooses from r, which is whole: as the engine made it. Sets recovery of each leak to what
 * is meant to become of it. Nothing is chosen from a check that is not complete. false: no memory.
 */
bool gd__recover_choose(struct gd__leak_result *r, struct gd__arena *a,
			struct gd__recoveries *chosen);
/* Was recovered, or the next check will tell, or would have: not what is to be held against the
 * program for good.
 */
static inline bool gd__recover_open(const struct gd__leak *l)
{
	return l->recovery == 1 + GD__RECOVERED || l->recovery == 1 + GD__RECOVER_HELPED ||
	       l->recovery == 1 + GD__RECOVER_IN_USE || l->recovery == 1 + GD__RECOVER_LATE;
}

/*
 * In a stopped world. How many have been woken. r: where to note what became of each; NULL:
 * nowhere. Nobody is if somebody was woken since they were chosen, or a range was registered with
 * gd_leak_add_root: either may reach what nobody could reach then.
 */
size_t gd__recover_apply(const struct gd__recoveries *chosen, struct gd__leak_result *r);
/* The program ends: nobody is woken, and r says so. */
void gd__recover_forgo(struct gd__recoveries *chosen, struct gd__leak_result *r);

#endif
