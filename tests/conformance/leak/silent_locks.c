/* silent_locks.c - correct programs whose locks look forgotten when main returns. */
#include "tests/conformance/leak/leak_case.h"

#define HOUR (3600 * GD_SECOND)

static struct barrier ready;

/* Ten thousand at one mutex, while its holder sleeps and main returns. */
NOLEAK(contention)
static gd_mutex contended;
static long count;
static void sleeps_with_lock(void *unused)
{
	gd_mutex_lock(&contended);
	barrier_post(&ready);
	gd_sleep(HOUR);
	gd_mutex_unlock(&contended);
}
static void counts(void *unused)
{
	gd_mutex_lock(&contended);
	count++;
	gd_mutex_unlock(&contended);
}
MAIN(noleak_contention)
{
	gd_go_fn(sleeps_with_lock, NULL);
	barrier_await_go(&ready, 1);
	for (int i = 0; i < 10000; i++)
		gd_go_fn(counts, NULL);
	settle_n(10000);
}

/* The same to its end. */
NOLEAK(contention_ends)
static gd_waitgroup counted;
static void counts_often(void *arg)
{
	gd_mutex *m = arg;

	for (int i = 0; i < 10; i++) {
		gd_mutex_lock(m);
		count++;
		gd_mutex_unlock(m);
	}
	gd_waitgroup_done(&counted);
}
MAIN(noleak_contention_ends)
{
	gd_mutex *m = NEW(gd_mutex);

	gd_waitgroup_add(&counted, 10000);
	for (int i = 0; i < 10000; i++)
		gd_go_fn(counts_often, m);
	gd_waitgroup_wait(&counted);
	CHECK_EQ(count, 100000);
}

/* The lock is taken by one and given up by another, time and again. */
NOLEAK(mutex_handed_over)
struct turn {
	gd_mutex m;
	gd_signal_chan locked;
};
static void unlocks_later(void *arg)
{
	struct turn *t = arg;

	for (int i = 0; i < 3; i++) {
		gd_chan_recv(t->locked, NULL);
		gd_mutex_unlock(&t->m);
	}
	gd_sleep(HOUR);
	gd_mutex_unlock(&t->m);
}
static void locks_only(void *arg)
{
	struct turn *t = arg;

	for (int i = 0; i < 3; i++) {
		gd_mutex_lock(&t->m);
		gd_chan_send(t->locked, (gd_unit){});
	}
	barrier_post(&ready);
	gd_mutex_lock(&t->m);
	gd_mutex_lock(&t->m);
}
MAIN(noleak_mutex_handed_over)
{
	struct turn *t = NEW(struct turn);

	t->locked = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(unlocks_later, t);
	gd_go_fn(locks_only, t);
	barrier_await_go(&ready, 1);
	settle_n(1);
}

/* For the first time: nothing but the pointer says that the sleeper will unlock. */
NOLEAK(mutex_handed_over_first)
static void sleeps_then_unlocks(void *arg)
{
	gd_sleep(HOUR);
	gd_mutex_unlock(arg);
}
static void waits_for_own(void *arg)
{
	gd_mutex_lock(arg);
	gd_mutex_lock(arg);
}
MAIN(noleak_mutex_handed_over_first)
{
	gd_mutex *m = NEW(gd_mutex);

	gd_go_fn(waits_for_own, m);
	gd_go_fn(sleeps_then_unlocks, m);
	settle_n(1);
}

/* The owner has ended, and a sleeper will unlock. */
NOLEAK(mutex_left_to_another)
static void locks_and_leaves(void *arg)
{
	gd_mutex_lock(arg);
	barrier_post(&ready);
}
static void waits_for_left(void *arg)
{
	gd_mutex_lock(arg);
	gd_mutex_unlock(arg);
}
MAIN(noleak_mutex_left_to_another)
{
	gd_mutex *m = NEW(gd_mutex);

	gd_go_fn(locks_and_leaves, m);
	barrier_await_go(&ready, 1);
	until_alive(1);
	gd_go_fn(waits_for_left, m);
	gd_go_fn(sleeps_then_unlocks, m);
	settle_n(1);
}

