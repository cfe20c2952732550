/*
 * verdict.h - who is stuck, how sure that is, and why.
 *
 * Rounds: mark everything that may run, judge, take the newly stuck out of
 * those that may run, mark again; until nothing changes. So what only a
 * stuck goroutine could have reached falls as well.
 *
 *   no object at all                         proven       NIL
 *   in a cycle of lock owners                proven       CYCLE (self-locks: with a guard, below)
 *   nothing that may run reaches it          proven       UNREACHABLE or DROPPED
 *   reachable, waits for a stuck owner       owner-stuck  OWNER
 *   reachable, its owner has ended           owner-stuck  DEAD_OWNER
 *   reached only by those behind such a lock owner-stuck  UNREACHABLE
 *
 * Who waits for a stuck owner is as good as stuck himself: what only he reaches is proven. That
 * must be so for the verdict's sake as well. A dead pointer on his stack would otherwise decide
 * whether the owner he waits for is called proven or owner-stuck.
 *
 * A lock that a waiter holds itself, or whose owner has ended, only counts as
 * such if no goroutine that may run (and no pending timer) has a way to the lock
 * from its own stack and registers: it might be the one that unlocks.
 *
 * In an image without heap records, or with memory missing, "unreachable" is
 * no proof: those become suspect and nothing is concluded from them.
 */
#ifndef GD_DETECTOR_LEAK_VERDICT_H
#define GD_DETECTOR_LEAK_VERDICT_H

#include "detector/common/report.h"
#include "detector/leak/mark.h"
#include "detector/leak/owners.h"

struct gd__fate {
	bool stuck; /* verdict and evidence are set */
	uint8_t verdict, evidence;
	uint64_t owner_id;
};

struct gd__verdicts {
	struct gd__image *im;
	struct gd__wakers wakers;
	struct gd__owners owners;
	struct gd__mark mark;  /* the last round: what may run reaches, without the stuck */
	struct gd__fate *fate; /* per goroutine */
	bool weak;             /* the image is incomplete */
	bool cut; /* stopped after GD__VERDICT_ROUNDS; nothing wrong, perhaps not all */
	unsigned rounds;
};

#define GD__VERDICT_ROUNDS 32

struct gd__leak_options;
/* false: no memory. */
bool gd__verdict_run(struct gd__verdicts *v, struct gd__image *im, struct gd__arena *a,
		     const struct gd__leak_options *opt);

#endif
