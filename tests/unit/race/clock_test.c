/* link: gdetect */
/* clock_test.c - the clock against a dense one, small cases by hand, the journal, the end of
 * epochs. */
#include "detector/race/clock.h"

#include "detector/race/chain.h"
#include "tests/support/unit.h"
#include "tests/unit/race/clock_model.h"
#include "tests/unit/race/clock_sources.h"

static void differential(uint32_t live, uint32_t objects, uint32_t ops, uint32_t spawn_percent)
{
	struct model_size size = { live, objects, ops, spawn_percent };

	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct model_found f = model_random_run(&size, seed, true);

		printf("live %u objects %u seed %u: %llu lookups, %u goroutines, %u ids\n", live,
		       objects, (unsigned)seed, (unsigned long long)f.lookups, f.spawned, f.ids);
		CHECK_EQ(f.wrong, 0);
		CHECK_EQ(f.bytes_left, 0);
		CHECK(f.lookups > ops);
		CHECK(f.ids <= f.spawned);
	}
}

CASE(agrees_with_dense_5_goroutines)
{
	differential(5, 3, 20000, 4);
}

CASE(agrees_with_dense_20_goroutines_few_objects)
{
	differential(20, 2, 20000, 3);
}

CASE(agrees_with_dense_60_goroutines)
{
	differential(60, 20, 20000, 5);
}

CASE(agrees_with_dense_400_goroutines)
{
	differential(400, 50, 20000, 10);
}

CASE(agrees_with_dense_parked_crowd)
{
	differential(1500, 4, 12000, 40);
}

CASE(ids_are_taken_over)
{
	struct model_size size = { 10, 2, 20000, 20 };
	struct model_found f = model_random_run(&size, 7, true);

	CHECK_EQ(f.wrong, 0);
	CHECK(f.ids < f.spawned / 2);
}

/* Main spawns, the child releases at its end, main joins: two ids for ever. */
CASE(spawn_and_join_needs_two_ids)
{
	struct gd__clock main_clock, child, done = { 0 };
	uint32_t before = gd__clock_ids();

	gd__clock_init(&main_clock);
	for (int i = 0; i < 100000; i++) {
		gd__clock_spawn(&main_clock, &child);
		gd__chain x = child.owner;
		gd__epoch e = child.epoch;
		CHECK(!gd__clock_knows(&main_clock, x, e));
		gd__clock_release(&child, &done);
		gd__clock_end(&child, false);
		gd__clock_acquire(&main_clock, &done);
		CHECK(gd__clock_knows(&main_clock, x, e));
	}
	CHECK_EQ(gd__clock_ids() - before, 2);
	gd__clock_end(&main_clock, false);
	gd__clock_release_value(&done);
	CHECK_EQ(gd__clock_bytes(), 0);
}

/* Nobody can know the end of a goroutine that touched memory after its last release. */
CASE(unreleased_end_keeps_its_id)
{
	struct gd__clock main_clock, child, done = { 0 };

	gd__clock_init(&main_clock);
	gd__clock_spawn(&main_clock, &child);
	gd__chain x = child.owner;
	gd__clock_release(&child, &done);
	gd__epoch last = child.epoch;
	gd__clock_end(&child, true);
	gd__clock_acquire(&main_clock, &done);
	for (int i = 0; i < 100; i++) {
		gd__clock_spawn(&main_clock, &child);
		CHECK(child.owner != x);
		CHECK(!gd__clock_knows(&child, x, last));
		gd__clock_end(&child, false);
	}
	gd__clock_end(&main_clock, false);
	gd__clock_release_value(&done);
}

CASE(swap_orders_both_ways_but_not_early)
{
	struct gd__clock a, b, slot = { 0 };

	gd__clock_init(&a);
	gd__clock_init(&b);
	gd__chain xa = a.owner, xb = b.owner;
	gd__clock_swap(&a, &slot);
	gd__epoch sent = a.epoch - 1;
	gd__clock_swap(&b, &slot); /* receives */
	CHECK(gd__clock_knows(&b, xa, sent));
	CHECK(!gd__clock_knows(&b, xa, sent + 1));
	gd__epoch received = b.epoch - 1;
	gd__clock_acquire(&a, &slot);
	CHECK(gd__clock_knows(&a, xb, received));
	CHECK(!gd__clock_knows(&a, xb, received + 1));
	gd__clock_end(&a, false);
	gd__clock_end(&b, false);
	gd__clock_release_value(&slot);
}

