/* link: gdetect */
/*
 * steps_test.c - pairs of operations with one switch between them after each machine instruction:
 * parks against wakes, closes, cancels by the clock, timers that fire while they are stopped or
 * set, and a thread that goes to sleep while work comes.
 */
#include "runtime/sync/chan.h"
#include "tests/unit/sync/steps.h"

typedef gd_chan_of(int) int_chan;

static int_chan a, b;
static int rc_first, rc_second, value;
static bool flag, other_flag;
static gd_timer *timer;
static _Atomic int calls;

enum { AHEAD = 1000, UNSET = 77 };

static void clear(void)
{
	rc_first = rc_second = UNSET;
	value = -1;
	flag = other_flag = false;
	gd__store_seq_cst(&calls, 0); /* nothing runs */
}

static void fire_due(void *arg)
{
	(void)arg;
	gd__sources_poll(gd__p_self(), true);
}

/* The clock moves, and what is due fires on this thread. */
static void time_passes(void)
{
	fake_clock_advance(AHEAD);
	gd__on_system_stack(fire_due, NULL);
}

static void unbuffered(void)
{
	clear();
	a = gd_chan_make(int_chan, 0);
	b = gd_chan_make(int_chan, 0);
}

static void buffered(void)
{
	clear();
	a = gd_chan_make(int_chan, 1);
	b = gd_chan_make(int_chan, 1);
}

/* Nobody is left in a queue. */
static void drop(int_chan c)
{
	CHECK(gd__waitq_empty(&c.raw->recvq));
	CHECK(gd__waitq_empty(&c.raw->sendq));
	gd_chan_unref(c);
}

static void drop_both(void)
{
	drop(a);
	drop(b);
	CHECK_EQ(gd__sources_deadline(), INT64_MAX);
}

/* --- channels --- */

static void send_a(void)
{
	gd_chan_send(a, 5);
}

static void recv_a(void)
{
	flag = gd_chan_recv(a, &value);
}

static void close_a(void)
{
	gd_chan_close(a);
}

static void got_five(void)
{
	CHECK_EQ(value, 5);
	CHECK(flag);
	drop_both();
}

static void got_end(void)
{
	CHECK_EQ(value, 0);
	CHECK(!flag);
	drop_both();
}

static void full(void)
{
	buffered();
	gd_chan_send(a, 4);
}

static void send_and_recv_two(void)
{
	gd_chan_recv(a, &rc_second);
	gd_chan_recv(a, &value);
}

static void got_both(void)
{
	CHECK_EQ(rc_second, 4);
	CHECK_EQ(value, 5);
	drop_both();
}

CASE(send_against_receive)
{
	steps_run(&(struct steps_pair){ "send, receive", unbuffered, send_a, recv_a, got_five,
					false, NULL, NULL });
}

CASE(send_against_receive_with_a_buffer)
{
	steps_run(&(struct steps_pair){ "send, receive, buffered", buffered, send_a, recv_a,
					got_five, false, NULL, NULL });
}

CASE(send_against_receive_from_a_full_buffer)
{
	steps_run(&(struct steps_pair){ "send, two receives", full, send_a, send_and_recv_two,
					got_both, false, NULL, NULL });
}

CASE(close_against_receive)
{
	steps_run(&(struct steps_pair){ "receive, close", unbuffered, recv_a, close_a, got_end,
					false, NULL, NULL });
}

/* --- select --- */

static void select_two(void)
{
	rc_first = gd_select(GD_RECV_OK(a, &value, &flag), GD_SEND(b, 7));
}

/* One of the two takes place; the other finds nobody. */
static void try_both(void)
{
	int got = 0;

	for (;; steps_in_vain(), gd_yield()) {
		rc_second = gd_chan_try_send(a, 5);
		if (rc_second == GD_OK) {
			CHECK_EQ(gd_chan_try_recv(b, &got), GD_EAGAIN);
			return;
		}
		if (gd_chan_try_recv(b, &got) == GD_OK) {
			CHECK_EQ(got, 7);
			CHECK_EQ(gd_chan_try_send(a, 5), GD_EAGAIN);
			return;
		}
	}
}

static void select_agrees(void)
{
	CHECK_EQ(rc_first, rc_second == GD_OK ? 0 : 1);
	CHECK_EQ(value, rc_second == GD_OK ? 5 : -1);
	drop_both();
}

CASE(select_against_two_that_could_serve_it)
{
	steps_run(&(struct steps_pair){ "select, two tries", unbuffered, select_two, try_both,
					select_agrees, false, NULL, NULL });
}

static void close_then_try(void)
{
	int got;

	gd_chan_close(a);
	rc_second = gd_chan_try_recv(b, &got);
}

static void closed_or_sent(void)
{
	CHECK_EQ(rc_first, rc_second == GD_OK ? 1 : 0);
	CHECK(!flag);
	drop_both();
}

