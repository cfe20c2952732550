/* gqueue.c - see gqueue.h. */
#include "runtime/sched/gqueue.h"

#include <stddef.h>
#include <string.h>

#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"

#define FIRST_CAP ((uint32_t)(GD__PAGE / sizeof(struct gd__g *)))

bool gd__gqueue_init(struct gd__gqueue *q, uint32_t max)
{
	q->at = gd__os_reserve(max * sizeof(struct gd__g *));
	q->max = max;
	return q->at != NULL;
}

/* Doubles the part in use. What wraps to its beginning continues behind its old end. */
void gd__gqueue_grow(struct gd__gqueue *q)
{
	uint32_t cap = q->cap;

	if (cap == q->max)
		gd__throw("gqueue: more goroutines than records");
	if (cap == 0) {
		q->cap = FIRST_CAP < q->max ? FIRST_CAP : q->max;
		return;
	}
	memcpy(q->at + cap, q->at, q->head * sizeof(struct gd__g *));
	q->cap = cap * 2;
}

void gd__gqueue_put_all(struct gd__gqueue *q, struct gd__g *const *g, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		gd__gqueue_put(q, g[i]);
}

void gd__gqueue_take_first(struct gd__gqueue *q, struct gd__g **g, uint32_t n)
{
	gd__check(n <= q->n);
	for (uint32_t i = 0; i < n; i++)
		g[i] = q->at[(q->head + i) & (q->cap - 1)];
	q->head = (q->head + n) & (q->cap - 1);
	q->n -= n;
}

void gd__gqueue_take_last(struct gd__gqueue *q, struct gd__g **g, uint32_t n)
{
	gd__check(n <= q->n);
	q->n -= n;
	for (uint32_t i = 0; i < n; i++)
		g[i] = q->at[(q->head + q->n + i) & (q->cap - 1)];
}
