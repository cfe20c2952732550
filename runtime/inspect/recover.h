/*
 * recover.h - the one thing that a detector may do to a goroutine: end a wait that it has proven
 * to be a leak. Between gd__inspect_stop and gd__inspect_start.
 */
#ifndef GD_RUNTIME_INSPECT_RECOVER_H
#define GD_RUNTIME_INSPECT_RECOVER_H

#include "runtime/base/recovered.h"
#include "runtime/inspect/inspect.h"

/*
 * The wait that a gd__ginfo with these record, id and parks tells of: what came of it. look: what
 * would come of it, if nobody is at the primitive; nothing is done. They may have been read
 * earlier, also by the child of a fork: records are never unmapped.
 */
enum gd__recovered gd__inspect_recover(uint64_t record, uint64_t id, uint32_t parks);
enum gd__recovered gd__inspect_recover_look(uint64_t record, uint64_t id, uint32_t parks);

#endif
