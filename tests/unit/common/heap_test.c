/* link: gdetect_detect gdetect */
/* The map of live blocks as the leak detector has it: no notes, small blocks of their room. */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/common/heap_model.h"

CASE(agrees_with_sorted_array)
{
	check_against_model();
}

/* Each size class of jemalloc has a code, and each code a class. */
CASE(rooms_are_size_classes)
{
	for (size_t n = 1, room = 0; n <= GD__HEAP_SMALL; n = room + 1) {
		char *p = malloc(n);
		struct gd__block b;

		CHECK(gd__heap_find((uintptr_t)p, &b));
		CHECK(b.size > room);
		room = b.size;
		CHECK(room < GD__HEAP_ALONE || gd__heap_room(gd__heap_code(room)) == room);
		CHECK(gd__heap_find((uintptr_t)p + room - 1, &b));
		free(p);
	}
	CHECK_EQ(gd__heap_code(65), 0);
}

CASE(nothing_outside_is_found)
{
	struct gd__block b;
	int local;

	CHECK(!gd__heap_find(0, &b));
	CHECK(!gd__heap_find(1, &b));
	CHECK(!gd__heap_find((uintptr_t)&local, &b));
	CHECK(!gd__heap_find((uintptr_t)&seed, &b));
	CHECK(!gd__heap_find(UINT64_MAX, &b));
	CHECK(!gd__heap_find((uint64_t)1 << 47, &b));
	CHECK(!gd__heap_find(((uint64_t)1 << 47) - 1, &b));
}

CASE(zero_bytes_have_room_for_16)
{
	struct gd__block b;
	char *p = malloc(0);

	CHECK(gd__heap_find((uintptr_t)p, &b));
	CHECK_EQ(b.start, (uintptr_t)p);
	CHECK_EQ(b.size, 16);
	CHECK(!gd__heap_find((uintptr_t)p + 16, &b) || b.start == (uintptr_t)p + 16);
	free(p);
	CHECK(!gd__heap_find((uintptr_t)p, &b));
}

/* A tiny block that reaches into the next page, of which something older is still said. */
CASE(tiny_block_across_pages)
{
	static _Alignas(4096) char area[12 * 4096];
	char *border = area + 4 * 4096, *p = border - 16;
	struct {
		char *p;
		size_t size, room;
	} before[] = { { border, 18000, 20480 },        /* large */
		       { border - 8192, 20480, 20480 }, /* large, and goes on there */
		       { border + 32, 16, 16 },
		       { border, 1024, 1024 } };
	struct gd__block b;
	size_t size;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		CHECK(gd__heap_add(before[i].p, before[i].size, before[i].room, 0, 0));
		CHECK(gd__heap_find((uintptr_t)before[i].p, &b));
		CHECK(gd__heap_remove(before[i].p, &size));
		CHECK(gd__heap_add(p, 40, 48, 0, 0));
		for (int at = -16; at < 64; at++) {
			bool inside = at >= 0 && at < 48;

			CHECK_EQ(gd__heap_find((uintptr_t)(p + at), &b), inside);
			CHECK(!inside || (b.start == (uintptr_t)p && b.size == 48));
		}
		CHECK(gd__heap_remove(p, &size));
		CHECK(!gd__heap_find((uintptr_t)border, &b));
	}
}

/* The search must not grow with the distance to the start. */
CASE(interior_of_large_block_in_few_reads)
{
	size_t size = (size_t)64 << 20;
	char *p = malloc(size);
	struct gd__block b;
	size_t most = 0;

	for (size_t at = 0; at < size; at += 999983) {
		reads = 0;
		CHECK(gd__heap_find_in(&plain, gd__heap_root(), (uintptr_t)p + at, &b));
		CHECK_EQ(b.start, (uintptr_t)p);
		most = reads > most ? reads : most;
	}
	CHECK(!gd__heap_find((uintptr_t)p + size, &b));
	CHECK(most <= 200);
	free(p);
}

