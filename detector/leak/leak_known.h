/*
 * leak_known.h - goroutines that a check leaves out: those reported before, and those that the
 * program has asked to ignore. All between gd__leak_begin and gd__leak_end.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_KNOWN_H
#define GD_DETECTOR_LEAK_LEAK_KNOWN_H

#include "detector/image/image.h"
#include "detector/leak/set.h"

bool gd__leak_known(uint64_t id);
/* Notes that it was reported. */
void gd__leak_know(uint64_t id);

bool gd__leak_is_ignored(uint64_t id);
/* Replaces the ids that are ignored; the set is taken over with its arena. */
void gd__leak_ignore(const struct gd__set *ids, const struct gd__arena *arena);

/*
 * Ids are never used twice: without this a program that is recovered all day fills its memory. Who
 * has ended is dropped, once there are many. In two steps, since a forked copy may do the first:
 * what it leaves is in the arena, and is no more than a hint.
 */
struct gd__leak_left {
	uint64_t *id; /* NULL: it is not time */
	size_t n;
	size_t of; /* so many were known then */
};
void gd__leak_find_left(const struct gd__image *im, struct gd__arena *a,
			struct gd__leak_left *left);
void gd__leak_forget_ended(const struct gd__leak_left *left);

#endif
