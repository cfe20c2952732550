/* link: gdetect */
/*
 * clock_test.c - the clock in a test's hands: nothing with a deadline happens before it is moved,
 * all of it does then, whoever moves it, and no thread spends real time on deadlines.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "tests/unit/sync/goroutines.h"
#include "tests/unit/time/fake_clock.h"

#define HOUR (3600 * GD_SECOND)

typedef gd_chan_of(int) int_chan;

/* --- what waits for a time --- */

enum { SLEEP, CHAN_RECV, CHAN_SEND, NIL_RECV, SELECT, SELECT_NIL, CONTEXT, TIMER, PIPE, KINDS };

static int kinds = KINDS;            /* those below are tried */
static _Atomic int64_t ended[KINDS]; /* the clock when the wait was over; 0: it is not */
static int_chan unserved;
static int ends[2];

/* Ends by the clock alone, at the time at. */
static void wait_until(int kind, int64_t at)
{
	int_chan nil = { NULL };
	gd_context *context;
	gd_timer *timer;
	int64_t when;
	char byte;
	int v;

	switch (kind) {
	case SLEEP:
		gd_sleep(at - gd_now());
		break;
	case CHAN_RECV:
		CHECK_EQ(gd_chan_recv_until(unserved, &v, at), GD_ETIMEDOUT);
		break;
	case CHAN_SEND: /* of its own, else the one who receives would take it */
		CHECK_EQ(gd_chan_send_until(gd_chan_make(int_chan, 0), 1, at), GD_ETIMEDOUT);
		break;
	case NIL_RECV:
		CHECK_EQ(gd_chan_recv_until(nil, &v, at), GD_ETIMEDOUT);
		break;
	case SELECT:
		CHECK_EQ(gd_select(GD_RECV(unserved, &v), GD_AFTER(at - gd_now())), 1);
		break;
	case SELECT_NIL:
		CHECK_EQ(gd_select(GD_AFTER(at - gd_now()), GD_RECV(nil, &v)), 0);
		break;
	case CONTEXT:
		context = gd_context_with_deadline(gd_context_background(), at);
		gd_chan_recv(gd_context_done(context), NULL);
		CHECK_EQ(gd_context_err(context), GD_ETIMEDOUT);
		gd_context_unref(context);
		break;
	case PIPE:
		CHECK_EQ(gd_fd_read_until(ends[0], &byte, 1, at), GD_ETIMEDOUT);
		break;
	case TIMER:
		timer = gd_timer_make(at - gd_now());
		CHECK(gd_chan_recv(gd_timer_chan(timer), &when));
		CHECK_EQ(when, gd_now());
		gd_timer_free(timer);
		break;
	}
}

struct waiter_args {
	int kind;
	int64_t at;
};

static void waiter(struct waiter_args *a)
{
	wait_until(a->kind, a->at);
	gd__store_seq_cst(&ended[a->kind], gd_now()); /* polled */
}

/* The k-th kind ends k + 1 hours from now. */
static void begin_all(void)
{
	unserved = gd_chan_make(int_chan, 0);
	CHECK_EQ(gd_pipe(ends), GD_OK);
	for (int kind = 0; kind < kinds; kind++)
		gd_go(waiter, .kind = kind, .at = gd_now() + (kind + 1) * HOUR);
}

static void check_ended(int n, int64_t start)
{
	for (int kind = 0; kind < KINDS; kind++)
		CHECK_EQ(gd__load_seq_cst(&ended[kind]), /* polled */
			 kind < n ? start + (kind + 1) * HOUR : 0);
}

/* Runs on for so long, in real time, giving way to others. */
static void real_time_passes(int64_t ns)
{
	int64_t end = gd__os_now() + ns;

	while (gd__os_now() < end)
		gd_yield();
}

static void stands_still(void *arg)
{
	int64_t start = gd_now();

	(void)arg;
	begin_all();
	settle();
	real_time_passes(20 * GD_MILLISECOND);
	CHECK_EQ(gd_now(), start);
	check_ended(0, start);
	for (int n = 1; n <= KINDS; n++) {
		fake_clock_step(HOUR - 1);
		check_ended(n - 1, start);
		fake_clock_step(1);
		check_ended(n, start);
	}
	CHECK_EQ(gd__sources_deadline(), INT64_MAX);
}

CASE(nothing_fires_until_the_clock_is_moved)
{
	fake_clock_install();
	on_procs(stands_still);
}

/* Many hours in one move: each wait ends once, at the time of the move. */
static void one_move(void *arg)
{
	int64_t start = gd_now();

	(void)arg;
	begin_all();
	settle();
	fake_clock_step(100 * HOUR);
	for (int kind = 0; kind < KINDS; kind++)
		CHECK_EQ(gd__load_seq_cst(&ended[kind]), start + 100 * HOUR); /* polled */
}

CASE(one_move_ends_all_waits)
{
	fake_clock_install();
	on_procs(one_move);
}

