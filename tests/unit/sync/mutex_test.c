/* link: gdetect */
/* mutex_test.c - exclusion, hand-over, misuse, and what reports read in a mutex. */
#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"

typedef gd_chan_of(int) int_chan;

static gd_mutex mutex;
static int counter;
static gd_waitgroup group;

struct adder_args {
	int n;
	bool yield;
};
static void adder(struct adder_args *a)
{
	for (int i = 0; i < a->n; i++) {
		gd_mutex_lock(&mutex);
		int seen = counter;
		if (a->yield && i % 16 == 0)
			gd_yield();
		counter = seen + 1;
		gd_mutex_unlock(&mutex);
	}
	gd_waitgroup_done(&group);
}

static void excludes(void *arg)
{
	enum { GOROUTINES = 16, EACH = 2000 };

	(void)arg;
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go(adder, .n = EACH, .yield = i % 2 == 0);
	gd_waitgroup_wait(&group);
	CHECK_EQ(counter, GOROUTINES * EACH);
	CHECK_EQ(mutex.state_ & ~GD__MUTEX_BUSY, 0);
	CHECK_EQ(mutex.owner_, 0);
	CHECK(mutex.first_ == NULL && mutex.last_ == NULL);
}

CASE(excludes)
{
	on_procs(excludes);
}

static void try_lock(void *arg)
{
	(void)arg;
	CHECK(gd_mutex_try_lock(&mutex));
	CHECK(!gd_mutex_try_lock(&mutex));
	CHECK_EQ(mutex.owner_, gd_go_id());
	CHECK(mutex.owner_pc_ != NULL);
	gd_mutex_unlock(&mutex);
	CHECK_EQ(mutex.owner_, 0);
	CHECK(gd_mutex_try_lock(&mutex));
}

CASE(try_lock_and_owner)
{
	on_procs(try_lock);
}

/* A goroutine that always wants it again must not starve one that waits. */
static _Atomic bool starved;

static void hog(void *arg)
{
	(void)arg;
	while (atomic_load(&starved)) {
		gd_mutex_lock(&mutex);
		gd_yield();
		gd_mutex_unlock(&mutex);
	}
	gd_waitgroup_done(&group);
}

static void nobody_starves(void *arg)
{
	(void)arg;
	atomic_store(&starved, true);
	gd_waitgroup_add(&group, 2);
	for (int i = 0; i < 2; i++)
		gd_go_fn(hog, NULL);
	for (int i = 0; i < 50; i++) {
		gd_mutex_lock(&mutex);
		gd_mutex_unlock(&mutex);
		gd_yield();
	}
	atomic_store(&starved, false);
	gd_waitgroup_wait(&group);
}

CASE(nobody_starves)
{
	on_procs(nobody_starves);
}

static void unlocker(void *arg)
{
	(void)arg;
	gd_mutex_unlock(&mutex);
	gd_waitgroup_done(&group);
}

static void foreign(void *arg)
{
	(void)arg;
	gd_mutex_lock(&mutex);
	CHECK_EQ(mutex.state_ & GD__MUTEX_SHARED, 0);
	gd_waitgroup_add(&group, 1);
	gd_go_fn(unlocker, NULL);
	gd_waitgroup_wait(&group);
	CHECK_EQ(mutex.state_, GD__MUTEX_SHARED);
	gd_mutex_lock(&mutex); /* goes on to work, by the slower path */
	CHECK(!gd_mutex_try_lock(&mutex));
	gd_mutex_unlock(&mutex);
	CHECK_EQ(mutex.state_, GD__MUTEX_SHARED);
}

CASE(unlock_by_another_goroutine_is_remembered)
{
	on_procs(foreign);
}

/* The memory may go as soon as the last user has unlocked. */
struct counted {
	gd_mutex m;
	int refs;
};
static void drop(void *arg)
{
	struct counted *c = arg;

	gd_mutex_lock(&c->m);
	bool last = --c->refs == 0;
	gd_mutex_unlock(&c->m);
	if (last) {
		memset(c, 0xee, sizeof(*c));
		free(c);
		gd_waitgroup_done(&group);
	}
}

