/* go_waitgroup.c - waiting for goroutines, and groups used wrongly. */
#include "runtime/inspect/inspect.h"
#include "tests/conformance/race/race_case.h"

#include <stdatomic.h>

typedef gd_chan_of(int) int_chan;

int x, y, slot[3];
gd_waitgroup wg;
int_chan c0;

static void set_up(void)
{
	c0 = gd_chan_make(int_chan, 0);
}

NORACE(wait_group)
static void done_after_x(void)
{
	x = 1;
	gd_waitgroup_done(&wg);
}
MAIN(norace_wait_group)
{
	gd_waitgroup_add(&wg, 1);
	spawn(done_after_x);
	gd_waitgroup_wait(&wg);
	join();
}

RACE(wait_group)
static void writes_first(void)
{
	x = 1; /* race */
	gd_waitgroup_done(&wg);
	DONE();
}
static void writes_second(void)
{
	AFTER(1);
	x = 2; /* race */
	gd_waitgroup_done(&wg);
}
MAIN(race_wait_group)
{
	gd_waitgroup_add(&wg, 2);
	spawn(writes_first);
	spawn(writes_second);
	gd_waitgroup_wait(&wg);
	join();
}

NORACE(wait_group2)
MAIN(norace_wait_group2)
{
	gd_waitgroup_add(&wg, 1);
	spawn(done_after_x);
	gd_waitgroup_wait(&wg);
	x = 2;
	join();
}

/* Both find nobody in the group, then both enter. */
RACE(wait_group_as_mutex)
static void first_in_group(void)
{
	gd_waitgroup_wait(&wg); /* race? */
	DONE();
	AFTER(2);
	gd_waitgroup_add(&wg, 1); /* race? */
	x = 1;                    /* race */
	gd_waitgroup_done(&wg);
	DONE();
}
static void second_in_group(void)
{
	AFTER(1);
	gd_waitgroup_wait(&wg); /* race? */
	DONE();
	AFTER(3);
	gd_waitgroup_add(&wg, 1); /* race? */
	x = 2;                    /* race */
	gd_waitgroup_done(&wg);
	DONE();
}
MAIN(race_wait_group_as_mutex)
{
	spawn(first_in_group);
	spawn(second_in_group);
	join();
}

/* The adds come from the workers: the wait may find none, and they do not wait for each other. */
RACE(wait_group_wrong_wait)
static void adds_too_late(void)
{
	gd_waitgroup_add(&wg, 1); /* race? */
	x = 1;                    /* race */
	gd_waitgroup_done(&wg);
	DONE();
}
static void adds_second(void)
{
	AFTER(1);
	gd_waitgroup_add(&wg, 1); /* race? */
	x = 2;                    /* race */
	gd_waitgroup_done(&wg);
	DONE();
}
MAIN(race_wait_group_wrong_wait)
{
	spawn(adds_too_late);
	spawn(adds_second);
	AFTER(2);
	gd_waitgroup_wait(&wg); /* race? */
	join();
}

RACE(wait_group_wrong_add)
static void adds_while_waited(void)
{
	gd_waitgroup_add(&wg, 1); /* race */
	DONE();
	AFTER(2);
	gd__inspect_settle(10 * GD_SECOND); /* the other is parked in its wait */
	gd_waitgroup_done(&wg);
}
MAIN(race_wait_group_wrong_add)
{
	spawn(adds_while_waited);
	AFTER(1);
	DONE();
	gd_waitgroup_wait(&wg); /* race */
	join();
}

NORACE(wait_group_multiple_wait)
static void waits(void)
{
	gd_waitgroup_wait(&wg);
}
MAIN(norace_wait_group_multiple_wait)
{
	for (int i = 0; i < 3; i++)
		spawn(waits);
	waits();
	join();
}

NORACE(wait_group_multiple_wait2)
static void done_and_waits(void)
{
	gd_waitgroup_done(&wg);
	gd_waitgroup_wait(&wg);
}
MAIN(norace_wait_group_multiple_wait2)
{
	gd_waitgroup_add(&wg, 2);
	spawn(done_and_waits);
	spawn(done_and_waits);
	gd_waitgroup_wait(&wg);
	join();
}