/* Ring of n: the token's clock knows everybody, and costs one shared tree. */
CASE(ring_shares_one_tree)
{
	enum { N = 3000, ROUNDS = 5 };
	struct gd__clock *g = calloc(N, sizeof(*g));
	struct gd__clock *slot = calloc(N, sizeof(*slot));

	for (int i = 0; i < N; i++)
		gd__clock_init(&g[i]);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < N; i++) {
			gd__clock_release(&g[i], &slot[i]);
			gd__clock_acquire(&g[(i + 1) % N], &slot[i]);
		}
	}
	for (int i = 0; i < N; i++)
		CHECK(gd__clock_knows(&g[0], g[i].owner, g[i].epoch - 1));
	CHECK(gd__clock_bytes() / N < 1024);
	for (int i = 0; i < N; i++) {
		gd__clock_end(&g[i], false);
		gd__clock_release_value(&slot[i]);
	}
	CHECK_EQ(gd__clock_bytes(), 0);
	free(g);
	free(slot);
}

/* The journal names the goroutine of an epoch, for the last eight of a chain. */
CASE(journal_remembers_eight)
{
	struct gd__clock main_clock, child, done = { 0 };
	gd__epoch start[12];
	struct gd__chain_entry who;
	gd__chain x = 0;

	gd__clock_init(&main_clock);
	for (uint32_t i = 0; i < 12; i++) {
		gd__clock_spawn(&main_clock, &child);
		gd__chain_note(&child, &(struct gd__chain_entry){ .goid = 100 + i,
								  .parent_goid = 1,
								  .serial = i,
								  .create_stack = 7 });
		CHECK(i == 0 || x == child.owner);
		x = child.owner;
		start[i] = child.epoch;
		gd__clock_release(&child, &done);
		gd__clock_release(&child, &done);
		if (i < 11)
			gd__clock_end(&child, false);
		gd__clock_acquire(&main_clock, &done);
	}
	for (uint32_t i = 0; i < 12; i++) {
		bool known = gd__chain_whois(x, start[i] + 1, &who);

		CHECK_EQ(known, i >= 4);
		if (!known)
			continue;
		CHECK_EQ(who.goid, 100 + i);
		CHECK_EQ(who.serial, i);
		CHECK_EQ(who.start, start[i]);
		CHECK_EQ(who.create_stack, 7);
		CHECK_EQ(who.parent_goid, 1);
		CHECK_EQ(who.finished, i < 11);
	}
	CHECK(!gd__chain_whois(0, 1, &who));
	CHECK(!gd__chain_whois(gd__clock_ids() + 5000, 1, &who));
}

CASE(waves_of_children_need_no_fresh_ids)
{
	enum { N = 1000 };
	struct gd__clock main_clock, *child = calloc(N, sizeof(*child)), done = { 0 };
	uint32_t after_first = 0;

	gd__clock_init(&main_clock);
	for (int wave = 0; wave < 5; wave++) {
		for (int i = 0; i < N; i++)
			gd__clock_spawn(&main_clock, &child[i]);
		for (int i = 0; i < N; i++) {
			gd__clock_release_merge(&child[i], &done);
			gd__clock_end(&child[i], false);
		}
		gd__clock_acquire(&main_clock, &done);
		if (wave == 0)
			after_first = gd__clock_ids();
	}
	CHECK_EQ(gd__clock_ids(), after_first);
	gd__clock_release_value(&done);
	gd__clock_end(&main_clock, false);
	CHECK_EQ(gd__clock_bytes(), 0);
	free(child);
}

CASE(incomplete_clocks_report_nothing)
{
	struct gd__clock a, b;

	gd__clock_init(&a);
	gd__clock_init(&b);
	CHECK(!gd__clock_knows(&a, b.owner, b.epoch));
	gd__clock_set_incomplete();
	CHECK(gd__clock_incomplete());
	CHECK(gd__clock_knows(&a, b.owner, b.epoch));
}

UNIT_MAIN
