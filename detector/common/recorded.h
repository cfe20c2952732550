/*
 * recorded.h - findings kept in memory, so that a dump of the process tells of them too.
 *
 * One table of fixed-size records, reachable from gd__anchor.reports_root. It
 * is read through struct gd__mem, in our own process or in a core.
 */
#ifndef GD_DETECTOR_COMMON_RECORDED_H
#define GD_DETECTOR_COMMON_RECORDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/fingerprint.h"
#include "runtime/inspect/inspect.h"

#define GD__RECORDED_FRAMES 16
#define GD__RECORDED_MAX    512

enum gd__recorded_kind { GD__RECORDED_RACE = 1, GD__RECORDED_USE_AFTER_FREE = 2 };

enum gd__recorded_access_kind {
	GD__RECORDED_WRITE = 1,
	GD__RECORDED_ATOMIC = 2,
	GD__RECORDED_FREE = 4,
	GD__RECORDED_WHOLE_STACK = 8 /* else pcs holds only the place of the access */
};

/* One of the two accesses. */
struct gd__recorded_access {
	uint64_t addr;
	uint64_t goid; /* 0: a thread that runs no goroutine, or unknown */
	uint64_t parent_goid;
	uint32_t size;
	uint32_t flags;        /* enum gd__recorded_access_kind */
	uint32_t create_stack; /* depot id */
	uint32_t npcs;
	uint64_t pcs[GD__RECORDED_FRAMES]; /* return addresses, innermost first */
};

struct gd__recorded {
	uint32_t kind;  /* enum gd__recorded_kind */
	uint32_t count; /* times it was seen */
	struct gd__recorded_access now, before;
	char fingerprint[GD__FINGERPRINT_LEN]; /* "" if it has none */
	char object[91];                       /* "global 'x' of size 4", "" if unknown */
};

/*
 * Appends r; its place, or -1 when the table is full (the total still counts). The table is in the
 * anchor from then on. One caller at a time.
 */
int gd__recorded_add(const struct gd__recorded *r);
/* The finding at this place was seen again. */
void gd__recorded_again(int place);

/* A table in some address space. */
struct gd__recorded_table {
	const struct gd__mem *mem;
	uint64_t records; /* address of the first */
	uint32_t count;   /* that are there */
	uint64_t total;   /* found, also those without room */
};
/* root: gd__runtime.reports_root. false if there is none or it is broken. */
bool gd__recorded_open(struct gd__recorded_table *t, const struct gd__mem *mem, uint64_t root);
/* Record i < t->count. false if unreadable or broken. */
bool gd__recorded_get(const struct gd__recorded_table *t, uint32_t i, struct gd__recorded *r);

#endif
