/*
 * chain.h - names of goroutines in clocks, and who bore a name when.
 *
 * A chain is a sequence of goroutines each of which began after its spawner
 * knew the end of the one before; all bear one id, so that the number of ids
 * follows the width of concurrency and not the number of goroutines
 * (docs/design/clocks.md has the argument).
 */
#ifndef GD_DETECTOR_RACE_CHAIN_H
#define GD_DETECTOR_RACE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "detector/race/clock.h"

/* Goroutines that a chain remembers, the running one among them. */
#define GD__CHAIN_JOURNAL 8

/* One goroutine of a chain. */
struct gd__chain_entry {
	gd__epoch start; /* its first epoch */
	uint32_t create_stack;
	uint64_t goid; /* 0: a foreign thread, or not noted */
	uint64_t parent_goid;
	uint32_t serial;
	bool finished;
};

/*
 * Says who bears the id of c since gd__clock_init or gd__clock_spawn. start and
 * finished of who are not looked at.
 */
void gd__chain_note(const struct gd__clock *c, const struct gd__chain_entry *who);

/* The goroutine that epoch e of chain x belongs to; false: one that is no longer remembered. */
bool gd__chain_whois(gd__chain x, gd__epoch e, struct gd__chain_entry *out);

/* For clock.c. An id nobody had; *start is its first epoch. */
gd__chain gd__chain_fresh(gd__epoch *start);
/* An id for a child of parent: a finished one whose end parent knows, else a fresh one. */
gd__chain gd__chain_take(const struct gd__clock *parent, gd__epoch *start);
/*
 * The goroutine of id has ended. known: all its accesses are in its releases up
 * to epoch last, so that who knows last may give the id to its child.
 */
void gd__chain_end(gd__chain id, gd__epoch last, bool known);
/* The goroutine goes on as a fresh id, because the epochs of this one are used up. */
gd__chain gd__chain_move(gd__chain id, gd__epoch *start);

#endif
