/*
 * events.c - the user's heap and threads, as seen by the race detector.
 *
 * malloc: the memory is new. free: a write to the whole block that leaves a mark, so that a
 * free that races with a use, and a use that comes later, are reports.
 * A thread is a goroutine without an id: its creator's past is its own, its end
 * is a release that pthread_join acquires.
 */
#include "detector/race/events.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "detector/common/alloc.h"
#include "detector/common/heap.h"
#include "detector/common/interpose.h"
#include "detector/race/access.h"
#include "detector/race/gctx.h"
#include "detector/race/keys.h"
#include "detector/race/syncobj.h"
#include "runtime/base/atomic.h"
#include "runtime/inspect/traceback.h"

/* Reports tell the size of a block and who has allocated it, where. */
const char gd__heap_wants_notes = 1;

static void on_alloc(void *p, size_t n, uintptr_t pc)
{
	if (n > 0)
		gd__shadow_reset((uintptr_t)p, n);
}

static void on_free(void *p, size_t n, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (n == 0)
		return;
	if (g)
		gd__access(g, (uintptr_t)p, n, GD__ACCESS_WRITE | GD__ACCESS_FREE, pc);
	gd__sync_forget((uintptr_t)p, n);
	gd__sync_forget(gd__key_note(p), n);
	gd__sync_forget(gd__key_readers(p), n);
}

static void *on_enter(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	gd__race_cur = NULL;
	return g;
}

static void on_leave(void *state)
{
	gd__race_cur = state;
}

static const struct gd__heap_events heap_events = { on_alloc, on_free, on_enter, on_leave };

enum { THREAD_RUNS, THREAD_ENDED, THREAD_DETACHED };

/* What the thread registry keeps of ours. Freed by the join, or by the second of end, detach. */
struct race_thread {
	struct gd__hook_ctx *g;
	_Atomic uint32_t state;
};

static void *on_create(uintptr_t pc, uintptr_t entry)
{
	struct gd__hook_ctx *parent = gd__race_cur;
	struct race_thread *t = gd__dalloc(sizeof(*t));

	if (t)
		t->g = gd__gctx_make(parent, 0, entry, parent ? gd__gctx_stack_id(parent, pc) : 0);
	return t;
}

static void on_failed(void *token)
{
	struct race_thread *t = token;

	if (!t)
		return;
	gd__gctx_end(t->g);
	gd__dfree(t, sizeof(*t));
}

static void on_start(void *token)
{
	struct race_thread *t = token;
	uintptr_t lo = 0, hi = 0;

	/* The stack and the thread-locals above it may have been those of a thread nobody joined.
	 */
	gd__stack_bounds(&lo, &hi);
	gd__shadow_reset(lo, hi - lo);
	gd__race_cur = t ? t->g : NULL;
}

static void thread_free(struct race_thread *t)
{
	gd__sync_forget(gd__key_note(t), 1);
	gd__dfree(t, sizeof(*t));
}

/* Made so by its attributes: nobody will tell. */
static bool is_detached(void)
{
	pthread_attr_t attr;
	int state = PTHREAD_CREATE_JOINABLE;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return false;
	pthread_attr_getdetachstate(&attr, &state);
	pthread_attr_destroy(&attr);
	return state == PTHREAD_CREATE_DETACHED;
}

static void on_end(void *token)
{
	struct race_thread *t = token;
	struct gd__hook_ctx *g = gd__race_cur;

	if (!t || !g)
		return;
	gd__sync_release(g, gd__key_note(t));
	gd__race_cur = NULL;
	gd__gctx_end(g);
	/* pairs with the swap in detached: the second sees all of the first */
	if (gd__swap_acq_rel(&t->state, THREAD_ENDED) == THREAD_DETACHED || is_detached())
		thread_free(t);
}

void gd__race_thread_joined(void *token)
{
	struct race_thread *t = token;

	if (!t)
		return;
	if (gd__race_cur)
		gd__sync_acquire(gd__race_cur, gd__key_note(t));
	thread_free(t);
}

void gd__race_thread_detached(void *token)
{
	struct race_thread *t = token;

	/* pairs with the swap in on_end */
	if (t && gd__swap_acq_rel(&t->state, THREAD_DETACHED) == THREAD_ENDED)
		thread_free(t);
}

static const struct gd__thread_events thread_events = { on_create, on_failed, on_start, on_end };

void gd__race_events_install(void)
{
	gd__heap_events_install(&heap_events);
	gd__thread_events_install(&thread_events);
}