/* --- moved by a thread of the program, with all Ps idle --- */

static void (*script)(void);
static int_chan over;

static void *drive(void *arg)
{
	(void)arg;
	script();
	CHECK_EQ(gd_chan_try_send(over, 1), GD_OK);
	return NULL;
}

/* main waits while the thread runs the script. */
static void driven(void *arg)
{
	pthread_t t;

	(void)arg;
	over = gd_chan_make(int_chan, 1);
	begin_all();
	CHECK_EQ(pthread_create(&t, NULL, drive, NULL), 0);
	gd_chan_recv(over, NULL);
	pthread_join(t, NULL);
}

static void each_hour(void)
{
	int64_t start = gd_now();

	settle();
	for (int n = 1; n <= KINDS; n++) {
		fake_clock_step(HOUR - 1);
		check_ended(n - 1, start);
		fake_clock_step(1);
		check_ended(n, start);
	}
}

CASE(a_move_wakes_who_sleeps_with_all_ps_idle)
{
	fake_clock_install();
	script = each_hour;
	on_procs(driven);
}

/* --- idle threads --- */

static _Atomic int system_calls;

static long count_calls(long nr, const long *arg)
{
	(void)nr;
	(void)arg;
	gd__add_seq_cst(&system_calls, 1); /* polled */
	return 0;
}

/*
 * All deadlines are hours ahead; but threads that reckoned with real time would look in between,
 * as sysmon does, that may sleep only if nothing is due.
 */
static void watch_idle(void)
{
	int64_t start = gd_now();
	int before;

	settle();
	/* sysmon is the last to go to sleep */
	while (!gd__load_seq_cst(&gd__sched.sysmon_idle)) /* pairs with sleep_while_idle */
		sched_yield();
	usleep(5000); /* it is on its way into the kernel */
	before = gd__load_seq_cst(&system_calls);
	usleep(50000);
	CHECK_EQ(gd__load_seq_cst(&system_calls), before);
	check_ended(0, start);
	fake_clock_step(KINDS * HOUR);
	CHECK(gd__load_seq_cst(&system_calls) > before);
}

/* Without a descriptor nobody waits in the poller: one thread sleeps towards the deadlines. */
CASE(idle_threads_without_a_poller_spend_none_either)
{
	kinds = PIPE;
	fake_clock_install();
	gd__os_filter = count_calls;
	script = watch_idle;
	on_procs(driven);
}

CASE(idle_threads_spend_no_real_time_on_deadlines)
{
	fake_clock_install();
	gd__os_filter = count_calls;
	script = watch_idle;
	on_procs(driven);
}

/* --- order --- */

enum { MANY = 40 };
static int order[MANY], norder;

struct sleeper_args {
	int i;
	int64_t ns;
};

static void sleeper(struct sleeper_args *a)
{
	gd_sleep(a->ns);
	order[norder++] = a->i; /* one P */
}

static void in_order(void *arg)
{
	(void)arg;
	for (int i = 0; i < MANY; i++)
		gd_go(sleeper, .i = i, .ns = (i * 7 % MANY + 1) * GD_SECOND);
	settle();
	for (int i = 0; i < MANY; i++) {
		fake_clock_step(GD_SECOND);
		CHECK_EQ(norder, i + 1);
		CHECK_EQ(order[i] * 7 % MANY, i);
	}
}

CASE(sleepers_wake_in_the_order_of_their_deadlines)
{
	fake_clock_install();
	gd_set_procs(1);
	CHECK_EQ(gd_run(in_order, NULL), GD_OK);
}

/* A set deadline of a descriptor is looked at when somebody waits, and when it is set. */
static void of_a_pipe(void *arg)
{
	char byte;

	(void)arg;
	CHECK_EQ(gd_pipe(ends), GD_OK);
	CHECK_EQ(gd_fd_set_deadline(ends[0], gd_now()), GD_OK);
	CHECK_EQ(gd_fd_read(ends[0], &byte, 1), GD_ETIMEDOUT);
	CHECK_EQ(gd_fd_set_deadline(ends[0], gd_now() + HOUR), GD_OK);
	gd_go(waiter, .kind = PIPE, .at = gd_now() + 9 * HOUR);
	settle();
	fake_clock_step(HOUR - 1);
	CHECK_EQ(gd__load_seq_cst(&ended[PIPE]), 0);                /* polled */
	CHECK_EQ(gd_fd_set_deadline(ends[0], gd_now() + 2), GD_OK); /* later than it was */
	fake_clock_step(1);
	CHECK_EQ(gd__load_seq_cst(&ended[PIPE]), 0); /* polled */
	fake_clock_step(1);
	CHECK_EQ(gd__load_seq_cst(&ended[PIPE]), gd_now()); /* polled */
}

CASE(deadlines_of_descriptors_are_of_the_same_clock)
{
	fake_clock_install();
	on_procs(of_a_pipe);
}

UNIT_MAIN
