/*
 * runq.c - bounded run queue of one P.
 *
 * There is no lock. A slot passes from producer to consumer by one store to
 * tail, and back by one compare-and-swap on head.
 */
#include "runtime/sched/runq.h"

#include <stddef.h>

#include "runtime/base/atomic.h"
#include "runtime/sched/g.h"

bool gd__runq_put(struct gd__runq *q, struct gd__g *g)
{
	uint32_t head = gd__load_acquire(&q->head); /* pairs with cas in runq_get: slot is free */
	uint32_t tail = gd__load_relaxed(&q->tail); /* only this P stores tail */

	if (tail - head >= GD__RUNQ_CAP)
		return false;
	gd__store_relaxed(&q->slot[tail % GD__RUNQ_CAP], g); /* published by tail */
	gd__store_release(&q->tail, tail + 1); /* pairs with load of tail in runq_grab */
	return true;
}

/*
 * Those that come next are on their way into the cache while this one runs: of the one after next
 * the record, of the next the stack. Behind many others their memory is cold. A thief may run one
 * of them meanwhile: then the stack pointer read is any, and only used as a hint.
 */
static inline void prefetch_next(const struct gd__runq *q, uint32_t head, uint32_t tail)
{
	const struct gd__g *next, *later;

	if (tail - head <= 2)
		return;
	/* relaxed: hints */
	next = gd__load_relaxed(&q->slot[(head + 1) % GD__RUNQ_CAP]);
	later = gd__load_relaxed(&q->slot[(head + 2) % GD__RUNQ_CAP]);
	__builtin_prefetch(later);
	__builtin_prefetch((const void *)next->ctx.sp);
}

struct gd__g *gd__runq_get(struct gd__runq *q)
{
	uint32_t head = gd__load_acquire(&q->head); /* pairs with cas of other consumers */
	uint32_t tail = gd__load_relaxed(&q->tail); /* only this P stores tail */

	while (head != tail) {
		struct gd__g *g = gd__load_relaxed(&q->slot[head % GD__RUNQ_CAP]);

		/* pairs with load of head in runq_put: the slot is free again */
		if (gd__cas_release(&q->head, &head, head + 1)) {
			prefetch_next(q, head, tail);
			return g;
		}
	}
	return NULL;
}

uint32_t gd__runq_grab(struct gd__runq *q, struct gd__g **batch)
{
	for (;;) {
		uint32_t head = gd__load_acquire(&q->head); /* pairs with cas of other consumers */
		uint32_t tail = gd__load_acquire(&q->tail); /* pairs with store in runq_put */
		uint32_t n = tail - head;

		n -= n / 2;
		if (n == 0)
			return 0;
		if (n > GD__RUNQ_CAP / 2) /* head and tail were not of one moment */
			continue;
		for (uint32_t i = 0; i < n; i++)
			batch[i] = gd__load_relaxed(&q->slot[(head + i) % GD__RUNQ_CAP]);
		/* pairs with load of head in runq_put: the slots are free again */
		if (gd__cas_release(&q->head, &head, head + n))
			return n;
	}
}

uint32_t gd__runq_len(struct gd__runq *q)
{
	for (;;) {
		uint32_t head = gd__load_acquire(&q->head); /* pairs with cas in runq_get */
		uint32_t tail = gd__load_acquire(&q->tail); /* pairs with store in runq_put */

		if (head == gd__load_relaxed(&q->head)) /* so both are of one moment */
			return tail - head;
	}
}
