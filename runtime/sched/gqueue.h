/*
 * gqueue.h - a queue of goroutines that is never full: the global run queue, the free records.
 *
 * Pointers in one reserved range with room for every record there can be, used from its beginning:
 * so putting one in cannot fail, batches move by copying, and nobody touches a goroutine's memory,
 * which is cold when there are many, before its turn has come. (A list linked through the records
 * spent a third of skynet's time on that, 2026.)
 */
#ifndef GD_RUNTIME_SCHED_GQUEUE_H
#define GD_RUNTIME_SCHED_GQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/compiler.h"

struct gd__g;

/*
 * Guarded by whoever owns it. Element i lies at (head + i) % cap.
 *   n <= cap <= max, cap a power of two, or 0 before the first element
 */
struct gd__gqueue {
	struct gd__g **at;
	uint32_t head, n, cap, max;
};

void gd__gqueue_grow(struct gd__gqueue *q);

/* Reserves room for max, a power of two. False: no address space. */
bool gd__gqueue_init(struct gd__gqueue *q, uint32_t max);
static inline void gd__gqueue_put(struct gd__gqueue *q, struct gd__g *g)
{
	if (gd__unlikely(q->n == q->cap))
		gd__gqueue_grow(q);
	q->at[(q->head + q->n++) & (q->cap - 1)] = g;
}
/* The oldest; q->n > 0. */
static inline struct gd__g *gd__gqueue_take(struct gd__gqueue *q)
{
	struct gd__g *g = q->at[q->head];

	q->head = (q->head + 1) & (q->cap - 1);
	q->n--;
	return g;
}

void gd__gqueue_put_all(struct gd__gqueue *q, struct gd__g *const *g, uint32_t n);
/* The n oldest, n <= q->n. */
void gd__gqueue_take_first(struct gd__gqueue *q, struct gd__g **g, uint32_t n);
/* The n put last, in the order they were put. n <= q->n. */
void gd__gqueue_take_last(struct gd__gqueue *q, struct gd__g **g, uint32_t n);

#endif
