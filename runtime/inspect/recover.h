/*
 * recover.h - the one thing that a detector may do to a goroutine: end a wait that it has proven
 * to be a leak. Between gd__inspect_stop and gd__inspect_start.
 */
#ifndef GD_RUNTIME_INSPECT_RECOVER_H
#define GD_RUNTIME_INSPECT_RECOVER_H

#include "runtime/base/recovered.h"
#include "runtime/inspect/inspect.h"

/* The wait that g tells of: what came of it. look: what would come of it, if nobody is at the
 * primitive; nothing is done. g may have been copied earlier, also by a process that was forked. */
enum gd__recovered gd__inspect_recover(const struct gd__ginfo *g);
enum gd__recovered gd__inspect_recover_look(const struct gd__ginfo *g);

#endif
