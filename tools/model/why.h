/*
 * why.h - why a goroutine is, or is not, on the list, with names.
 */
#ifndef GD_TOOLS_MODEL_WHY_H
#define GD_TOOLS_MODEL_WHY_H

#include "detector/leak/why.h"
#include "tools/model/dump.h"

/* What a step of the path is called; "" where nothing is known. */
struct step_name {
	const char *name;     /* "registry.lock": the variable, or the member of the block */
	const char *type;     /* "struct server": of the block */
	const char *function; /* of the frame on a stack */
};

struct why {
	struct goroutine g;
	struct gd__leak waits;     /* no finding: holds what g waits for */
	const struct gd__why *why; /* with room for why->n steps */
	struct step_name *step;    /* as many */
	const struct group *group; /* of the finding, if it is one */
};

#endif
