/*
 * atfork.h - what the layers do around fork(), in one order.
 *
 * libc calls us before and after fork() (not for vfork, posix_spawn, system, popen and _Fork,
 * whose child does nothing but exec). prepare runs by rising rank, as the locks are
 * taken; parent and child by falling rank, as they are released.
 */
#ifndef GD_RUNTIME_BASE_ATFORK_H
#define GD_RUNTIME_BASE_ATFORK_H

#include <stdbool.h>

#include "runtime/base/lockrank.h"

/*
 * prepare: takes the locks of its layer, waits for nobody for long, may not park. false: nothing
 * of it was done, and neither it nor those of higher rank take part in this fork. parent: gives the
 * locks back. child: the calling thread is the only one; puts the layer's state in order, gives
 * the locks back, calls neither malloc nor anything that starts a thread.
 * prepare and parent may be NULL. The record is static; all but its handlers belongs to atfork.c.
 */
struct gd__atfork {
	enum gd__rank rank;
	bool (*prepare)(void);
	void (*parent)(void);
	void (*child)(void);
	struct gd__atfork *up, *down; /* of higher and of lower rank */
};

/* From a constructor, while there is one thread. */
void gd__atfork_register(struct gd__atfork *a);

#endif
