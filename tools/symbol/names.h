/*
 * names.h - what one instruction is called: functions (inlined ones too), file, line, module.
 */
#ifndef GD_TOOLS_SYMBOL_NAMES_H
#define GD_TOOLS_SYMBOL_NAMES_H

#include <elfutils/libdwfl.h>

#include "detector/image/image_core_modules.h"
#include "tools/model/stack.h"
#include "tools/util/pool.h"

/* At least one frame, innermost first; returns how many. */
size_t names_of(Dwfl *dwfl, const struct gd__modules *m, uint64_t pc, struct pool *pool,
		struct frame **frames);

#endif
