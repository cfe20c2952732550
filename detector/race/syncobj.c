/*
 * syncobj.c - records of synchronisation objects by address.
 *
 * Addresses of one 64-byte granule share stripe and bucket, so that forgetting a
 * range asks one bucket per granule; objects so near share a cache line in the
 * program anyway. A counter per page (pages 1 GiB apart share one) tells
 * that a range has no record without a lock: this is what free() pays.
 */
#include "detector/race/syncobj.h"

#include "detector/common/alloc.h"
#include "detector/race/spin.h"

#define GRANULE_BITS 6
#define PAGE_BITS    12
#define STRIPES      1024u
#define PAGES        (1u << 18)
#define TABLE_MIN    8u
#define CHUNK        2048u /* records are carved from, and stay with their stripe */

/* lock guards all; a stripe grows by itself. */
struct stripe {
	struct gd__spin lock;
	uint32_t count;
	uint32_t mask;              /* buckets - 1 */
	struct gd__syncobj **table; /* NULL: none yet */
	struct gd__syncobj *free;
} __attribute__((aligned(64)));

static struct stripe stripes[STRIPES];

/* Records on the pages that share an entry. Changed under the stripe's lock of the record. */
static _Atomic uint32_t page_records[PAGES];

static uint64_t hash(uintptr_t obj)
{
	return (obj >> GRANULE_BITS) * 0x9e3779b97f4a7c15u;
}

static struct stripe *stripe_of(uintptr_t obj)
{
	return &stripes[hash(obj) >> 54];
}
_Static_assert(STRIPES == 1u << (64 - 54), "the hash's top bits are the stripe");

static struct gd__syncobj **bucket_of(const struct stripe *s, uintptr_t obj)
{
	return &s->table[hash(obj) >> 22 & s->mask];
}

static _Atomic uint32_t *page_of(uintptr_t addr)
{
	return &page_records[addr >> PAGE_BITS & (PAGES - 1)];
}

/* Doubles the table, or makes the first one. A failure leaves longer buckets, or none. */
static void grow(struct stripe *s)
{
	struct gd__syncobj **old = s->table;
	uint32_t n = old != NULL ? s->mask + 1 : 0;
	uint32_t wanted = n != 0 ? n * 2 : TABLE_MIN;
	struct gd__syncobj **table = gd__dalloc(wanted * sizeof(struct gd__syncobj *));

	if (table == NULL)
		return;
	s->table = table;
	s->mask = wanted - 1;
	for (uint32_t i = 0; i < n; i++) {
		for (struct gd__syncobj *o = old[i], *next; o != NULL; o = next) {
			struct gd__syncobj **b = bucket_of(s, o->addr);

			next = o->next;
			o->next = *b;
			*b = o;
		}
	}
	if (old != NULL)
		gd__dfree(old, n * sizeof(struct gd__syncobj *));
}

static struct gd__syncobj *find(const struct stripe *s, uintptr_t obj)
{
	if (s->table == NULL)
		return NULL;
	struct gd__syncobj *o = *bucket_of(s, obj);
	while (o != NULL && o->addr != obj)
		o = o->next;
	return o;
}

/* All zero; NULL when there is no memory. */
static struct gd__syncobj *syncobj_make(struct stripe *s)
{
	if (s->free == NULL) {
		struct gd__syncobj *chunk = gd__dalloc(CHUNK);

		for (size_t i = 0; chunk != NULL && i < CHUNK / sizeof(*chunk); i++) {
			chunk[i].next = s->free;
			s->free = &chunk[i];
		}
	}
	struct gd__syncobj *o = s->free;
	if (o != NULL)
		s->free = o->next;
	return o;
}

static struct gd__syncobj *add(struct stripe *s, uintptr_t obj)
{
	if (s->table == NULL || s->count > s->mask)
		grow(s);
	struct gd__syncobj *o = s->table != NULL ? syncobj_make(s) : NULL;
	if (o == NULL) {
		gd__clock_set_incomplete(); /* a release that is not kept is an edge that is lost */
		return NULL;
	}
	struct gd__syncobj **b = bucket_of(s, obj);
	o->addr = obj;
	o->next = *b;
	*b = o;
	s->count++;
	gd__add_relaxed(page_of(obj), 1); /* who frees the object has synchronised with its users */
	return o;
}

struct gd__syncobj *gd__sync_lock(uintptr_t obj, bool make) GD_UNCHECKED
{
	struct stripe *s = stripe_of(obj);

