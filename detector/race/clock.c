/*
 * clock.c - acquire, release and spawn on persistent clocks.
 *
 * Everything rests on closure: each release has an epoch of its own, clocks are
 * only joined or copied whole, so who knows x@e knows all that x knew at its
 * release e. Therefore a few lookups often say that one clock covers another,
 * and the tree is joined only where they do not. The frontier is the few
 * pairs that bound a clock in this way.
 */
#include "detector/race/clock.h"

#include "detector/race/chain.h"
#include "detector/race/clock_fault.h"
#include "detector/race/clock_node.h"
#include "detector/race/clock_value.h"
#include "runtime/base/fatal.h"

/*
 * A goroutine that reaches it goes on under another id. Below 2^31, because nodes
 * compare epochs as signed numbers. A test may lower it.
 */
#ifndef GD__EPOCH_MAX
#	define GD__EPOCH_MAX ((gd__epoch)INT32_MAX - 1)
#endif

static _Atomic bool incomplete;

void gd__clock_set_incomplete(void)
{
	/* Who misses knowledge has set it or received it under a lock since: needs no order. */
	if (!gd__load_relaxed(&incomplete)) {
		gd__store_relaxed(&incomplete, true);
		gd__warn("race detector: out of memory for clocks; no races are reported from here "
			 "on");
	}
}

bool gd__clock_incomplete(void)
{
	return gd__load_relaxed(&incomplete); /* see set_incomplete */
}

uint64_t gd__clock_bytes(void)
{
	return gd__node_bytes();
}

/* ---- the delta ---- */

static void tree_put(struct gd__clock_node **root, gd__chain id, gd__epoch e)
{
	if (!gd__node_put(root, id, e))
		gd__clock_set_incomplete();
}

static void tree_join(struct gd__clock_node **root, struct gd__clock_node *other)
{
	if (!gd__node_join(root, other))
		gd__clock_set_incomplete();
}

static void tree_put_delta(struct gd__clock_node **root, const struct gd__clock *from)
{
	for (unsigned i = 0; i < from->ndelta; i++)
		tree_put(root, from->delta_id[i], from->delta_epoch[i]);
}

static void delta_flush(struct gd__clock *c)
{
	tree_put_delta(&c->root, c);
	delta_clear(c);
}

/* c gets id@e, which is no older than what its tree has of id. */
static void delta_add(struct gd__clock *c, gd__chain id, gd__epoch e)
{
	if (id == c->owner)
		return;
	if (delta_get(c, id) != 0) {
		for (unsigned i = 0; i < c->ndelta; i++) {
			if (c->delta_id[i] == id && c->delta_epoch[i] < e)
				c->delta_epoch[i] = e;
		}
		return;
	}
	if (c->ndelta == GD__CLOCK_DELTA)
		delta_flush(c);
	c->delta_id[c->ndelta] = id;
	c->delta_epoch[c->ndelta] = e;
	c->ndelta++;
}

/* ---- who knows what ---- */

bool gd__clock_knows(const struct gd__clock *me, gd__chain x, gd__epoch e)
{
	return value_knows(me, x, e) || gd__clock_incomplete();
}

/*
 * c gets id@e unless it knows it. In a loop over a delta each entry has to be asked
 * about: a flush on the way puts newer ones into the tree.
 */
static void learn(struct gd__clock *c, gd__chain id, gd__epoch e)
{
	if (!value_knows(c, id, e) || GD__FAULT(GD__FAULT_LEARN_BLINDLY))
		delta_add(c, id, e);
}

/* Adds the delta of from to that of c. The trees are one. */
static void delta_join(struct gd__clock *c, const struct gd__clock *from)
{
	for (unsigned i = 0; i < from->ndelta; i++) {
		gd__chain id = from->delta_id[i];
		gd__epoch e = from->delta_epoch[i];

		/* Two that meet often have the same ids at the same places. */
		if (i < c->ndelta && c->delta_id[i] == id) {
			if (c->delta_epoch[i] < e)
				c->delta_epoch[i] = e;
		} else {
			learn(c, id, e);
		}
	}
}

/* The entries of the frontier of from, which is known. */
static void learn_frontier(struct gd__clock *c, const struct gd__clock *from)
{
	if (GD__FAULT(GD__FAULT_NO_FRONT_ENTRIES))
		return;
	for (unsigned i = 0; i < from->nfront; i++)
		learn(c, from->front_id[i], from->front_epoch[i]);
}

/* ---- values ---- */

static void root_set(struct gd__clock *c, struct gd__clock_node *root)
{
	struct gd__clock_node *old = c->root;

	if (old == root)
		return; /* no refcount is touched in ping-pong and small rings */
	c->root = gd__node_ref(root);
	gd__node_unref(old);
}

