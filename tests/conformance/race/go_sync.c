/* go_sync.c - mutex, rwmutex, cond, once: what they order, and what they do not. */
#include "tests/conformance/race/race_case.h"

typedef gd_chan_of(int) int_chan;

int x, y, z;
gd_mutex m1, m2;
gd_rwmutex rw;
int_chan c0;
bool flag;

static void set_up(void)
{
	c0 = gd_chan_make(int_chan, 0);
}

RACE(mutex2)
FIRST(race_mutex2)
{
	gd_mutex_lock(&m1);
	x = 1; /* race */
	gd_mutex_unlock(&m1);
}
SECOND(race_mutex2)
{
	gd_mutex_lock(&m2);
	x = 2; /* race */
	gd_mutex_unlock(&m2);
}

NORACE(mutex)
FIRST(norace_mutex)
{
	gd_mutex_lock(&m1);
	x = 1;
	gd_mutex_unlock(&m1);
}
SECOND(norace_mutex)
{
	gd_mutex_lock(&m1);
	x = 2;
	gd_mutex_unlock(&m1);
}

NORACE(mutex_pure_happens_before)
LEFT(norace_mutex_pure_happens_before)
{
	x = 1;
	gd_mutex_lock(&m1);
	flag = true;
	gd_mutex_unlock(&m1);
}
RIGHT(norace_mutex_pure_happens_before)
{
	for (bool seen = false; !seen;) {
		gd_mutex_lock(&m1);
		seen = flag;
		gd_mutex_unlock(&m1);
		gd_yield();
	}
	x = 2;
}

NORACE(mutex_semaphore)
static void signals_by_unlock(void)
{
	x = 1;
	gd_mutex_unlock(&m1);
}
MAIN(norace_mutex_semaphore)
{
	gd_mutex_lock(&m1);
	spawn(signals_by_unlock);
	gd_mutex_lock(&m1);
	x = 2;
	gd_mutex_unlock(&m1);
	join();
}

NORACE(mutex_example_from_html)
const char *greeting;
static void sets_greeting(void)
{
	greeting = "hello, world";
	gd_mutex_unlock(&m1);
}
MAIN(norace_mutex_example_from_html)
{
	gd_mutex_lock(&m1);
	spawn(sets_greeting);
	gd_mutex_lock(&m1);
	USE(greeting);
	join();
	gd_mutex_unlock(&m1);
}

RACE(mutex_rw_mutex)
FIRST(race_mutex_rw_mutex)
{
	gd_mutex_lock(&m1);
	x = 1; /* race */
	gd_mutex_unlock(&m1);
}
SECOND(race_mutex_rw_mutex)
{
	gd_rwmutex_lock(&rw);
	x = 2; /* race */
	gd_rwmutex_unlock(&rw);
}

NORACE(rw_mutex)
FIRST(norace_rw_mutex)
{
	gd_rwmutex_lock(&rw);
	x = 1;
	gd_rwmutex_unlock(&rw);
}
SECOND(norace_rw_mutex)
{
	gd_rwmutex_rlock(&rw);
	USE(x);
	gd_rwmutex_runlock(&rw);
}

NORACE(rw_mutex_multiple_readers)
static void reads_locked(void)
{
	gd_rwmutex_rlock(&rw);
	USE(x);
	gd_rwmutex_runlock(&rw);
}
MAIN(norace_rw_mutex_multiple_readers)
{
	for (int i = 0; i < 3; i++)
		spawn(reads_locked);
	gd_rwmutex_lock(&rw);
	x = 1;
	gd_rwmutex_unlock(&rw);
	for (int i = 0; i < 3; i++)
		spawn(reads_locked);
	gd_rwmutex_lock(&rw);
	x = 2;
	gd_rwmutex_unlock(&rw);
	join();
}

/* Writes under a read lock: the writer comes after all readers, they do not after each other. */
NORACE(rw_mutex_transitive)
static void reader_writes_y(void)
{
	gd_rwmutex_rlock(&rw);
	y = 1;
	gd_rwmutex_runlock(&rw);
	DONE();
}
static void reader_writes_z(void)
{
	gd_rwmutex_rlock(&rw);
	z = 1;
	gd_rwmutex_runlock(&rw);
	DONE();
}
MAIN(norace_rw_mutex_transitive)
{
	spawn(reader_writes_y);
	spawn(reader_writes_z);
	AFTER(2);
	gd_rwmutex_lock(&rw);
	y = 2;
	z = 2;
	gd_rwmutex_unlock(&rw);
	join();
}

RACE(rw_mutex_readers)
FIRST(race_rw_mutex_readers)
{
	gd_rwmutex_rlock(&rw);
	x = 1; /* race */
	gd_rwmutex_runlock(&rw);
}
SECOND(race_rw_mutex_readers)
{
	gd_rwmutex_rlock(&rw);
	x = 2; /* race */
	gd_rwmutex_runlock(&rw);
}

RACE(mutex_failed_try)
LEFT(race_mutex_failed_try)
{
	gd_mutex_lock(&m1);
	x = 1; /* race */
	DONE();
	AFTER(2);
	gd_mutex_unlock(&m1);
}
RIGHT(race_mutex_failed_try)
{
	AFTER(1);
	CHECK(!gd_mutex_try_lock(&m1));
	x = 2; /* race */
	DONE();
}

NORACE(cond)
gd_cond cond = { .mutex = &m1 };
LEFT(norace_cond)
{
	x = 1;
	gd_mutex_lock(&m1);
	flag = true;
	gd_cond_signal(&cond);
	gd_mutex_unlock(&m1);
}
RIGHT(norace_cond)
{
	gd_mutex_lock(&m1);
	while (!flag)
		gd_cond_wait(&cond);
	gd_mutex_unlock(&m1);
	x = 2;
}

RACE(cond)
LEFT(race_cond)
{
	gd_mutex_lock(&m1);
	flag = true;
	gd_cond_signal(&cond);
	gd_mutex_unlock(&m1);
	AFTER(1);
	gd_mutex_lock(&m1);
	x = 1; /* race */
	gd_mutex_unlock(&m1);
	DONE();
}
RIGHT(race_cond)
{
	gd_mutex_lock(&m1);
	while (!flag)
		gd_cond_wait(&cond);
	gd_mutex_unlock(&m1);
	DONE();
	AFTER(2);
	x = 2; /* race */
}

NORACE(once)
gd_once once;
static void first_time(void *arg)
{
	x = 1;
}
FIRST(norace_once)
{
	gd_once_do(&once, first_time, NULL);
	USE(x);
}
SECOND(norace_once)
{
	gd_once_do(&once, first_time, NULL);
	USE(x);
}

/* What a caller did before it found the work done is its own. */
RACE(once_user)
FIRST(race_once_user)
{
	gd_once_do(&once, first_time, NULL);
	y = 1; /* race */
}
SECOND(race_once_user)
{
	gd_once_do(&once, first_time, NULL);
	y = 2; /* race */
}

CONFORM_MAIN
