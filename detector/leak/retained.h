/*
 * retained.h - how much memory a stuck goroutine keeps: its stack in use and the heap blocks
 * that only it can reach.
 */
#ifndef GD_DETECTOR_LEAK_RETAINED_H
#define GD_DETECTOR_LEAK_RETAINED_H

#include "detector/common/report.h"
#include "detector/leak/mark.h"

/*
 * kept[g] for every goroutine with stuck[g]; others are left alone. *shared is what several of the
 * stuck reach. mark is the last pass, in which none of the stuck was allowed to run; its set of
 * blocks is extended. Each block is looked at twice at most, however many goroutines share it.
 * false: no memory.
 */
bool gd__retained(struct gd__mark *mark, const uint8_t *stuck, struct gd__retained *kept,
		  struct gd__retained *shared);

#endif
