/*
 * race_finding.h - a race with all that is known about it, ready to be printed.
 */
#ifndef GD_DETECTOR_RACE_RACE_FINDING_H
#define GD_DETECTOR_RACE_RACE_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/fingerprint.h"
#include "detector/race/race_report.h"
#include "runtime/base/fmt.h"
#include "runtime/inspect/inspect.h"

enum gd__race_place {
	GD__PLACE_UNKNOWN,
	GD__PLACE_GLOBAL,
	GD__PLACE_DATA, /* of a binary, but no variable is known there: stripped, or static */
	GD__PLACE_HEAP,
	GD__PLACE_GOROUTINE, /* its stack */
	GD__PLACE_THREAD     /* the stack of a thread */
};

/* What lies at the address. */
struct gd__race_object {
	enum gd__race_place place;
	char name[128]; /* of a global, or "binary+0x12" of data */
	uint64_t base, size;
	uint64_t goid;  /* heap: who allocated it; stack: whose */
	uint32_t stack; /* heap: depot id of where */
};

struct gd__race_finding {
	const struct gd__race *race;
	bool after_free; /* the earlier access was free() or a pool put */
	struct gd__race_object object;
	char name_now[GD__GI_TEXT], name_before[GD__GI_TEXT]; /* of the goroutines, "" if unknown */
	char where[384]; /* "file.c:12 in fn" of the later access */
	char fingerprint[GD__FINGERPRINT_LEN];
};

/* Fills in object and names. Not on a small stack. */
void gd__race_find_object(struct gd__race_finding *f);

void gd__race_print(struct gd__out *o, const struct gd__race_finding *f);
/* "data race" or "heap-use-after-free (race)". */
const char *gd__race_title(const struct gd__race_finding *f);

/* The finding being reported, for the program's own __tsan_on_report; NULL at other times. */
extern const struct gd__race_finding *gd__race_current_finding GD__HIDDEN;

#endif
