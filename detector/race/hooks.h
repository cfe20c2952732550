/*
 * hooks.h - the start of the race detector.
 */
#ifndef GD_DETECTOR_RACE_HOOKS_H
#define GD_DETECTOR_RACE_HOOKS_H

#include <stdbool.h>

/*
 * Maps the shadow, listens to the runtime, gives the calling thread (the main
 * one, before it makes others) a record. Later calls change nothing. Returns
 * whether the detector runs: if not (no address space), gd__race_cur stays
 * NULL everywhere, and nobody may make a record.
 */
bool gd__race_init(void);

#endif
