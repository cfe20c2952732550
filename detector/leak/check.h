/*
 * check.h - the leak check: one image in, one result out.
 *
 * Uses no memory of the inspected process but through the image, none of
 * libc's heap, no locks of the runtime; so it runs under a stopped world.
 */
#ifndef GD_DETECTOR_LEAK_CHECK_H
#define GD_DETECTOR_LEAK_CHECK_H

#include "detector/common/alloc.h"
#include "detector/common/report.h"
#include "detector/image/image.h"

struct gd__leak_options {
	bool at_end;      /* main has returned: also list goroutines that are merely alive */
	bool all_asleep;  /* the runtime has found that no goroutine can ever run */
	bool no_paths;    /* nobody will ask why a goroutine is alive: that makes it fast */
	uint64_t dropped; /* address of a channel that loses its last reference, or 0 */
};

/* The result lies in the arena. Returns 0, or GD_ENOMEM with result->ran false. */
int gd__leak_check_image(struct gd__image *im, const struct gd__leak_options *opt,
			 struct gd__arena *a, struct gd__leak_result *result);

#endif
