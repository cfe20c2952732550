/* link: gdetect */
/*
 * clock_fault_test.c - the differential test finds each mistake planted in the clock.
 *
 * The clock is compiled into this file, with the mistakes, with an allocator
 * that may fail, and with a limit of epochs that may be lowered.
 */
#define GD_CLOCK_FAULTS
#define GD__EPOCH_MAX gd__test_epoch_max

#include <stdint.h>

static uint32_t gd__test_epoch_max = INT32_MAX - 1;

#define gd__dalloc test_dalloc
#define gd__dfree  test_dfree
#include "detector/race/chain.c"
#include "detector/race/clock.c"
#include "detector/race/clock_node.c"

#include "tests/support/unit.h"
#include "tests/unit/race/clock_model.h"

static uint32_t allocations, allocations_max = UINT32_MAX; /* the ones after fail */

void *test_dalloc(size_t n)
{
	return allocations++ < allocations_max ? calloc(1, n) : NULL;
}

void test_dfree(void *p, size_t n)
{
	free(p);
}

unsigned gd__clock_fault;

static const struct model_size sizes[] = {
	{ 5, 3, 10000, 4 },
	{ 30, 10, 10000, 4 },
	{ 200, 20, 10000, 10 },
};

/* Answers that differ over all sizes, up to the first seed that shows one. */
static uint64_t wrong_with(unsigned fault)
{
	uint64_t wrong = 0;

	gd__clock_fault = fault;
	for (uint64_t seed = 1; seed <= 10 && wrong == 0; seed++) {
		for (size_t i = 0; i < gd__countof(sizes); i++)
			wrong += model_random_run(&sizes[i], seed, fault == GD__FAULT_NONE).wrong;
	}
	gd__clock_fault = GD__FAULT_NONE;
	return wrong;
}

CASE(no_fault_is_not_found)
{
	CHECK_EQ(wrong_with(GD__FAULT_NONE), 0);
	CHECK_EQ(gd__clock_bytes(), 0);
}

CASE(every_fault_is_found)
{
	for (unsigned f = GD__FAULT_NONE + 1; f < GD__FAULT_COUNT; f++) {
		uint64_t wrong = wrong_with(f);

		printf("fault %u: %llu wrong answers\n", f, (unsigned long long)wrong);
		fflush(stdout);
		CHECK(wrong > 0);
	}
}

/* The old id's epochs stay known through the new one. */
CASE(used_up_epochs_move_to_a_fresh_id)
{
	struct gd__clock a, b, lock = { 0 };
	struct gd__chain_entry who;
	gd__chain x[400];
	gd__epoch e[400];

	gd__test_epoch_max = 9;
	gd__clock_init(&a);
	gd__clock_init(&b);
	gd__chain_note(&a, &(struct gd__chain_entry){ .goid = 42 });
	uint32_t before = gd__clock_ids();
	for (int i = 0; i < 400; i++) {
		gd__clock_acquire(&a, &lock);
		x[i] = a.owner;
		e[i] = a.epoch;
		gd__clock_release(&a, &lock);
		gd__clock_check(&a);
		CHECK(!gd__clock_knows(&b, x[i], e[i]));
		if (i % 3 != 0)
			continue;
		gd__clock_acquire(&b, &lock);
		for (int k = 0; k <= i; k++) {
			CHECK(gd__clock_knows(&a, x[k], e[k]));
			CHECK(gd__clock_knows(&b, x[k], e[k]));
			CHECK(gd__chain_whois(x[k], e[k], &who));
		}
		CHECK(!gd__clock_knows(&b, a.owner, a.epoch));
		gd__clock_release(&b, &lock);
		gd__clock_check(&b);
	}
	CHECK(gd__clock_ids() - before > 40);
	CHECK(gd__chain_whois(x[200], e[200], &who));
	CHECK_EQ(who.goid, 42);
	gd__clock_end(&a, false);
	gd__clock_end(&b, false);
	gd__clock_release_value(&lock);
	CHECK_EQ(gd__clock_bytes(), 0);
}

/* As in a process that has just begun; what was allocated is lost. */
static void forget_all(void)
{
	memset(shards, 0, sizeof(shards));
	memset(depot, 0, sizeof(depot));
	memset(&common, 0, sizeof(common));
	memset((void *)segments, 0, sizeof(segments));
	gd__store_relaxed(&made, 0);
	gd__store_relaxed(&incomplete, false);
	allocations = 0;
}

/* Memory ends at each allocation in turn: nothing breaks, and nothing known is denied. */
CASE(no_memory_is_no_race)
{
	static const struct model_size crowd = { 300, 20, 3000, 10 };
	uint32_t n = 0, incomplete_runs = 0;

	for (bool complete = false; !complete; n++) {
		forget_all();
		allocations_max = n;
		struct model_found f = model_random_run(&crowd, 3, true);
		complete = !gd__clock_incomplete();
		incomplete_runs += !complete;
		CHECK_EQ(f.denied, 0);
		CHECK_EQ(f.bytes_left, 0);
		CHECK(complete == (f.wrong == 0));
	}
	printf("%u runs without memory\n", incomplete_runs);
	CHECK(incomplete_runs > 10);
	forget_all();
}

UNIT_MAIN
