/*
 * clock_fault.h - mistakes that the clock's own test plants, to see that it would find them.
 *
 * Only a build with GD_CLOCK_FAULTS has them; in any other GD__FAULT is a
 * constant that the compiler folds away.
 */
#ifndef GD_DETECTOR_RACE_CLOCK_FAULT_H
#define GD_DETECTOR_RACE_CLOCK_FAULT_H

enum gd__clock_faults {
	GD__FAULT_NONE,
	GD__FAULT_ADOPT_KEEPS_FRONT,  /* adoption leaves the old frontier */
	GD__FAULT_MERGED_ADOPT_FRONT, /* the same, of a merged object */
	GD__FAULT_MERGED_JOIN_FRONT,  /* the frontier stays known after joining a merged object */
	GD__FAULT_BEHIND_FRONT,       /* the releaser's pair is not added: case "behind" */
	GD__FAULT_JOIN_FRONT,         /* the same: cases "same root" and "general" */
	GD__FAULT_FRONT_CUT,          /* a full frontier loses a pair */
	GD__FAULT_NO_RISE,            /* the epoch stays after a release */
	GD__FAULT_MERGE_STORES,       /* a merged release replaces what it does not cover */
	GD__FAULT_WRITE_SHARED,       /* a shared node is changed in place */
	GD__FAULT_TAKE_EARLY,         /* an id is taken over one epoch too early */
	GD__FAULT_SWAP_JOINS_FIRST,   /* a swap publishes what it acquires */
	GD__FAULT_LEARN_BLINDLY,      /* a joined delta hides what a flush has put into the tree */
	GD__FAULT_NO_FRONT_ENTRIES, /* the entries of a frontier are taken for known with its bases
				     */
	GD__FAULT_BASE_KEPT,        /* the base stays after something was learned */
	GD__FAULT_COUNT
};

#ifdef GD_CLOCK_FAULTS
extern unsigned gd__clock_fault;
#	define GD__FAULT(f) (gd__clock_fault == (f))
#else
#	define GD__FAULT(f) 0
#endif

#endif
