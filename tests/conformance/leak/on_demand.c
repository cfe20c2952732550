/*
 * on_demand.c - gd_leak_check() while the program goes on.
 *
 * What main itself still holds is no leak, so the leaky part is in calls of its own.
 */
#include "tests/conformance/leak/leak_case.h"

static struct barrier ready, leave;

static void stuck_sender(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_send(c, 1);
}

/* Leaves n senders behind; returns when they are parked. */
static NOINLINE void leaks(int n)
{
	size_t before = count_parked(NULL);

	for (int i = 0; i < n; i++) {
		int_chan c = gd_chan_make(int_chan, 0);

		gd_go_fn(stuck_sender, c.raw);
		c.raw = NULL;
	}
	settle_n(before + (size_t)n);
}

/* Overwrites what earlier calls left on the stack and in registers. */
static NOINLINE void forget(void)
{
	volatile char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = 0;
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
}

static void works(void *unused)
{
	barrier_post(&ready);
	while (barrier__load(&leave.count) == 0)
		gd_yield();
}

static void start_work(int n)
{
	for (int i = 0; i < n; i++)
		gd_go_fn(works, NULL);
	barrier_await_go(&ready, (uint32_t)n);
}

LEAK(while_others_work)
MAIN(leak_while_others_work)
{
	start_work(4);
	leaks(5);
	forget();
	CHECK_EQ(gd_leak_check(), 5); /* expect: ^SUMMARY: gdetect: 5 goroutines leaked */
	barrier_post(&leave);
	until_alive(6);
}

NOLEAK(nothing_while_others_work)
MAIN(noleak_nothing_while_others_work)
{
	start_work(8);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(gd_leak_check(), 0);
	barrier_post(&leave);
	until_alive(1);
	CHECK_EQ(gd_leak_check(), 0);
}

/* What the caller of the check still has is alive, and is none of the leaks. */
LEAK(caller_holds)
static void serves_main(void *arg)
{
	int_chan c = { .raw = arg };
	int v;

	gd_chan_recv(c, &v);
}
MAIN(leak_caller_holds)
{
	int_chan mine = gd_chan_make(int_chan, 0);

	gd_go_fn(serves_main, mine.raw);
	leaks(3);
	forget();
	CHECK_EQ(gd_leak_check(), 3); /* expect: ^3 goroutines .chan send. proven stuck */
	gd_chan_send(mine, 1);        /* forbid: chan receive. proven stuck */
	until_alive(4);
}

LEAK(from_another)
static void checks(void *arg)
{
	*(int *)arg = gd_leak_check(); /* expect: ^SUMMARY: gdetect: 4 goroutines leaked */
	barrier_post(&ready);
}
static int found[8];
MAIN(leak_from_another)
{
	leaks(4);
	forget();
	gd_go_fn(checks, &found[0]);
	barrier_await_go(&ready, 1);
	CHECK_EQ(found[0], 4);
}

/* The same number each time, and no goroutine is forgotten or added. */
LEAK(repeatedly)
MAIN(leak_repeatedly)
{
	for (int i = 0; i < 5; i++) {
		leaks(2);
		forget();
		for (int k = 0; k < 3; k++)
			CHECK_EQ(gd_leak_check(), 2 * (i + 1));
	}
	/* expect: ^SUMMARY: gdetect: 10 goroutines leaked */
}

LEAK(concurrently)
MAIN(leak_concurrently)
{
	leaks(6);
	forget();
	for (int i = 0; i < 8; i++)
		gd_go_fn(checks, &found[i]);
	barrier_await_go(&ready, 8);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(found[i], 6); /* expect: ^SUMMARY: gdetect: 6 goroutines leaked */
}

/* Goroutines are started, wait for each other and end all the while. */
LEAK(while_others_come_and_go)
static gd_waitgroup churns;
static void bounce_back(void *arg)
{
	int_chan c = { .raw = arg };
	int v;

	gd_chan_recv(c, &v);
	gd_chan_send(c, v + 1);
	gd_chan_unref(c);
}
static void churn(void *unused)
{
	while (barrier__load(&leave.count) == 0) {
		int_chan c = gd_chan_make(int_chan, 0);
		int v;

		gd_chan_ref(c);
		gd_go_fn(bounce_back, c.raw);
		gd_chan_send(c, 1);
		gd_chan_recv(c, &v);
		CHECK_EQ(v, 2);
		free(malloc((size_t)v * 100));
		gd_chan_unref(c);
		gd_yield(); /* or those that have answered pile up behind the next ones */
	}
	gd_waitgroup_done(&churns);
}
MAIN(leak_while_others_come_and_go)
{
	leaks(3);
	gd_waitgroup_add(&churns, 6);
	for (int i = 0; i < 6; i++)
		gd_go_fn(churn, NULL);
	for (int i = 0; i < 100; i++) {
		forget();
		CHECK_EQ(gd_leak_check(), 3); /* expect: ^SUMMARY: gdetect: 3 goroutines leaked */
		gd_yield();
	}
	barrier_post(&leave);
	gd_waitgroup_wait(&churns);
}

/* A deadlock of global locks is seen beside working goroutines. */
LEAK(cycle_of_globals)
static gd_mutex first, second;
static struct barrier both = BARRIER_FOR(2);
static void first_then_second(void *unused)
{
	gd_mutex_lock(&first);
	barrier_wait_go(&both);
	gd_mutex_lock(&second);
}
static void second_then_first(void *unused)
{
	gd_mutex_lock(&second);
	barrier_wait_go(&both);
	gd_mutex_lock(&first);
}
MAIN(leak_cycle_of_globals)
{
	start_work(2);
	gd_go_fn(first_then_second, NULL);
	gd_go_fn(second_then_first, NULL);
	settle_n(2);
	CHECK_EQ(gd_leak_check(), 2); /* expect: looks like: locks taken in different orders */
	barrier_post(&leave);
}

/* Ten thousand stuck in one place are one paragraph. */
LEAK(ten_thousand)
MAIN(leak_ten_thousand)
{
	leaks(10000);
	forget();
	CHECK_EQ(gd_leak_check(), 10000); /* expect: ^10000 goroutines .chan send. proven stuck */
}

/* They wait, are served, and are no leak before or after. */
NOLEAK(served_after_check)
static void receives_later(void *arg)
{
	int_chan c = { .raw = arg };
	int v;

	gd_chan_recv(c, &v);
	CHECK_EQ(v, 9);
}
MAIN(noleak_served_after_check)
{
	int_chan c = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 50; i++)
		gd_go_fn(receives_later, c.raw);
	settle();
	CHECK_EQ(gd_leak_check(), 0);
	for (int i = 0; i < 50; i++)
		gd_chan_send(c, 9);
	until_alive(1);
	CHECK_EQ(gd_leak_check(), 0);
}

/* A check by one who is itself in the hands of others: main waits for the checker. */
NOLEAK(main_waits_for_checker)
static void checks_then_closes(void *arg)
{
	gd_signal_chan done = { .raw = arg };

	settle_n(1);
	CHECK_EQ(gd_leak_check(), 0);
	gd_chan_close(done);
}
MAIN(noleak_main_waits_for_checker)
{
	gd_signal_chan done = gd_chan_make(gd_signal_chan, 0);

	gd_go_fn(checks_then_closes, done.raw);
	gd_chan_recv(done, NULL);
	until_alive(1);
}

CONFORM_MAIN
