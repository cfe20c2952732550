/*
 * chain.c - handing out chain ids, taking them over, and the journal.
 *
 * Finished ids that a spawner may know wait in lists: one per chain, of the
 * ids of its finished children, and one for all, first in first out, for what
 * outlived its parent or was too much for one list. A spawn looks at a few
 * heads of its own list, its parent's and the common one; a head that does not
 * fit goes to the tail, lest one detached goroutine block the list. What nobody
 * wanted for some rounds of the common list goes to a second one, which is asked
 * last: else the ids of goroutines that are never joined would bury the others
 * (measured in docs/design/clocks.md).
 *
 * Locks: one per chain, one of the common list; never two at a time. A chain
 * that is in a list belongs to that list, so its `next` is guarded by the list's lock.
 *
 * Rejected: lists of ancestors alone; a second wave of a tree of goroutines
 * finds all free ids out of reach and takes as many fresh ones.
 */
#include "detector/race/chain.h"

#include "detector/common/alloc.h"
#include "detector/race/clock_fault.h"
#include "detector/race/spin.h"
#include "runtime/base/fatal.h"

#define PROBES_OWN    2
#define PROBES_PARENT 2
#define PROBES_COMMON 4
#define PROBES_OLD    2
#define MISSES_MAX    4  /* in the common list; then an id is old */
#define LIST_MAX      32 /* a longer list moves to the common one */

/* Ids with fewer epochs left are not taken over. */
#define EPOCHS_LEFT 1024u

/* A circle of ids by record.next; tail.next is the head. count may be peeked at without the lock.
 */
struct list {
	gd__chain tail;
	_Atomic uint32_t count;
};

/* What a chain remembers but for its newest goroutine: the last 7, at made % 7. */
#define PAST (GD__CHAIN_JOURNAL - 1)
struct past {
	uint32_t made;
	struct gd__chain_entry entry[PAST];
};

struct record {
	struct gd__spin lock; /* guards children, alive, now, past */
	gd__epoch last;       /* written before the id enters a list */
	gd__chain next;
	gd__chain parent; /* chain of the spawner; read by the bearer only */
	struct list children;
	bool alive;
	uint8_t misses; /* guarded by the common list's lock */
	struct gd__chain_entry now;
	struct past *past; /* made with the second goroutine of the chain */
};

/* Records lie in segments of 1024, 1024, 2048, 4096 ...: an id never moves. */
#define SEGMENT_BITS 10
#define SEGMENTS     (32 - SEGMENT_BITS + 1)
static struct record *_Atomic segments[SEGMENTS];
static _Atomic uint32_t made; /* ids 1 .. made are handed out */

static struct {
	struct gd__spin lock;
	struct list ids;
	struct list old;
} common;

static unsigned segment_of(gd__chain id, uint32_t *first, uint32_t *size)
{
	uint32_t top = id >> SEGMENT_BITS;

	if (top == 0) {
		*first = 0;
		*size = 1u << SEGMENT_BITS;
		return 0;
	}
	unsigned log = 31 - (unsigned)__builtin_clz(top);
	*first = 1u << (SEGMENT_BITS + log);
	*size = *first;
	return log + 1;
}

/* NULL if memory was short when the id was made. */
static struct record *record_of(gd__chain id)
{
	uint32_t first, size;
	unsigned i = segment_of(id, &first, &size);
	struct record *r = gd__load_acquire(&segments[i]); /* pairs with the cas in record_make */

	return r == NULL ? NULL : &r[id - first];
}

static struct record *record_make(gd__chain id)
{
	uint32_t first, size;
	unsigned i = segment_of(id, &first, &size);
	struct record *r = record_of(id);

	if (r != NULL)
		return r;
	struct record *mine = gd__dalloc(size * sizeof(*mine));
	if (mine == NULL) {
		gd__clock_set_incomplete();
		return NULL;
	}
	struct record *seen = NULL;
	/* pairs with the load in record_of: the segment is all zero */
	if (!gd__cas_acq_rel(&segments[i], &seen, mine)) {
		gd__dfree(mine, size * sizeof(*mine));
		return &seen[id - first];
	}
	return &mine[id - first];
}

static uint32_t list_count(const struct list *l)
{
	return gd__load_relaxed(&l->count); /* exact under the list's lock, else a hint */
}

static void list_set(struct list *l, gd__chain tail, uint32_t count)
{
	l->tail = tail;
	gd__store_relaxed(&l->count, count); /* see list_count */
}

