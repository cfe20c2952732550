/* link: gdetect */
/*
 * osthread_test.c - goroutines locked to their thread: they stay on it through every kind of
 * wait, nothing else runs there, the end of one ends its thread.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static int procs = 2;
static _Atomic int stray; /* goroutines seen on a thread that is another's */
static _Atomic bool done;

static void run(void (*start)(void *))
{
	CHECK_EQ(gd_set_procs(procs), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

static void run_on(int n, void (*start)(void *))
{
	procs = n;
	run(start);
}

#define LOCKED_MAX 8
static _Atomic int locked_tid[LOCKED_MAX];

/* A goroutine that is not locked must not be on a thread of one that is. */
static void wander(void *arg)
{
	(void)arg;
	while (!done) {
		int tid = gd__os_tid();

		for (int i = 0; i < LOCKED_MAX; i++)
			stray += locked_tid[i] == tid;
		gd_yield();
	}
}

static int nap(void)
{
	struct timespec ts = { 0, 100000 };

	return nanosleep(&ts, NULL);
}

static void stay(void *arg)
{
	int i = *(int *)arg, tid;
	gd_chan *c = gd_chan_make_raw(sizeof(int), 0, "c");

	gd_lock_os_thread();
	tid = gd__os_tid();
	locked_tid[i] = tid;
	for (int k = 0; k < 30; k++) {
		gd_yield();
		CHECK_EQ(gd__os_tid(), tid);
		gd_sleep(10000);
		CHECK_EQ(gd__os_tid(), tid);
		CHECK_EQ(gd_syscall(nap()), 0);
		CHECK_EQ(gd__os_tid(), tid);
	}
	gd_chan_unref_raw(c);
	locked_tid[i] = 0;
	gd_unlock_os_thread();
}

static void start_staying(void *arg)
{
	static int number[LOCKED_MAX];

	(void)arg;
	for (int i = 0; i < LOCKED_MAX; i++) {
		number[i] = i;
		gd_go_fn(stay, &number[i]);
		gd_go_fn(wander, NULL);
	}
	while (gd_go_count() > 1 + LOCKED_MAX)
		gd_yield();
	done = true;
	while (gd_go_count() > 1)
		gd_yield();
	CHECK_EQ(stray, 0);
	CHECK_EQ(gd__sched.nmlocked, 0);
}

CASE(stays_on_its_thread_alone_1p)
{
	run_on(1, start_staying);
}

CASE(stays_on_its_thread_alone_2p)
{
	run_on(2, start_staying);
}

CASE(stays_on_its_thread_alone_8p)
{
	run_on(8, start_staying);
}

static void start_main_locked(void *arg)
{
	int tid = gd__os_tid();

	gd_lock_os_thread();
	start_staying(arg);
	CHECK_EQ(gd__os_tid(), tid);
}

CASE(main_may_be_locked)
{
	run(start_main_locked);
}

static void start_nesting(void *arg)
{
	struct gd__g *g = gd__self();

	(void)arg;
	gd_unlock_os_thread(); /* nothing to undo */
	gd_lock_os_thread();
	gd_lock_os_thread();
	gd_unlock_os_thread();
	CHECK(g->locked_m == gd__m_self());
	gd_unlock_os_thread();
	CHECK(g->locked_m == NULL);
	CHECK(gd__m_self()->locked_g == NULL);
	gd_unlock_os_thread();
	gd_lock_os_thread();
	CHECK(g->locked_m == gd__m_self());
}

CASE(calls_nest)
{
	run(start_nesting);
}

static pthread_key_t key;
static _Atomic int threads_ended;

static void note_end(void *value)
{
	(void)value;
	threads_ended++;
}

static _Atomic int ended_tid[64];

static void end_locked(void *arg)
{
	gd_lock_os_thread();
	CHECK_EQ(pthread_setspecific(key, arg), 0);
	ended_tid[*(int *)arg] = gd__os_tid();
}

static void start_ending(void *arg)
{
	static int number[64];

	(void)arg;
	CHECK_EQ(pthread_key_create(&key, note_end), 0);
	for (int i = 0; i < 64; i++) {
		number[i] = i;
		gd_go_fn(end_locked, &number[i]);
		while (threads_ended <= i)
			gd_yield();
		for (int k = 0; k < i; k++)
			CHECK(ended_tid[k] != ended_tid[i]);
	}
	while (gd_go_count() > 1)
		gd_yield();
	/* Records and stacks of threads are used again, so there are few of them. */
	int records = 0;

	for (struct gd__m *m = atomic_load(&gd__sched.allm); m; m = atomic_load(&m->all))
		records++;
	CHECK(records < 16);
}

CASE(the_end_of_a_locked_goroutine_ends_its_thread)
{
	run_on(1, start_ending);
}

CASE(the_end_of_a_locked_goroutine_ends_its_thread_4p)
{
	run_on(4, start_ending);
}

static void lock_and_wait(void *arg)
{
	(void)arg;
	gd_lock_os_thread();
	gd_select_none();
}

static void start_deadlock(void *arg)
{
	(void)arg;
	gd_go_fn(lock_and_wait, NULL);
	gd_lock_os_thread();
	gd_select_none();
}

static void deadlock(void)
{
	run(start_deadlock);
}

CASE(a_deadlock_of_locked_goroutines_is_found)
{
	struct child c;

	for (procs = 1; procs <= 8; procs *= 2) {
		child_run(&c, deadlock);
		CHECK_EQ(c.code, 2);
		CHECK_HAS(c.text, "all goroutines are asleep");
		CHECK_HAS(c.text, "goroutine 2 [select (no cases), locked to thread");
	}
}

static void lock_and_end(void *arg)
{
	(void)arg;
	gd_lock_os_thread();
}

static void start_deadlock_after_end(void *arg)
{
	(void)arg;
	gd_go_fn(lock_and_end, NULL);
	gd_select_none();
}

static void deadlock_after_end(void)
{
	run(start_deadlock_after_end);
}

CASE(a_deadlock_is_found_after_a_thread_has_ended)
{
	struct child c;

	for (procs = 1; procs <= 8; procs *= 2) {
		child_run(&c, deadlock_after_end);
		CHECK_EQ(c.code, 2);
		CHECK_HAS(c.text, "all goroutines are asleep");
	}
}

/* Stops of the world meet locked goroutines on their way from one thread to another. */
static void start_stopping(void *arg)
{
	static int number[LOCKED_MAX];

	(void)arg;
	for (int i = 0; i < LOCKED_MAX; i++) {
		number[i] = i;
		gd_go_fn(stay, &number[i]);
	}
	for (int k = 0; k < 200 && gd_go_count() > 1; k++) {
		CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
		gd__stw_start();
		if (k % 20 == 0)
			CHECK_EQ(gd_set_procs(1 + k % 7), GD_OK);
		gd_yield();
	}
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(the_world_stops_and_goes_on)
{
	run_on(4, start_stopping);
}

static void spin_locked(void *arg)
{
	(void)arg;
	gd_lock_os_thread();
	locked_tid[0] = gd__os_tid();
	while (!done) {
		gd_mutex m = { 0 };

		gd_mutex_lock(&m); /* a safe point */
		gd_mutex_unlock(&m);
		CHECK_EQ(gd__os_tid(), locked_tid[0]);
	}
}

static void start_preempting(void *arg)
{
	(void)arg;
	gd_go_fn(spin_locked, NULL);
	while (locked_tid[0] == 0)
		gd_yield();
	for (int i = 0; i < 5; i++) {
		CHECK(gd__os_tid() != locked_tid[0]);
		gd_yield();
	}
	done = true;
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(a_locked_goroutine_is_preempted)
{
	run_on(1, start_preempting);
}

UNIT_MAIN
