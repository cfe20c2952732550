/*
 * clock_node.c - the shared tree behind a clock: memory, path copies, joins.
 *
 * Nodes are carved from chunks and die on other threads than they were born
 * on, so each thread works on a shard with, per kind, an active and a spare
 * magazine of some 60 free nodes; full and empty magazines move between the
 * shards and a depot, all nodes at one lock. Chunks are kept for good.
 *
 * Rejected: free lists in thread-locals, one atomic less per node, but a dying
 * thread would leak its lists or need a hook of its own.
 */
#include "detector/race/clock_node.h"

#include "detector/common/alloc.h"
#include "detector/race/clock_fault.h"
#include "detector/race/spin.h"
#include "runtime/base/fatal.h"

#define SHARDS 32

enum kind { LEAF, INNER, KINDS };

static const size_t node_bytes[KINDS] = { sizeof(struct gd__clock_leaf),
					  sizeof(struct gd__clock_inner) };
/* Nodes of a full magazine: one chunk, which fills a power of two as the allocator has them. */
static const uint32_t magazine_nodes[KINDS] = { 62, 60 };
_Static_assert(62 * sizeof(struct gd__clock_leaf) <= 16384, "a chunk of leaves is 16 KiB");
_Static_assert(60 * sizeof(struct gd__clock_inner) <= 8192, "a chunk of inner nodes is 8 KiB");

/* A free node. Lies over struct gd__clock_node and what follows it. */
struct free_node {
	struct free_node *next;     /* in its magazine */
	struct free_node *next_mag; /* in the depot, for the first of a magazine */
};

struct magazine {
	struct free_node *head;
	uint32_t n;
};

/* lock guards the rest; used_bytes is read without it, for statistics. */
struct shard {
	struct gd__spin lock;
	_Atomic int64_t used_bytes; /* taken less given back here: one shard alone may be below 0 */
	struct magazine active[KINDS];
	struct magazine spare[KINDS]; /* empty or full */
} __attribute__((aligned(128)));

static struct shard shards[SHARDS];
static struct {
	struct gd__spin lock;
	struct free_node *full; /* full magazines */
} depot[KINDS];

static _Atomic uint32_t threads_seen;
static GD__TLS uint32_t my_shard; /* index + 1; 0: this thread has none yet */

static struct shard *shard_of_thread(void)
{
	if (gd__unlikely(my_shard == 0))
		my_shard = gd__add_relaxed(&threads_seen, 1) % SHARDS + 1; /* any number serves */
	return &shards[my_shard - 1];
}

/* A magazine of fresh nodes; empty when there is no memory. */
static struct magazine magazine_make(enum kind k)
{
	struct magazine m = { NULL, 0 };
	char *chunk = gd__dalloc(magazine_nodes[k] * node_bytes[k]);

	if (chunk == NULL)
		return m;
	for (; m.n < magazine_nodes[k]; m.n++) {
		struct free_node *f = (struct free_node *)(chunk + m.n * node_bytes[k]);

		f->next = m.head;
		m.head = f;
	}
	return m;
}

static struct magazine depot_get(enum kind k)
{
	struct magazine m;

	gd__spin_lock(&depot[k].lock);
	m.head = depot[k].full;
	m.n = m.head != NULL ? magazine_nodes[k] : 0;
	if (m.head != NULL)
		depot[k].full = m.head->next_mag;
	gd__spin_unlock(&depot[k].lock);
	return m.n > 0 ? m : magazine_make(k);
}

static void depot_put(enum kind k, struct magazine m)
{
	gd__spin_lock(&depot[k].lock);
	m.head->next_mag = depot[k].full;
	depot[k].full = m.head;
	gd__spin_unlock(&depot[k].lock);
}

static void count_bytes(struct shard *s, int64_t n)
{
	/* Under the shard's lock; the readers want no order. */
	gd__store_relaxed(&s->used_bytes, gd__load_relaxed(&s->used_bytes) + n);
}