/* Main locks, and returns; a timer unlocks. */
NOLEAK(mutex_unlocked_by_timer)
static void unlocks(void *arg)
{
	gd_mutex_unlock(arg);
}
MAIN(noleak_mutex_unlocked_by_timer)
{
	gd_mutex *m = NEW(gd_mutex);

	gd_mutex_lock(m);
	gd_after_func(HOUR, unlocks, m);
	gd_go_fn(waits_for_left, m);
	settle_n(1);
}

/*
 * A mutex in a global as a signal: one waits for its own lock until a sleeper unlocks it. No
 * pointer says so, but it is the first time that this mutex is locked.
 */
NOLEAK(global_mutex_as_signal)
static gd_mutex signal_mutex;
static void signals_by_unlock(void *unused)
{
	gd_sleep(HOUR);
	gd_mutex_unlock(&signal_mutex);
}
static void waits_for_signal(void *unused)
{
	gd_mutex_lock(&signal_mutex);
	gd_mutex_lock(&signal_mutex);
}
MAIN(noleak_global_mutex_as_signal)
{
	gd_go_fn(signals_by_unlock, NULL);
	gd_go_fn(waits_for_signal, NULL);
	settle_n(1);
}

/* A read lock is given up by another than its taker. */
NOLEAK(rwmutex_handed_over)
static void rlocks_and_leaves(void *arg)
{
	gd_rwmutex_rlock(arg);
	barrier_post(&ready);
}
static void sleeps_then_runlocks(void *arg)
{
	gd_sleep(HOUR);
	gd_rwmutex_runlock(arg);
}
static void write_locks(void *arg)
{
	gd_rwmutex_lock(arg);
	gd_rwmutex_unlock(arg);
}
MAIN(noleak_rwmutex_handed_over)
{
	gd_rwmutex *m = NEW(gd_rwmutex);

	gd_go_fn(rlocks_and_leaves, m);
	barrier_await_go(&ready, 1);
	until_alive(1);
	gd_go_fn(write_locks, m);
	gd_go_fn(sleeps_then_runlocks, m);
	settle_n(1);
}

/* Those who wait for a condition, and the sleeper who will broadcast. */
NOLEAK(cond)
struct event {
	gd_mutex m;
	gd_cond c;
	bool happened;
};
static void awaits_event(void *arg)
{
	struct event *e = arg;

	gd_mutex_lock(&e->m);
	while (!e->happened)
		gd_cond_wait(&e->c);
	gd_mutex_unlock(&e->m);
}
static void makes_event(void *arg)
{
	struct event *e = arg;

	gd_sleep(HOUR);
	gd_mutex_lock(&e->m);
	e->happened = true;
	gd_cond_broadcast(&e->c);
	gd_mutex_unlock(&e->m);
}
MAIN(noleak_cond)
{
	struct event *e = NEW(struct event);

	gd_cond_init(&e->c, &e->m);
	for (int i = 0; i < 10; i++)
		gd_go_fn(awaits_event, e);
	gd_go_fn(makes_event, e);
	settle_n(10);
}

/* Readers wait behind a writer, who waits for a reader who sleeps. */
NOLEAK(rwmutex_queue)
static void reads_long(void *arg)
{
	gd_rwmutex_rlock(arg);
	barrier_post(&ready);
	gd_sleep(HOUR);
	gd_rwmutex_runlock(arg);
}
static void reads(void *arg)
{
	settle_n(1);
	gd_rwmutex_rlock(arg);
	gd_rwmutex_runlock(arg);
}
MAIN(noleak_rwmutex_queue)
{
	gd_rwmutex *m = NEW(gd_rwmutex);

	gd_go_fn(reads_long, m);
	barrier_await_go(&ready, 1);
	gd_go_fn(write_locks, m);
	gd_go_fn(reads, m);
	settle_n(2);
}

/* A once that takes long: the others wait for its lock. */
NOLEAK(once)
static gd_once once;
static void takes_long(void *unused)
{
	barrier_post(&ready);
	gd_sleep(HOUR);
}
static void calls_once(void *unused)
{
	gd_once_do(&once, takes_long, NULL);
}
MAIN(noleak_once)
{
	for (int i = 0; i < 5; i++)
		gd_go_fn(calls_once, NULL);
	barrier_await_go(&ready, 1);
	settle_n(4);
}

CONFORM_MAIN
