/* link: gdetect_libc gdetect */
/*
 * lock_test.c - blocking calls of a goroutine that holds a lock of the OS threads do not park: on
 * one P, the next that wants the lock would block the thread which the first needs.
 */
#include <pthread.h>
#include <threads.h>

#include "tests/unit/libc/pairs.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static mtx_t mtx;
static pthread_spinlock_t spin;
static _Atomic int others_ran;

/* A thread of the program's, beside the runtime. */
static void *write_later(void *arg)
{
	gd__os_nanosleep(20000000);
	CHECK_EQ(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

static void wants_it_too(void *arg)
{
	atomic_store(&others_ran, 1);
	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	atomic_store(&others_ran, 2);
}

static void read_in_place(int (*lock)(void), int (*unlock)(void))
{
	pthread_t thread;
	int fds[2];
	char c;

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(lock(), 0);
	CHECK_EQ(pthread_create(&thread, NULL, write_later, &fds[1]), 0);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_EQ(atomic_load(&others_ran), 0);
	CHECK_EQ(unlock(), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static int lock_mutex(void)
{
	return pthread_mutex_lock(&mutex);
}

static int unlock_mutex(void)
{
	return pthread_mutex_unlock(&mutex);
}

static void start_mutex(void *arg)
{
	gd_go_fn(wants_it_too, NULL);
	read_in_place(lock_mutex, unlock_mutex);
	while (atomic_load(&others_ran) < 2)
		gd_yield();
}

CASE(a_call_with_a_mutex_held_stays_on_its_thread)
{
	on_one_p(start_mutex);
}

static int lock_all(void)
{
	return pthread_rwlock_rdlock(&rwlock) || pthread_rwlock_tryrdlock(&rwlock) ||
	       mtx_lock(&mtx) || pthread_spin_trylock(&spin) || pthread_mutex_trylock(&mutex);
}

static int unlock_all(void)
{
	return pthread_rwlock_unlock(&rwlock) || mtx_unlock(&mtx) || pthread_spin_unlock(&spin) ||
	       pthread_mutex_unlock(&mutex) || pthread_rwlock_unlock(&rwlock);
}

static void runs(void *arg)
{
	atomic_store(&others_ran, 1);
}

static void start_all(void *arg)
{
	CHECK_EQ(mtx_init(&mtx, mtx_plain), 0);
	CHECK_EQ(pthread_spin_init(&spin, 0), 0);
	gd_go_fn(runs, NULL);
	read_in_place(lock_all, unlock_all);
	CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
	CHECK_EQ(pthread_rwlock_trywrlock(&rwlock), EBUSY); /* not held twice by that */
	CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
	CHECK_EQ(usleep(10000), 0); /* parks: all are unlocked */
	CHECK_EQ(atomic_load(&others_ran), 1);
}

CASE(all_kinds_of_locks_count)
{
	on_one_p(start_all);
}

UNIT_MAIN
