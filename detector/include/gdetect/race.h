/*
 * race.h - tell the race detector what it cannot see. For programs built with -fgdetect=race.
 */
#ifndef GDETECT_RACE_H
#define GDETECT_RACE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Races reported so far. */
size_t gd_race_count(void);
/* All the caller did so far happens before what others do after gd_race_acquire(obj). */
void gd_race_release(const void *obj);
void gd_race_acquire(const void *obj);
/* Accesses of the caller between the two calls are not looked at. May nest. */
void gd_race_ignore_begin(void);
void gd_race_ignore_end(void);

#ifdef __cplusplus
}
#endif
#endif
