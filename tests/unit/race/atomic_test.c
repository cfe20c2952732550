/*
 * atomic_test.c - the edges of C11 atomics, one rule per case.
 *
 * Goroutines are records that take turns on one thread: as(g) makes g the
 * running one. mark(g) notes a moment of g; knows(h, m) asks whether h comes after it.
 */
#include "tests/support/unit.h"

#include "detector/race/abi.h"
#include "detector/race/access.h"
#include "detector/race/atomic_sync.h"
#include "detector/race/hooks.h"
#include "detector/race/race_report.h"
#include "detector/race/syncobj.h"
#include "runtime/base/options.h"

static uint32_t flag;
static int data;
static struct gd__hook_ctx *a, *b, *c;

struct moment {
	gd__chain chain;
	gd__epoch epoch;
};

static void as(struct gd__hook_ctx *g)
{
	gd__race_cur = g;
}

static struct moment mark(const struct gd__hook_ctx *g)
{
	return (struct moment){ g->clock.owner, gd__clock_now_epoch(&g->clock) };
}

static bool knows(const struct gd__hook_ctx *g, struct moment m)
{
	return gd__clock_knows(&g->clock, m.chain, m.epoch);
}

static void setup(void)
{
	CHECK(gd__race_init());
	gd__atomic_fences = true; /* as if linked with fences, which this file is */
	a = gd__gctx_make(NULL, 11, 0, 0);
	b = gd__gctx_make(NULL, 12, 0, 0);
	c = gd__gctx_make(NULL, 13, 0, 0);
}

static void store(struct gd__hook_ctx *g, int order)
{
	as(g);
	__tsan_atomic32_store(&flag, flag + 1, order);
}

static uint32_t load(struct gd__hook_ctx *g, int order)
{
	as(g);
	return __tsan_atomic32_load(&flag, order);
}

static uint32_t add(struct gd__hook_ctx *g, int order)
{
	as(g);
	return __tsan_atomic32_fetch_add(&flag, 1, order);
}

static void fence(struct gd__hook_ctx *g, int order)
{
	as(g);
	__tsan_atomic_thread_fence(order);
}

CASE(release_store_to_acquire_load)
{
	setup();
	struct moment m = mark(a);

	store(a, GD__RELEASE);
	struct moment later = mark(a);

	load(b, GD__ACQUIRE);
	CHECK(knows(b, m));
	CHECK(!knows(b, later));
	CHECK(!knows(a, mark(b)));
}

CASE(seq_cst_and_consume_are_acquire)
{
	setup();
	struct moment m = mark(a);

	store(a, GD__SEQ_CST);
	load(b, GD__SEQ_CST);
	load(c, GD__CONSUME);
	CHECK(knows(b, m) && knows(c, m));
}

CASE(higher_order_bits_are_hints)
{
	setup();
	struct moment m = mark(a);

	store(a, GD__RELEASE | 1 << 17);
	load(b, GD__ACQUIRE | 1 << 16);
	CHECK(knows(b, m));
}

CASE(relaxed_is_no_edge)
{
	setup();
	struct moment m = mark(a);

	store(a, GD__RELAXED);
	load(b, GD__ACQUIRE);
	CHECK(!knows(b, m));
	store(a, GD__RELEASE);
	load(b, GD__RELAXED);
	CHECK(!knows(b, m));
	CHECK_EQ(gd__sync_count(), 1);
}

CASE(relaxed_store_makes_no_record)
{
	setup();
	store(a, GD__RELAXED);
	add(a, GD__RELAXED);
	add(a, GD__ACQUIRE);
	load(a, GD__SEQ_CST);
	CHECK_EQ(gd__sync_count(), 0);
}

CASE(release_store_replaces)
{
	setup();
	struct moment ma = mark(a), mc = mark(c);

	store(a, GD__RELEASE);
	store(c, GD__RELEASE);
	load(b, GD__ACQUIRE);
	CHECK(knows(b, mc));
	CHECK(!knows(b, ma));
}

