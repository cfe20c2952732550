/* link: gdetect */
/* pool_test.c - what is put is had again, by one user at a time. */
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"

static gd_pool pool;
static gd_waitgroup group;
static _Atomic int made, dropped;

static void *make(void)
{
	atomic_fetch_add(&made, 1);
	return calloc(1, sizeof(_Atomic int));
}

static void drop(void *item)
{
	atomic_fetch_add(&dropped, 1);
	free(item);
}

static void user(void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++) {
		_Atomic int *item = gd_pool_get(&pool);

		CHECK_EQ(atomic_fetch_add(item, 1), 0);
		if (i % 4 == 0)
			gd_yield();
		atomic_fetch_sub(item, 1);
		gd_pool_put(&pool, item);
	}
	gd_waitgroup_done(&group);
}

static void shared(void *arg)
{
	(void)arg;
	pool.make = make;
	gd_waitgroup_add(&group, 40); /* more than fit the first array */
	for (int i = 0; i < 40; i++)
		gd_go_fn(user, NULL);
	gd_waitgroup_wait(&group);
	CHECK_EQ(pool.len_, atomic_load(&made));
	gd_pool_release(&pool, drop);
	CHECK_EQ(atomic_load(&dropped), atomic_load(&made));
}

CASE(an_item_has_one_user)
{
	on_procs(shared);
}

static void simple(void *arg)
{
	int a, b;

	(void)arg;
	CHECK(gd_pool_get(&pool) == NULL); /* no make */
	gd_pool_put(&pool, NULL);
	CHECK(gd_pool_get(&pool) == NULL);
	gd_pool_put(&pool, &a);
	gd_pool_put(&pool, &b);
	CHECK(gd_pool_get(&pool) == &b); /* the one put last is still in the cache */
	CHECK(gd_pool_get(&pool) == &a);
	gd_pool_put(&pool, malloc(8));
	gd_pool_release(&pool, NULL);
	CHECK(gd_pool_get(&pool) == NULL);
}

CASE(last_in_first_out)
{
	on_procs(simple);
}

UNIT_MAIN