/* A node with one reference, its payload not set; NULL when there is no memory. */
static struct gd__clock_node *node_make(uint32_t level)
{
	enum kind k = level == 0 ? LEAF : INNER;
	struct shard *s = shard_of_thread();

	gd__spin_lock(&s->lock);
	struct magazine *m = &s->active[k];
	if (m->n == 0) {
		*m = s->spare[k].n > 0 ? s->spare[k] : depot_get(k);
		s->spare[k] = (struct magazine){ NULL, 0 };
	}
	struct free_node *f = m->head;
	if (f != NULL) {
		m->head = f->next;
		m->n--;
		count_bytes(s, (int64_t)node_bytes[k]);
	}
	gd__spin_unlock(&s->lock);

	if (f == NULL)
		return NULL;
	struct gd__clock_node *n = (struct gd__clock_node *)f;
	gd__store_relaxed(&n->refs, 1); /* nobody else knows n yet */
	n->level = level;
	return n;
}

static void node_free(struct gd__clock_node *n)
{
	enum kind k = n->level == 0 ? LEAF : INNER;
	struct free_node *f = (struct free_node *)n;
	struct shard *s = shard_of_thread();

	gd__spin_lock(&s->lock);
	struct magazine *m = &s->active[k];
	if (m->n == magazine_nodes[k]) {
		if (s->spare[k].n > 0)
			depot_put(k, s->spare[k]);
		s->spare[k] = *m;
		*m = (struct magazine){ NULL, 0 };
	}
	f->next = m->head;
	m->head = f;
	m->n++;
	count_bytes(s, -(int64_t)node_bytes[k]);
	gd__spin_unlock(&s->lock);
}

uint64_t gd__node_bytes(void)
{
	int64_t sum = 0;

	for (size_t i = 0; i < SHARDS; i++)
		sum += gd__load_relaxed(&shards[i].used_bytes);
	return sum > 0 ? (uint64_t)sum : 0;
}

static struct gd__clock_leaf *as_leaf(struct gd__clock_node *n)
{
	return (struct gd__clock_leaf *)n;
}

static struct gd__clock_inner *as_inner(struct gd__clock_node *n)
{
	return (struct gd__clock_inner *)n;
}

void gd__node_unref(struct gd__clock_node *n)
{
	if (n == NULL)
		return;
	/*
	 * The decrement pairs with itself on other threads and with node_sole: all
	 * reads of a former holder come before the node is changed or used again. A
	 * sole holder needs no decrement: nobody is there to take a reference.
	 */
	if (!gd__node_sole(n) && gd__add_acq_rel(&n->refs, -1u) != 1) /* pairs with node_sole */
		return;
	if (n->level > 0) {
		for (size_t i = 0; i < GD__INNER_WIDTH; i++)
			gd__node_unref(as_inner(n)->child[i]);
	}
	node_free(n);
}

/* All zero. */
static struct gd__clock_node *node_make_empty(uint32_t level)
{
	struct gd__clock_node *n = node_make(level);

	if (n == NULL)
		return NULL;
	if (level == 0)
		__builtin_memset(as_leaf(n)->epoch, 0, sizeof(as_leaf(n)->epoch));
	else
		__builtin_memset(as_inner(n)->child, 0, sizeof(as_inner(n)->child));
	return n;
}

static struct gd__clock_node *node_copy(struct gd__clock_node *from)
{
	struct gd__clock_node *n = node_make(from->level);

	if (n == NULL)
		return NULL;
	if (n->level == 0) {
		for (size_t i = 0; i < GD__LEAF_WIDTH; i++)
			as_leaf(n)->epoch[i] = as_leaf(from)->epoch[i];
	} else {
		for (size_t i = 0; i < GD__INNER_WIDTH; i++)
			as_inner(n)->child[i] = gd__node_ref(as_inner(from)->child[i]);
	}
	return n;
}

