/*
 * path.h - the path that keeps a goroutine off the list, with names.
 */
#ifndef GD_TOOLS_GLEAK_PATH_H
#define GD_TOOLS_GLEAK_PATH_H

#include "tools/gleak/analyze.h"
#include "tools/model/why.h"

/*
 * Fills a->dump.why with one answer: for goroutine goid, or for every one that waits and is not
 * reported (all). a was checked. false: there is no goroutine goid.
 */
bool find_why(struct analysis *a, uint64_t goid, bool all);

#endif
