/* go_pool.c - objects that change hands through a pool. */
#include "tests/conformance/race/race_case.h"

struct object {
	int value, other[20];
};

gd_pool pool;
struct object *own;

static void *makes(void)
{
	return calloc(1, sizeof(struct object));
}

static void set_up(void)
{
	pool.make = makes;
}

RACE(pool)
LEFT(race_pool)
{
	own = gd_pool_get(&pool);
	own->value = 1;
	gd_pool_put(&pool, own);
	DONE();
	AFTER(2);
	own->value = 2; /* race */
}
RIGHT(race_pool)
{
	AFTER(1);
	struct object *o = gd_pool_get(&pool);

	o->value = 3; /* race */
	DONE();
}

NORACE(pool)
LEFT(norace_pool)
{
	struct object *o = gd_pool_get(&pool);

	o->value = 1;
	gd_pool_put(&pool, o);
	DONE();
}
RIGHT(norace_pool)
{
	AFTER(1);
	struct object *o = gd_pool_get(&pool);

	o->value++;
	CHECK_EQ(o->value, 2);
	gd_pool_put(&pool, o);
	gd_pool_release(&pool, NULL);
}

/* Nobody else has it, and yet it is the pool's. */
RACE(failing_pool_put_use_same_goroutine)
MAIN(race_failing_pool_put_use_same_goroutine)
{
	struct object *o = gd_pool_get(&pool);

	o->value = 1;
	gd_pool_put(&pool, o); /* race; expect: which gave the memory back */
	o->other[19] = 2;      /* race; expect: heap-use-after-free */
}

RACE(failing_pool_put_use_different_goroutine)
LEFT(race_failing_pool_put_use_different_goroutine)
{
	own = gd_pool_get(&pool);
	own->value = 1;
	gd_pool_put(&pool, own); /* race */
	DONE();
}
RIGHT(race_failing_pool_put_use_different_goroutine)
{
	AFTER(1);
	struct object *o;

	__asm__ volatile("movq %1, %0" : "=r"(o) : "m"(own));
	USE(o->value); /* race */
}

NORACE(pool_put_get)
MAIN(norace_pool_put_get)
{
	struct object *o = gd_pool_get(&pool);

	o->value = 1;
	gd_pool_put(&pool, o);
	o = gd_pool_get(&pool);
	o->value = 2;
	gd_pool_put(&pool, o);
	gd_pool_release(&pool, NULL);
}

NORACE(pool_new)
MAIN(norace_pool_new)
{
	struct object *o = gd_pool_get(&pool);

	CHECK_EQ(o->value, 0);
	o->value = 1;
	free(o);
}

/* Put twice, it would be had by two. */
RACE(pool_put_twice)
MAIN(race_pool_put_twice)
{
	struct object *o = gd_pool_get(&pool);

	gd_pool_put(&pool, o); /* race */
	gd_pool_put(&pool, o); /* race; expect: heap-use-after-free */
}

/* Objects that lie in no block of their own. */
NORACE(pool_static_objects)
struct object several[2];
static void uses_one(void)
{
	for (int i = 0; i < 100; i++) {
		struct object *o = gd_pool_get(&pool);

		if (!o)
			continue;
		o->value++;
		gd_pool_put(&pool, o);
	}
}
MAIN(norace_pool_static_objects)
{
	pool.make = NULL;
	gd_pool_put(&pool, &several[0]);
	gd_pool_put(&pool, &several[1]);
	for (int i = 0; i < 4; i++)
		spawn(uses_one);
	join();
}

/* The pool's own memory is nobody's: it grows and goes in whatever goroutine. */
NORACE(pool_grows)
static void puts_many(void)
{
	for (int i = 0; i < 100; i++)
		gd_pool_put(&pool, makes());
	DONE();
}
MAIN(norace_pool_grows)
{
	for (int i = 0; i < 3; i++)
		spawn(puts_many);
	AFTER(3);
	gd_pool_release(&pool, NULL);
	join();
}

CONFORM_MAIN
