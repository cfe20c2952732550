/*
 * pthread_case.h - cases of plain pthread programs: no goroutine, main() runs the case.
 *
 * The barrier orders the threads without telling the detector, so each race is
 * found at every run.
 */
#ifndef GD_TESTS_CONFORMANCE_RACE_PTHREAD_CASE_H
#define GD_TESTS_CONFORMANCE_RACE_PTHREAD_CASE_H

#include <pthread.h>
#include <stdlib.h>

#include "tests/support/barrier.h"
#include "tests/support/unit.h"

/* Steps of a case: STEP_DONE(n) ends step n, STEP_AFTER(n) waits until n steps have ended. */
static struct barrier case_steps __attribute__((unused));
#define STEP_DONE()   barrier_post(&case_steps)
#define STEP_AFTER(n) barrier_await(&case_steps, (n))

/* Runs both at the same time. */
__attribute__((unused)) static void both(void *(*first)(void *), void *(*second)(void *), void *arg)
{
	pthread_t a, b;

	CHECK_EQ(pthread_create(&a, NULL, first, arg), 0);
	CHECK_EQ(pthread_create(&b, NULL, second, arg), 0);
	CHECK_EQ(pthread_join(a, NULL), 0);
	CHECK_EQ(pthread_join(b, NULL), 0);
}

#endif
