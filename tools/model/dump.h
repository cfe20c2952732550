/*
 * dump.h - what is known of one dump: its goroutines, what was found, what is missing.
 *
 * Filled in by gleak from input and symbol, read by the writers of reports.
 * Everything lies in the pool or in the input and lives as long as both.
 */
#ifndef GD_TOOLS_MODEL_DUMP_H
#define GD_TOOLS_MODEL_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/fingerprint.h"
#include "detector/common/recorded.h"
#include "detector/common/report.h"
#include "detector/leak/explain.h"
#include "tools/model/stack.h"
#include "tools/util/pool.h"

#define WAITS_MAX 4

struct goroutine {
	const struct gd__ginfo *info;
	const struct gd__leak *leak; /* NULL: not a finding */
	struct stack stack, created; /* whole, with our own frames */
	uint64_t hash;               /* equal for those that belong in one group */
	size_t group;
};

/* Goroutines that are in the same place for the same reason. */
struct group {
	struct goroutine **member; /* by rising id */
	size_t n, cap;
	struct gd__story *story; /* of findings: of the first member */
	struct stack *did, *now; /* per party of the story: where it acted, where it is */
	char fingerprint[GD__FINGERPRINT_LEN]; /* of findings; "" if nothing in it has a name */
};

/* A race that the program itself had found before it was dumped. */
struct race {
	struct gd__recorded r;
	struct stack now, before;
	struct stack now_created, before_created; /* where the two goroutines were started */
};

struct why;

struct dump {
	const char *path, *program;
	struct pool pool;
	int pid;
	int64_t now_ns;
	bool ran, complete;  /* complete: nothing was missing */
	const char *why_not; /* the first thing that was; NULL: nothing */
	struct goroutine *g; /* by rising id */
	size_t ng;
	struct group *findings; /* strongest verdict first */
	size_t nfindings;
	size_t by_verdict[4];
	struct gd__retained shared; /* heap that several of the findings reach */
	const struct gd__tongue *tongue;
	struct race *races;
	size_t nraces;
	const struct gd__image *image; /* of the answers below */
	struct why **why;              /* why.h */
	size_t nwhy;
	const char **notes; /* what a reader must know to judge the findings */
	size_t nnotes, notes_cap;
};

void dump_note(struct dump *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A note that says that something is missing: the dump is not complete. */
void dump_miss(struct dump *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Groups g[0..n) by their hash, state and stacks, in order of the first member.
 * Returns how many groups there are; the array and its members lie in pool.
 */
size_t dump_group(struct pool *pool, struct goroutine **g, size_t n, struct group **groups);

/* Goroutines proven stuck or stuck behind such a one: what a gate counts. */
size_t dump_stuck(const struct dump *d);
/* For how long g has been waiting, in nanoseconds; 0 if it does not wait. */
int64_t dump_age(const struct dump *d, const struct goroutine *g);
/* "chan send", "running", ... */
const char *dump_state(const struct goroutine *g);

#endif
