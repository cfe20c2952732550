/*
 * oslock.h - locks of the OS threads (pthread_mutex and its kin) that goroutines hold.
 *
 * Such a lock belongs to the thread. A goroutine that waits with one held lets its thread run
 * others, which then block that thread, and with it a P, on the lock; and it may come back on
 * another thread, which may not unlock it. Who interposes the lock functions tells of them
 * (runtime/inspect/oslock.h); here a park with one held becomes a finding, which sysmon prints.
 * Where nobody tells, a park costs one load and one branch.
 */
#ifndef GD_RUNTIME_SCHED_OSLOCK_H
#define GD_RUNTIME_SCHED_OSLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/compiler.h"
#include "runtime/sched/g.h"

#define GD__OSLOCK_HELD   8
#define GD__OSLOCK_FRAMES 8

struct gd__oslock {
	const void *lock;
	const char *what; /* "pthread_mutex", ... */
	int32_t tid;      /* of the thread that locked it */
	uint32_t npcs;
	uintptr_t pcs[GD__OSLOCK_FRAMES]; /* of the call that locked it, return addresses */
};

/* Of one goroutine; made at its first lock and kept with the record. Its own, but for g == NULL. */
struct gd__oslocks {
	uint32_t n;
	uint32_t lost; /* locks beyond GD__OSLOCK_HELD */
	struct gd__oslock held[GD__OSLOCK_HELD];
	struct gd__oslocks *next; /* free list */
};

enum gd__oslock_event {
	GD__OSLOCK_PARKS,   /* the goroutine waits for reason */
	GD__OSLOCK_YIELDS,  /* it gives way by itself */
	GD__OSLOCK_UNLOCKS, /* on another thread than it locked */
	GD__OSLOCK_ENDS
};

/* One report: once per kind of event, place of the lock, and reason. */
struct gd__oslock_finding {
	_Atomic uint32_t state; /* enum below; the fields are written before READY */
	enum gd__oslock_event event;
	uint32_t reason; /* enum gd__wait_reason */
	uint64_t goid;
	const char *name;
	struct gd__oslock lock;
	uint32_t npcs;
	uintptr_t pcs[2 * GD__OSLOCK_FRAMES]; /* where the event is */
};
enum { GD__OSLOCK_FREE, GD__OSLOCK_READY, GD__OSLOCK_PRINTING, GD__OSLOCK_PRINTED };

#define GD__OSLOCK_FINDINGS 32
extern struct gd__oslock_finding gd__oslock_findings[GD__OSLOCK_FINDINGS];
/* Findings that are READY. */
extern _Atomic uint32_t gd__oslock_pending;
/* Prints them; set by runtime/inspect/oslock.c where it is linked. Not under a lock. */
extern void (*gd__oslock_print)(void);

/* Something happens to g, the caller, with l held. Any lock of the runtime may be held. */
void gd__oslock_found(const struct gd__g *g, const struct gd__oslock *l,
		      enum gd__oslock_event event, uint32_t reason);
/* Prints what is pending, or waits for the one who does. On a goroutine, no lock held. */
void gd__oslock_flush(void);
/* Return addresses of g, the caller, by frame pointers; 0 if there are none. */
uint32_t gd__oslock_stack(const struct gd__g *g, uintptr_t *pcs, uint32_t max);

/* g is about to leave its thread. */
void gd__oslock_leaves(const struct gd__g *g, enum gd__oslock_event event, uint32_t reason);

static inline bool gd__oslock_any(const struct gd__g *g)
{
	return gd__unlikely(g->oslocks != NULL) && g->oslocks->n > 0;
}

#endif
