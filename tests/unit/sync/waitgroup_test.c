/* link: gdetect */
/* waitgroup_test.c - waits end when the counter is zero, and only then. */
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"

static gd_waitgroup group, waiters;
static _Atomic int done;

static void worker(void *arg)
{
	(void)arg;
	gd_yield();
	atomic_fetch_add(&done, 1);
	gd_waitgroup_done(&group);
}

static void rounds(void *arg)
{
	(void)arg;
	gd_waitgroup_wait(&group); /* at zero: at once */
	for (int round = 1; round <= 50; round++) {
		gd_waitgroup_add(&group, 20);
		for (int i = 0; i < 20; i++)
			gd_go_fn(worker, NULL);
		gd_waitgroup_wait(&group);
		CHECK_EQ(atomic_load(&done), 20 * round);
	}
	CHECK_EQ(group.count_, 0);
	CHECK_EQ(group.waiters_, 0);
}

CASE(counts_and_is_used_again)
{
	on_procs(rounds);
}

static void waiter(void *arg)
{
	(void)arg;
	gd_waitgroup_wait(&group);
	CHECK_EQ(atomic_load(&done), 1);
	gd_waitgroup_done(&waiters);
}

static void many_waiters(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 5);
	gd_waitgroup_add(&waiters, 10);
	for (int i = 0; i < 10; i++)
		gd_go_fn(waiter, NULL);
	let_others_run();
	gd_waitgroup_add(&group, -4);
	let_others_run();
	atomic_store(&done, 1);
	gd_waitgroup_done(&group);
	gd_waitgroup_wait(&waiters);
}

CASE(all_waiters_are_woken)
{
	on_procs(many_waiters);
}

static void negative(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 1);
	gd_waitgroup_done(&group);
	gd_waitgroup_done(&group);
}

CASE(misuse_is_fatal)
{
	expect_fatal(negative, "sync: negative WaitGroup counter");
}

UNIT_MAIN
