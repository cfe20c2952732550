/* link: gdetect */
/* cond_test.c - no signal is lost, and no waiter is woken without one. */
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"
#include "tests/unit/sync/no_hooks.h"

static gd_mutex mutex;
static gd_cond filled, emptied;
static int slot, total, woken;
static gd_waitgroup group;

static void consumer(void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++) {
		gd_mutex_lock(&mutex);
		while (slot == 0)
			gd_cond_wait(&filled);
		total += slot;
		slot = 0;
		gd_cond_signal(&emptied);
		gd_mutex_unlock(&mutex);
	}
	gd_waitgroup_done(&group);
}

static void producer(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 500; i++) {
		gd_mutex_lock(&mutex);
		while (slot != 0)
			gd_cond_wait(&emptied);
		slot = i;
		gd_cond_signal(&filled);
		gd_mutex_unlock(&mutex);
	}
	gd_waitgroup_done(&group);
}

static void hand_over(void *arg)
{
	(void)arg;
	gd_cond_init(&filled, &mutex);
	gd_cond_init(&emptied, &mutex);
	gd_waitgroup_add(&group, 6);
	for (int i = 0; i < 3; i++) {
		gd_go_fn(consumer, NULL);
		gd_go_fn(producer, NULL);
	}
	gd_waitgroup_wait(&group);
	CHECK_EQ(total, 3 * 500 * 501 / 2);
}

CASE(no_signal_is_lost)
{
	on_procs(hand_over);
}

static void sleeper(void *arg)
{
	(void)arg;
	gd_mutex_lock(&mutex);
	gd_waitgroup_done(&group);
	gd_cond_wait(&filled);
	woken++;
	gd_mutex_unlock(&mutex);
	gd_waitgroup_done(&group);
}

static int count_woken(void)
{
	gd_mutex_lock(&mutex);
	int n = woken;
	gd_mutex_unlock(&mutex);
	return n;
}

static void signal_and_broadcast(void *arg)
{
	(void)arg;
	gd_cond_init(&filled, &mutex);
	gd_cond_signal(&filled); /* nobody waits: forgotten */
	gd_waitgroup_add(&group, 10);
	for (int i = 0; i < 10; i++)
		gd_go_fn(sleeper, NULL);
	gd_waitgroup_wait(&group);
	CHECK_EQ(count_woken(), 0); /* who holds the mutex knows that all have queued up */
	gd_waitgroup_add(&group, 10);
	gd_cond_signal(&filled);
	while (count_woken() < 1)
		gd_yield();
	let_others_run();
	CHECK_EQ(count_woken(), 1);
	gd_cond_broadcast(&filled);
	gd_waitgroup_wait(&group);
	CHECK_EQ(count_woken(), 10);
}

CASE(signal_wakes_one_broadcast_all)
{
	on_procs(signal_and_broadcast);
}

/*
 * A signal that comes when the waiter has let go of the mutex and is not yet
 * parked: it is sent from the detector's event of the unlock.
 */
static void signal_at_unlock(struct gd__hook_ctx *g, const void *lock, int write)
{
	(void)g;
	(void)write;
	if (lock == &mutex && woken == 0) {
		woken = 1;
		gd_cond_signal(&filled);
	}
}

static void signal_before_park(void *arg)
{
	(void)arg;
	gd_cond_init(&filled, &mutex);
	gd_mutex_lock(&mutex);
	gd_cond_wait(&filled);
	CHECK_EQ(woken, 1);
	gd_mutex_unlock(&mutex);
}

CASE(signal_between_unlock_and_park)
{
	no_hooks.unlock = signal_at_unlock;
	gd__hooks_install(&no_hooks);
	on_procs(signal_before_park);
}

static void without_lock(void *arg)
{
	(void)arg;
	gd_cond_init(&filled, &mutex);
	gd_cond_wait(&filled);
}

static void without_mutex(void *arg)
{
	(void)arg;
	gd_cond_wait(&filled);
}

CASE(misuse_is_fatal)
{
	expect_fatal(without_lock, "sync: unlock of unlocked mutex");
	expect_fatal(without_mutex, "without a mutex");
}

UNIT_MAIN
