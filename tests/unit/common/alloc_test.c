/* link: gdetect_detect gdetect */
/* The detectors' allocator: zeroed, aligned, never twice, also with many threads. */
#include <pthread.h>

#include "detector/common/alloc.h"
#include "tests/support/unit.h"

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

CASE(zeroed_and_aligned)
{
	for (int round = 0; round < 3; round++)
		for (size_t n = 1; n < 200000; n = n * 3 / 2 + 1) {
			char *p = gd__dalloc(n);

			CHECK(p != NULL);
			CHECK_EQ((uintptr_t)p % 16, 0);
			CHECK(is_zero(p, n));
			memset(p, 0xee, n);
			gd__dfree(p, n);
		}
}

CASE(freed_memory_serves_again)
{
	void *p = gd__dalloc(100);

	gd__dfree(p, 100);
	CHECK_EQ(gd__dalloc(120) == p, 1); /* the same class */
	gd__dfree(NULL, 5);
}

CASE(fills_many_regions)
{
	enum { N = 3000, SIZE = 3000 };
	static char *p[N];

	for (int i = 0; i < N; i++) {
		p[i] = gd__dalloc(SIZE);
		CHECK(is_zero(p[i], SIZE));
		memset(p[i], i, SIZE);
	}
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < SIZE; k++)
			CHECK_EQ((unsigned char)p[i][k], (unsigned char)i);
		gd__dfree(p[i], SIZE);
	}
}

#define THREADS 8

/* Each block carries its owner; a block given to two shows. */
static void *churn(void *arg)
{
	uint64_t state = (uintptr_t)arg + 5, id = (uintptr_t)arg;
	uint64_t *mine[32] = { 0 };

	for (int i = 0; i < 300000; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		uint64_t **slot = &mine[(state >> 40) % 32];

		if (*slot) {
			CHECK_EQ((*slot)[1], id);
			gd__dfree(*slot, 64);
			*slot = NULL;
		} else {
			*slot = gd__dalloc(64);
			CHECK_EQ((*slot)[1], 0);
			(*slot)[1] = id;
		}
	}
	return NULL;
}

CASE(threads_never_share_a_block)
{
	pthread_t t[THREADS];

	for (uintptr_t i = 1; i <= THREADS; i++)
		CHECK_EQ(pthread_create(&t[i - 1], NULL, churn, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

CASE(arena)
{
	struct gd__arena a = { 0 };
	size_t total = 0;
	char *last = NULL;

	for (size_t n = 0; n < 3000; n++) {
		char *p = gd__arena_get(&a, n);

		CHECK(p != NULL);
		CHECK_EQ((uintptr_t)p % 16, 0);
		CHECK(is_zero(p, n));
		memset(p, 1, n);
		total += n;
		last = p;
	}
	char *large = gd__arena_get(&a, (size_t)10 << 20);

	CHECK(large != NULL && large != last);
	memset(large, 1, (size_t)10 << 20);
	CHECK(a.total >= total + ((size_t)10 << 20));
	CHECK(gd__arena_get(&a, SIZE_MAX) == NULL);
	gd__arena_release(&a);
	CHECK(a.chunks == NULL && a.total == 0);
	CHECK(gd__arena_get(&a, 1) != NULL);
	gd__arena_release(&a);
}

UNIT_MAIN