/* C++20: not even the storer's own relaxed store continues the sequence. */
CASE(relaxed_store_ends_the_sequence)
{
	setup();
	struct moment m = mark(a);

	store(a, GD__RELEASE);
	store(a, GD__RELAXED);
	load(b, GD__ACQUIRE);
	CHECK(!knows(b, m));
}

CASE(rmw_continues_the_sequence)
{
	setup();
	struct moment ma = mark(a), mc = mark(c);

	store(a, GD__RELEASE);
	add(c, GD__RELAXED);
	add(c, GD__ACQUIRE);
	load(b, GD__ACQUIRE);
	CHECK(knows(b, ma));
	CHECK(!knows(b, mc));
}

CASE(release_rmw_adds_to_the_sequence)
{
	setup();
	struct moment ma = mark(a), mc = mark(c);

	store(a, GD__RELEASE);
	add(c, GD__RELEASE);
	CHECK(!knows(c, ma));
	load(b, GD__ACQUIRE);
	CHECK(knows(b, ma) && knows(b, mc));
}

CASE(acq_rel_rmw_does_both)
{
	setup();
	struct moment ma = mark(a), mc = mark(c);

	add(a, GD__ACQ_REL);
	add(c, GD__ACQ_REL);
	CHECK(knows(c, ma));
	add(b, GD__ACQ_REL);
	CHECK(knows(b, ma) && knows(b, mc));
}

CASE(failed_cas_is_a_load_with_its_own_order)
{
	setup();
	struct moment ma = mark(a), mb = mark(b);
	uint32_t wrong = 77;

	store(a, GD__RELEASE);
	as(b);
	CHECK(!__tsan_atomic32_compare_exchange_strong(&flag, &wrong, 5, GD__ACQ_REL, GD__RELAXED));
	CHECK_EQ(wrong, flag);
	CHECK(!knows(b, ma));
	as(c);
	CHECK(__tsan_atomic32_compare_exchange_val(&flag, 99, 5, GD__RELEASE, GD__ACQUIRE) == flag);
	CHECK(knows(c, ma));
	load(c, GD__ACQUIRE);
	CHECK(!knows(c, mb)); /* b's failed release released nothing */
}

CASE(cas_that_succeeds)
{
	setup();
	struct moment ma = mark(a), mb = mark(b);
	uint32_t now;

	store(a, GD__RELEASE);
	now = flag;
	as(b);
	CHECK(__tsan_atomic32_compare_exchange_weak(&flag, &now, 5, GD__ACQ_REL, GD__RELAXED));
	CHECK_EQ(flag, 5);
	CHECK(knows(b, ma));
	load(c, GD__ACQUIRE);
	CHECK(knows(c, ma) && knows(c, mb));
}

CASE(release_fence_rides_on_a_relaxed_store)
{
	setup();
	struct moment before = mark(a);

	fence(a, GD__RELEASE);
	struct moment after = mark(a);

	store(a, GD__RELAXED);
	load(b, GD__ACQUIRE);
	CHECK(knows(b, before));
	CHECK(!knows(b, after));
}

CASE(release_fence_rides_on_a_relaxed_rmw)
{
	setup();
	struct moment ma = mark(a), mc = mark(c);

	store(c, GD__RELEASE);
	fence(a, GD__RELEASE);
	add(a, GD__RELAXED);
	load(b, GD__ACQUIRE);
	CHECK(knows(b, ma) && knows(b, mc));
}

CASE(acquire_fence_takes_what_relaxed_loads_saw)
{
	setup();
	struct moment m = mark(a);

	store(a, GD__RELEASE);
	fence(b, GD__ACQUIRE); /* before the load: nothing */
	CHECK(!knows(b, m));
	load(b, GD__RELAXED);
	CHECK(!knows(b, m));
	fence(b, GD__ACQUIRE);
	CHECK(knows(b, m));
	fence(c, GD__SEQ_CST); /* loaded nothing */
	CHECK(!knows(c, m));
}

