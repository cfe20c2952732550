/* pthread_locks.c - mutexes, read-write and spin locks, conditions. */
#include "tests/conformance/race/pthread_case.h"

#include <errno.h>
#include <threads.h>
#include <time.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spin;
static int x, y, ready;

static struct timespec far_away(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 1000;
	return t;
}

static void *count_locked(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&m);
		x++;
		pthread_mutex_unlock(&m);
	}
	return arg;
}

CASE(norace_mutex)
{
	both(count_locked, count_locked, NULL);
	CHECK_EQ(x, 2000);
}

static void *under_m(void *arg)
{
	pthread_mutex_lock(&m);
	x = 1;
	pthread_mutex_unlock(&m);
	STEP_DONE();
	return arg;
}

static void *under_other(void *arg)
{
	STEP_AFTER(1);
	pthread_mutex_lock(&other);
	x = 2;
	pthread_mutex_unlock(&other);
	return arg;
}

CASE(race_two_mutexes)
{
	both(under_m, under_other, NULL); /* expect: mutexes: write M0 */
}

static void *without_lock(void *arg)
{
	STEP_AFTER(1);
	x = 2;
	return arg;
}

CASE(race_one_side_locks)
{
	both(under_m, without_lock, NULL); /* expect: Write of size 4 at 0x[0-9a-f]* by thread */
}

static void *timed_lock(void *arg)
{
	struct timespec t = far_away();

	CHECK_EQ(pthread_mutex_timedlock(&m, &t), 0);
	x++;
	pthread_mutex_unlock(&m);
	CHECK_EQ(pthread_mutex_clocklock(&m, CLOCK_REALTIME, &t), 0);
	x++;
	pthread_mutex_unlock(&m);
	return arg;
}

CASE(norace_timed_lock)
{
	both(timed_lock, timed_lock, NULL);
}

static void *try_lock(void *arg)
{
	while (pthread_mutex_trylock(&m) != 0)
		;
	x++;
	pthread_mutex_unlock(&m);
	return arg;
}

CASE(norace_trylock)
{
	both(try_lock, try_lock, NULL);
}

static void *failed_trylock(void *arg)
{
	STEP_AFTER(1);
	CHECK_EQ(pthread_mutex_trylock(&m), EBUSY);
	x = 2;
	STEP_DONE();
	return arg;
}

static void *holds(void *arg)
{
	pthread_mutex_lock(&m);
	x = 1;
	STEP_DONE();
	STEP_AFTER(2);
	pthread_mutex_unlock(&m);
	return arg;
}

CASE(race_failed_trylock)
{
	both(holds, failed_trylock, NULL);
}

static void *recurses(void *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_lock(mutex);
	x++;
	pthread_mutex_unlock(mutex);
	x++;
	pthread_mutex_unlock(mutex);
	return NULL;
}

CASE(norace_recursive)
{
	pthread_mutex_t r;
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&r, &attr);
	both(recurses, recurses, &r);
	pthread_mutex_destroy(&r);
}

#define MANY 100
static void *locks_many(void *mutexes)
{
	pthread_mutex_t *many = mutexes;

	for (int i = 0; i < MANY; i++)
		pthread_mutex_lock(&many[i]);
	x++;
	for (int i = MANY - 1; i >= 0; i--)
		pthread_mutex_unlock(&many[i]);
	return NULL;
}

/* ThreadSanitizer dies of the 65th. */
CASE(norace_a_hundred_locks)
{
	static pthread_mutex_t many[MANY];

	for (int i = 0; i < MANY; i++)
		pthread_mutex_init(&many[i], NULL);
	both(locks_many, locks_many, many);
}

static void *waits(void *arg)
{
	pthread_mutex_lock(&m);
	while (!ready)
		pthread_cond_wait(&cond, &m);
	x++;
	pthread_mutex_unlock(&m);
	return arg;
}

static void *signals(void *arg)
{
	x = 1;
	pthread_mutex_lock(&m);
	ready = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&m);
	return arg;
}

CASE(norace_condition)
{
	both(waits, signals, NULL);
}

