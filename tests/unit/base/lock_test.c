/* link: gdetect */
/* lock_test.c - the runtime's own lock on plain threads. */
#include "runtime/base/lock.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/os_linux.h"
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

/* The state of thread tid as the kernel sees it, as in "S" for asleep. */
static char thread_state(int tid)
{
	char path[64], line[256];
	const char *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
		line[0] = 0;
	if (f != NULL)
		fclose(f);
	end = strrchr(line, ')');
	return end != NULL ? end[2] : '?';
}

static _Atomic int waiter_tid;

static void *wait_for_lock(void *arg) GD_UNCHECKED
{
	(void)arg;
	atomic_store(&waiter_tid, gd__os_tid());
	gd__lock(&lock, GD__RANK_LEAF);
	gd__unlock(&lock);
	return NULL;
}

/* What an unlock does that has not seen the waiter's mark: the word is 0, and nobody is woken. */
static void overlook_waiter(void) GD_UNCHECKED
{
	pthread_t t;

	gd__lock(&lock, GD__RANK_LEAF);
	CHECK_EQ(pthread_create(&t, NULL, wait_for_lock, NULL), 0);
	while (atomic_load(&waiter_tid) == 0 || gd__load_relaxed(&lock.state) != 2 ||
	       thread_state(atomic_load(&waiter_tid)) != 'S')
		sched_yield();
	gd__store_release(&lock.state, 0);
	alarm(30);
	pthread_join(t, NULL);
	CHECK_EQ(gd__load_relaxed(&lock.state), 0);
}

CASE(an_overlooked_waiter_looks_again)
{
	overlook_waiter();
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
