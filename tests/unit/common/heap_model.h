/*
 * heap_model.h - the map of live blocks against a plain model: a sorted array of the blocks.
 *
 * Made-up blocks in a reservation of their own, laid out as jemalloc does: runs of pages that hold
 * blocks of one room, or one large block. Runs change their use when they are empty, so that the
 * tables are full of what was; chunk borders fall inside runs.
 */
#ifndef GD_TESTS_UNIT_COMMON_HEAP_MODEL_H
#define GD_TESTS_UNIT_COMMON_HEAP_MODEL_H

#include "detector/common/heap.h"
#include "detector/common/heap_layout.h"
#include "runtime/base/os_linux.h"
#include "tests/support/unit.h"

#define ARENA  ((size_t)1 << 26)  /* 16 chunks */
#define RUN    ((size_t)17 << 12) /* no divisor of a chunk */
#define RUNS   (ARENA / RUN)
#define BLOCKS 4000

static uint64_t seed;

static inline uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct model {
	char *arena;
	size_t n;
	struct {
		uint64_t start, size;
	} b[BLOCKS]; /* by rising start */
	struct {
		size_t room; /* 0: of a large block, or of none */
		size_t live; /* blocks in it, or that it is part of */
	} run[RUNS];
};

/* Index of the first block that starts after addr. */
static inline size_t model_above(const struct model *m, uint64_t addr)
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

static inline bool model_find(const struct model *m, uint64_t addr, uint64_t *start, uint64_t *size)
{
	size_t i = model_above(m, addr);

	if (i == 0)
		return false;
	*start = m->b[i - 1].start;
	*size = m->b[i - 1].size;
	return addr - *start < *size || addr == *start;
}

static inline size_t run_of(const struct model *m, uint64_t addr)
{
	return (addr - (uintptr_t)m->arena) / RUN;
}

/* What the record says of a block: without a note a small one's room. */
static inline void model_add(struct model *m, uint64_t start, size_t size, size_t room)
{
	size_t i = model_above(m, start);

	CHECK(gd__heap_add((void *)(uintptr_t)start, size, room, 7, (uint32_t)(start >> 4)));
	memmove(&m->b[i + 1], &m->b[i], (m->n - i) * sizeof(m->b[0]));
	m->b[i].start = start;
	m->b[i].size = gd__heap_notes() || room > GD__HEAP_SMALL ? size : room;
	m->n++;
}

static inline size_t random_room(void)
{
	if (next_random() % 3 == 0)
		return 16 + 16 * (next_random() % 3);
	return gd__heap_room(GD__START_FIRST + (unsigned)(next_random() % 32));
}

static inline void add_small(struct model *m, size_t run)
{
	if (m->run[run].live == 0)
		m->run[run].room = random_room();
	size_t room = m->run[run].room, note = gd__heap_notes() ? GD__HEAP_NOTE : 0, had;
	uint64_t start;
	size_t size;

	if (room == 0 || room <= note) /* a part of a large block, or no room for anything */
		return;
	start = (uintptr_t)(m->arena + run * RUN + next_random() % (RUN / room) * room);
	if (gd__heap_get((void *)(uintptr_t)start, &size, &had))
		return;
	m->run[run].live++;
	model_add(m, start,
		  room - note - next_random() % (room / 4 < 16 ? 16 : room / 4) % (room - note + 1),
		  room);
}

static inline void add_large(struct model *m, size_t run)
{
	size_t runs = 1, room, offset = next_random() % 64 * 64;
	size_t most = next_random() % 8 == 0 ? RUNS / 3 : 3;

	if (m->run[run].live != 0)
		return;
	while (runs < most && run + runs < RUNS && m->run[run + runs].live == 0)
		runs++;
	for (size_t i = 0; i < runs; i++) {
		m->run[run + i].live = 1;
		m->run[run + i].room = 0;
	}
	room = runs * RUN - 4096;
	model_add(m, (uintptr_t)(m->arena + run * RUN + offset),
		  next_random() % (room - GD__HEAP_NOTE - 16), room);
}

static inline void model_remove(struct model *m, size_t i)
{
	void *p = (void *)(uintptr_t)m->b[i].start;
	size_t run = run_of(m, m->b[i].start), size;

	CHECK(gd__heap_remove(p, &size));
	CHECK_EQ(size, m->b[i].size);
	CHECK(!gd__heap_remove(p, &size));
	m->n--;
	memmove(&m->b[i], &m->b[i + 1], (m->n - i) * sizeof(m->b[0]));
	m->run[run].live--;
	if (m->run[run].room == 0) /* the rest of a large block's */
		while (++run < RUNS && m->run[run].live == 1 && m->run[run].room == 0 &&
		       (i == m->n || run < run_of(m, m->b[i].start)))
			m->run[run].live = 0;
}

static inline bool read_plain(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	++*(size_t *)m->self;
	memcpy(buf, (const void *)(uintptr_t)addr, n);
	return true;
}

static size_t reads;
static const struct gd__mem plain = { read_plain, &reads };

static inline void check_address(const struct model *m, uint64_t addr)
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
		CHECK_EQ(b.goid, gd__heap_notes() ? (uint32_t)(start >> 4) : 0);
		CHECK_EQ(b.stack, gd__heap_notes() ? 7 : 0);
	}
}

static inline void random_step(struct model *m)
{
	size_t run = next_random() % RUNS;

	if (m->n > 0 && (m->n == BLOCKS || next_random() % 5 < 2))
		model_remove(m, next_random() % m->n);
	else if (next_random() % 16 == 0)
		add_large(m, run);
	else
		add_small(m, next_random() % 2 ? run : run % 40);
}

static inline void check_against_model(void)
{
	static struct model m;

	m.arena = gd__os_reserve(ARENA);
	for (seed = 1; seed < 6; seed++) {
		uint64_t keep = seed;

		for (int step = 0; step < 20000; step++) {
			random_step(&m);
			check_address(&m, (uintptr_t)m.arena + next_random() % ARENA);
			if (m.n > 0) {
				size_t i = next_random() % m.n;
				uint64_t at = m.b[i].start;

				check_address(&m, at + next_random() % (m.b[i].size + 1));
				check_address(&m, at + m.b[i].size);
				check_address(&m, at - 1);
			}
		}
		while (m.n > 0)
			model_remove(&m, m.n - 1);
		check_address(&m, (uintptr_t)m.arena + ARENA / 2);
		seed = keep;
	}
}

#endif
