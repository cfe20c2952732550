/*
 * ignore.h - a group of leaks in symbols: what suppressions match and fingerprints name.
 */
#ifndef GD_DETECTOR_LEAK_IGNORE_H
#define GD_DETECTOR_LEAK_IGNORE_H

#include "detector/common/fingerprint.h"
#include "detector/leak/group.h"

/*
 * Looks up the user's frames of g. True if a suppression of the process wants it left out; else
 * fingerprint names the finding ("" if it has no name). One caller at a time.
 */
bool gd__leak_ignored(const struct gd__leak_group *g, const struct gd__leak *l,
		      char fingerprint[GD__FINGERPRINT_LEN]);

#endif
