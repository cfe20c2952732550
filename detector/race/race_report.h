/*
 * race_report.h - a found race, as data, and its way to the user.
 */
#ifndef GD_DETECTOR_RACE_RACE_REPORT_H
#define GD_DETECTOR_RACE_RACE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

#define GD__RACE_FRAMES 64

/* One of the two accesses. */
struct gd__race_access {
	uintptr_t addr;
	uint32_t size;
	unsigned kind; /* enum gd__access_kind */
	uint64_t goid; /* 0: a foreign thread */
	uint32_t serial;
	bool goid_known;  /* false: an earlier goroutine of this chain */
	bool finished;    /* the goroutine has ended */
	size_t nframes;   /* at least 1: the site of the access */
	bool stack_whole; /* false: only the site is known */
	uintptr_t pcs[GD__RACE_FRAMES];
	uint32_t create_stack; /* depot id, 0: main or unknown */
	uint64_t parent_goid;
	struct gd__held_lock held[GD__RACE_HELD];
	uint32_t nheld;
};

struct gd__race {
	struct gd__race_access now, before;
	/* The object: filled in by gd__race_report. */
};

/*
 * Called by the access slow path when a race is found; may be called twice for
 * one pair. Removes duplicates, applies suppressions, finds the object, prints.
 */
void gd__race_report(struct gd__race *r);
size_t gd__race_reported(void);
/* At process end: the closing line; the exit code this asks for, or 0. */
int gd__race_finish(void);

#endif