CASE(select_against_close)
{
	steps_run(&(struct steps_pair){ "select, close", unbuffered, select_two, close_then_try,
					closed_or_sent, false, NULL, NULL });
}

static void select_back(void)
{
	int got = 0;

	rc_second = gd_select(GD_SEND(a, 5), GD_RECV(b, &got));
	CHECK_EQ(got, rc_second == 1 ? 7 : 0);
}

static void selects_agree(void)
{
	CHECK_EQ(rc_first, rc_second);
	CHECK_EQ(value, rc_first == 0 ? 5 : -1);
	drop_both();
}

CASE(select_against_select)
{
	steps_run(&(struct steps_pair){ "select, select", unbuffered, select_two, select_back,
					selects_agree, false, NULL, NULL });
}

/* --- waits that the clock ends --- */

static int64_t until;

static void timed(void)
{
	unbuffered();
	until = gd_now() + AHEAD;
}

static void recv_until(void)
{
	rc_first = gd_chan_recv_until(a, &value, until);
}

static void select_until(void)
{
	rc_first = gd_select(GD_RECV(a, &value), GD_RECV(b, NULL), GD_AFTER(until - gd_now())) == 2
			   ? GD_ETIMEDOUT
			   : GD_OK;
}

static void send_then_time(void)
{
	rc_second = gd_chan_try_send(a, 5);
	time_passes();
}

static void time_then_send(void)
{
	time_passes();
	rc_second = gd_chan_try_send(a, 5);
}

static void one_of_them_ended_it(void)
{
	CHECK_EQ(rc_first, rc_second == GD_OK ? GD_OK : GD_ETIMEDOUT);
	CHECK_EQ(value, rc_second == GD_OK ? 5 : -1);
	drop_both();
}

CASE(timed_receive_against_a_send_and_its_deadline)
{
	steps_run(&(struct steps_pair){ "timed receive, send, time", timed, recv_until,
					send_then_time, one_of_them_ended_it, false, NULL, NULL });
}

CASE(timed_receive_against_its_deadline_and_a_send)
{
	steps_run(&(struct steps_pair){ "timed receive, time, send", timed, recv_until,
					time_then_send, one_of_them_ended_it, false, NULL, NULL });
}

CASE(timed_select_against_a_send_and_its_deadline)
{
	steps_run(&(struct steps_pair){ "timed select, send, time", timed, select_until,
					send_then_time, one_of_them_ended_it, false, time_passes,
					NULL });
}

/* --- timers --- */

static void count(void *arg)
{
	(void)arg;
	gd__add_seq_cst(&calls, 1); /* polled */
}

static void chan_timer(void)
{
	clear();
	timer = gd_timer_make(AHEAD);
}

static void func_timer(void)
{
	clear();
	timer = gd_after_func(AHEAD, count, NULL);
}

static void stop(void)
{
	flag = gd_timer_stop(timer);
}

static void reset(void)
{
	other_flag = gd_timer_reset(timer, 5 * AHEAD);
}

/* What is due fires here: the other P is busy looking for the next round. */
static void await_calls(int n)
{
	gd__on_system_stack(fire_due, NULL);
	while (gd__load_seq_cst(&calls) < n) /* polled */
		gd_yield();
	for (int i = 0; i < 3; i++)
		gd_yield();                    /* one too many would run */
	CHECK_EQ(gd__load_seq_cst(&calls), n); /* polled */
}

static void drop_timer(void)
{
	gd_timer_free(timer);
	CHECK_EQ(gd__sources_deadline(), INT64_MAX);
}

/* Nobody receives: pending or buffered, it was there to be stopped. */
static void stopped_and_empty(void)
{
	CHECK(flag);
	CHECK_EQ(gd_chan_len(gd_timer_chan(timer)), 0);
	drop_timer();
}

static void stopped_or_called(void)
{
	await_calls(flag ? 0 : 1);
	drop_timer();
}

static void set_and_empty(void)
{
	CHECK(other_flag);
	CHECK_EQ(gd_chan_len(gd_timer_chan(timer)), 0);
	fake_clock_advance(6 * AHEAD);
	gd__on_system_stack(fire_due, NULL);
	CHECK(gd_chan_recv(gd_timer_chan(timer), NULL));
	drop_timer();
}

static void called_once_more(void)
{
	await_calls(other_flag ? 0 : 1);
	fake_clock_advance(6 * AHEAD);
	await_calls(other_flag ? 1 : 2);
	drop_timer();
}

/* As if one had come after the other: stop, then reset, or reset, then stop. */
static void one_after_the_other(void)
{
	bool pending = gd__sources_deadline() != INT64_MAX;

	CHECK(flag);
	CHECK_EQ(other_flag, !pending);
	CHECK_EQ(gd_timer_stop(timer), pending);
	drop_timer();
}

