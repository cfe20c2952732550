/*
 * barrier.h - orders threads or goroutines without telling a detector.
 *
 * One counter that only rises. The accesses are inline assembly and the waits
 * raw system calls: no compiler instruments the former and nothing interposes
 * the latter, so no happens-before edge is seen although the order is fixed.
 *
 * barrier_post/barrier_await: "after that". barrier_wait: n parties meet.
 * The _go forms give way to other goroutines instead of blocking the thread,
 * so they also work when there is one P; gd_yield is no edge either.
 */
#ifndef GD_TESTS_SUPPORT_BARRIER_H
#define GD_TESTS_SUPPORT_BARRIER_H

#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <gdetect/go.h>

/* All zero is ready, for await. parties: how many meet in barrier_wait. */
struct barrier {
	uint32_t count;
	uint32_t parties;
};

#define BARRIER_FOR(n)                                                                             \
	{                                                                                          \
		.parties = (n)                                                                     \
	}
#define BARRIER__QUIET static inline __attribute__((no_sanitize("thread"), unused))

#if defined(__x86_64__)
#	include "tests/support/barrier_x86_64.h"
#elif defined(__aarch64__)
#	include "tests/support/barrier_aarch64.h"
#endif

/* The number of posts before this one. */
BARRIER__QUIET uint32_t barrier__add(uint32_t *p)
{
	uint32_t before = barrier__increment(p);

	barrier__futex(p, FUTEX_WAKE, INT32_MAX);
	return before;
}

BARRIER__QUIET void barrier_post(struct barrier *b)
{
	barrier__add(&b->count);
}

/* Returns when there have been n posts in all. */
BARRIER__QUIET void barrier_await(struct barrier *b, uint32_t n)
{
	for (uint32_t now; (now = barrier__load(&b->count)) < n;)
		barrier__futex(&b->count, FUTEX_WAIT, now);
}

BARRIER__QUIET void barrier_await_go(struct barrier *b, uint32_t n)
{
	while (barrier__load(&b->count) < n)
		gd_yield();
}

/* Returns when all parties have arrived; may be used again for the next meeting. */
BARRIER__QUIET void barrier_wait(struct barrier *b)
{
	uint32_t mine = barrier__add(&b->count);

	barrier_await(b, (mine / b->parties + 1) * b->parties);
}

BARRIER__QUIET void barrier_wait_go(struct barrier *b)
{
	uint32_t mine = barrier__add(&b->count);

	barrier_await_go(b, (mine / b->parties + 1) * b->parties);
}

#endif