/* Puts new nodes above *root until it has this level. */
static bool raise_to(struct gd__clock_node **root, uint32_t level)
{
	while ((*root)->level < level) {
		struct gd__clock_node *up = node_make_empty((*root)->level + 1);

		if (up == NULL)
			return false;
		as_inner(up)->child[0] = *root;
		*root = up;
	}
	return true;
}

/*
 * The node in *slot becomes one that may be written; absent, it becomes an empty
 * one. The slot itself may be written: all above it is the caller's alone.
 */
static bool own_node(struct gd__clock_node **slot, uint32_t level)
{
	struct gd__clock_node *n = *slot;

	if (n != NULL && (gd__node_sole(n) || GD__FAULT(GD__FAULT_WRITE_SHARED)))
		return true;
	struct gd__clock_node *mine = n == NULL ? node_make_empty(level) : node_copy(n);
	if (mine == NULL)
		return false;
	gd__node_unref(n);
	*slot = mine;
	return true;
}

static uint32_t level_for(gd__chain id)
{
	uint32_t level = 0;

	while (!gd__node_holds(level, id))
		level++;
	return level;
}

bool gd__node_put(struct gd__clock_node **root, gd__chain id, gd__epoch e)
{
	uint32_t level = level_for(id);

	if (gd__node_get(*root, id) >= e)
		return true;
	if (*root != NULL) {
		if (!raise_to(root, level))
			return false;
		level = (*root)->level;
	}
	struct gd__clock_node **slot = root;
	for (;; level--) {
		if (!own_node(slot, level))
			return false;
		if (level == 0)
			break;
		unsigned i = id >> gd__node_shift(level) & (GD__INNER_WIDTH - 1);
		slot = &as_inner(*slot)->child[i];
	}
	as_leaf(*slot)->epoch[id & (GD__LEAF_WIDTH - 1)] = e;
	return true;
}

/*
 * Four epochs: SSE or NEON, whatever the compiler has for it. Signed, because
 * SSE2 compares only so; epochs stay below 2^31 (GD__EPOCH_MAX).
 */
typedef int32_t vec4 __attribute__((vector_size(16), aligned(4), may_alias));
#define LEAF_VECS (GD__LEAF_WIDTH / 4)

static bool any(vec4 v)
{
	typedef long long vec2 __attribute__((vector_size(16)));
	vec2 w = (vec2)v;

	return (w[0] | w[1]) != 0;
}

/* Which of two leaves covers the other. */
static void leaf_compare(const struct gd__clock_leaf *a, const struct gd__clock_leaf *b,
			 bool *a_covers, bool *b_covers)
{
	const vec4 *x = (const vec4 *)a->epoch, *y = (const vec4 *)b->epoch;
	vec4 less = { 0 }, more = { 0 };

	for (size_t i = 0; i < LEAF_VECS; i += 4) {
		for (size_t k = i; k < i + 4; k++) {
			less |= x[k] < y[k];
			more |= x[k] > y[k];
		}
		if (any(less) && any(more))
			break;
	}
	*a_covers = !any(less);
	*b_covers = !any(more);
}

static void leaf_max(struct gd__clock_leaf *to, const struct gd__clock_leaf *a,
		     const struct gd__clock_leaf *b)
{
	const vec4 *x = (const vec4 *)a->epoch, *y = (const vec4 *)b->epoch;
	vec4 *z = (vec4 *)to->epoch;

	for (size_t i = 0; i < LEAF_VECS; i++) {
		vec4 greater = x[i] > y[i];

		z[i] = (x[i] & greater) | (y[i] & ~greater);
	}
}

/* r is a, b or a new node: gives back the new one. */
static void drop_new(struct gd__clock_node *r, const struct gd__clock_node *a,
		     const struct gd__clock_node *b)
{
	if (r != a && r != b)
		gd__node_unref(r);
}

