/*
 * clock.h - vector clocks for very many goroutines: who knows how much of whom.
 *
 * A clock value is a shared immutable radix tree of epochs, a small inline
 * delta, the owner's pair and a frontier (layout, argument and figures:
 * docs/design/clocks.md). Ids are chain ids: a finished goroutine's id is taken
 * over only by one whose spawner knows its end.
 *
 * Rules: only the worker running a goroutine touches its clock; a published
 * value is read and replaced under its sync object's lock.
 */
#ifndef GD_DETECTOR_RACE_CLOCK_H
#define GD_DETECTOR_RACE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define GD__CLOCK_DELTA         16
#define GD__CLOCK_FRONTIER      3
#define GD__CLOCK_FRONT_UNKNOWN (GD__CLOCK_FRONTIER + 1)

struct gd__clock_node;

typedef uint32_t gd__chain; /* chain id, from 1; 0 is nobody */
typedef uint32_t gd__epoch;

/*
 * A goroutine's clock or what a sync object carries. All zero: knows nothing.
 *
 * What is known of id x: epoch, if x is owner; else the delta's entry, if there
 * is one; else the tree's. Invariants:
 *   delta_id[0, ndelta) are distinct and not 0; delta_id[ndelta, 16) are 0
 *   delta_epoch[i] >= tree(delta_id[i]), unless delta_id[i] is owner
 *   closure of x@epoch = closure of x@base + the entry x@epoch
 *   what a goroutine knows = for each pair of its frontier, the closure of id@base
 *   and the entry id@epoch, + its own entry
 *   what a published value of owner x knows = closure of x@epoch; its frontier is
 *   the one x had before that release
 *   a merged value (owner 0) has an empty delta and an unknown frontier
 * where the closure of x@e is all that x knew at its release e.
 */
struct gd__clock {
	struct gd__clock_node *root;
	gd__chain delta_id[GD__CLOCK_DELTA];
	gd__epoch delta_epoch[GD__CLOCK_DELTA];
	gd__chain owner; /* goroutine: itself; published: the releaser; 0: merged */
	gd__epoch epoch; /* of owner */
	gd__chain front_id[GD__CLOCK_FRONTIER];
	gd__epoch front_epoch[GD__CLOCK_FRONTIER];
	gd__epoch front_base[GD__CLOCK_FRONTIER]; /* <= front_epoch: see base */
	gd__epoch
		base; /* owner learned nothing after its release base; 0: it has, since the last */
	uint8_t ndelta;
	uint8_t nfront; /* GD__CLOCK_FRONT_UNKNOWN: what bounds the knowledge is not known */
};

/* First goroutine, or one that nobody is the parent of (timer, foreign thread). Takes a fresh id.
 */
void gd__clock_init(struct gd__clock *c);
/* Child of parent: knows all the parent does; the parent's epoch rises. Takes a chain id. child
 * holds nothing before. */
void gd__clock_spawn(struct gd__clock *parent, struct gd__clock *child);
/* The goroutine has ended. accessed: it made a recorded access since its last release. Then *c
 * is all zero. */
void gd__clock_end(struct gd__clock *c, bool accessed);
/* Drops what a published value refers to and zeroes it. */
void gd__clock_release_value(struct gd__clock *published);

/* me knows all of epoch e of chain x (not 0). Lock-free, no refcounts. */
bool gd__clock_knows(const struct gd__clock *me, gd__chain x, gd__epoch e);
/* Own epoch: accesses made now carry it. */
static inline gd__epoch gd__clock_now_epoch(const struct gd__clock *me)
{
	return me->epoch;
}

/*
 * The object's lock is held for these four. After release and swap, me->epoch has
 * risen; where epochs are used up, me->owner is another id.
 */
void gd__clock_acquire(struct gd__clock *me, const struct gd__clock *published);
void gd__clock_release(struct gd__clock *me, struct gd__clock *published);
void gd__clock_release_merge(struct gd__clock *me, struct gd__clock *published);
/* Publish mine, rise, then join what was there before. */
void gd__clock_swap(struct gd__clock *me, struct gd__clock *published);

/* Joins one published value into another (merge of objects, fences). */
void gd__clock_join_value(struct gd__clock *into, const struct gd__clock *from);

/*
 * Memory ran out, so that knowledge may be missing: from here on gd__clock_knows
 * is always true and no race is reported. Warns the first time.
 */
void gd__clock_set_incomplete(void);
bool gd__clock_incomplete(void);

/* Throws if the invariants above do not hold. Walks nothing but the clock itself. */
void gd__clock_check(const struct gd__clock *c);

/* Ids handed out so far, and bytes of tree nodes in use: for tests and statistics. */
uint32_t gd__clock_ids(void);
uint64_t gd__clock_bytes(void);

#endif
