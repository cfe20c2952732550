/* link: gdetect */
/* syncobj_test.c - records by address: edges, growth, forgetting, threads. */
#include "detector/race/syncobj.h"

#include <pthread.h>

#include "runtime/base/atomic.h"
#include "tests/support/unit.h"
#include "tests/unit/race/clock_sources.h"

static struct gd__hook_ctx contexts[16];
static _Atomic unsigned ncontexts;

static struct gd__hook_ctx *ctx_make(void)
{
	struct gd__hook_ctx *g = &contexts[gd__add_relaxed(&ncontexts, 1)];

	gd__clock_init(&g->clock);
	return g;
}

/* b knows what a did at its epoch e. */
static bool after(const struct gd__hook_ctx *b, const struct gd__hook_ctx *a, gd__epoch e)
{
	return gd__clock_knows(&b->clock, a->clock.owner, e);
}

CASE(release_orders_later_acquire)
{
	struct gd__hook_ctx *a = ctx_make(), *b = ctx_make();
	gd__epoch e = a->clock.epoch;

	gd__sync_acquire(b, 0x1000);
	CHECK_EQ(gd__sync_count(), 0); /* acquiring makes no record */
	a->hit = 0x1234;
	a->accessed = true;
	gd__sync_release(a, 0x1000);
	CHECK(!a->accessed); /* a new interval has begun */
	CHECK_EQ(a->clock.epoch, e + 1);
	gd__sync_acquire(b, 0x1001);
	CHECK(!after(b, a, e)); /* a neighbour */
	gd__sync_acquire(b, 0x1000);
	CHECK(after(b, a, e));
	CHECK(!after(b, a, e + 1));
	CHECK_EQ(gd__sync_count(), 1);
}

CASE(merge_keeps_both_and_release_replaces)
{
	struct gd__hook_ctx *a = ctx_make(), *b = ctx_make(), *c = ctx_make(), *d = ctx_make();
	gd__epoch ea = a->clock.epoch, eb = b->clock.epoch;

	gd__sync_release_merge(a, 0x2000);
	gd__sync_release_merge(b, 0x2000);
	gd__sync_acquire(c, 0x2000);
	CHECK(after(c, a, ea) && after(c, b, eb));
	eb = b->clock.epoch;
	gd__sync_release(b, 0x2000);
	gd__sync_acquire(d, 0x2000);
	CHECK(after(d, b, eb));
	CHECK(!after(d, a, ea));
}

CASE(swap_is_release_then_acquire)
{
	struct gd__hook_ctx *a = ctx_make(), *b = ctx_make();
	gd__epoch ea = a->clock.epoch, eb = b->clock.epoch;

	gd__sync_swap(a, 0x3000);
	gd__sync_swap(b, 0x3000);
	CHECK(after(b, a, ea));
	gd__sync_swap(a, 0x3000);
	CHECK(after(a, b, eb));
}

CASE(forget_drops_the_range_only)
{
	struct gd__hook_ctx *a = ctx_make();
	uintptr_t base = 0x70000000;

	for (uintptr_t i = 0; i < 20000; i += 8)
		gd__sync_release(a, base + i);
	CHECK_EQ(gd__sync_count(), 2500);
	gd__sync_forget(base - 1000, 1000);
	gd__sync_forget(base + 8, 1);
	gd__sync_forget(base + 17, 7);
	CHECK_EQ(gd__sync_count(), 2499);
	gd__sync_forget(base + 4090, 4110); /* over two page borders: [4090, 8200) */
	CHECK_EQ(gd__sync_count(), 2499 - (8200 - 4096) / 8);
	CHECK(gd__sync_lock(base + 4088, false) != NULL);
	gd__sync_unlock(base + 4088);
	CHECK(gd__sync_lock(base + 4096, false) == NULL);
	CHECK(gd__sync_lock(base + 8192, false) == NULL);
	CHECK(gd__sync_lock(base + 8200, false) != NULL);
	gd__sync_unlock(base + 8200);
	gd__sync_forget(0, (size_t)1 << 41);
	CHECK_EQ(gd__sync_count(), 0);
	gd__clock_end(&a->clock, false);
	CHECK_EQ(gd__clock_bytes(), 0);
}

CASE(forgotten_object_orders_nothing)
{
	struct gd__hook_ctx *a = ctx_make(), *b = ctx_make();
	gd__epoch e = a->clock.epoch;

	gd__sync_release(a, 0x5000);
	gd__sync_forget(0x5000, 8);
	gd__sync_acquire(b, 0x5000);
	CHECK(!after(b, a, e));
}

CASE(many_objects_grow_the_tables)
{
	struct gd__hook_ctx *a = ctx_make(), *b = ctx_make();
	enum { N = 200000 };
	gd__epoch first = a->clock.epoch;

	for (uintptr_t i = 0; i < N; i++)
		gd__sync_release(a, 0x100000000 + i * 40);
	CHECK_EQ(gd__sync_count(), N);
	for (uintptr_t i = 0; i < N; i += 777) {
		gd__sync_acquire(b, 0x100000000 + i * 40);
		CHECK(after(b, a, first + (gd__epoch)i));
		CHECK(!after(b, a, first + (gd__epoch)i + 1));
	}
	gd__sync_forget(0x100000000, (size_t)N * 40);
	CHECK_EQ(gd__sync_count(), 0);
}

#define THREADS 4
#define OBJECTS 64
static int counters[OBJECTS]; /* each guarded by the record of its address */

static void *hammer(void *arg)
{
	struct gd__hook_ctx *g = ctx_make();
	uint64_t s = (uintptr_t)arg * 977 + 1;

	for (int i = 0; i < 20000; i++) {
		s = s * 6364136223846793005u + 1442695040888963407u;
		int k = (int)(s >> 40) % OBJECTS;
		uintptr_t obj = (uintptr_t)&counters[k];
		struct gd__syncobj *o = gd__sync_lock(obj, true);

		counters[k]++;
		gd__clock_acquire(&g->clock, &o->value);
		gd__clock_release(&g->clock, &o->value);
		gd__sync_unlock(obj);
		gd__sync_release_merge(g, obj + 1);
		gd__sync_acquire(g, obj + 1);
		if (i % 64 == 0)
			gd__sync_forget(obj + 1, 1);
	}
	gd__clock_end(&g->clock, false);
	return NULL;
}

CASE(threads_share_objects)
{
	pthread_t t[THREADS];
	int sum = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, hammer, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < OBJECTS; i++)
		sum += counters[i];
	CHECK_EQ(sum, THREADS * 20000);
	gd__sync_forget((uintptr_t)counters, sizeof(counters));
	CHECK_EQ(gd__sync_count(), 0);
	CHECK_EQ(gd__clock_bytes(), 0);
}

UNIT_MAIN