/* Freed blocks leave no trace that a search has to walk over. */
CASE(search_in_freed_memory_in_few_reads)
{
	char *arena = gd__os_reserve(ARENA);
	struct gd__block b;
	size_t size;

	CHECK(gd__heap_add(arena, 8, 64, 0, 0));
	for (size_t at = 64; at < ARENA; at += 64)
		CHECK(gd__heap_add(arena + at, 32, 64, 0, 0));
	for (size_t at = 64; at < ARENA; at += 64)
		CHECK(gd__heap_remove(arena + at, &size));
	reads = 0;
	CHECK(!gd__heap_find_in(&plain, gd__heap_root(), (uintptr_t)arena + ARENA - 1, &b));
	CHECK(reads <= 200);
}

#define THREADS 8
#define EACH    2000

static void *churn(void *arg)
{
	uint64_t state = 77 + (uintptr_t)arg;
	void *mine[64] = { 0 };
	struct gd__block b;

	for (int i = 0; i < EACH * 20; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		void **slot = &mine[(state >> 33) % 64];

		if (*slot) {
			CHECK(gd__heap_find((uintptr_t)*slot + 5, &b));
			CHECK_EQ(b.start, (uintptr_t)*slot);
			free(*slot);
			*slot = NULL;
		} else {
			*slot = malloc(8 + (state >> 40) % 3000);
			CHECK(gd__heap_find((uintptr_t)*slot + 7, &b));
			CHECK_EQ(b.start, (uintptr_t)*slot);
		}
	}
	for (int i = 0; i < 64; i++)
		free(mine[i]);
	return NULL;
}

CASE(eight_threads)
{
	pthread_t t[THREADS];
	uint64_t blocks, bytes, blocks_after, bytes_after;

	gd__heap_totals(&blocks, &bytes);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, churn, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	gd__heap_totals(&blocks_after, &bytes_after);
	/* Threads leave a little behind in libc (their dtv). */
	CHECK(blocks_after - blocks < 4 * THREADS);
}

/*
 * Threads whose blocks share bytes of the record: each must find its own at any time, though
 * the others come and go. Slot i of thread t lies at (i * THREADS + t) * 16.
 */
static char *shared_arena;

static void *share(void *arg)
{
	uintptr_t t = (uintptr_t)arg;
	struct gd__block b;
	size_t size;

	for (int round = 0; round < 100000; round++) {
		size_t i = (size_t)round * 7 % 32;
		char *p = shared_arena + (i * THREADS + t) * 16;

		CHECK(gd__heap_add(p, 9, 16, 0, 0));
		CHECK(gd__heap_find((uintptr_t)p + 10, &b));
		CHECK_EQ(b.start, (uintptr_t)p);
		CHECK_EQ(b.size, 16);
		CHECK(gd__heap_remove(p, &size));
		CHECK(!gd__heap_find((uintptr_t)p + 10, &b));
	}
	return NULL;
}

