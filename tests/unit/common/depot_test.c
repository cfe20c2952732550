/* link: gdetect_detect gdetect */
/* The depot: equal stacks share an id, different ones never do, a dump's reader sees the same. */
#include <pthread.h>

#include "detector/common/depot.h"
#include "tests/support/unit.h"

#define STACKS 200000

/* The i-th stack: some differ in one frame only, lengths from 1 to all. */
static size_t make_stack(uint64_t i, uintptr_t *pcs)
{
	size_t n = 1 + i % GD__DEPOT_FRAMES;

	for (size_t k = 0; k < n; k++)
		pcs[k] = 0x400000 + k;
	pcs[(i / GD__DEPOT_FRAMES) % n] += i << 20;
	return n;
}

static uint32_t ids[STACKS];

CASE(stacks_come_back)
{
	uintptr_t pcs[GD__DEPOT_FRAMES], back[GD__DEPOT_FRAMES];

	for (uint64_t i = 0; i < STACKS; i++) {
		size_t n = make_stack(i, pcs);

		ids[i] = gd__depot_put(pcs, n);
		CHECK(ids[i] != 0);
	}
	for (uint64_t i = 0; i < STACKS; i++) {
		size_t n = make_stack(i, pcs);

		CHECK_EQ(gd__depot_put(pcs, n), ids[i]);
		CHECK_EQ(gd__depot_get(ids[i], back, GD__DEPOT_FRAMES), n);
		CHECK_EQ(memcmp(pcs, back, n * sizeof(*pcs)), 0);
	}
}

CASE(empty_stack_is_0)
{
	uintptr_t pc = 1;

	CHECK_EQ(gd__depot_put(&pc, 0), 0);
	CHECK_EQ(gd__depot_get(0, &pc, 1), 0);
}

CASE(long_stack_is_cut)
{
	uintptr_t pcs[100], back[100];

	for (size_t i = 0; i < 100; i++)
		pcs[i] = i + 1;
	uint32_t id = gd__depot_put(pcs, 100);

	CHECK_EQ(gd__depot_get(id, back, 100), GD__DEPOT_FRAMES);
	CHECK_EQ(gd__depot_get(id, back, 3), 3);
	CHECK_EQ(back[2], 3);
}

static bool read_plain(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	memcpy(buf, (const void *)(uintptr_t)addr, n);
	return true;
}

CASE(the_same_through_a_view)
{
	static const struct gd__mem plain = { read_plain, NULL };
	uintptr_t pcs[GD__DEPOT_FRAMES];
	uint64_t back[GD__DEPOT_FRAMES];

	for (uint64_t i = 0; i < 100000; i++)
		ids[i] = gd__depot_put(pcs, make_stack(i, pcs));
	for (uint64_t i = 0; i < 100000; i++) {
		size_t n = make_stack(i, pcs);

		CHECK_EQ(gd__depot_get_in(&plain, gd__depot_root(), ids[i], back, GD__DEPOT_FRAMES),
			 n);
		CHECK_EQ(memcmp(pcs, back, n * sizeof(*pcs)), 0);
	}
	CHECK_EQ(gd__depot_get_in(&plain, gd__depot_root(), UINT32_MAX, back, 8), 0);
}

#define THREADS 8

static uint32_t seen[THREADS][20000];

static void *put_all(void *arg)
{
	uint32_t *mine = seen[(uintptr_t)arg];
	uintptr_t pcs[GD__DEPOT_FRAMES];

	for (uint64_t i = 0; i < 20000; i++)
		mine[i] = gd__depot_put(pcs, make_stack(i + 1000000, pcs));
	return NULL;
}

CASE(threads_agree)
{
	pthread_t t[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, put_all, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 1; i < THREADS; i++)
		CHECK_EQ(memcmp(seen[i], seen[0], sizeof(seen[0])), 0);
}

UNIT_MAIN
