/* link: gdetect */
/* lock_test.c - the runtime's own lock on plain threads. */
#include "runtime/base/lock.h"

#include <pthread.h>

#include "tests/support/child.h"
#include "tests/support/unit.h"

#define ROUNDS 200000

static struct gd__lock lock;
static long counter;

static void *add(void *arg) GD_UNCHECKED
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0 && !gd__lock_try(&lock, GD__RANK_LEAF))
			gd__lock(&lock, GD__RANK_LEAF);
		else if (i % 4 != 0)
			gd__lock(&lock, GD__RANK_LEAF);
		counter++;
		gd__unlock(&lock);
	}
	return NULL;
}

CASE(lock_excludes)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, add, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(counter, 4L * ROUNDS);
}

static void unlock_free(void) GD_UNCHECKED
{
	gd__unlock(&lock);
}

CASE(unlock_of_a_free_lock_is_thrown)
{
	struct child c;

	child_run(&c, unlock_free);
	CHECK_EQ(c.code, 128 + 6);
	CHECK_HAS(c.text, "unlock of a free lock");
}

static void wrong_order(void) GD_UNCHECKED
{
	static struct gd__lock inner;

	gd__lock(&lock, GD__RANK_SCHED);
	gd__lock(&inner, GD__RANK_CHAN);
}

#ifdef GD_DEBUG
#	define WRONG_ORDER_CODE (128 + 6)
#else
#	define WRONG_ORDER_CODE 0 /* ranks are looked at in debug builds only */
#endif

CASE(wrong_order_is_thrown)
{
	struct child c;

	child_run(&c, wrong_order);
	CHECK_EQ(c.code, WRONG_ORDER_CODE);
	CHECK_EQ(strstr(c.text, "against the order of lockrank.h") != NULL, c.code != 0);
}

UNIT_MAIN
