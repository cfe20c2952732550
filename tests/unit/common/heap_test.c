/* link: gdetect_detect gdetect */
/*
 * The map of live blocks against a plain model: a sorted array of the blocks.
 *
 * Most cases use made-up blocks in a reservation of their own, so that the
 * addresses are dense, cross chunk borders and repeat; a real malloc would
 * place them kindly.
 */
#include <pthread.h>

#include "detector/common/heap.h"
#include "runtime/base/os_linux.h"
#include "tests/support/unit.h"

#define ARENA  ((size_t)1 << 26) /* 16 chunks */
#define BLOCKS 4000

static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Live blocks of the model, by rising start. */
struct model {
	size_t n;
	struct {
		uint64_t start, size;
	} b[BLOCKS];
};

/* Index of the first block that starts after addr. */
static size_t model_above(const struct model *m, uint64_t addr)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (m->b[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool model_find(const struct model *m, uint64_t addr, uint64_t *start, uint64_t *size)
{
	size_t i = model_above(m, addr);

	if (i == 0)
		return false;
	*start = m->b[i - 1].start;
	*size = m->b[i - 1].size;
	return addr - *start < *size || addr == *start;
}

static void model_add(struct model *m, uint64_t start, uint64_t size)
{
	size_t i = model_above(m, start);

	memmove(&m->b[i + 1], &m->b[i], (m->n - i) * sizeof(m->b[0]));
	m->b[i].start = start;
	m->b[i].size = size;
	m->n++;
}

static void model_remove(struct model *m, size_t i)
{
	m->n--;
	memmove(&m->b[i], &m->b[i + 1], (m->n - i) * sizeof(m->b[0]));
}

static bool read_plain(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	++*(size_t *)m->self;
	memcpy(buf, (const void *)(uintptr_t)addr, n);
	return true;
}

static size_t reads;
static const struct gd__mem plain = { read_plain, &reads };

static void check_address(const struct model *m, uint64_t addr)
{
	uint64_t start = 0, size = 0;
	struct gd__block b, c;
	bool in_model = model_find(m, addr, &start, &size);

	CHECK_EQ(gd__heap_find(addr, &b), in_model);
	CHECK_EQ(gd__heap_find_in(&plain, gd__heap_root(), addr, &c), in_model);
	if (in_model) {
		CHECK_EQ(b.start, start);
		CHECK_EQ(b.size, size);
		CHECK_EQ(c.start, start);
		CHECK_EQ(c.size, size);
		CHECK_EQ(b.goid, (uint32_t)(start >> 4));
	}
}

/* Sizes of all kinds: mostly small, some of several chunks. */
static uint64_t random_size(void)
{
	switch (next_random() % 8) {
	case 0:
		return 0;
	case 1:
		return next_random() % 100000;
	case 2:
		return next_random() % (ARENA / 4);
	default:
		return next_random() % 200;
	}
}

static void try_add(struct model *m, char *arena)
{
	uint64_t start = (uintptr_t)arena + 16 + (next_random() % (ARENA - 32) & ~(uint64_t)15);
	uint64_t size = random_size(), limit = (uintptr_t)arena + ARENA;
	size_t i = model_above(m, start);

	if (i < m->n)
		limit = m->b[i].start - 16; /* the next block's header */
	if (i > 0 && m->b[i - 1].start + m->b[i - 1].size + 16 > start)
		return;
	if (start + size > limit)
		size = limit > start ? limit - start : 0;
	if (start > limit)
		return;
	CHECK(gd__heap_add((void *)(uintptr_t)start, size, 4, 7, (uint32_t)(start >> 4)));
	model_add(m, start, size);
}

static void random_step(struct model *m, char *arena)
{
	size_t size;
	uint32_t align;

	if (m->n > 0 && (m->n == BLOCKS || next_random() % 5 < 2)) {
		size_t i = next_random() % m->n;

		CHECK(gd__heap_remove((void *)(uintptr_t)m->b[i].start, &size, &align));
		CHECK_EQ(size, m->b[i].size);
		CHECK_EQ(align, 4);
		CHECK(!gd__heap_remove((void *)(uintptr_t)m->b[i].start, &size, &align));
		model_remove(m, i);
	} else {
		try_add(m, arena);
	}
}

CASE(agrees_with_sorted_array)
{
	static struct model m;
	char *arena = gd__os_reserve(ARENA);

	for (seed = 1; seed < 6; seed++) {
		uint64_t keep = seed;

		for (int step = 0; step < 20000; step++) {
			random_step(&m, arena);
			check_address(&m, (uintptr_t)arena + next_random() % ARENA);
			if (m.n > 0) {
				size_t i = next_random() % m.n;
				uint64_t at = m.b[i].start;

				check_address(&m, at + next_random() % (m.b[i].size + 1));
				check_address(&m, at + m.b[i].size);
				check_address(&m, at - 1);
			}
		}
		while (m.n > 0) {
			size_t size;
			uint32_t align;

			CHECK(gd__heap_remove((void *)(uintptr_t)m.b[--m.n].start, &size, &align));
		}
		check_address(&m, (uintptr_t)arena + ARENA / 2);
		seed = keep;
	}
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

CASE(zero_bytes_contain_their_start_only)
{
	struct gd__block b;
	char *p = malloc(0);

	CHECK(gd__heap_find((uintptr_t)p, &b));
	CHECK_EQ(b.start, (uintptr_t)p);
	CHECK_EQ(b.size, 0);
	CHECK(!gd__heap_find((uintptr_t)p + 1, &b));
	free(p);
	CHECK(!gd__heap_find((uintptr_t)p, &b));
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
	uint32_t align;

	CHECK(gd__heap_add(arena + 16, 8, 4, 0, 0));
	for (size_t at = 64; at < ARENA; at += 64)
		CHECK(gd__heap_add(arena + at, 32, 4, 0, 0));
	for (size_t at = 64; at < ARENA; at += 64)
		CHECK(gd__heap_remove(arena + at, &size, &align));
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
 * Threads whose blocks share words and groups: each must find its own at any time, though
 * the others empty the same words. Slot i of thread t lies at (i * THREADS + t) * 64.
 */
static char *shared_arena;

static void *share(void *arg)
{
	uintptr_t t = (uintptr_t)arg;
	struct gd__block b;
	size_t size;
	uint32_t align;

	for (int round = 0; round < 100000; round++) {
		size_t i = (size_t)round * 7 % 32;
		char *p = shared_arena + 64 + (i * THREADS + t) * 64;

		CHECK(gd__heap_add(p, 48, 4, 0, (uint32_t)t));
		CHECK(gd__heap_find((uintptr_t)p + 40, &b));
		CHECK_EQ(b.start, (uintptr_t)p);
		CHECK_EQ(b.goid, t);
		CHECK(gd__heap_remove(p, &size, &align));
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

/* As above, with an interior far from the start: only the summary levels lead there. */
static void *share_far(void *arg)
{
	uintptr_t t = (uintptr_t)arg;
	struct gd__block b;
	size_t size;
	uint32_t align;

	for (int round = 0; round < 50000; round++) {
		char *p = shared_arena + 64 + ((size_t)round % 4 * THREADS + t) * 128;

		CHECK(gd__heap_add(p, 100, 4, 0, (uint32_t)t));
		CHECK(gd__heap_find((uintptr_t)p + 99, &b));
		CHECK_EQ(b.start, (uintptr_t)p);
		CHECK(gd__heap_remove(p, &size, &align));
		/* The last block of all is never removed while others come and go before it. */
		CHECK(gd__heap_find((uintptr_t)shared_arena + (40 << 20) + 5, &b));
		CHECK_EQ(b.start, (uintptr_t)shared_arena + (1 << 20));
	}
	return NULL;
}

CASE(threads_share_levels)
{
	pthread_t t[THREADS];

	shared_arena = gd__os_reserve(ARENA);
	CHECK(gd__heap_add(shared_arena + (1 << 20), (size_t)48 << 20, 4, 0, 0));
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, share_far, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

CASE(totals_count_live_blocks)
{
	uint64_t blocks, bytes, blocks_after, bytes_after;

	gd__heap_totals(&blocks, &bytes);
	char *volatile p = malloc(1000);

	gd__heap_totals(&blocks_after, &bytes_after);
	CHECK_EQ(blocks_after, blocks + 1);
	CHECK_EQ(bytes_after, bytes + 1000);
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
