/*
 * wakers.h - the primitives that goroutines wait for, and who waits for each.
 *
 * Built once per check from the image: sorted by address, so that a marking
 * pass finds all primitives inside a range of memory by one binary search.
 * Also decides who is a candidate at all.
 */
#ifndef GD_DETECTOR_LEAK_WAKERS_H
#define GD_DETECTOR_LEAK_WAKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/alloc.h"
#include "detector/image/image.h"

struct gd__prim {
	struct gd__oinfo info; /* addr and kind are set even if !info.valid */
	uint32_t first, count; /* its waiters: gd__wakers.waiter[first .. first+count) */
	bool dropped;          /* a channel without references: nobody can ever use it */
};

struct gd__waiter {
	uint32_t g;  /* position in image->g */
	uint16_t op; /* enum gd__wait_op */
};

enum gd__standing {
	GD__MAY_RUN,   /* runs, is runnable, in the kernel, or waits for time */
	GD__CANDIDATE, /* waits for primitives only */
	GD__HOPELESS,  /* waits for nothing that exists: nil channels, empty select */
	GD__GONE       /* its function has returned */
};

struct gd__wakers {
	struct gd__prim *prim; /* by rising (addr, kind) */
	size_t nprims;
	struct gd__waiter *waiter;
	uint8_t *standing; /* enum gd__standing of each of image->g */
	bool broken;       /* some wait record could not be read; its goroutine counts as MAY_RUN */
};

/* dropped: a channel to be taken as one without references, or 0. false: no memory. */
bool gd__wakers_init(struct gd__wakers *w, struct gd__image *im, struct gd__arena *a,
		     uint64_t dropped);
/* The first primitive with address >= addr; nprims if there is none. */
size_t gd__wakers_from(const struct gd__wakers *w, uint64_t addr);
/* The primitive of kind at addr, NULL if nobody waits for it. */
const struct gd__prim *gd__wakers_find(const struct gd__wakers *w, uint64_t addr, uint16_t kind);

/* Decoders of the image, or those of runtime/inspect. */
bool gd__image_wait(struct gd__image *im, const struct gd__ginfo *g, uint32_t i,
		    struct gd__winfo *w);
bool gd__image_object(struct gd__image *im, uint64_t addr, uint16_t kind, struct gd__oinfo *o);

#endif