static struct gd__clock_node *join_leaves(struct gd__clock_node *a, struct gd__clock_node *b,
					  bool *ok)
{
	bool a_covers, b_covers;

	leaf_compare(as_leaf(a), as_leaf(b), &a_covers, &b_covers);
	if (a_covers)
		return a;
	if (b_covers)
		return b;
	struct gd__clock_node *n = node_make(0);
	if (n == NULL) {
		*ok = false;
		return a;
	}
	leaf_max(as_leaf(n), as_leaf(a), as_leaf(b));
	return n;
}

/*
 * The join of two nodes of one level, neither changed: a or b itself (without a
 * reference) where that is the result, else a new node with one reference.
 */
static struct gd__clock_node *join_shared(struct gd__clock_node *a, struct gd__clock_node *b,
					  bool *ok)
{
	struct gd__clock_node *r[GD__INNER_WIDTH];
	bool is_a = true, is_b = true;

	if (a == b || b == NULL)
		return a;
	if (a == NULL)
		return b;
	if (a->level == 0)
		return join_leaves(a, b, ok);

	struct gd__clock_node **ca = as_inner(a)->child, **cb = as_inner(b)->child;
	for (size_t i = 0; i < GD__INNER_WIDTH; i++) {
		r[i] = join_shared(ca[i], cb[i], ok);
		is_a &= r[i] == ca[i];
		is_b &= r[i] == cb[i];
	}
	if (is_a)
		return a;
	if (is_b)
		return b;

	struct gd__clock_node *n = node_make(a->level);
	*ok &= n != NULL;
	for (size_t i = 0; i < GD__INNER_WIDTH; i++) {
		if (n == NULL) {
			drop_new(r[i], ca[i], cb[i]);
			continue;
		}
		bool borrowed = r[i] == ca[i] || r[i] == cb[i];
		as_inner(n)->child[i] = borrowed ? gd__node_ref(r[i]) : r[i];
	}
	return n != NULL ? n : a;
}

/* *slot := n, which is *slot itself, other (borrowed) or a new node. */
static void replace(struct gd__clock_node **slot, struct gd__clock_node *n,
		    struct gd__clock_node *other)
{
	struct gd__clock_node *old = *slot;

	if (n == old)
		return;
	*slot = n == other ? gd__node_ref(n) : n;
	gd__node_unref(old);
}

/* As join_shared, into a slot that may be written; nodes that are ours alone are changed in place.
 */
static bool join_into(struct gd__clock_node **slot, struct gd__clock_node *b)
{
	struct gd__clock_node *a = *slot;
	bool ok = true;

	if (a == b || b == NULL)
		return true;
	if (a == NULL || !gd__node_sole(a)) {
		replace(slot, join_shared(a, b, &ok), b);
		return ok;
	}
	if (a->level == 0) {
		bool a_covers, b_covers;

		leaf_compare(as_leaf(a), as_leaf(b), &a_covers, &b_covers);
		if (b_covers)
			replace(slot, b, b);
		else if (!a_covers)
			leaf_max(as_leaf(a), as_leaf(a), as_leaf(b));
		return true;
	}
	bool same = true;
	for (size_t i = 0; i < GD__INNER_WIDTH; i++) {
		ok &= join_into(&as_inner(a)->child[i], as_inner(b)->child[i]);
		same &= as_inner(a)->child[i] == as_inner(b)->child[i];
	}
	if (same)
		replace(slot, b, b); /* or sharing would decay */
	return ok;
}

bool gd__node_join(struct gd__clock_node **root, struct gd__clock_node *other)
{
	struct gd__clock_node *b = other;
	bool ok = true;

	if (*root == b || b == NULL)
		return true;
	if (*root == NULL) {
		*root = gd__node_ref(b);
		return true;
	}
	if (b->level > (*root)->level && !raise_to(root, b->level))
		return false;
	if (b->level == (*root)->level)
		return join_into(root, b);
	/* The lower tree is raised for the time of the join. */
	gd__node_ref(b);
	ok = raise_to(&b, (*root)->level) && join_into(root, b);
	gd__node_unref(b);
	return ok;
}
