/* pthread_atomic.c - C11 atomics as programs use them. */
#include "tests/conformance/race/pthread_case.h"

#include <stdatomic.h>

#if !defined(__clang__)
#	pragma GCC diagnostic ignored "-Wtsan" /* gcc's own runtime does not understand fences */
#endif

static int x;
static atomic_int flag;
static _Atomic(int *) pointer;

static void *publishes(void *arg)
{
	x = 1;
	atomic_store_explicit(&flag, 1, memory_order_release);
	return arg;
}

static void *consumes(void *arg)
{
	while (!atomic_load_explicit(&flag, memory_order_acquire))
		;
	x++;
	return arg;
}

CASE(norace_release_acquire)
{
	both(publishes, consumes, NULL);
}

static void *publishes_relaxed(void *arg)
{
	x = 1;
	atomic_store_explicit(&flag, 1, memory_order_relaxed);
	return arg;
}

static void *consumes_relaxed(void *arg)
{
	while (!atomic_load_explicit(&flag, memory_order_relaxed))
		;
	x++;
	return arg;
}

CASE(race_relaxed_flag)
{
	both(publishes_relaxed, consumes_relaxed, NULL);
}

CASE(race_relaxed_store)
{
	both(publishes_relaxed, consumes, NULL);
}

static void *fence_then_store(void *arg)
{
	x = 1;
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&flag, 1, memory_order_relaxed);
	return arg;
}

static void *load_then_fence(void *arg)
{
	while (!atomic_load_explicit(&flag, memory_order_relaxed))
		;
	atomic_thread_fence(memory_order_acquire);
	x++;
	return arg;
}

/* ThreadSanitizer reports this correct hand-over. */
CASE(norace_fences)
{
	both(fence_then_store, load_then_fence, NULL);
}

static void *store_then_fence(void *arg)
{
	atomic_store_explicit(&flag, 1, memory_order_relaxed);
	x = 1;
	atomic_thread_fence(memory_order_release);
	STEP_DONE();
	return arg;
}

static void *late_load_then_fence(void *arg)
{
	STEP_AFTER(1);
	return load_then_fence(arg);
}

CASE(race_fence_too_late)
{
	both(store_then_fence, late_load_then_fence, NULL);
}

static void *spin_lock(void *arg)
{
	for (int i = 0; i < 100; i++) {
		int open = 0;

		while (!atomic_compare_exchange_weak_explicit(&flag, &open, 1, memory_order_acquire,
							      memory_order_relaxed))
			open = 0;
		x++;
		atomic_store_explicit(&flag, 0, memory_order_release);
	}
	return arg;
}

CASE(norace_spin_lock)
{
	both(spin_lock, spin_lock, NULL);
}

struct counted {
	atomic_int refs;
	int value;
};

static void *drop_release(void *object)
{
	struct counted *c = object;
	int v = *(volatile int *)&c->value;

	CHECK_EQ(v, 7);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_release) == 1) {
		atomic_thread_fence(memory_order_acquire);
		c->value = 0;
		free(c);
	}
	return NULL;
}

CASE(norace_reference_count)
{
	struct counted *c = malloc(sizeof(*c));

	c->value = 7;
	atomic_init(&c->refs, 2);
	both(drop_release, drop_release, c);
}

static void *drop_relaxed(void *object)
{
	struct counted *c = object;
	int v = *(volatile int *)&c->value;

	CHECK_EQ(v, 7);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_relaxed) == 1)
		free(c);
	return NULL;
}

CASE(race_reference_count_relaxed)
{
	struct counted *c = malloc(sizeof(*c));

	c->value = 7;
	atomic_init(&c->refs, 2);
	both(drop_relaxed, drop_relaxed, c);
}

static void *adds(void *arg)
{
	atomic_fetch_add(&flag, 1);
	STEP_DONE();
	return arg;
}

static void *adds_plainly(void *arg)
{
	STEP_AFTER(1);
	*(int *)&flag = 5;
	return arg;
}

CASE(race_plain_and_atomic)
{
	both(adds, adds_plainly, NULL); /* expect: Previous atomic write of size 4 */
}

static void *first_one(void *arg)
{
	int v = 0;

	if (atomic_compare_exchange_strong(&flag, &v, 1))
		x = 1;
	STEP_DONE();
	return arg;
}

static void *loser(void *arg)
{
	int v = 0;

	STEP_AFTER(1);
	CHECK(!atomic_compare_exchange_strong(&flag, &v, 2));
	x++;
	return arg;
}

/* The winner wrote after its exchange: the loser has found the flag, not the write. */
CASE(race_loser_of_an_exchange)
{
	both(first_one, loser, NULL);
}

static void *initialises(void *arg)
{
	static int object;

	object = 3;
	atomic_store(&pointer, &object);
	return arg;
}

static void *uses_pointer(void *arg)
{
	int *p;

	while ((p = atomic_load(&pointer)) == NULL)
		;
	CHECK_EQ(*p, 3);
	*p = 4;
	return arg;
}

CASE(norace_published_pointer)
{
	both(initialises, uses_pointer, NULL);
}

UNIT_MAIN
