/*
 * image_live.h - another process, held still by ptrace while it is looked at.
 */
#ifndef GD_DETECTOR_IMAGE_IMAGE_LIVE_H
#define GD_DETECTOR_IMAGE_IMAGE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/image/core_writer.h"
#include "runtime/inspect/inspect.h"

struct gd__live {
	int32_t pid;
	struct gd__mem mem;              /* reads its memory; self points to this struct */
	struct gd__core_thread *threads; /* the main thread first */
	size_t n, cap;
};

/*
 * Stops all threads of pid. 0, or a negative errno with nothing stopped:
 * -ESRCH no such process, -EPERM not allowed, -ETIMEDOUT a thread does not stop within 5 s.
 */
int gd__live_stop(struct gd__live *l, int32_t pid);
/* Lets it go on. */
void gd__live_release(struct gd__live *l);
/*
 * Looks for the runtime's anchor by its magic in writable memory. false: there is none. *clock is
 * the address of the runtime's time of the last stop, 0 if the anchor is of another version.
 */
bool gd__live_anchor(struct gd__live *l, uint64_t *clock);

#endif
