/* link: gdetect */
/*
 * fair_test.c - who runs when: nobody starves among ten thousand, the global queue has its turn,
 * runnext is not stolen at once; the number of Ps changes under load.
 */
#include <stdatomic.h>

#include <gdetect/gdetect.h>

#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/unit.h"

static void run(int procs, void (*start)(void *))
{
	CHECK_EQ(gd_set_procs(procs), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

static volatile bool enough;

/* --- ten thousand ready ones --- */

#define READY  10000
#define ROUNDS 20

static _Atomic uint64_t clock_turns; /* of all, one after the other */
static _Atomic uint64_t widest;      /* most turns of others between two of one */
static _Atomic int finished;

static void note_gap(uint64_t *last)
{
	uint64_t now = atomic_fetch_add(&clock_turns, 1), gap = now - *last;
	uint64_t most = atomic_load(&widest);

	*last = now;
	while (gap > most && !atomic_compare_exchange_weak(&widest, &most, gap))
		;
}

static void take_turns(void *arg)
{
	uint64_t last = atomic_load(&clock_turns);

	(void)arg;
	for (int i = 1; finished < READY; i++) {
		gd_yield();
		note_gap(&last);
		finished += i == ROUNDS;
	}
}

static void crowd(void)
{
	for (int i = 0; i < READY; i++)
		gd_go_fn(take_turns, NULL);
	while (finished < READY)
		gd_yield();
}

static void start_crowd(void *arg)
{
	(void)arg;
	crowd();
}

/*
 * On one P the order is that of queues: between two turns of a goroutine every other has some. On
 * several the kernel may take the CPU from one of the threads while others go on, at 20 turns a
 * microsecond: the bound is what that makes of some 100 ms.
 */
static void check_widest(uint64_t rounds)
{
	if (widest > rounds * READY)
		fprintf(stderr, "%lu turns of others between two of one\n", (unsigned long)widest);
	CHECK(widest <= rounds * READY);
}

CASE(nobody_starves_among_ten_thousand_1p)
{
	run(1, start_crowd);
	check_widest(3);
}

CASE(nobody_starves_among_ten_thousand_2p)
{
	run(2, start_crowd);
	check_widest(500);
}

CASE(nobody_starves_among_ten_thousand_8p)
{
	run(8, start_crowd);
	check_widest(2000);
}

static gd_chan *there, *back;
static _Atomic uint64_t exchanges;

static void pong(void *arg)
{
	int v;

	(void)arg;
	while (gd_chan_recv_raw(there, &v)) {
		exchanges++;
		gd_chan_send_raw(back, &v);
	}
}

static void ping(void *arg)
{
	int v = 0;

	(void)arg;
	while (finished < READY) {
		gd_chan_send_raw(there, &v);
		gd_chan_recv_raw(back, &v);
	}
	gd_chan_close_raw(there);
}

/* The pair is always next, so but for its slices nobody else would run. */
static void start_crowd_beside_pair(void *arg)
{
	(void)arg;
	there = gd_chan_make_raw(sizeof(int), 0, "there");
	back = gd_chan_make_raw(sizeof(int), 0, "back");
	gd_go_fn(ping, NULL);
	gd_go_fn(pong, NULL);
	crowd();
	CHECK(exchanges > 0);
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(a_pair_in_runnext_starves_nobody_1p)
{
	run(1, start_crowd_beside_pair);
	check_widest(3);
}

CASE(a_pair_in_runnext_starves_nobody_2p)
{
	run(2, start_crowd_beside_pair);
	check_widest(500);
}

CASE(a_pair_in_runnext_starves_nobody_8p)
{
	run(8, start_crowd_beside_pair);
	check_widest(2000);
}

/* --- system calls --- */

static void has_its_turn(void *arg)
{
	(void)arg;
	enough = true;
}

/* Too short for sysmon to take the P; no other safe point. */
static void start_caller(void *arg)
{
	(void)arg;
	gd_go_fn(has_its_turn, NULL);
	while (!enough)
		(void)gd_syscall(gd__os_tid());
}

CASE(short_system_calls_starve_nobody)
{
	run(1, start_caller);
}

/* --- the order of queues --- */

static uint64_t links;

/* Each starts the next in runnext, none is ever asked at a safe point: slices end even so. */
static void start_next(void *arg)
{
	links++;
	if (!enough)
		gd_go_fn(start_next, arg);
}

static void start_chains(void *arg)
{
	gd_go_fn(start_next, arg);
	for (int i = 0; i < 10; i++)
		gd_yield();
	CHECK(links > 1000);
	enough = true;
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(a_chain_of_starts_starves_nobody)
{
	run(1, start_chains);
}

static void take_a_turn(void *arg)
{
	(void)arg;
	links++;
}

/*
 * 200 in the P's own queue, and this one in the global: it comes within 61 ticks, though the own
 * queue is not empty. (62: the one in runnext inherits a slice. Where the machine is busy and
 * slices end, more are queued globally, before this one: so the best of some tries.)
 */
static void start_ticks(void *arg)
{
	bool in_time = false;

	for (int try = 0; try < 10 && !in_time; try++) {
		uint64_t before = links;

		for (int i = 0; i < 200; i++)
			gd_go_fn(take_a_turn, arg);
		gd_yield();
		in_time = links - before <= 62;
		while (gd_go_count() > 1)
			gd_yield();
	}
	CHECK(in_time);
}

CASE(the_global_queue_comes_first_every_61st_time)
{
	run(1, start_ticks);
}

/* On two Ps that no M knows of. */
CASE(runnext_is_stolen_last_and_late)
{
	static struct gd__p thief, victim;
	static struct gd__g next, queued[3];
	int64_t start;

	for (int i = 0; i < 3; i++)
		CHECK(gd__runq_put(&victim.runq, &queued[i]));
	gd__store_relaxed(&victim.runnext, &next);        /* one thread */
	gd__store_relaxed(&victim.status, GD__P_RUNNING); /* as above */
	CHECK_EQ(gd__p_steal(&thief, &victim, true), &queued[1]);
	CHECK_EQ(gd__runq_len(&thief.runq), 1);
	CHECK_EQ(gd__p_steal(&thief, &victim, true), &queued[2]);
	CHECK(gd__p_steal(&thief, &victim, false) == NULL);
	start = gd__os_now();
	CHECK_EQ(gd__p_steal(&thief, &victim, true), &next);
	CHECK(gd__os_now() - start >= 3000);
	CHECK(gd__p_steal(&thief, &victim, true) == NULL);
}

/* --- the number of Ps --- */

static _Atomic bool resizing;
static _Atomic uint64_t worked[3];

static void work_channels(void *arg)
{
	int v = 0;

	(void)arg;
	while (resizing) {
		gd_chan_send_raw(there, &v);
		worked[0]++;
	}
	gd_chan_close_raw(there);
}

static void work_receiver(void *arg)
{
	int v;

	(void)arg;
	while (gd_chan_recv_raw(there, &v))
		;
}

static void work_sleeper(void *arg)
{
	(void)arg;
	while (resizing) {
		gd_sleep(50 * GD_MICROSECOND);
		worked[1]++;
	}
}

static void fired(void *arg)
{
	(void)arg;
	worked[2]++;
}

static void work_timers(void *arg)
{
	(void)arg;
	while (resizing) {
		gd_timer *t = gd_after_func_raw(20000, fired, NULL, "fired", "here");

		gd_yield();
		gd_timer_stop(t);
		gd_timer_free(t);
	}
}

static void start_resizing(void *arg)
{
	static const int sizes[] = { 1, 256, 2, 64, 1, 3, 255, 1, 8 };

	(void)arg;
	resizing = true;
	there = gd_chan_make_raw(sizeof(int), 4, "there");
	gd_go_fn(work_channels, NULL);
	for (int i = 0; i < 10; i++) {
		gd_go_fn(work_receiver, NULL);
		gd_go_fn(work_sleeper, NULL);
		gd_go_fn(work_timers, NULL);
	}
	for (int i = 0; i < 18; i++) {
		uint64_t before[2] = { worked[0], worked[1] };

		CHECK_EQ(gd_set_procs(sizes[i % 9]), GD_OK);
		CHECK_EQ(gd_procs(), sizes[i % 9]);
		while (worked[0] == before[0] || worked[1] == before[1])
			gd_yield();
	}
	resizing = false;
	while (gd_go_count() > 1)
		gd_sleep(GD_MILLISECOND);
	for (int i = 0; i < 256; i++)
		CHECK(i < gd_procs() ||
		      gd__load_relaxed(&gd__allp[i].status) == GD__P_NONE); /* nobody runs */
}

CASE(ps_come_and_go_under_load)
{
	run(2, start_resizing);
}

UNIT_MAIN