NORACE(wait_group_multiple_wait3)
static void fills_slot(void)
{
	static atomic_uint next;
	unsigned int i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);

	slot[i] = (int)i + 1;
	gd_waitgroup_done(&wg);
}
static void sums_slots(void)
{
	gd_waitgroup_wait(&wg);
	CHECK_EQ(slot[0] + slot[1] + slot[2], 6);
}
MAIN(norace_wait_group_multiple_wait3)
{
	gd_waitgroup_add(&wg, 3);
	for (int i = 0; i < 3; i++)
		spawn(fills_slot);
	for (int i = 0; i < 3; i++)
		spawn(sums_slots);
	join();
}

NORACE(wait_group_transitive)
static void done_y_late(void)
{
	for (int i = 0; i < 100; i++)
		gd_yield();
	y = 1;
	gd_waitgroup_done(&wg);
}
MAIN(norace_wait_group_transitive)
{
	gd_waitgroup_add(&wg, 2);
	spawn(done_after_x);
	spawn(done_y_late);
	gd_waitgroup_wait(&wg);
	x = 2;
	y = 2;
	join();
}

NORACE(wait_group_reuse)
static void adds_to_x(void)
{
	x++;
	gd_waitgroup_done(&wg);
}
MAIN(norace_wait_group_reuse)
{
	for (int i = 0; i < 3; i++) {
		gd_waitgroup_add(&wg, 1);
		spawn(adds_to_x);
		gd_waitgroup_wait(&wg);
		x++;
	}
	CHECK_EQ(x, 6);
	join();
}

/* Another one waits, too, and says when it is through. */
NORACE(wait_group_reuse2)
static void waits_and_tells(void)
{
	gd_waitgroup_wait(&wg);
	gd_chan_send(c0, 1);
}
MAIN(norace_wait_group_reuse2)
{
	for (int i = 0; i < 3; i++) {
		gd_waitgroup_add(&wg, 1);
		spawn(adds_to_x);
		spawn(waits_and_tells);
		gd_waitgroup_wait(&wg);
		gd_chan_recv(c0, NULL);
		x++;
	}
	join();
}

RACE(wait_group_reuse)
static void waits_and_reads(void)
{
	gd_waitgroup_wait(&wg); /* race? */
	USE(x);                 /* race */
	DONE();
}
static void next_round(void)
{
	x = 2; /* race */
	gd_waitgroup_done(&wg);
}
MAIN(race_wait_group_reuse)
{
	gd_waitgroup_add(&wg, 1);
	spawn(done_after_x);
	spawn(waits_and_reads);
	gd_waitgroup_wait(&wg);
	AFTER(1);
	gd_waitgroup_add(&wg, 1); /* race? */
	spawn(next_round);
	gd_waitgroup_wait(&wg); /* race? */
	join();
}

NORACE(wait_group_concurrent_add)
static void adds_and_is_done(void)
{
	gd_waitgroup_add(&wg, 1);
	gd_chan_send(c0, 1);
	AFTER(1);
	gd_waitgroup_done(&wg);
}
MAIN(norace_wait_group_concurrent_add)
{
	for (int i = 0; i < 4; i++)
		spawn(adds_and_is_done);
	for (int i = 0; i < 4; i++)
		gd_chan_recv(c0, NULL);
	DONE();
	gd_waitgroup_wait(&wg);
	join();
}

/* A negative counter ends the program in C: what is left of these cases is who may write when. */
NORACE(wait_group_panic_recover)
MAIN(norace_wait_group_panic_recover)
{
	x = 1;
	gd_waitgroup_add(&wg, 1);
	gd_waitgroup_done(&wg);
	x = 2;
}

NORACE(wait_group_panic_recover2)
static void starts_in_handler(void *unused)
{
	spawn(done_after_x);
}
static void leaves_early(void)
{
	gd_defer(starts_in_handler, NULL);
	x = 2;
}
MAIN(norace_wait_group_panic_recover2)
{
	gd_waitgroup_add(&wg, 1);
	x = 3;
	spawn(leaves_early);
	gd_waitgroup_wait(&wg);
	x = 4;
	join();
}

CONFORM_MAIN