static void *waits_timed(void *arg)
{
	struct timespec t = far_away();

	pthread_mutex_lock(&m);
	while (!ready)
		pthread_cond_timedwait(&cond, &m, &t);
	x++;
	pthread_mutex_unlock(&m);
	return arg;
}

CASE(norace_condition_timed)
{
	both(waits_timed, signals, NULL);
}

static void unlocks(void *arg)
{
	x++;
	pthread_mutex_unlock(&m);
}

static void *is_cancelled(void *arg)
{
	pthread_mutex_lock(&m);
	STEP_DONE();
	pthread_cleanup_push(unlocks, NULL);
	for (;;)
		pthread_cond_wait(&cond, &m);
	pthread_cleanup_pop(1);
	return arg;
}

/* The clean-up handler runs with the mutex taken again. */
CASE(norace_cancelled_wait)
{
	pthread_t t;

	pthread_create(&t, NULL, is_cancelled, NULL);
	STEP_AFTER(1);
	pthread_mutex_lock(&m); /* it waits now */
	x++;
	pthread_mutex_unlock(&m);
	pthread_cancel(t);
	pthread_join(t, NULL);
	CHECK_EQ(x, 2);
}

/* What the waiter did before it waited is ordered by the mutex it gave up. */
static void *waits_after_write(void *arg)
{
	pthread_mutex_lock(&m);
	y = 1;
	STEP_DONE();
	while (!ready)
		pthread_cond_wait(&cond, &m);
	pthread_mutex_unlock(&m);
	return arg;
}

static void *reads_then_signals(void *arg)
{
	STEP_AFTER(1);
	pthread_mutex_lock(&m);
	y++;
	ready = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&m);
	return arg;
}

CASE(norace_wait_gives_up_the_mutex)
{
	both(waits_after_write, reads_then_signals, NULL);
}

static void *reader_then_done(void *arg)
{
	pthread_rwlock_rdlock(&rw);
	y += x;
	pthread_rwlock_unlock(&rw);
	STEP_DONE();
	return arg;
}

static void *writer_after(void *arg)
{
	STEP_AFTER(1);
	pthread_rwlock_wrlock(&rw);
	x = 2;
	y = 0;
	pthread_rwlock_unlock(&rw);
	return arg;
}

CASE(norace_rwlock_write_after_read)
{
	both(reader_then_done, writer_after, NULL);
}

static void *writer_first(void *arg)
{
	y = 5;
	pthread_rwlock_wrlock(&rw);
	x = 2;
	pthread_rwlock_unlock(&rw);
	STEP_DONE();
	return arg;
}

static void *reader_second(void *arg)
{
	STEP_AFTER(1);
	pthread_rwlock_rdlock(&rw);
	y = x;
	pthread_rwlock_unlock(&rw);
	return arg;
}

CASE(norace_rwlock_read_after_write)
{
	both(writer_first, reader_second, NULL);
}

/* Readers are not ordered among themselves. */
static void *second_reader(void *arg)
{
	STEP_AFTER(1);
	pthread_rwlock_rdlock(&rw);
	y += x;
	pthread_rwlock_unlock(&rw);
	return arg;
}

CASE(race_between_readers)
{
	both(reader_then_done, second_reader, NULL);
}

static void *count_spin(void *arg)
{
	for (int i = 0; i < 100; i++) {
		pthread_spin_lock(&spin);
		x++;
		pthread_spin_unlock(&spin);
	}
	return arg;
}

CASE(norace_spin)
{
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	both(count_spin, count_spin, NULL);
}

static mtx_t c11;
static int count_c11(void *arg)
{
	mtx_lock(&c11);
	x++;
	mtx_unlock(&c11);
	return 3;
}

CASE(norace_c11_threads)
{
	thrd_t a, b;
	int r = 0;

	mtx_init(&c11, mtx_plain);
	CHECK_EQ(thrd_create(&a, count_c11, NULL), thrd_success);
	CHECK_EQ(thrd_create(&b, count_c11, NULL), thrd_success);
	CHECK_EQ(thrd_join(a, &r), thrd_success);
	CHECK_EQ(r, 3);
	CHECK_EQ(thrd_join(b, NULL), thrd_success);
	CHECK_EQ(x, 2);
	mtx_destroy(&c11);
}

UNIT_MAIN
