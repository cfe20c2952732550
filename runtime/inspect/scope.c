/* scope.c - scopes are numbers in the records of goroutines, handed on by gd_go. */
#include "runtime/inspect/scope.h"

#include "runtime/base/atomic.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"

uint32_t gd__scope_of_self(void)
{
	const struct gd__g *g = gd__self();

	return g ? g->scope : 0;
}

void gd__scope_enter(uint32_t scope)
{
	gd__self()->scope = scope;
}

static void look_at(const struct gd__g *g, uint32_t scope, uint64_t id, struct gd__scope_census *c)
{
	uint32_t status = gd__load_relaxed(&g->status); /* a word that may be old at once */

	if (status == GD__G_FREE || status == GD__G_DEAD || gd__fork_is_gone(g->id) ||
	    g->scope != scope)
		return;
	c->there |= g->id == id;
	if (g->background || g->system)
		return;
	c->alive++;
	c->did += (g->id + 1) * (g->parks + 1); /* its own, and read at any time: a hint */
	c->moving += status == GD__G_RUNNABLE || status == GD__G_RUNNING;
}

void gd__scope_count(uint32_t scope, uint64_t id, struct gd__scope_census *c)
{
	uint32_t n = gd__load_acquire(&gd__gtab.head.n); /* pairs with grow in g.c: the arenas */

	*c = (struct gd__scope_census){ 0 };
	for (uint32_t i = 0; i < n; i++) {
		const struct gd__arena *a = &gd__gtab.arena[i];
		/* pairs with take_fresh in g.c: the records */
		uint32_t used = gd__load_acquire(&a->used);

		for (uint32_t k = 0; k < used; k++)
			look_at((const struct gd__g *)gd__g_address((uintptr_t)a->base,
								    gd__gtab.head.slot_size, k),
				scope, id, c);
	}
}