CASE(threads_share_words)
{
	pthread_t t[THREADS];

	shared_arena = gd__os_reserve(ARENA);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, share, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* As above with blocks of a byte each, and a large block's inside that others describe anew. */
static void *share_far(void *arg)
{
	uintptr_t t = (uintptr_t)arg;
	struct gd__block b;
	size_t size;

	for (int round = 0; round < 50000; round++) {
		char *p = shared_arena + ((size_t)round % 4 * THREADS + t) * 128;

		CHECK(gd__heap_add(p, 100, 128, 0, 0));
		CHECK(gd__heap_find((uintptr_t)p + 99, &b));
		CHECK_EQ(b.start, (uintptr_t)p);
		CHECK(gd__heap_remove(p, &size));
		if (round % 500 == 0) /* describes some thousand pages */
			CHECK(gd__heap_resize(shared_arena + (1 << 20), ((size_t)48 << 20) + t,
					      (size_t)49 << 20, 0, 0));
		CHECK(gd__heap_find((uintptr_t)shared_arena + (40 << 20) + 5, &b));
		CHECK_EQ(b.start, (uintptr_t)shared_arena + (1 << 20));
	}
	return NULL;
}

CASE(threads_share_levels)
{
	pthread_t t[THREADS];

	shared_arena = gd__os_reserve(ARENA);
	CHECK(gd__heap_add(shared_arena + (1 << 20), (size_t)48 << 20, (size_t)49 << 20, 0, 0));
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, share_far, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* Of several that free the same block one is right. */
#define REMOVERS 2u
static _Atomic int won;
static _Atomic uint32_t turn;

/* Lets all removers get here for the n-th time. */
static void meet(uint32_t n)
{
	atomic_fetch_add(&turn, 1);
	while (atomic_load(&turn) < n * REMOVERS)
		sched_yield();
}

static void *free_what_all_free(void *arg)
{
	size_t size;

	for (uint32_t i = 0; i < 20000; i++) {
		bool tiny = i % 2;
		char *p = shared_arena + tiny * 4096;

		if (arg == NULL)
			CHECK(gd__heap_add(p, 16, tiny ? 16 : 64, 0, 0));
		meet(2 * i + 1);
		won += gd__heap_remove(p, &size);
		meet(2 * i + 2);
	}
	return NULL;
}

CASE(one_of_two_removers_wins)
{
	pthread_t t[REMOVERS];

	shared_arena = gd__os_reserve(ARENA);
	for (uintptr_t i = 0; i < REMOVERS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, free_what_all_free, (void *)i), 0);
	for (unsigned i = 0; i < REMOVERS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(won, 20000);
}

CASE(next_finds_where_blocks_are)
{
	size_t large = (size_t)64 << 20;
	char *volatile p = malloc(large);
	uintptr_t in = (uintptr_t)p + large / 2; /* of 4 MiB that it fills as a whole */
	uint64_t at = in, first = 0, end = (uint64_t)1 << 47;

	CHECK(gd__heap_next(&at));
	CHECK_EQ(at, in);
	CHECK(gd__heap_next(&first));
	CHECK(first > 0 && first <= in);
	CHECK_EQ(first % ((uint64_t)4 << 20), 0);
	CHECK(!gd__heap_next(&end));
	free(p);
}

/* Whether the 4 MiB of p are among all that are found from `from` on, which go up. */
static bool comes_by(uint64_t from, uintptr_t p)
{
	uint64_t area = (uint64_t)4 << 20, last = from;

	for (uint64_t at = from; gd__heap_next(&at); at = at / area * area + area) {
		CHECK(at >= last);
		last = at;
		if (at / area == p / area)
			return true;
	}
	return false;
}

CASE(next_leaves_nothing_out)
{
	size_t large = (size_t)64 << 20, table = (size_t)1 << GD__HEAP_TABLE_SHIFT;
	char *volatile p[2] = { malloc(100), malloc(large) };

	for (size_t i = 0; i < 2; i++)
		for (uint64_t back = 0; back < 4; back++) {
			uint64_t from = ((uintptr_t)p[i] / table - back) * table;

			CHECK(comes_by(from, (uintptr_t)p[i]));
		}
	for (size_t at = 0; at < large; at += (size_t)4 << 20)
		CHECK(comes_by(0, (uintptr_t)p[1] + at));
	CHECK(comes_by(0, (uintptr_t)p[0]));
	free(p[0]);
	free(p[1]);
}

CASE(totals_count_live_blocks)
{
	uint64_t blocks, bytes, blocks_after, bytes_after;

	gd__heap_totals(&blocks, &bytes);
	char *volatile p = malloc(1000);

	gd__heap_totals(&blocks_after, &bytes_after);
	CHECK_EQ(blocks_after, blocks + 1);
	CHECK_EQ(bytes_after, bytes + 1024);
	free(p);
	gd__heap_totals(&blocks_after, &bytes_after);
	CHECK_EQ(blocks_after, blocks);
	CHECK_EQ(bytes_after, bytes);
}

/* A broken or foreign root gives "not found", not a fault. */
static bool read_nothing(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	return false;
}

CASE(unreadable_tables_find_nothing)
{
	static const struct gd__mem none = { read_nothing, NULL };
	static uint64_t zero[70000];
	char *volatile p = malloc(10);
	struct gd__block b;

	CHECK(!gd__heap_find_in(&none, gd__heap_root(), (uintptr_t)p, &b));
	CHECK(!gd__heap_find_in(&plain, (uintptr_t)zero, (uintptr_t)p, &b));
	free(p);
}

UNIT_MAIN
