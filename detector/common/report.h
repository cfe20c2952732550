/*
 * report.h - what detectors found, as data. Printing comes second.
 *
 * Addresses are of the inspected space; whoever prints symbolises them (in the
 * process by traceback.h, in gleak by tools/symbol).
 */
#ifndef GD_DETECTOR_COMMON_REPORT_H
#define GD_DETECTOR_COMMON_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/inspect/inspect.h"

/* Strongest first. */
enum gd__verdict {
	GD__VERDICT_PROVEN,
	GD__VERDICT_OWNER_STUCK,
	GD__VERDICT_ALIVE_AT_END,
	GD__VERDICT_SUSPECT
};
/* "proven", "owner-stuck", "alive-at-end", "suspect" */
const char *gd__verdict_text(enum gd__verdict v);

struct gd__verdicts; /* detector/leak/verdict.h */

/* Why a verdict was given. */
enum gd__evidence {
	GD__EVIDENCE_NONE,
	GD__EVIDENCE_NIL,         /* nil channel or empty select */
	GD__EVIDENCE_UNREACHABLE, /* nothing that may run can reach what it waits for */
	GD__EVIDENCE_CYCLE,       /* a cycle of lock owners */
	GD__EVIDENCE_DROPPED,     /* the last reference to the channel was dropped */
	GD__EVIDENCE_OWNER,       /* held by a goroutine that is itself stuck */
	GD__EVIDENCE_DEAD_OWNER,  /* held by a goroutine that has ended */
	GD__EVIDENCE_ALIVE        /* still there at the end */
};
/* One clause in English, e.g. "nothing that can still run reaches the channel". */
const char *gd__evidence_text(enum gd__evidence e);

/* The same as a word for machines: "unreachable", "cycle", ... */
const char *gd__evidence_word(enum gd__evidence e);

/* What a stuck goroutine keeps. */
struct gd__retained {
	uint64_t stack;  /* bytes of its stack in use */
	uint64_t heap;   /* bytes of heap blocks that only it reaches */
	uint64_t blocks; /* number of those */
};

/* One goroutine of a leak report. */
struct gd__leak {
	struct gd__ginfo g;
	enum gd__verdict verdict;
	enum gd__evidence evidence;
	uint32_t nobjects;          /* min(g.nwaits, 4) */
	struct gd__oinfo object[4]; /* what it waits for */
	struct gd__winfo wait[4];
	uint64_t owner_id; /* CYCLE, OWNER, DEAD_OWNER: who */
	uint8_t recovery;  /* 1 + enum gd__recovered; 0: recovery is off, or it is not proven */
	struct gd__retained retained;
};

/* Result of one check. */
struct gd__leak_result {
	struct gd__leak *leaks; /* strongest verdict first, then by goroutine id */
	size_t count;
	size_t by_verdict[4];
	uint64_t goroutines;        /* looked at */
	int64_t now_ns;             /* the clock at the time */
	struct gd__retained shared; /* heap that several of the stuck reach, and nobody else */
	/* What the verdicts rest on, for story.h and why.h: valid as long as image and arena. */
	const struct gd__verdicts *verdicts;
	bool ran;      /* false: nothing below means anything; why says the reason */
	bool complete; /* false: ran, but some evidence was missing; why says what */
	char why[192];
};

#endif