/* All of from, under its lock. */
static struct list list_detach(struct list *from)
{
	struct list l;

	list_set(&l, from->tail, list_count(from));
	list_set(from, 0, 0);
	return l;
}

/* Appends a list that is the caller's alone. */
static void list_append(struct list *to, const struct list *from)
{
	if (list_count(from) == 0)
		return;
	if (list_count(to) > 0) {
		struct record *a = record_of(to->tail), *b = record_of(from->tail);
		gd__chain head = a->next;

		a->next = b->next;
		b->next = head;
	}
	list_set(to, from->tail, list_count(to) + list_count(from));
}

static void list_append_one(struct list *to, gd__chain id)
{
	struct list one;

	record_of(id)->next = id;
	list_set(&one, id, 1);
	list_append(to, &one);
}

static gd__chain list_pop(struct list *l)
{
	struct record *tail = record_of(l->tail);
	gd__chain head = tail->next;

	tail->next = record_of(head)->next;
	list_set(l, head == l->tail ? 0 : l->tail, list_count(l) - 1);
	return head;
}

/* parent knows the end of id. */
static bool fits(const struct gd__clock *parent, gd__chain id)
{
	gd__epoch last = record_of(id)->last;

	return gd__clock_knows(parent, id, last - (GD__FAULT(GD__FAULT_TAKE_EARLY) ? 1 : 0));
}

/*
 * Takes from l the first of at most `probes` heads that fits; 0 if none. Under
 * the list's lock, which keeps a second spawner from the same id. With old, an id
 * that was tried in vain too often goes there.
 */
static gd__chain list_take(struct list *l, int probes, const struct gd__clock *parent,
			   struct list *old)
{
	int n = (int)list_count(l) < probes ? (int)list_count(l) : probes;

	for (int i = 0; i < n; i++) {
		gd__chain id = list_pop(l);
		struct record *r = record_of(id);

		if (fits(parent, id))
			return id;
		if (old != NULL && ++r->misses >= MISSES_MAX)
			list_append_one(old, id);
		else
			list_append_one(l, id);
	}
	return 0;
}

static gd__chain take_child_of(struct record *r, int probes, const struct gd__clock *parent)
{
	if (r == NULL || list_count(&r->children) == 0)
		return 0;
	gd__spin_lock(&r->lock);
	gd__chain id = list_take(&r->children, probes, parent, NULL);
	gd__spin_unlock(&r->lock);
	return id;
}

static gd__chain take_common(const struct gd__clock *parent)
{
	if (list_count(&common.ids) == 0 && list_count(&common.old) == 0)
		return 0;
	gd__spin_lock(&common.lock);
	gd__chain id = list_take(&common.ids, PROBES_COMMON, parent, &common.old);
	if (id == 0)
		id = list_take(&common.old, PROBES_OLD, parent, NULL);
	if (id != 0)
		record_of(id)->misses = 0;
	gd__spin_unlock(&common.lock);
	return id;
}

static gd__chain find_finished(const struct gd__clock *parent)
{
	struct record *own = record_of(parent->owner);
	gd__chain id = take_child_of(own, PROBES_OWN, parent);

	if (id == 0 && own != NULL && own->parent != 0)
		id = take_child_of(record_of(own->parent), PROBES_PARENT, parent);
	return id != 0 ? id : take_common(parent);
}

/* Moves the newest goroutine of r to the past. Under r's lock. */
static void journal_shift(struct record *r)
{
	if (r->now.start == 0)
		return;
	if (r->past == NULL)
		r->past = gd__dalloc(sizeof(*r->past));
	if (r->past != NULL) {
		r->past->entry[r->past->made % PAST] = r->now;
		r->past->made++;
	}
}

/* A goroutine begins to bear the id of r. */
static void bear(struct record *r, gd__chain parent, gd__epoch start)
{
	gd__spin_lock(&r->lock);
	journal_shift(r);
	r->now = (struct gd__chain_entry){ .start = start };
	r->parent = parent;
	r->alive = true;
	gd__spin_unlock(&r->lock);
}

static gd__chain next_id(void)
{
	uint32_t n = gd__load_relaxed(&made); /* the record is what orders an id's users */

	do {
		if (n == UINT32_MAX) {
			gd__clock_set_incomplete();
			return n;
		}
	} while (!gd__cas_relaxed(&made, &n, n + 1));
	return n + 1;
}