/* *to becomes a copy of *from. */
static void value_set(struct gd__clock *to, const struct gd__clock *from)
{
	root_set(to, from->root);
	delta_copy(to, from);
	front_copy(to, from);
	to->owner = from->owner;
	to->epoch = from->epoch;
	to->base = from->base;
}

void gd__clock_release_value(struct gd__clock *published)
{
	gd__node_unref(published->root);
	*published = (struct gd__clock){ 0 };
}

/* The root becomes the join; both deltas follow. c's owner pair stays. */
static void value_join(struct gd__clock *c, const struct gd__clock *from)
{
	tree_join(&c->root, from->root);
	if (c->root != NULL && gd__node_sole(c->root)) {
		/* All of the tree's top is ours: in place is cheaper than a full delta later. */
		tree_put_delta(&c->root, from);
		delta_flush(c);
		return;
	}
	/* An entry may be older than the joined tree's: only the newer ones stay. */
	struct gd__clock mine;
	delta_copy(&mine, c);
	delta_clear(c);
	const struct gd__clock *both[2] = { &mine, from };
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < both[k]->ndelta; i++)
			learn(c, both[k]->delta_id[i], both[k]->delta_epoch[i]);
	}
}

/*
 * The published value, whose tree has that of from already, gets the rest of it
 * and is then no single releaser's.
 */
static void value_merge(struct gd__clock *published, const struct gd__clock *from)
{
	tree_put_delta(&published->root, from);
	delta_flush(published);
	if (published->owner != 0)
		tree_put(&published->root, published->owner, published->epoch);
	if (from->owner != 0)
		tree_put(&published->root, from->owner, from->epoch);
	published->owner = 0;
	published->epoch = 0;
	published->base = 0;
	published->nfront = GD__CLOCK_FRONT_UNKNOWN;
}

void gd__clock_join_value(struct gd__clock *into, const struct gd__clock *from)
{
	if (value_empty(from) || knows_value(into, from))
		return;
	if (value_empty(into) || knows_value(from, into)) {
		value_set(into, from);
	} else {
		tree_join(&into->root, from->root);
		value_merge(into, from);
	}
}

/* ---- goroutines ---- */

/* All epochs of the id are used: the goroutine goes on as another, which knows the old one's all.
 */
static void change_id(struct gd__clock *me)
{
	gd__chain old = me->owner;
	gd__epoch last = me->epoch;

	me->owner = gd__chain_move(old, &me->epoch);
	/* Stale entries of the old id, hidden until here by the owner's pair, are put right. */
	delta_add(me, old, last);
	front_set(me, (struct bound){ old, last, me->base });
	me->base = 0;
}

/* me is about to release at its epoch. */
static void settle(struct gd__clock *me)
{
	if (me->base == 0)
		me->base = me->epoch;
}

/* me has just released at its epoch: what comes is of the next one. */
static void rise(struct gd__clock *me)
{
	if (me->nfront >= GD__CLOCK_FRONTIER)
		front_set(me, bound_of_owner(me));
	if (GD__FAULT(GD__FAULT_NO_RISE))
		return;
	if (gd__unlikely(me->epoch >= GD__EPOCH_MAX))
		change_id(me);
	else
		me->epoch++;
}

void gd__clock_init(struct gd__clock *c)
{
	*c = (struct gd__clock){ 0 };
	c->owner = gd__chain_fresh(&c->epoch);
}

void gd__clock_spawn(struct gd__clock *parent, struct gd__clock *child)
{
	*child = (struct gd__clock){ 0 };
	if (parent->ndelta == GD__CLOCK_DELTA)
		delta_flush(parent); /* so that all children share it */
	root_set(child, parent->root);
	delta_copy(child, parent);
	child->owner = gd__chain_take(parent, &child->epoch);
	delta_add(child, parent->owner, parent->epoch);
	settle(parent);
	front_set(child, bound_of_owner(parent));
	rise(parent);
}

void gd__clock_end(struct gd__clock *c, bool accessed)
{
	gd__chain_end(c->owner, accessed ? c->epoch : c->epoch - 1, !accessed);
	gd__clock_release_value(c);
}

/* p knows my frontier's bases: its tree and delta replace mine. */
static void adopt(struct gd__clock *me, const struct gd__clock *p)
{
	root_set(me, p->root);
	delta_copy(me, p);
	learn_frontier(me, me);
}

static void join(struct gd__clock *me, const struct gd__clock *p)
{
	if (me->root == p->root)
		delta_join(me, p);
	else
		value_join(me, p);
}