	/*
	 * Most atomics never carry anything: no lock for them. A 0 cannot hide a release
	 * whose effect the caller has seen, for the count rose before it.
	 */
	if (!make && gd__load_relaxed(page_of(obj)) == 0)
		return NULL;
	gd__spin_lock(&s->lock);
	struct gd__syncobj *o = find(s, obj);
	if (o == NULL && make)
		o = add(s, obj);
	if (o == NULL)
		gd__spin_unlock(&s->lock);
	return o;
}

void gd__sync_unlock(uintptr_t obj) GD_UNCHECKED
{
	gd__spin_unlock(&stripe_of(obj)->lock);
}

/* Enough against a handler: it runs on this thread. */
static inline void compiler_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/*
 * Between hide and show this thread has no goroutine, so that an instrumented
 * signal handler that breaks in does not come back here for a lock we hold.
 */
static struct gd__hook_ctx *hide(void)
{
	struct gd__hook_ctx *cur = gd__race_cur;

	gd__race_cur = NULL;
	compiler_barrier();
	return cur;
}

static void show(struct gd__hook_ctx *cur)
{
	compiler_barrier();
	gd__race_cur = cur;
}

void gd__sync_acquire(struct gd__hook_ctx *g, uintptr_t obj)
{
	struct gd__hook_ctx *cur = hide();
	struct gd__syncobj *o = gd__sync_lock(obj, false);

	if (o != NULL) {
		gd__clock_acquire(&g->clock, &o->value);
		gd__sync_unlock(obj);
	}
	show(cur);
}

/* The three that publish differ in one call. */
static void publish(struct gd__hook_ctx *g, uintptr_t obj,
		    void (*how)(struct gd__clock *me, struct gd__clock *published))
{
	struct gd__hook_ctx *cur = hide();
	struct gd__syncobj *o = gd__sync_lock(obj, true);

	if (o != NULL) {
		how(&g->clock, &o->value);
		gd__sync_unlock(obj);
		gd__gctx_new_interval(g);
	}
	show(cur);
}

void gd__sync_release(struct gd__hook_ctx *g, uintptr_t obj)
{
	publish(g, obj, gd__clock_release);
}

void gd__sync_release_merge(struct gd__hook_ctx *g, uintptr_t obj)
{
	publish(g, obj, gd__clock_release_merge);
}

void gd__sync_swap(struct gd__hook_ctx *g, uintptr_t obj)
{
	publish(g, obj, gd__clock_swap);
}

/* Drops the records of one bucket that lie in [start, end). */
static void forget_in(struct stripe *s, struct gd__syncobj **link, uintptr_t start, uintptr_t end)
{
	while (*link != NULL) {
		struct gd__syncobj *o = *link;

		if (o->addr < start || o->addr >= end) {
			link = &o->next;
			continue;
		}
		*link = o->next;
		s->count--;
		gd__add_relaxed(page_of(o->addr), -1u); /* as in add */
		gd__clock_release_value(&o->value);
		o->next = s->free;
		s->free = o;
	}
}

static void forget_granule(uintptr_t granule, uintptr_t start, uintptr_t end)
{
	struct gd__hook_ctx *cur = hide();
	struct stripe *s = stripe_of(granule);

	gd__spin_lock(&s->lock);
	if (s->count > 0)
		forget_in(s, bucket_of(s, granule), start, end);
	gd__spin_unlock(&s->lock);
	show(cur);
}

/* For ranges larger than the page counters reach. */
static void forget_everywhere(uintptr_t start, uintptr_t end)
{
	struct gd__hook_ctx *cur = hide();

	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *s = &stripes[i];

		gd__spin_lock(&s->lock);
		for (uint32_t b = 0; s->count > 0 && b <= s->mask; b++)
			forget_in(s, &s->table[b], start, end);
		gd__spin_unlock(&s->lock);
	}
	show(cur);
}

void gd__sync_forget(uintptr_t obj, size_t n)
{
	uintptr_t end = obj + n, page_end;

	if (n >> PAGE_BITS >= PAGES) {
		forget_everywhere(obj, end);
		return;
	}
	for (uintptr_t at = obj; at < end; at = page_end) {
		page_end = ((at >> PAGE_BITS) + 1) << PAGE_BITS;
		if (gd__load_relaxed(page_of(at)) == 0) /* as in add */
			continue;
		uintptr_t stop = page_end < end ? page_end : end;
		uintptr_t granule = at >> GRANULE_BITS << GRANULE_BITS;
		for (; granule < stop; granule += (uintptr_t)1 << GRANULE_BITS)
			forget_granule(granule, obj, end);
	}
}

size_t gd__sync_count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < STRIPES; i++) {
		gd__spin_lock(&stripes[i].lock);
		n += stripes[i].count;
		gd__spin_unlock(&stripes[i].lock);
	}
	return n;
}
