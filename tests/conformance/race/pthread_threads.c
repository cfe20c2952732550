/* pthread_threads.c - start and end of threads, barriers, semaphores, once. */
#include "tests/conformance/race/pthread_case.h"

#include <semaphore.h>

static int x, y;
static int wide[1 << 16];
static sem_t sem;
static pthread_barrier_t meeting;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *add_one(void *arg)
{
	x++; /* beside the case that expects it */
	return arg;
}

CASE(norace_create_and_join)
{
	pthread_t t;

	x = 1;
	pthread_create(&t, NULL, add_one, NULL);
	pthread_join(t, NULL);
	x++;
	CHECK_EQ(x, 3);
}

CASE(race_before_join)
{
	pthread_t t;

	pthread_create(&t, NULL, add_one, NULL);
	x++; /* expect: pthread_threads\.c:@LINE */
	pthread_join(t, NULL);
}

static void *exits(void *arg)
{
	x++;
	pthread_exit((void *)7);
}

CASE(norace_pthread_exit)
{
	pthread_t t;
	void *r = NULL;

	pthread_create(&t, NULL, exits, NULL);
	pthread_join(t, &r);
	CHECK(r == (void *)7);
	x++;
}

static void *add_and_say(void *arg)
{
	x++;
	STEP_DONE();
	return arg;
}

CASE(race_detached)
{
	pthread_t t;

	pthread_create(&t, NULL, add_and_say, NULL);
	pthread_detach(t);
	STEP_AFTER(1);
	x++;
}

CASE(race_made_detached)
{
	pthread_t t;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&t, &attr, add_and_say, NULL);
	STEP_AFTER(1);
	x++;
}

/* Many threads later: ids of threads are not used again while they mean something. */
static void *nothing(void *arg)
{
	return arg;
}

CASE(race_after_a_thousand_threads)
{
	pthread_t t, other;

	pthread_create(&t, NULL, add_and_say, NULL);
	STEP_AFTER(1);
	for (int i = 0; i < 1000; i++) {
		pthread_create(&other, NULL, nothing, NULL);
		pthread_join(other, NULL);
	}
	x++; /* expect: pthread_threads\.c:@LINE */
	pthread_join(t, NULL);
}

static pthread_mutex_t hot = PTHREAD_MUTEX_INITIALIZER;

CASE(race_after_many_unlocks)
{
	pthread_t t;

	pthread_create(&t, NULL, add_and_say, NULL);
	STEP_AFTER(1);
	for (int i = 0; i < 300000; i++) {
		pthread_mutex_lock(&hot);
		pthread_mutex_unlock(&hot);
	}
	x++; /* expect: pthread_threads\.c:@LINE */
	pthread_join(t, NULL);
}

/* The earlier access's stack is long gone from any history of fixed size. */
__attribute__((noinline)) static void touch(int i)
{
	wide[i]++;
}

static void *add_then_much(void *arg)
{
	x++; /* place: add_then_much */
	for (int i = 0; i < 1 << 16; i++)
		touch(i);
	STEP_DONE();
	return arg;
}

CASE(race_long_ago)
{
	pthread_t t;

	pthread_create(&t, NULL, add_then_much, NULL);
	STEP_AFTER(1);
	x++; /* expect: #0 add_then_much */
	pthread_join(t, NULL);
}

/* Reads that come later and are ordered do not push an unordered one out. */
static void *reads(void *arg)
{
	y = x;
	STEP_DONE();
	return arg;
}

static void *reads_more(void *arg)
{
	for (int i = 0; i < 32; i++) {
		pthread_mutex_lock(&hot);
		wide[i] = x;
		pthread_mutex_unlock(&hot);
	}
	return arg;
}

CASE(race_behind_ordered_reads)
{
	pthread_t t, more;

	pthread_create(&t, NULL, reads, NULL);
	STEP_AFTER(1);
	for (int i = 0; i < 20; i++) {
		pthread_create(&more, NULL, reads_more, NULL);
		pthread_join(more, NULL);
	}
	x = 1; /* expect: pthread_threads\.c:@LINE */
	pthread_join(t, NULL);
}

static void *posts(void *arg)
{
	x = 1;
	sem_post(&sem);
	return arg;
}

static void *takes(void *arg)
{
	sem_wait(&sem);
	x++;
	return arg;
}

CASE(norace_semaphore)
{
	sem_init(&sem, 0, 0);
	both(posts, takes, NULL);
	sem_destroy(&sem);
}

static void *meets_first(void *arg)
{
	x = 1;
	pthread_barrier_wait(&meeting);
	y = 2;
	pthread_barrier_wait(&meeting);
	return arg;
}

static void *meets_second(void *arg)
{
	pthread_barrier_wait(&meeting);
	x++;
	pthread_barrier_wait(&meeting);
	y++;
	return arg;
}

CASE(norace_barrier)
{
	pthread_barrier_init(&meeting, NULL, 2);
	both(meets_first, meets_second, NULL);
	pthread_barrier_destroy(&meeting);
}

static void *meets_then_writes(void *arg)
{
	pthread_barrier_wait(&meeting);
	x++;
	return arg;
}

CASE(race_after_barrier)
{
	pthread_barrier_init(&meeting, NULL, 2);
	both(meets_then_writes, meets_then_writes, NULL);
}

static void set_up(void)
{
	x = 42;
}

static void *uses_once(void *arg)
{
	pthread_once(&once, set_up);
	CHECK_EQ(x, 42);
	return arg;
}

CASE(norace_once)
{
	both(uses_once, uses_once, NULL);
}

static pthread_key_t key;
static void key_ends(void *p)
{
	x += *(int *)p;
	free(p);
}

static void *has_specific(void *arg)
{
	int *p = malloc(sizeof(*p));

	*p = 5;
	pthread_setspecific(key, p);
	return arg;
}

/* Destructors of thread-specific data run before the thread counts as ended. */
CASE(norace_specific_data)
{
	pthread_t t;

	pthread_key_create(&key, key_ends);
	pthread_create(&t, NULL, has_specific, NULL);
	pthread_join(t, NULL);
	CHECK_EQ(x, 5);
}

static __thread int mine;
static void *uses_own(void *arg)
{
	int here[64] = { 0 };

	for (int *volatile p = here; mine < 64; mine++)
		p[mine] = mine;
	return arg;
}

/* Stacks and thread-locals are handed from one thread to the next. */
CASE(norace_reused_stacks)
{
	for (int i = 0; i < 200; i++) {
		pthread_t t;

		pthread_create(&t, NULL, uses_own, NULL);
		if (i % 2 == 0)
			pthread_detach(t);
		else
			pthread_join(t, NULL);
	}
}

UNIT_MAIN
