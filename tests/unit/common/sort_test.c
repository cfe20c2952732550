/* sort_test.c - an order of every kind comes out in order, with all it had. */
#include "detector/common/sort.h"

#include <stdint.h>
#include <stdlib.h>

#include "tests/support/unit.h"

struct item {
	uint64_t key, number;
	char rest[GD__SORT_SIZE_MAX - 16];
};

static size_t compared;

static bool before(const void *x, const void *y)
{
	compared++;
	return ((const struct item *)x)->key < ((const struct item *)y)->key;
}

/* Sorts n items, number i with key_of(i, n). */
static void sort_those(size_t n, uint64_t (*key_of)(size_t i, size_t n))
{
	struct item *item = calloc(n + 1, sizeof(*item));
	char *seen = calloc(n + 1, 1);
	size_t log = 1;

	for (size_t i = 0; i < n; i++)
		item[i] = (struct item){ .key = key_of(i, n), .number = i };
	item[n].number = UINT64_MAX; /* behind the end */
	compared = 0;
	gd__sort(item, n, sizeof(*item), before);
	for (size_t k = n; k > 1; k /= 2)
		log++;
	CHECK(compared <= 8 * n * log);
	CHECK(item[n].number == UINT64_MAX);
	for (size_t i = 0; i < n; i++) {
		CHECK(i == 0 || item[i - 1].key <= item[i].key);
		CHECK(item[i].number < n && !seen[item[i].number]);
		CHECK(item[i].key == key_of(item[i].number, n));
		seen[item[i].number] = 1;
	}
	free(seen);
	free(item);
}

static void sort_all_lengths(uint64_t (*key_of)(size_t i, size_t n))
{
	for (size_t n = 0; n < 70; n++)
		sort_those(n, key_of);
	sort_those(1000, key_of);
	sort_those(20000, key_of);
}

static uint64_t rising(size_t i, size_t n)
{
	(void)n;
	return i;
}

static uint64_t falling(size_t i, size_t n)
{
	return n - i;
}

static uint64_t equal(size_t i, size_t n)
{
	(void)i;
	(void)n;
	return 7;
}

static uint64_t mixed(size_t i, size_t n)
{
	(void)n;
	return (i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

static uint64_t few_kinds(size_t i, size_t n)
{
	return mixed(i, n) % 3;
}

static uint64_t organ_pipes(size_t i, size_t n)
{
	return i < n / 2 ? i : n - i;
}

static uint64_t one_at_the_wrong_end(size_t i, size_t n)
{
	return i + 1 == n ? 0 : i + 1;
}

CASE(in_order)
{
	sort_all_lengths(rising);
}

CASE(the_other_way_round)
{
	sort_all_lengths(falling);
}

CASE(all_equal)
{
	sort_all_lengths(equal);
}

CASE(mixed_up)
{
	sort_all_lengths(mixed);
}

CASE(few_different_ones)
{
	sort_all_lengths(few_kinds);
}

CASE(up_and_down)
{
	sort_all_lengths(organ_pipes);
}

CASE(one_is_wrong)
{
	sort_all_lengths(one_at_the_wrong_end);
}

/*
 * Answers that make every split the worst one (McIlroy's adversary): elements get their value as
 * late as can be, and what was compared last is the next to be low.
 */
#define HARD 20000

static uint64_t value[HARD];
static uint64_t next_value, candidate;

static bool hard(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	compared++;
	if (value[a] == HARD && value[b] == HARD)
		value[a == candidate ? a : b] = next_value++;
	if (value[a] == HARD)
		candidate = a;
	else if (value[b] == HARD)
		candidate = b;
	return value[a] < value[b];
}

CASE(an_order_that_splits_badly)
{
	static uint64_t order[HARD];

	for (size_t i = 0; i < HARD; i++) {
		order[i] = i;
		value[i] = HARD;
	}
	compared = 0;
	gd__sort(order, HARD, sizeof(order[0]), hard);
	CHECK(compared < 100 * HARD);
	for (size_t i = 1; i < HARD; i++)
		CHECK(value[order[i - 1]] <= value[order[i]]);
}

UNIT_MAIN
