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

/* One chunk of records with their stacks, put on the free list. Lock held. */
static bool grow(void) GD_REQUIRES(lock)
{
	uint32_t n = gd__load_relaxed(&gd__gtab.n); /* stored under the lock only */
	uint32_t slots = GD__G_CHUNK;
	struct gd__g *chunk;
	char *stacks;

	if (n == GD__G_CHUNKS)
		return false;
	chunk = gd__os_map(GD__G_CHUNK * sizeof(*chunk));
	if (!chunk)
		return false;
	/* With little address space left (RLIMIT_AS) some records of the chunk get no stack. */
	while (!(stacks = gd__stack_arena(slots)) && slots > 1)
		slots /= 2;
	if (!stacks) {
		gd__os_unmap(chunk, GD__G_CHUNK * sizeof(*chunk));
		return false;
	}
	for (uint32_t i = 0; i < slots; i++) {
		chunk[i].stack_hi = (uintptr_t)(stacks + i * gd__stack_size());
		gd__glist_push(&free_list, &chunk[i]);
	}
	gd__gtab.chunk[n] = chunk;
	gd__store_release(&gd__gtab.n, n + 1); /* pairs with loads of n in inspect.c: the chunk */
	return true;
}

/* Moves up to n records from the global list to to. */
static void refill(struct gd__glist *to, uint32_t n)
{
	gd__lock(&lock, GD__RANK_GTAB);
	if (free_list.n == 0)
		grow();
	for (struct gd__g *g; n > 0 && (g = gd__glist_pop(&free_list)); n--)
		gd__glist_push(to, g);
	gd__unlock(&lock);
}

struct gd__g *gd__g_get(struct gd__p *p)
{
	struct gd__g *g;

	/* Records that were never used first live as a bare slot address in stack_hi. */
	if (p->free.n == 0)
		refill(&p->free, LOCAL_FREE / 2);
	g = gd__glist_pop(&p->free);
	if (g && g->stack_lo == 0)
		gd__stack_prepare((char *)g->stack_hi, &g->stack_lo, &g->stack_hi);
	return g;
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
