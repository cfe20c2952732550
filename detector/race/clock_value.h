/*
 * clock_value.h - the parts of one clock value: delta, lookups, frontier. For clock.c alone.
 *
 * Nothing here allocates or touches a reference count.
 */
#ifndef GD_DETECTOR_RACE_CLOCK_VALUE_H
#define GD_DETECTOR_RACE_CLOCK_VALUE_H

#include "detector/race/clock.h"
#include "detector/race/clock_fault.h"
#include "detector/race/clock_node.h"

typedef int32_t vec4 __attribute__((vector_size(16), aligned(4), may_alias));
#define DELTA_VECS (GD__CLOCK_DELTA / 4)

/* The delta's epoch of id, 0 if it has none. id is not 0, so free places never match. */
static inline gd__epoch delta_get(const struct gd__clock *c, gd__chain id)
{
	const vec4 *ids = (const vec4 *)c->delta_id, *epochs = (const vec4 *)c->delta_epoch;
	vec4 found = { 0 };

	for (size_t i = 0; i < DELTA_VECS; i++)
		found |= (ids[i] == (int32_t)id) & epochs[i];
	typedef unsigned long long vec2 __attribute__((vector_size(16)));
	uint64_t two = ((vec2)found)[0] | ((vec2)found)[1];
	return (gd__epoch)(two >> 32 | two);
}

static inline void delta_copy(struct gd__clock *to, const struct gd__clock *from)
{
	const vec4 *s = (const vec4 *)from->delta_id, *t = (const vec4 *)from->delta_epoch;
	vec4 *d = (vec4 *)to->delta_id, *e = (vec4 *)to->delta_epoch;

	for (size_t i = 0; i < DELTA_VECS; i++) {
		d[i] = s[i];
		e[i] = t[i];
	}
	to->ndelta = from->ndelta;
}

static inline void delta_clear(struct gd__clock *c)
{
	vec4 *ids = (vec4 *)c->delta_id, *epochs = (vec4 *)c->delta_epoch;

	for (size_t i = 0; i < DELTA_VECS; i++) {
		ids[i] = (vec4){ 0 };
		epochs[i] = (vec4){ 0 };
	}
	c->ndelta = 0;
}

/* Also of a published value. x is not 0. */
static inline bool value_knows(const struct gd__clock *c, gd__chain x, gd__epoch e)
{
	if (x == c->owner)
		return e <= c->epoch;
	gd__epoch d = delta_get(c, x);
	return d != 0 ? e <= d : e <= gd__node_get(c->root, x);
}

static inline bool value_empty(const struct gd__clock *c)
{
	return c->owner == 0 && c->root == NULL && c->ndelta == 0;
}

/*
 * c knows all that other knows but for the entries of other's frontier and its own.
 * The bases are asked for, not the epochs: a parent that only spawns rises with
 * each child and learns nothing, so that what one child left behind covers the next.
 */
static inline bool knows_frontier(const struct gd__clock *c, const struct gd__clock *other)
{
	if (other->nfront > GD__CLOCK_FRONTIER)
		return false;
	for (unsigned i = 0; i < other->nfront; i++) {
		if (!value_knows(c, other->front_id[i], other->front_base[i]))
			return false;
	}
	return true;
}

/* c knows all that the published value holds, as far as its releaser's pair tells. */
static inline bool knows_value(const struct gd__clock *c, const struct gd__clock *published)
{
	return published->owner != 0 && value_knows(c, published->owner, published->epoch);
}

/* A pair of a frontier. */
struct bound {
	gd__chain id;
	gd__epoch epoch, base;
};

static inline struct bound bound_of_owner(const struct gd__clock *c)
{
	return (struct bound){ c->owner, c->epoch, c->base };
}

static inline void front_put(struct gd__clock *c, unsigned i, struct bound b)
{
	c->front_id[i] = b.id;
	c->front_epoch[i] = b.epoch;
	c->front_base[i] = b.base;
}

static inline void front_set(struct gd__clock *c, struct bound b)
{
	front_put(c, 0, b);
	c->nfront = 1;
}

static inline void front_add(struct gd__clock *c, struct bound b)
{
	if (c->nfront > GD__CLOCK_FRONTIER)
		return;
	for (unsigned i = 0; i < c->nfront; i++) {
		if (c->front_id[i] == b.id) {
			if (c->front_epoch[i] < b.epoch)
				front_put(c, i, b);
			return;
		}
	}
	if (c->nfront == GD__CLOCK_FRONTIER) {
		if (!GD__FAULT(GD__FAULT_FRONT_CUT))
			c->nfront = GD__CLOCK_FRONT_UNKNOWN;
		return;
	}
	front_put(c, c->nfront, b);
	c->nfront++;
}

static inline void front_copy(struct gd__clock *to, const struct gd__clock *from)
{
	for (unsigned i = 0; i < GD__CLOCK_FRONTIER; i++) {
		to->front_id[i] = from->front_id[i];
		to->front_epoch[i] = from->front_epoch[i];
		to->front_base[i] = from->front_base[i];
	}
	to->nfront = from->nfront;
}

#endif
