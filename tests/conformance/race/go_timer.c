/* go_timer.c - timers, tickers and functions that run later. */
#include "tests/conformance/race/race_case.h"

typedef gd_chan_of(int) int_chan;

int x;
int_chan done;
gd_timer *timer;

static void set_up(void)
{
	done = gd_chan_make(int_chan, 0);
}

/* A function that starts its timer again comes after itself. */
NORACE(after_func1)
int rounds;
static void again(void *unused)
{
	if (++rounds < 5)
		gd_timer_reset(timer, GD_MILLISECOND);
	else
		gd_chan_send(done, 1);
}
MAIN(norace_after_func1)
{
	timer = gd_after_func(3600 * GD_SECOND, again, NULL);
	gd_timer_reset(timer, GD_MILLISECOND);
	gd_chan_recv(done, NULL);
	CHECK_EQ(rounds, 5);
	gd_timer_free(timer);
}

NORACE(after_func2)
static void sets_x(void *unused)
{
	x = 1;
	DONE();
}
MAIN(norace_after_func2)
{
	x = 2;
	timer = gd_after_func(GD_MILLISECOND, sets_x, NULL);
	AFTER(1);
	gd_timer_stop(timer);
	gd_timer_free(timer);
}

RACE(after_func3)
static void first_func(void *unused)
{
	x = 1; /* race */
	DONE();
}
static void second_func(void *unused)
{
	AFTER(1);
	x = 2; /* race */
	DONE();
}
MAIN(race_after_func3)
{
	gd_timer *other = gd_after_func(GD_MILLISECOND, second_func, NULL);

	timer = gd_after_func(GD_MILLISECOND, first_func, NULL);
	AFTER(2);
	gd_timer_free(timer);
	gd_timer_free(other);
}

NORACE(after_func)
static void adds_and_sends(void *unused)
{
	x++;
	gd_chan_send(done, 1);
}
MAIN(norace_after_func)
{
	x = 1;
	timer = gd_after_func(GD_MILLISECOND, adds_and_sends, NULL);
	gd_chan_recv(done, NULL);
	x++;
	CHECK_EQ(x, 3);
	gd_timer_free(timer);
}

/* The function's goroutine and its maker, without the channel. */
RACE(after_func_maker)
static void writes_late(void *unused)
{
	AFTER(1);
	x = 1; /* race */
	DONE();
}
MAIN(race_after_func_maker)
{
	timer = gd_after_func(GD_MILLISECOND, writes_late, NULL);
	x = 2; /* race */
	DONE();
	AFTER(2);
	gd_timer_free(timer);
}

/* The variable that holds the timer is assigned when its function may already run. */
RACE(timer_variable)
static void uses_variable(void *unused)
{
	AFTER(1);
	gd_timer_reset(timer, 3600 * GD_SECOND); /* race */
	DONE();
}
MAIN(race_timer_variable)
{
	timer = gd_after_func(GD_NANOSECOND, uses_variable, NULL); /* race */
	DONE();
	AFTER(2);
	gd_timer_free(timer);
}

gd_time_chan ticks;
static void takes_tick(void)
{
	gd_chan_recv(ticks, NULL);
	x++;
}

NORACE(timer)
static void makes_timer(void)
{
	x = 1;
	timer = gd_timer_make(GD_MILLISECOND);
	ticks = gd_timer_chan(timer);
	gd_chan_send(done, 1);
}
MAIN(norace_timer)
{
	spawn(makes_timer);
	gd_chan_recv(done, NULL);
	takes_tick();
	join();
	gd_timer_free(timer);
}

/* The receiver was there before: it knows of the write by the timer alone. */
NORACE(timer_reset)
MAIN(norace_timer_reset)
{
	gd_timer *t = gd_timer_make(3600 * GD_SECOND);

	ticks = gd_timer_chan(t);
	spawn(takes_tick);
	gd_yield();
	gd_timer_stop(t);
	x = 1;
	gd_timer_reset(t, GD_MILLISECOND);
	join();
	gd_timer_free(t);
}

/* What is written after the reset is not carried. */
RACE(timer_write_after_reset)
static void takes_tick_later(void)
{
	AFTER(1);
	gd_chan_recv(ticks, NULL);
	x++; /* race */
}
MAIN(race_timer_write_after_reset)
{
	gd_timer *t = gd_timer_make(3600 * GD_SECOND);

	ticks = gd_timer_chan(t);
	spawn(takes_tick_later);
	gd_timer_reset(t, GD_MILLISECOND);
	x = 1; /* race */
	DONE();
	join();
	gd_timer_free(t);
}

NORACE(ticker)
gd_ticker *ticker;
MAIN(norace_ticker)
{
	x = 1;
	ticker = gd_ticker_make(GD_MILLISECOND);
	ticks = gd_ticker_chan(ticker);
	spawn(takes_tick);
	join();
	gd_ticker_free(ticker);
}

NORACE(ticker_reset)
MAIN(norace_ticker_reset)
{
	ticker = gd_ticker_make(3600 * GD_SECOND);
	ticks = gd_ticker_chan(ticker);
	spawn(takes_tick);
	gd_yield();
	gd_ticker_stop(ticker);
	x = 1;
	gd_ticker_reset(ticker, GD_MILLISECOND);
	join();
	gd_ticker_free(ticker);
}

/* Many tickers and one mutex. */
NORACE(timers)
gd_mutex mutex;
static void ticks_often(void)
{
	gd_ticker *t = gd_ticker_make(GD_NANOSECOND);

	for (int i = 0; i < 1000; i++) {
		gd_chan_recv(gd_ticker_chan(t), NULL);
		gd_mutex_lock(&mutex);
		x++;
		gd_mutex_unlock(&mutex);
	}
	gd_ticker_free(t);
}
MAIN(norace_timers)
{
	for (int i = 0; i < 8; i++)
		spawn(ticks_often);
	join();
	CHECK_EQ(x, 8000);
}

CONFORM_MAIN