CASE(fence_to_fence)
{
	setup();
	struct moment m = mark(a);

	fence(a, GD__SEQ_CST);
	store(a, GD__RELAXED);
	load(b, GD__RELAXED);
	fence(b, GD__SEQ_CST);
	CHECK(knows(b, m));
}

CASE(failed_relaxed_cas_then_fence)
{
	setup();
	struct moment m = mark(a);
	uint32_t wrong = 77;

	store(a, GD__RELEASE);
	as(b);
	__tsan_atomic32_compare_exchange_strong(&flag, &wrong, 5, GD__RELAXED, GD__RELAXED);
	fence(b, GD__ACQUIRE);
	CHECK(knows(b, m));
}

/* The reference count of shared pointers: the last one out frees. */
CASE(count_down_by_release_then_acquire_fence)
{
	setup();
	struct moment ma = mark(a), mb = mark(b);

	add(a, GD__RELEASE);
	add(b, GD__RELEASE);
	CHECK(!knows(b, ma));
	fence(b, GD__ACQUIRE);
	CHECK(knows(b, ma));
	CHECK(!knows(a, mb));
}

CASE(all_widths)
{
	static uint8_t f8;
	static uint16_t f16;
	static uint64_t f64;
	static gd__u128 f128 __attribute__((aligned(16)));

	setup();
#define PASS(n, p)                                                                                 \
	do {                                                                                       \
		struct moment m = mark(a);                                                         \
		as(a);                                                                             \
		__tsan_atomic##n##_store((p), 3, GD__RELEASE);                                     \
		as(b);                                                                             \
		CHECK(__tsan_atomic##n##_load((p), GD__ACQUIRE) == 3);                             \
		CHECK(knows(b, m));                                                                \
		struct moment mc = mark(c);                                                        \
		as(c);                                                                             \
		CHECK(__tsan_atomic##n##_fetch_nand((p), 1, GD__ACQ_REL) == 3);                    \
		CHECK(knows(c, m));                                                                \
		as(a);                                                                             \
		CHECK((uint8_t)__tsan_atomic##n##_exchange((p), 0, GD__ACQUIRE) == 0xfe);          \
		CHECK(knows(a, mc));                                                               \
	} while (0)
	PASS(8, &f8);
	PASS(16, &f16);
	PASS(64, &f64);
	PASS(128, &f128);
}

/* The plain initialisation of a flag is ordered before a load that finds it published. */
CASE(own_variable_is_no_race)
{
	setup();
	as(a);
	__tsan_write4(&flag);
	__tsan_write4(&data);
	store(a, GD__RELEASE);
	load(b, GD__ACQUIRE);
	__tsan_write4(&data);
	add(b, GD__ACQ_REL);
	add(c, GD__ACQ_REL);
	__tsan_write4(&flag); /* the last one out */
	__tsan_read4(&data);
	CHECK_EQ(gd__race_reported(), 0);
}

CASE(plain_against_atomic_is_a_race)
{
	setup();
	add(a, GD__RELAXED);
	add(b, GD__RELAXED);
	CHECK_EQ(gd__race_reported(), 0);
	as(c);
	__tsan_read4(&flag);
	CHECK(gd__race_reported() > 0);
	gd__options.exitcode = 0; /* the report is what was asked for */
}

CASE(without_a_record_only_the_operation)
{
	gd__u128 wide __attribute__((aligned(16))) = 1;

	as(NULL);
	flag = 0;
	store(NULL, GD__SEQ_CST);
	CHECK_EQ(load(NULL, GD__SEQ_CST), 1);
	CHECK_EQ(add(NULL, GD__SEQ_CST), 1);
	CHECK(__tsan_atomic128_fetch_add(&wide, 2, GD__SEQ_CST) == 1 && wide == 3);
	fence(NULL, GD__SEQ_CST);
	CHECK_EQ(gd__sync_count(), 0);
}

UNIT_MAIN
