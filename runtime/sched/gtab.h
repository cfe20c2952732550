/*
 * gtab.h - the table of all goroutine records, in chunks that are never unmapped.
 */
#ifndef GD_RUNTIME_SCHED_GTAB_H
#define GD_RUNTIME_SCHED_GTAB_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/sched/g.h"

#define GD__G_CHUNK  256u
#define GD__G_CHUNKS 65536u

/* chunk[i] is set before n passes i; both are never taken back. */
struct gd__gtab {
	_Atomic uint32_t n;
	struct gd__g *chunk[GD__G_CHUNKS];
};

extern struct gd__gtab gd__gtab;

#endif
