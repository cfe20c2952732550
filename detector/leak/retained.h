/*
 * retained.h - how much memory a stuck goroutine keeps: its stack in use and the heap blocks
 * that only it can reach.
 */
#ifndef GD_DETECTOR_LEAK_RETAINED_H
#define GD_DETECTOR_LEAK_RETAINED_H

#include "detector/leak/mark.h"

/*
 * bytes[g] for every goroutine with stuck[g]; others are left alone. mark is the last pass, in
 * which none of the stuck was allowed to run; its set of blocks is extended. Each block is
 * looked at twice at most, however many goroutines share it. false: no memory.
 */
bool gd__retained(struct gd__mark *mark, const uint8_t *stuck, uint64_t *bytes);

#endif
