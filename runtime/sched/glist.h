/* glist.h - goroutines linked through g->next, for a list that is handed on at once. */
#ifndef GD_RUNTIME_SCHED_GLIST_H
#define GD_RUNTIME_SCHED_GLIST_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/sched/g.h"

/* Guarded by whoever owns it. n is the length. */
struct gd__glist {
	struct gd__g *first, *last;
	uint32_t n;
};

static inline void gd__glist_push(struct gd__glist *l, struct gd__g *g)
{
	g->next = NULL;
	if (l->last)
		l->last->next = g;
	else
		l->first = g;
	l->last = g;
	l->n++;
}

/* The oldest, or NULL. */
static inline struct gd__g *gd__glist_pop(struct gd__glist *l)
{
	struct gd__g *g = l->first;

	if (!g)
		return NULL;
	l->first = g->next;
	if (!l->first)
		l->last = NULL;
	g->next = NULL;
	l->n--;
	return g;
}

#endif
