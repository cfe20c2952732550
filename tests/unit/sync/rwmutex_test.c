/* link: gdetect */
/* rwmutex_test.c - readers together, writers alone, neither starves. */
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"

static gd_rwmutex lock;
static gd_waitgroup group;
static _Atomic int readers, writers, most_readers;
static int value;

struct user_args {
	int n;
	bool write;
};
static void user(struct user_args *a)
{
	for (int i = 0; i < a->n; i++) {
		if (a->write) {
			gd_rwmutex_lock(&lock);
			CHECK_EQ(atomic_fetch_add(&writers, 1), 0);
			CHECK_EQ(atomic_load(&readers), 0);
			value++;
			if (i % 8 == 0)
				gd_yield();
			atomic_fetch_sub(&writers, 1);
			gd_rwmutex_unlock(&lock);
		} else {
			gd_rwmutex_rlock(&lock);
			int now = atomic_fetch_add(&readers, 1) + 1;
			if (now > atomic_load(&most_readers))
				atomic_store(&most_readers, now);
			CHECK_EQ(atomic_load(&writers), 0);
			gd_yield();
			atomic_fetch_sub(&readers, 1);
			gd_rwmutex_runlock(&lock);
		}
	}
	gd_waitgroup_done(&group);
}

static void excludes(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 12);
	for (int i = 0; i < 12; i++)
		gd_go(user, .n = 300, .write = i % 3 == 0);
	gd_waitgroup_wait(&group);
	CHECK_EQ(value, 4 * 300);
	CHECK(atomic_load(&most_readers) > 1);
	CHECK_EQ(lock.readers_, 0);
	CHECK(lock.first_ == NULL);
}

CASE(readers_share_writers_exclude)
{
	on_procs(excludes);
}

static void try_both(void *arg)
{
	(void)arg;
	CHECK(gd_rwmutex_try_rlock(&lock));
	CHECK(gd_rwmutex_try_rlock(&lock));
	CHECK(!gd_rwmutex_try_lock(&lock));
	CHECK_EQ(lock.readers_, 2);
	gd_rwmutex_runlock(&lock);
	gd_rwmutex_runlock(&lock);
	CHECK(gd_rwmutex_try_lock(&lock));
	CHECK_EQ(lock.writer_, gd_go_id());
	CHECK(!gd_rwmutex_try_lock(&lock));
	CHECK(!gd_rwmutex_try_rlock(&lock));
	gd_rwmutex_unlock(&lock);
	CHECK_EQ(lock.readers_, 0);
}

CASE(try_operations)
{
	on_procs(try_both);
}

static void wait_for_queue(void)
{
	while (gd__waitq_empty(gd__word_queue(&lock.first_)))
		gd_yield();
}

static void writer_first(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 1);
	gd_rwmutex_rlock(&lock);
	gd_go(user, .n = 1, .write = true);
	wait_for_queue();
	CHECK(!gd_rwmutex_try_rlock(&lock)); /* the waiting writer holds it back */
	gd_rwmutex_runlock(&lock);
	gd_waitgroup_wait(&group);
	CHECK(gd_rwmutex_try_rlock(&lock));
}

CASE(waiting_writer_holds_back_readers)
{
	on_procs(writer_first);
}

static void held_list(void *arg)
{
	gd_rwmutex more[GD__HELD_MAX] = { { 0 } };
	struct gd__g *g = gd__self();

	(void)arg;
	gd_rwmutex_rlock(&lock);
	gd_rwmutex_rlock(&lock);
	CHECK(g->held[0].lock == &lock);
	CHECK_EQ(g->held[0].count, 2);
	CHECK(g->held[0].pc != NULL);
	for (int i = 0; i < GD__HELD_MAX; i++)
		gd_rwmutex_rlock(&more[i]);
	CHECK_EQ(g->held_lost, 1);
	gd_rwmutex_runlock(&more[GD__HELD_MAX - 1]);
	CHECK_EQ(g->held_lost, 0);
	gd_rwmutex_runlock(&lock);
	gd_rwmutex_runlock(&lock);
	CHECK(g->held[0].lock == NULL);
}

CASE(read_locks_are_listed_in_the_goroutine)
{
	on_procs(held_list);
}

static void runlock_free(void *arg)
{
	(void)arg;
	gd_rwmutex_runlock(&lock);
}

static void unlock_free(void *arg)
{
	(void)arg;
	gd_rwmutex_rlock(&lock);
	gd_rwmutex_unlock(&lock);
}

static void runlock_written(void *arg)
{
	(void)arg;
	gd_rwmutex_lock(&lock);
	gd_rwmutex_runlock(&lock);
}

CASE(misuse_is_fatal)
{
	expect_fatal(runlock_free, "sync: RUnlock of unlocked RWMutex");
	expect_fatal(runlock_written, "sync: RUnlock of unlocked RWMutex");
	expect_fatal(unlock_free, "sync: Unlock of unlocked RWMutex");
}

UNIT_MAIN
