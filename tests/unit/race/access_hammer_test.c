/*
 * access_hammer_test.c - several threads on the same cells at once.
 *
 * Each thread is a goroutine and encodes itself, the size and the kind in the pc
 * of each access, so a fact mixed from two values shows as a report that
 * contradicts itself. Words that only a lock's holder touches must stay silent.
 */
#include <pthread.h>

#include "detector/race/access.h"
#include "detector/race/hooks.h"
#include "detector/race/race_find.h"
#include "detector/race/race_report.h"
#include "detector/race/record.h"
#include "detector/race/syncobj.h"
#include "tests/support/unit.h"

#define THREADS 4
#define STEPS   150000
#define SHARED  4 /* cells that all fight for */
#define LOCKED  4 /* cells under the lock */

static char arena[(SHARED + LOCKED) * 8] __attribute__((aligned(64)));
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t found, torn, wrong;

static uintptr_t pc_of(uint64_t goid, unsigned kind, size_t size)
{
	return 0x100000 + goid * 0x1000 + kind * 0x100 + size * 0x10;
}

static bool makes_sense(const struct gd__race_access *a)
{
	return a->pcs[0] == pc_of(a->goid, a->kind, a->size) && a->size > 0 &&
	       a->addr >= (uintptr_t)arena && a->addr + a->size <= (uintptr_t)arena + sizeof(arena);
}

static void take_report(struct gd__race *r)
{
	bool both_atomic = (r->now.kind & r->before.kind & GD__ACCESS_ATOMIC) != 0;

	gd__add_relaxed(&found, 1);
	if (!makes_sense(&r->now) || !makes_sense(&r->before))
		gd__add_relaxed(&torn, 1);
	if (r->now.goid == r->before.goid || both_atomic ||
	    !((r->now.kind | r->before.kind) & GD__ACCESS_WRITE) ||
	    r->now.addr >= (uintptr_t)arena + (size_t)SHARED * 8)
		gd__add_relaxed(&wrong, 1);
}

static uint32_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 20);
}

static void fight(struct gd__hook_ctx *g, uint64_t *s, uintptr_t base, unsigned cells)
{
	size_t size = (size_t)1 << (next(s) & 3);
	uintptr_t addr = base + next(s) % (cells * 8 / size) * size;
	unsigned kind = next(s) & 3;

	if (kind == GD__ACCESS_READ)
		gd__access_read_hot(g, addr, size, pc_of(g->goid, kind, size));
	else if (kind == GD__ACCESS_WRITE)
		gd__access_write_hot(g, addr, size, pc_of(g->goid, kind, size));
	else
		gd__access_cell_slow(g, addr, size, kind, pc_of(g->goid, kind, size));
}

static void *body(void *arg)
{
	struct gd__hook_ctx *g = arg;
	uint64_t s = g->goid * 0x9e3779b97f4a7c15u;

	gd__race_cur = g;
	for (int i = 0; i < STEPS; i++) {
		fight(g, &s, (uintptr_t)arena, SHARED);
		if (next(&s) % 16 == 0)
			gd__shadow_reset((uintptr_t)arena + next(&s) % SHARED * 8, 8);
		if (next(&s) % 8 != 0)
			continue;
		pthread_mutex_lock(&mutex);
		gd__sync_acquire(g, 0x1234);
		fight(g, &s, (uintptr_t)arena + (size_t)SHARED * 8, LOCKED);
		gd__sync_release(g, 0x1234);
		pthread_mutex_unlock(&mutex);
	}
	gd__race_cur = NULL;
	return NULL;
}

CASE(threads_on_the_same_cells)
{
	pthread_t t[THREADS];
	struct gd__hook_ctx *g[THREADS];

	CHECK(gd__race_init());
	gd__race_sink = take_report;
	gd__race_cur = NULL; /* this thread's own accesses are not the subject */
	for (int i = 0; i < THREADS; i++)
		g[i] = gd__gctx_make(NULL, (uint64_t)i + 1, 0, 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, body, g[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK(found > 0);
	CHECK_EQ(torn, 0);
	CHECK_EQ(wrong, 0);
	gd__shadow_reset((uintptr_t)arena, sizeof(arena));
	CHECK_EQ(gd__record_count(), 0);
}

UNIT_MAIN
