/*
 * sync.h - what the files of this folder share, and how the words of the
 * primitives in user memory are to be read (also by the inspect layer).
 */
#ifndef GD_RUNTIME_SYNC_SYNC_H
#define GD_RUNTIME_SYNC_SYNC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <gdetect/sync.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/lock.h"
#include "runtime/sched/m.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/waitq.h"

/* In a public function: the place that called it. */
#define GD__CALLER_PC ((uintptr_t)__builtin_return_address(0))

/* gd_mutex.state_ */
#define GD__MUTEX_LOCKED  1u
#define GD__MUTEX_WAITERS 2u  /* the queue is not empty */
#define GD__MUTEX_WOKEN   4u  /* a waiter was woken and has not yet looked */
#define GD__MUTEX_SHARED  8u  /* was once unlocked by another goroutine than its owner */
#define GD__MUTEX_BUSY    16u /* somebody has waited for it once: unlock must look */
#define GD__MUTEX_ALL     31u

/*
 * In the pc of a lock's owner, which needs no top bit: it has been locked before, so it was given
 * up by its owner then, unless it is marked as shared. For "is this a lock or a signal?".
 */
#define GD__LOCKED_BEFORE ((uintptr_t)1 << 63)

static inline const void *gd__owner_pc(uintptr_t pc, const void *last)
{
	return (const void *)(pc | (last != NULL ? GD__LOCKED_BEFORE : 0));
}

/* In the pc of a condition's last signal: nobody was there to be woken. */
#define GD__SIGNAL_IN_VAIN ((uintptr_t)1 << 63)

/* gd_rwmutex.readers_, seen as uint32_t */
#define GD__RW_READERS 0x3fffffffu /* read locks held */
#define GD__RW_WRITER  0x40000000u /* held by writer_ */
#define GD__RW_WAITERS 0x80000000u /* the queue is not empty: nobody gets past lock_ */

/* gd__self, inlined: it begins every operation. m: gd__m_self(). */
static GD__ALWAYS_INLINE struct gd__g *gd__on(const struct gd__m *m)
{
	return gd__likely(m != NULL && m->system_depth == 0) ? m->cur : NULL;
}

/* The goroutine that made a public call; a fatal error if it was none. */
static GD__ALWAYS_INLINE struct gd__g *gd__caller(const char *call)
{
	struct gd__g *g = gd__on(gd__m_self());

	if (gd__unlikely(g == NULL)) {
		gd__self_or_die(call);
		__builtin_unreachable();
	}
	return g;
}

/* The end of an operation that did not park. g: NULL outside of goroutines. */
static GD__ALWAYS_INLINE void gd__sync_point(struct gd__g *g)
{
	/* relaxed: a hint of sysmon */
	if (g != NULL && gd__unlikely(gd__load_relaxed(&g->preempt)))
		gd__safe_point(g);
}

/* Public structures hold plain words, for C++ and for all-zero initialisation. */
static inline struct gd__lock *gd__word_lock(uint32_t *word)
{
	return (struct gd__lock *)(void *)word;
}
static inline struct gd__waitq *gd__word_queue(void **first)
{
	return (struct gd__waitq *)(void *)first;
}
_Static_assert(sizeof(struct gd__lock) == sizeof(uint32_t), "a lock is one word");
_Static_assert(sizeof(struct gd__waitq) == 2 * sizeof(void *), "a queue is two words");
_Static_assert(offsetof(gd_mutex, last_) == offsetof(gd_mutex, first_) + 8, "adjacent");
_Static_assert(offsetof(gd_rwmutex, last_) == offsetof(gd_rwmutex, first_) + 8, "adjacent");
_Static_assert(offsetof(gd_waitgroup, last_) == offsetof(gd_waitgroup, first_) + 8, "adjacent");
_Static_assert(offsetof(gd_cond, last_) == offsetof(gd_cond, first_) + 8, "adjacent");

/*
 * In a stopped world: the waiter's goroutine waits for its primitive no longer and is on no queue;
 * who waited behind it is let in. The caller readies it. false: nothing was done, as the primitive
 * is being used, or the waiter was served.
 */
bool gd__mutex_abandon(struct gd__waiter *w);
bool gd__rwmutex_abandon(struct gd__waiter *w);
bool gd__waitgroup_abandon(struct gd__waiter *w);
bool gd__cond_abandon(struct gd__waiter *w);

/* Mutex operations on behalf of others: cond, once. pc is that of their caller. */
void gd__mutex_lock(gd_mutex *m, uintptr_t pc);
void gd__mutex_unlock(gd_mutex *m);

#endif
