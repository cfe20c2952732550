/*
 * go_class.h - goroutines that take two locks, for the cases that ask for the class of a verdict.
 *
 *     TAKES_TWO(ab_on_heap)        (beside it the comment of who is stuck there)
 *
 * defines a function on one line, so that the case has the guilty line and need not repeat how
 * one takes a lock, meets the others and takes the next.
 */
#ifndef GD_TESTS_CONFORMANCE_LEAK_GO_CLASS_H
#define GD_TESTS_CONFORMANCE_LEAK_GO_CLASS_H

#include "tests/conformance/leak/leak_case.h"

#define HOUR (3600 * GD_SECOND)

/* All take their first lock, meet, and go for the second. */
struct two_locks {
	void *own, *other;
	struct barrier *met;
};

#define TAKES_TWO(name) TAKES(name, gd_mutex_lock, gd_mutex_lock)

#define TAKES(name, lock_own, lock_other)                                                          \
	static void name(void *arg)                                                                \
	{                                                                                          \
		struct two_locks *t = arg;                                                         \
                                                                                                   \
		lock_own(t->own);                                                                  \
		barrier_wait_go(t->met);                                                           \
		lock_other(t->other);                                                              \
	}

/* Starts n goroutines on n locks in a ring: number i has lock i and wants the next one. */
__attribute__((unused)) static NOINLINE void ring(void (*fn)(void *), void *const *locks, size_t n)
{
	struct barrier *met = NEW(struct barrier);

	met->parties = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		struct two_locks *t = NEW(struct two_locks);

		*t = (struct two_locks){ locks[i], locks[(i + 1) % n], met };
		gd_go_fn(fn, t);
	}
}

/* Goes on while everybody else is judged, and has p on its stack. */
__attribute__((unused)) static void sleeps_with(void *p)
{
	gd_sleep(HOUR);
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
