/* link: gdetect */
/* once_test.c - the function runs once, and everybody sees what it did. */
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"

static gd_once once;
static gd_waitgroup group;
static int runs, made;

static void make(void *arg)
{
	runs++;
	let_others_run(); /* the others arrive meanwhile */
	made = *(int *)arg;
}

static void user(void *arg)
{
	gd_once_do(&once, make, arg);
	CHECK_EQ(made, 42);
	gd_waitgroup_done(&group);
}

static void many(void *arg)
{
	int value = 42;

	(void)arg;
	gd_waitgroup_add(&group, 20);
	for (int i = 0; i < 20; i++)
		gd_go_fn(user, &value);
	gd_waitgroup_wait(&group);
	CHECK_EQ(runs, 1);
}

CASE(runs_once_and_all_wait_for_it)
{
	on_procs(many);
}

UNIT_MAIN