static void freed_after_unlock(void *arg)
{
	(void)arg;
	for (int round = 0; round < 300; round++) {
		struct counted *c = calloc(1, sizeof(*c));

		c->refs = 8;
		gd_waitgroup_add(&group, 1);
		for (int i = 0; i < 8; i++)
			gd_go_fn(drop, c);
	}
	gd_waitgroup_wait(&group);
}

CASE(may_be_freed_after_the_last_unlock)
{
	on_procs(freed_after_unlock);
}

/*
 * The first one to wait for a mutex meets the holder's unlock, which is no locked instruction: an
 * overlooked waiter would sleep for ever. With one side always about to unlock, many first
 * meetings.
 */
enum { MEETINGS = 3000, TURNS = 40 };
static gd_mutex met[MEETINGS];
static _Atomic int turn;

static void meet(void *arg)
{
	int side = arg != NULL;

	for (int i = 0; i < MEETINGS; i++) {
		/* Both begin together; with one P the other must get the chance to. */
		atomic_fetch_add(&turn, 1);
		for (int spin = 0; atomic_load(&turn) < 2 * (i + 1); spin++)
			if (spin % 1000 == 999)
				gd_yield();
		for (int k = 0; k < TURNS + side; k++) {
			gd_mutex_lock(&met[i]);
			counter++;
			gd_mutex_unlock(&met[i]);
		}
	}
	gd_waitgroup_done(&group);
}

static void first_waiter(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 2);
	gd_go_fn(meet, NULL);
	gd_go_fn(meet, &group);
	gd_waitgroup_wait(&group);
	CHECK_EQ(counter, MEETINGS * (2 * TURNS + 1));
	for (int i = 0; i < MEETINGS; i++)
		CHECK_EQ(met[i].state_ & ~GD__MUTEX_BUSY, 0);
}

CASE(first_waiter_is_never_overlooked)
{
	on_procs(first_waiter);
}

static void unlock_free(void *arg)
{
	gd_mutex m = { 0 };

	(void)arg;
	gd_mutex_unlock(&m);
}

static void unlock_twice(void *arg)
{
	gd_mutex m = { 0 };

	(void)arg;
	gd_mutex_lock(&m);
	gd_mutex_unlock(&m);
	gd_mutex_unlock(&m);
}

CASE(misuse_is_fatal)
{
	expect_fatal(unlock_free, "sync: unlock of unlocked mutex");
	expect_fatal(unlock_twice, "sync: unlock of unlocked mutex");
}

/* A thread that never locks anything: the monitor. */
static struct gd__m *monitor(void)
{
	struct gd__m *m = gd__load_acquire(&gd__sched.allm);

	while (m && !m->helper)
		m = gd__load_relaxed(&m->all);
	return m;
}

struct first_waiters {
	gd_mutex mutex;
	gd_waitgroup group;
	_Atomic int began;
};

static void wait_first(void *arg)
{
	struct first_waiters *f = arg;

	atomic_fetch_add(&f->began, 1);
	gd_mutex_lock(&f->mutex);
	gd_mutex_unlock(&f->mutex);
	gd_waitgroup_done(&f->group);
}

/* An unlock has seen nobody and has yet to store that; three waiters come in between. */
static void late_store(void *arg)
{
	struct first_waiters f = { .began = 0 };
	struct gd__m *m = monitor();

	(void)arg;
	CHECK(m != NULL);
	gd_waitgroup_add(&f.group, 3);
	gd_mutex_lock(&f.mutex);
	gd__store_release(&m->unlocking, &f.mutex);
	for (int i = 0; i < 3; i++)
		gd_go_fn(wait_first, &f);
	while (atomic_load(&f.began) < 3)
		gd_yield();
	gd__os_nanosleep(
		20000000); /* a waiter that does not wait for the store has parked by now */
	gd__store_release((_Atomic uint32_t *)&f.mutex.state_, 0);
	gd__store_release(&m->unlocking, NULL);
	gd_waitgroup_wait(&f.group);
}

CASE(the_first_waiters_await_an_unlock_under_way)
{
	int status = -1;
	pid_t pid;

	if (!gd__os_barrier_init()) /* every unlock looks */
		return;
	pid = start_run(late_store, 8, -1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

UNIT_MAIN