static void free_it(void)
{
	gd_timer_free(timer);
}

static void free_or_called(void)
{
	CHECK(gd__load_seq_cst(&calls) <= 1); /* polled */
	CHECK_EQ(gd__sources_deadline(), INT64_MAX);
}

CASE(stop_against_firing_into_a_channel)
{
	steps_run(&(struct steps_pair){ "stop, fire", chan_timer, stop, time_passes,
					stopped_and_empty, false, NULL, NULL });
}

CASE(stop_against_firing_a_function)
{
	steps_run(&(struct steps_pair){ "stop, fire a function", func_timer, stop, time_passes,
					stopped_or_called, false, NULL, NULL });
}

CASE(reset_against_firing_into_a_channel)
{
	steps_run(&(struct steps_pair){ "reset, fire", chan_timer, reset, time_passes,
					set_and_empty, false, NULL, NULL });
}

CASE(reset_against_firing_a_function)
{
	steps_run(&(struct steps_pair){ "reset, fire a function", func_timer, reset, time_passes,
					called_once_more, false, NULL, NULL });
}

CASE(stop_against_reset)
{
	steps_run(&(struct steps_pair){ "stop, reset", chan_timer, stop, reset, one_after_the_other,
					false, NULL, NULL });
}

CASE(free_against_firing)
{
	steps_run(&(struct steps_pair){ "free, fire", chan_timer, free_it, time_passes,
					free_or_called, false, NULL, NULL });
}

/* --- locks and the like --- */

static gd_mutex mutex;
static gd_cond cond;
static gd_waitgroup group;

static void zero(void)
{
	clear();
	value = 0;
}

static void add_one(void)
{
	gd_mutex_lock(&mutex);
	value++;
	gd_mutex_unlock(&mutex);
}

static void is_two(void)
{
	CHECK_EQ(value, 2);
	CHECK(gd_mutex_try_lock(&mutex));
	gd_mutex_unlock(&mutex);
}

static void await_flag(void)
{
	gd_mutex_lock(&mutex);
	while (!flag)
		gd_cond_wait(&cond);
	gd_mutex_unlock(&mutex);
}

static void raise_flag(void)
{
	gd_mutex_lock(&mutex);
	flag = true;
	gd_mutex_unlock(&mutex);
	gd_cond_signal(&cond);
}

static void flag_is_up(void)
{
	CHECK(flag);
}

static void one_to_do(void)
{
	clear();
	gd_cond_init(&cond, &mutex);
	gd_waitgroup_add(&group, 1);
}

static void await_group(void)
{
	gd_waitgroup_wait(&group);
	CHECK(flag);
}

static void do_it(void)
{
	flag = true;
	gd_waitgroup_done(&group);
}

static void with_cond(void)
{
	clear();
	gd_cond_init(&cond, &mutex);
}

CASE(mutex_against_mutex)
{
	steps_run(&(struct steps_pair){ "mutex, mutex", zero, add_one, add_one, is_two, false, NULL,
					NULL });
}

CASE(cond_wait_against_signal)
{
	steps_run(&(struct steps_pair){ "cond wait, signal", with_cond, await_flag, raise_flag,
					flag_is_up, false, NULL, NULL });
}

CASE(waitgroup_wait_against_done)
{
	steps_run(&(struct steps_pair){ "waitgroup wait, done", one_to_do, await_group, do_it,
					flag_is_up, false, NULL, NULL });
}

/* --- going to sleep --- */

static void send_until_taken(void)
{
	while (gd_chan_try_send(a, 5) != GD_OK) {
		steps_in_vain();
		syscall(SYS_sched_yield);
	}
}

/* Whoever makes something runnable from here on relies on the thread that looks again. */
static bool all_idle(void)
{
	return gd__load_seq_cst(&gd__sched.npidle) == 2; /* polled */
}

/* The last goroutine parks and its thread goes to sleep; a thread without a P wakes it. */
CASE(going_idle_against_a_wake)
{
	steps_run(&(struct steps_pair){ "going idle, wake", unbuffered, recv_a, send_until_taken,
					got_five, true, NULL, all_idle });
}

static void move_clock(void)
{
	fake_clock_advance(AHEAD);
}

static void sleep_until(void)
{
	CHECK_EQ(gd_chan_recv_until(a, &value, until), GD_ETIMEDOUT);
}

static void slept(void)
{
	CHECK(gd_now() >= until);
	drop_both();
}

/* The same with a deadline, and the clock moved meanwhile. */
CASE(going_idle_against_the_clock)
{
	steps_run(&(struct steps_pair){ "going idle, clock", timed, sleep_until, move_clock, slept,
					true, NULL, all_idle });
}

UNIT_MAIN
