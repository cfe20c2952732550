/*
 * interpose_thread.c - pthread_create and thrd_create: who the threads beside the runtime are.
 *
 * pthread_create returns only when the new thread has entered itself in the
 * table, so that a token can be asked for at once and the start record lies on
 * the creator's stack. The end is seen by a thread-specific key that re-arms
 * itself until the last round of destructors: it also runs for pthread_exit
 * and cancellation. Entries are never freed, a finished thread's is taken by
 * the next one with the same pthread_t, so the table is as long as there were
 * threads at one time, and a join may ask for the token of a thread that has ended.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "detector/common/alloc.h"
#include "detector/common/interpose.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/inspect/traceback.h"

/* Entries of a segment; segments are linked and never freed. */
#define SEGMENT 256

struct entry {
	_Atomic uint64_t id; /* pthread_t; 0: never used */
	_Atomic int32_t tid; /* 0: has ended */
	/* Written before tid. No end: it may be the address of a heap block, and this is a root. */
	uintptr_t stack_lo, stack_size;
	void *_Atomic token;
	int rounds; /* of destructors so far; the thread's own */
};

struct segment {
	struct entry entry[SEGMENT];
	struct segment *_Atomic next;
};

/* What the creator hands to the new thread. */
struct start {
	void *(*fn)(void *);
	void *arg;
	void *token;
	_Atomic uint32_t taken; /* futex word: the thread has entered itself */
};

static struct segment first_segment;
static const struct gd__thread_events *events;
static pthread_key_t end_key;
static pthread_once_t end_key_once = PTHREAD_ONCE_INIT;

void gd__thread_events_install(const struct gd__thread_events *e)
{
	events = e;
}

static struct segment *segment_next(struct segment *s, bool make)
{
	struct segment *next = gd__load_acquire(&s->next); /* pairs with the cas below */

	if (next == NULL && make) {
		struct segment *fresh = gd__dalloc(sizeof(*fresh));

		if (fresh == NULL)
			return NULL;
		if (gd__cas_acq_rel(&s->next, &next, fresh)) /* pairs with the load above */
			next = fresh;
		else
			gd__dfree(fresh, sizeof(*fresh));
	}
	return next;
}

static struct entry *entry_find(uint64_t id)
{
	for (struct segment *s = &first_segment; s != NULL; s = segment_next(s, false))
		for (unsigned i = 0; i < SEGMENT; i++) {
			uint64_t have =
				gd__load_acquire(&s->entry[i].id); /* pairs with entry_take */

			if (have == id)
				return &s->entry[i];
			if (have == 0)
				return NULL; /* entries are taken in order */
		}
	return NULL;
}

/* The entry for a thread that begins: of its predecessor with the same id, or a new one. */
static struct entry *entry_take(uint64_t id)
{
	struct entry *e = entry_find(id);

	for (struct segment *s = &first_segment; e == NULL && s != NULL; s = segment_next(s, true))
		for (unsigned i = 0; i < SEGMENT; i++) {
			uint64_t none = 0;

			if (gd__cas_acq_rel(&s->entry[i].id, &none,
					    id)) { /* pairs with entry_find */
				e = &s->entry[i];
				break;
			}
		}
	return e;
}

/* Runs when the thread ends, in each round of destructors until the last. */
static void on_end(void *arg)
{
	struct entry *e = arg;

	if (++e->rounds < PTHREAD_DESTRUCTOR_ITERATIONS && pthread_setspecific(end_key, e) == 0)
		return;
	if (events)
		events->end(gd__load_relaxed(&e->token)); /* the thread's own */
	gd__store_release(&e->tid, 0);                    /* pairs with thread_walk */
}

static void make_end_key(void)
{
	if (pthread_key_create(&end_key, on_end) != 0)
		gd__fatal("no thread-specific key is left for the detectors");
}

