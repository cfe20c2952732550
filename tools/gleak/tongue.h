/*
 * tongue.h - what addresses of a core are called, for the words that process and gleak share.
 */
#ifndef GD_TOOLS_GLEAK_TONGUE_H
#define GD_TOOLS_GLEAK_TONGUE_H

#include "tools/gleak/analyze.h"

/* Valid as long as a, which must have its symbols open. */
struct gd__tongue tongue_of(struct analysis *a);

#endif
