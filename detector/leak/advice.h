/*
 * advice.h - the known mistakes: which one a leak looks like, and the usual repair.
 *
 * A name is given only where what is recorded supports it; it is what the leak
 * looks like, never a proof. Both strings are constant.
 */
#ifndef GD_DETECTOR_LEAK_ADVICE_H
#define GD_DETECTOR_LEAK_ADVICE_H

#include "detector/leak/story.h"

struct gd__advice {
	const char *pattern; /* "abandoned sender"; NULL if it is none we know */
	const char *repair;  /* one clause */
};

/* s: the leak's story with the parties' stay filled in; NULL: less can be told apart. */
struct gd__advice gd__advice(const struct gd__leak *l, const struct gd__story *s);

#endif