static gd__chain fresh_for(gd__chain parent, gd__epoch *start)
{
	gd__chain id = next_id();
	struct record *r = record_make(id);

	*start = 1;
	if (r != NULL)
		bear(r, parent, *start);
	return id;
}

gd__chain gd__chain_fresh(gd__epoch *start)
{
	return fresh_for(0, start);
}

gd__chain gd__chain_take(const struct gd__clock *parent, gd__epoch *start)
{
	gd__chain id = find_finished(parent);

	if (id == 0)
		return fresh_for(parent->owner, start);
	struct record *r = record_of(id);
	*start = r->last + 1;
	bear(r, parent->owner, *start);
	return id;
}

/* Appends l to the children of chain id, if its goroutine still runs; what is too much stays in l.
 */
static void give_to_parent(gd__chain id, struct list *l)
{
	struct record *r = id != 0 ? record_of(id) : NULL;

	if (r == NULL)
		return;
	gd__spin_lock(&r->lock);
	if (r->alive) {
		list_append(&r->children, l);
		list_set(l, 0, 0);
		if (list_count(&r->children) > LIST_MAX)
			*l = list_detach(&r->children);
	}
	gd__spin_unlock(&r->lock);
}

void gd__chain_end(gd__chain id, gd__epoch last, bool known)
{
	struct record *r = record_of(id);

	if (r == NULL)
		return;
	gd__chain parent = r->parent;
	gd__spin_lock(&r->lock);
	r->alive = false; /* from here on nobody adds to the list */
	r->now.finished = true;
	struct list l = list_detach(&r->children);
	gd__spin_unlock(&r->lock);

	r->last = last;
	if (known && last < (gd__epoch)INT32_MAX - EPOCHS_LEFT)
		list_append_one(&l, id);
	if (list_count(&l) == 0)
		return;
	give_to_parent(parent, &l);
	if (list_count(&l) > 0) {
		gd__spin_lock(&common.lock);
		list_append(&common.ids, &l);
		gd__spin_unlock(&common.lock);
	}
}

gd__chain gd__chain_move(gd__chain id, gd__epoch *start)
{
	struct record *from = record_of(id);
	struct gd__chain_entry who = { 0 };
	gd__chain parent = 0;

	if (from != NULL) {
		gd__spin_lock(&from->lock);
		who = from->now;
		parent = from->parent;
		from->alive = false; /* its children's ids go to the common list */
		struct list l = list_detach(&from->children);
		gd__spin_unlock(&from->lock);

		gd__spin_lock(&common.lock);
		list_append(&common.ids, &l);
		gd__spin_unlock(&common.lock);
	}
	gd__chain to = fresh_for(parent, start);
	struct record *r = record_of(to);
	if (r != NULL) {
		gd__spin_lock(&r->lock);
		r->now = who;
		r->now.start = *start;
		gd__spin_unlock(&r->lock);
	}
	return to;
}

void gd__chain_note(const struct gd__clock *c, const struct gd__chain_entry *who)
{
	struct record *r = record_of(c->owner);

	if (r == NULL)
		return;
	gd__spin_lock(&r->lock);
	gd__epoch start = r->now.start;
	r->now = *who;
	r->now.start = start;
	r->now.finished = false;
	gd__spin_unlock(&r->lock);
}

/* Under r's lock. */
static const struct gd__chain_entry *journal_find(const struct record *r, gd__epoch e)
{
	if (r->now.start != 0 && r->now.start <= e)
		return &r->now;
	uint32_t n = r->past != NULL ? r->past->made : 0;
	for (uint32_t i = 1; i <= PAST && i <= n; i++) {
		const struct gd__chain_entry *p = &r->past->entry[(n - i) % PAST];

		if (p->start <= e)
			return p;
	}
	return NULL;
}

bool gd__chain_whois(gd__chain x, gd__epoch e, struct gd__chain_entry *out)
{
	/* Ids are given out before their records are made: an unknown one is none. */
	struct record *r = x != 0 ? record_of(x) : NULL;

	if (r == NULL)
		return false;
	gd__spin_lock(&r->lock);
	const struct gd__chain_entry *found = journal_find(r, e);
	if (found != NULL)
		*out = *found;
	gd__spin_unlock(&r->lock);
	return found != NULL;
}

uint32_t gd__clock_ids(void)
{
	return gd__load_relaxed(&made); /* a count; orders nothing */
}
