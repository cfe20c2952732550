/*
 * g.c - goroutine records: the table, the free lists, the state machine.
 *
 * A record keeps its stack for ever, so a recycled goroutine costs neither a
 * system call nor a page fault. A P keeps up to LOCAL_FREE dead ones; beyond
 * that half of them go to the global list.
 */
#include "runtime/sched/g.h"

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/stack.h"
#include "runtime/sched/state.h"

#define LOCAL_FREE 64u
/* Records made at a time, so that one system call makes their guards. Each is a touched page. */
#define FRESH 16u

struct gd__gtab gd__gtab;

static struct gd__lock lock; /* rank GTAB: guards free and growth of the table */
static struct gd__glist free_list;

static bool legal(enum gd__g_status from, enum gd__g_status to)
{
	static const uint8_t moves[] = {
		[GD__G_FREE] = 1 << GD__G_RUNNABLE,
		[GD__G_RUNNABLE] = 1 << GD__G_RUNNING,
		[GD__G_RUNNING] = 1 << GD__G_RUNNABLE | 1 << GD__G_WAITING | 1 << GD__G_SYSCALL |
				  1 << GD__G_DEAD,
		[GD__G_SYSCALL] = 1 << GD__G_RUNNING | 1 << GD__G_RUNNABLE,
		[GD__G_WAITING] = 1 << GD__G_RUNNABLE,
		[GD__G_DEAD] = 1 << GD__G_FREE,
	};

	return (moves[from] & 1 << to) != 0;
}

void gd__g_set_status(struct gd__g *g, enum gd__g_status from, enum gd__g_status to)
{
	/* relaxed: queue, lock or note that hands g over orders its fields */
	if (gd__load_relaxed(&g->status) != from || !legal(from, to))
		gd__throw("g: illegal change of status");
	gd__store_relaxed(&g->status, to);
}

/* One more arena. Lock held. */
static bool grow(void) GD_REQUIRES(lock)
{
	uint32_t n = gd__load_relaxed(&gd__gtab.head.n); /* stored under the lock only */
	uint32_t slots = GD__G_ARENA;
	char *base;

	if (n == GD__G_ARENAS)
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

/* Up to n records that nobody has had yet: their guards are made, their pages touched. */
static void take_fresh(struct gd__glist *to, uint32_t n) GD_REQUIRES(lock)
{
	uint32_t arenas = gd__load_relaxed(&gd__gtab.head.n); /* stored under the lock only */
	struct gd__arena *a = arenas > 0 ? &gd__gtab.arena[arenas - 1] : NULL;
	size_t size = gd__stack_size();
	uint32_t used;

	if (!a || gd__load_relaxed(&a->used) == a->slots) { /* stored under the lock only */
		if (!grow())
			return;
		a = &gd__gtab.arena[arenas];
	}
	used = gd__load_relaxed(&a->used); /* as above */
	if (n > a->slots - used)
		n = a->slots - used;
	gd__stack_guard(a->base + used * size, n);
	for (uint32_t end = used + n; used < end; used++) {
		uintptr_t at = gd__g_address((uintptr_t)a->base, size, used);
		struct gd__g *g = (struct gd__g *)at;

		g->stack_lo = gd__stack_lo(a->base + used * size);
		g->stack_hi = at;
		gd__store_relaxed(&g->seq, 1); /* published by used */
		gd__glist_push(to, g);
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

/* Moves some records from the global list to to, or makes some. */
static void refill(struct gd__glist *to)
{
	gd__lock(&lock, GD__RANK_GTAB);
	if (free_list.n == 0)
		take_fresh(to, FRESH);
	for (struct gd__g *g; to->n < LOCAL_FREE / 2 && (g = gd__glist_pop(&free_list));)
		gd__glist_push(to, g);
	gd__unlock(&lock);
}

struct gd__g *gd__g_get(struct gd__p *p)
{
	if (p->free.n == 0)
		refill(&p->free);
	return gd__glist_pop(&p->free);
}

void gd__g_end(struct gd__m *m, struct gd__g *g)
{
	struct gd__p *p = m->p;

	gd__g_set_status(g, GD__G_DEAD, GD__G_FREE);
	/* LIFO: the warm stack is used next. */
	g->next = p->free.first;
	p->free.first = g;
	if (!p->free.last)
		p->free.last = g;
	if (++p->free.n < LOCAL_FREE)
		return;
	gd__lock(&lock, GD__RANK_GTAB);
	while (p->free.n > LOCAL_FREE / 2)
		gd__glist_push(&free_list, gd__glist_pop(&p->free));
	gd__unlock(&lock);
}