static void acquire_merged(struct gd__clock *me, const struct gd__clock *p)
{
	bool ahead = knows_frontier(p, me);

	if (ahead)
		adopt(me, p);
	else
		join(me, p);
	if (!GD__FAULT(ahead ? GD__FAULT_MERGED_ADOPT_FRONT : GD__FAULT_MERGED_JOIN_FRONT))
		me->nfront = GD__CLOCK_FRONT_UNKNOWN;
}

/* The frontier after adopting p: its owner's pair, and entries of mine that p has not. */
static void front_adopt(struct gd__clock *me, const struct gd__clock *p)
{
	struct gd__clock mine;

	front_copy(&mine, me);
	front_set(me, bound_of_owner(p));
	for (unsigned i = 0; i < mine.nfront; i++) {
		struct bound b = { mine.front_id[i], mine.front_epoch[i], mine.front_base[i] };

		if (b.id != me->owner && !value_knows(p, b.id, b.epoch))
			front_add(me, b);
	}
}

void gd__clock_acquire(struct gd__clock *me, const struct gd__clock *published)
{
	const struct gd__clock *p = published;
	gd__chain x = p->owner;
	gd__epoch e = p->epoch;

	if (x == 0 ? value_empty(p) : value_knows(me, x, e))
		return;
	if (!GD__FAULT(GD__FAULT_BASE_KEPT))
		me->base = 0;
	if (x == 0) {
		acquire_merged(me, p);
		return;
	}
	if (knows_frontier(me, p)) {
		learn_frontier(me, p);
		delta_add(me, x, e);
		if (!GD__FAULT(GD__FAULT_BEHIND_FRONT))
			front_add(me, bound_of_owner(p));
		return;
	}
	if (knows_frontier(p, me)) {
		adopt(me, p);
		delta_add(me, x, e);
		if (!GD__FAULT(GD__FAULT_ADOPT_KEEPS_FRONT))
			front_adopt(me, p);
		return;
	}
	join(me, p);
	delta_add(me, x, e);
	if (!GD__FAULT(GD__FAULT_JOIN_FRONT))
		front_add(me, bound_of_owner(p));
}

void gd__clock_release(struct gd__clock *me, struct gd__clock *published)
{
	/* So that all who acquire it share the flushed tree and have a place for me->owner. */
	if (me->ndelta == GD__CLOCK_DELTA)
		delta_flush(me);
	settle(me);
	value_set(published, me);
	rise(me);
}

void gd__clock_release_merge(struct gd__clock *me, struct gd__clock *published)
{
	struct gd__clock *p = published;

	if (value_empty(p) || knows_value(me, p) || GD__FAULT(GD__FAULT_MERGE_STORES)) {
		gd__clock_release(me, p);
		return;
	}
	settle(me);
	/* All that I know is there but for a few entries. */
	if (knows_frontier(p, me)) {
		struct gd__clock few = { .owner = me->owner, .epoch = me->epoch };

		learn_frontier(&few, me);
		value_merge(p, &few);
		rise(me);
		return;
	}
	tree_join(&p->root, me->root);
	if (p->owner == 0 && p->root == me->root) {
		gd__clock_release(me, p); /* nothing there was new to me */
		return;
	}
	value_merge(p, me);
	rise(me);
}

void gd__clock_swap(struct gd__clock *me, struct gd__clock *published)
{
	struct gd__clock before = *published;

	/* Joining first would publish, and joining before the rise imply, what was not released. */
	if (GD__FAULT(GD__FAULT_SWAP_JOINS_FIRST))
		gd__clock_acquire(me, &before);
	*published = (struct gd__clock){ 0 };
	gd__clock_release(me, published);
	gd__clock_acquire(me, &before);
	gd__node_unref(before.root);
}

static void check_delta(const struct gd__clock *c)
{
	gd__assert(c->ndelta <= GD__CLOCK_DELTA);
	for (unsigned i = 0; i < GD__CLOCK_DELTA; i++) {
		gd__chain id = c->delta_id[i];

		gd__assert((id != 0) == (i < c->ndelta));
		if (id != 0 && id != c->owner)
			gd__assert(c->delta_epoch[i] >= gd__node_get(c->root, id));
		for (unsigned j = 0; id != 0 && j < i; j++)
			gd__assert(c->delta_id[j] != id);
	}
}

void gd__clock_check(const struct gd__clock *c)
{
	check_delta(c);
	gd__assert(c->nfront <= GD__CLOCK_FRONT_UNKNOWN);
	gd__assert(c->owner != 0 || c->ndelta == 0);
	for (unsigned i = 0; i < c->nfront && c->nfront <= GD__CLOCK_FRONTIER; i++)
		gd__assert(value_knows(c, c->front_id[i], c->front_epoch[i]) ||
			   gd__clock_incomplete());
}
