/*
 * g.c - goroutine records: the table and the free lists.
 *
 * A record keeps its stack for ever, so a recycled goroutine costs neither a
 * system call nor a page fault. The last to end is the first to be used
 * again, on the same P if it can be: its memory is warm. A P keeps up to
 * GD__P_FREE; beyond that the coldest half goes to the common list.
 */
#include "runtime/sched/g.h"

#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/stack.h"
#include "runtime/sched/state.h"

/* Records made at a time, so that one system call makes their guards. Each is a touched page. */
#define FRESH 16u

struct gd__gtab gd__gtab;

static struct gd__lock lock; /* rank GTAB: guards free_list and growth of the table */
static struct gd__gqueue free_list;
static _Atomic uint32_t spills; /* how often records came to free_list from a P */
static uint32_t arenas_max;     /* constant after gd__g_init */

/* One more arena. Lock held. */
static bool grow(void) GD_REQUIRES(lock)
{
	uint32_t n = gd__load_relaxed(&gd__gtab.head.n); /* stored under the lock only */
	uint32_t slots = GD__G_ARENA;
	char *base;

	if (n == arenas_max)
		return false;
	/* With little address space left (RLIMIT_AS) a smaller one. */
	while (!(base = gd__stack_arena(slots)) && slots > 1)
		slots /= 2;
	if (!base)
		return false;
	gd__gtab.arena[n].base = base;
	gd__gtab.arena[n].slots = slots;
	gd__store_release(&gd__gtab.head.n,
			  n + 1); /* pairs with loads of n in inspect.c: the arena */
	return true;
}

/* Up to n records for p that nobody has had yet: their guards are made, their pages touched. */
static void take_fresh(struct gd__p *p, uint32_t n) GD_REQUIRES(lock)
{
	uint32_t arenas = gd__load_relaxed(&gd__gtab.head.n); /* stored under the lock only */
	struct gd__arena *a = arenas > 0 ? &gd__gtab.arena[arenas - 1] : NULL;
	size_t size = gd__stack_size();
	uint64_t unguarded;
	uint32_t used, first;

	if (!a || gd__load_relaxed(&a->used) == a->slots) { /* stored under the lock only */
		if (!grow())
			return;
		a = &gd__gtab.arena[arenas];
	}
	used = gd__load_relaxed(&a->used); /* as above */
	if (n > a->slots - used)
		n = a->slots - used;
	unguarded = gd__stack_guard(a->base + used * size, n);
	first = used;
	for (uint32_t end = used + n; used < end; used++) {
		uintptr_t at = gd__g_address((uintptr_t)a->base, size, used);
		struct gd__g *g = (struct gd__g *)at;

		g->stack_lo = gd__stack_lo(a->base + used * size);
		g->stack_hi = at;
		g->unguarded = unguarded >> (used - first) & 1;
		gd__store_relaxed(&g->seq, 1); /* published by used */
		p->free[p->nfree++] = g;
	}
	gd__store_release(&a->used, used); /* pairs with loads of used in inspect.c: the records */
}

void gd__g_table_lock(void) GD_UNCHECKED
{
	gd__lock(&lock, GD__RANK_GTAB);
}

void gd__g_table_unlock(void) GD_UNCHECKED
{
	gd__unlock(&lock);
}

static void refill(struct gd__p *p)
{
	gd__lock(&lock, GD__RANK_GTAB);
	if (free_list.n == 0) {
		take_fresh(p, FRESH);
	} else {
		p->nfree = free_list.n < GD__P_FREE / 2 ? free_list.n : GD__P_FREE / 2;
		gd__gqueue_take_last(&free_list, p->free, p->nfree);
	}
	gd__unlock(&lock);
}

/* All that a spawn will write, on its way into the cache. */
static void prefetch(const struct gd__g *g)
{
	for (size_t i = 0; i < sizeof(*g); i += 64)
		__builtin_prefetch((const char *)g + i, 1);
	__builtin_prefetch((const char *)g - 64, 1); /* the first frames */
}

struct gd__g *gd__g_get(struct gd__p *p)
{
	struct gd__g *g;

	if (p->nfree == 0)
		refill(p);
	if (p->nfree == 0)
		return NULL;
	g = p->free[--p->nfree];
	if (p->nfree > 0)
		prefetch(p->free[p->nfree - 1]);
	return g;
}

void gd__g_end(struct gd__m *m, struct gd__g *g)
{
	struct gd__p *p = m->p;

	gd__g_set_status(g, GD__G_DEAD, GD__G_FREE);
	p->free[p->nfree++] = g;
	if (p->nfree < GD__P_FREE)
		return;
	gd__lock(&lock, GD__RANK_GTAB);
	gd__gqueue_put_all(&free_list, p->free, GD__P_FREE / 2);
	gd__count_relaxed(&spills, 1); /* stored under the lock */
	gd__unlock(&lock);
	p->nfree -= GD__P_FREE / 2;
	memcpy(p->free, p->free + GD__P_FREE / 2, p->nfree * sizeof(p->free[0]));
}

uint32_t gd__g_spills(void)
{
	return gd__load_relaxed(&spills); /* a change of it is all one wants */
}

uint32_t gd__g_free(void)
{
	struct gd__m *m = gd__m_busy_begin();
	uint32_t n;

	gd__lock(&lock, GD__RANK_GTAB);
	n = free_list.n;
	gd__unlock(&lock);
	gd__m_busy_end(m);
	return n;
}

uint32_t gd__g_take_free(struct gd__g **g, uint32_t n)
{
	struct gd__m *m = gd__m_busy_begin();

	gd__lock(&lock, GD__RANK_GTAB);
	n = n < free_list.n ? n : free_list.n;
	gd__gqueue_take_first(&free_list, g, n);
	gd__unlock(&lock);
	gd__m_busy_end(m);
	return n;
}

void gd__g_give_free(struct gd__g *const *g, uint32_t n)
{
	struct gd__m *m = gd__m_busy_begin();

	gd__lock(&lock, GD__RANK_GTAB);
	gd__gqueue_put_all(&free_list, g, n);
	gd__unlock(&lock);
	gd__m_busy_end(m);
}

static bool init_queues(uint32_t max)
{
	if (!gd__gqueue_init(&gd__sched.global, max))
		return false;
	if (gd__gqueue_init(&free_list, max))
		return true;
	gd__os_unmap(gd__sched.global.at, max * sizeof(gd__sched.global.at[0]));
	return false;
}

/* Room in the queues for as many records as there can be: what bounds them is address space. */
void gd__g_init(void)
{
	uint64_t most = gd__os_address_space() / gd__stack_size();
	uint32_t max = GD__G_ARENAS * GD__G_ARENA;

	if (gd__sched.global.at) /* a second gd_run, in a child of fork */
		return;
	while (max > GD__G_ARENA && max / 2 >= most)
		max /= 2;
	while (!init_queues(max))
		if ((max /= 2) < GD__G_ARENA)
			gd__fatal("out of memory for the run queue");
	arenas_max = max / GD__G_ARENA;
}
