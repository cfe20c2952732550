/* runq.h - the run queue of a P: a bounded ring with one producer and many consumers. */
#ifndef GD_RUNTIME_SCHED_RUNQ_H
#define GD_RUNTIME_SCHED_RUNQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gd__g;

/* Slots in a queue. A power of two, so that free-running counters may wrap. */
#define GD__RUNQ_CAP 256u

/*
 * head and tail run freely; slot i lives at i % GD__RUNQ_CAP.
 *
 * Invariants, in unsigned arithmetic:
 *   tail - head <= GD__RUNQ_CAP
 *   slots [head, tail) hold runnable goroutines; the producer owns the rest
 * Only the owning P stores tail. Any P may advance head.
 */
struct gd__runq {
	_Atomic uint32_t head;
	_Atomic uint32_t tail;
	struct gd__g *_Atomic slot[GD__RUNQ_CAP];
};

/* Adds g at the tail. False if the queue is full. Owner only. */
bool gd__runq_put(struct gd__runq *q, struct gd__g *g);
/* Takes the oldest goroutine, or NULL if the queue is empty. Owner only. */
struct gd__g *gd__runq_get(struct gd__runq *q);
/* Takes the older half out into batch (room for GD__RUNQ_CAP / 2). Owner or thief. Returns how
 * many. */
uint32_t gd__runq_grab(struct gd__runq *q, struct gd__g **batch);
/* Number of goroutines at some moment during the call. */
uint32_t gd__runq_len(struct gd__runq *q);

#endif