static void enter(struct start *s)
{
	struct entry *e = entry_take((uint64_t)pthread_self());

	if (e == NULL)
		gd__fatal("out of memory for a thread's record");
	uintptr_t end;

	gd__stack_bounds(&e->stack_lo, &end);
	e->stack_size = end - e->stack_lo;
	e->rounds = 0;
	gd__store_relaxed(&e->token, s->token);   /* the creator reads it after taken */
	gd__store_release(&e->tid, gd__os_tid()); /* pairs with thread_walk */
	if (pthread_setspecific(end_key, e) != 0)
		gd__fatal("out of memory for a thread's record");
	if (events)
		events->start(s->token);
}

static void *thread_main(void *arg)
{
	struct start *s = arg;
	void *(*fn)(void *) = s->fn;
	void *fn_arg = s->arg;

	enter(s);
	gd__store_release(&s->taken, 1); /* pairs with the load in create; s may be gone after */
	gd__os_futex_wake(&s->taken, 1);

	/*
	 * Stays in this frame. fn may have it in a callee-saved register alone, and no leak check
	 * sees the registers of a thread that sleeps in the kernel.
	 */
	void *volatile kept = fn_arg;
	void *result = fn(kept);

	__asm__ volatile("" : : "m"(kept));
	return result;
}

/* As pthread_create. pc: where the user called. */
static int create(pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *), void *arg,
		  uintptr_t entry, uintptr_t pc)
{
	struct start s = { fn, arg, NULL, 0 };

	pthread_once(&end_key_once, make_end_key);
	if (events)
		s.token = events->create(pc, entry);
	int r = GD__REAL(pthread_create)(out, attr, thread_main, &s);

	if (r != 0) {
		if (events)
			events->failed(s.token);
		return r;
	}
	while (gd__load_acquire(&s.taken) == 0) /* pairs with the store in thread_main */
		gd__os_futex_wait(&s.taken, 0, -1);
	return 0;
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	if (gd__thread_internal)
		return GD__REAL(pthread_create)(out, attr, fn, arg);
	return create(out, attr, fn, arg, (uintptr_t)fn, (uintptr_t)__builtin_return_address(0));
}

/* libc's thrd_create does not come by pthread_create; the threads are of one kind. */
struct c11_start {
	thrd_start_t fn;
	void *arg;
};

static void *c11_main(void *arg)
{
	struct c11_start s = *(struct c11_start *)arg;

	gd__dfree(arg, sizeof(s));
	void *volatile kept = s.arg; /* as in thread_main */
	intptr_t result = s.fn(kept);

	__asm__ volatile("" : : "m"(kept));
	return (void *)result;
}

int thrd_create(thrd_t *out, thrd_start_t fn, void *arg)
{
	struct c11_start *s = gd__dalloc(sizeof(*s));

	if (s == NULL)
		return thrd_nomem;
	*s = (struct c11_start){ fn, arg };
	int r = create(out, NULL, c11_main, s, (uintptr_t)fn,
		       (uintptr_t)__builtin_return_address(0));

	if (r != 0)
		gd__dfree(s, sizeof(*s));
	return r == 0 ? thrd_success : r == ENOMEM ? thrd_nomem : thrd_error;
}

void *gd__thread_token(pthread_t t)
{
	struct entry *e = entry_find((uint64_t)t);

	return e == NULL ? NULL : gd__load_relaxed(&e->token); /* ordered by the creation */
}

bool gd__thread_is_foreign(void)
{
	struct entry *e = entry_find((uint64_t)pthread_self());

	return e != NULL && gd__load_relaxed(&e->tid) == gd__os_tid(); /* the thread's own entry */
}

bool gd__thread_walk(size_t i, struct gd__thread_info *t)
{
	struct segment *s = &first_segment;

	for (; i >= SEGMENT && s != NULL; i -= SEGMENT)
		s = segment_next(s, false);
	if (s == NULL || gd__load_acquire(&s->entry[i].id) == 0) /* pairs with entry_take */
		return false;
	struct entry *e = &s->entry[i];

	t->tid = gd__load_acquire(&e->tid); /* pairs with enter and on_end */
	t->stack_lo = e->stack_lo;
	t->stack_hi = e->stack_lo + e->stack_size;
	return true;
}
