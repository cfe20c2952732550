/* patterns.c - the six shapes most leaks of real programs have, and their repairs. */
#include "tests/conformance/leak/leak_case.h"

LEAK(no_close)
static void ranges(void *arg)
{
	int_chan c = { .raw = arg };
	int sum = 0;

	gd_chan_range(c, v) sum += v; /* leak: 3 chan receive; looks like: missing close */
	CHECK(sum >= 0);
}
MAIN(leak_no_close)
{
	int_chan c = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 3; i++)
		gd_go_fn(ranges, c.raw);
	for (int i = 0; i < 10; i++)
		gd_chan_send(c, i);
	settle();
}

NOLEAK(closed)
static void ranges_to_end(void *arg)
{
	int_chan c = { .raw = arg };
	int sum = 0;

	gd_chan_range(c, v) sum += v;
	CHECK(sum >= 0);
}
MAIN(noleak_closed)
{
	int_chan c = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 3; i++)
		gd_go_fn(ranges_to_end, c.raw);
	for (int i = 0; i < 10; i++)
		gd_chan_send(c, i);
	gd_chan_close(c);
	until_alive(1);
}

/* Whoever starts a worker must stop it. */
LEAK(contract)
struct worker {
	int_chan work;
	gd_signal_chan done;
};
static void worker_runs(void *arg)
{
	struct worker *w = arg;
	int v;

	for (;;)
		/* leak: select; looks like: select without a way out */
		if (gd_select(GD_RECV(w->work, &v), GD_RECV(w->done, NULL)) == 1)
			return;
}
static struct worker *worker_start(void)
{
	struct worker *w = NEW(struct worker);

	w->work = gd_chan_make(int_chan, 0);
	w->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(worker_runs, w);
	return w;
}
static NOINLINE void uses_worker(bool stop)
{
	struct worker *w = worker_start();

	gd_chan_send(w->work, 1);
	if (stop)
		gd_chan_close(w->done);
}
MAIN(leak_contract)
{
	uses_worker(false);
	settle();
}

NOLEAK(contract_kept)
MAIN(noleak_contract_kept)
{
	uses_worker(true);
	until_alive(1);
}

LEAK(double_send)
struct double_send_args {
	int_chan c;
	bool fails;
};
static void double_send(struct double_send_args *a)
{
	if (a->fails)
		gd_chan_send(a->c, -1); /* and a return is missing */
	gd_chan_send(a->c, 1);          /* leak: chan send; looks like: abandoned sender */
}
MAIN(leak_double_send)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(double_send, .c = c, .fails = true);
	gd_chan_recv(c, NULL);
	settle();
}

NOLEAK(single_send)
MAIN(noleak_single_send)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(double_send, .c = c, .fails = false);
	gd_chan_recv(c, NULL);
	until_alive(1);
}

LEAK(early_return)
struct computes_args {
	int_chan c;
};
static void computes(struct computes_args *a)
{
	gd_chan_send(a->c, 42); /* leak: chan send; looks like: send without receiver */
}
static NOINLINE int early_return(bool fails, size_t room)
{
	int_chan c = gd_chan_make(int_chan, room);
	int v;

	gd_go(computes, .c = c);
	if (fails)
		return -1;
	gd_chan_recv(c, &v);
	return v;
}
MAIN(leak_early_return)
{
	CHECK_EQ(early_return(true, 0), -1);
	settle();
}

NOLEAK(early_return_with_room)
MAIN(noleak_early_return_with_room)
{
	CHECK_EQ(early_return(true, 1), -1);
	CHECK_EQ(early_return(false, 0), 42);
	until_alive(1);
}

LEAK(n_cast)
struct answers_args {
	int_chan c;
	int v;
};
static void answers(struct answers_args *a)
{
	gd_chan_send(a->c, a->v); /* leak: 19 chan send; last receive: by goroutine 1 */
}
static NOINLINE int first_of(int n, size_t room)
{
	int_chan c = gd_chan_make(int_chan, room);
	int v;

	for (int i = 0; i < n; i++)
		gd_go(answers, .c = c, .v = i);
	gd_chan_recv(c, &v);
	return v;
}
MAIN(leak_n_cast)
{
	CHECK(first_of(20, 0) >= 0);
	settle();
}

NOLEAK(n_cast_with_room)
MAIN(noleak_n_cast_with_room)
{
	CHECK(first_of(20, 20) >= 0);
	until_alive(1);
}

LEAK(timeout)
static struct barrier timed_out;
struct late_args {
	int_chan c;
};
static void late(struct late_args *a)
{
	barrier_await_go(&timed_out, 1);
	gd_chan_send(a->c, 1); /* leak: chan send */
}
static NOINLINE int waits_a_while(size_t room)
{
	int_chan c = gd_chan_make(int_chan, room);
	int which;

	gd_go(late, .c = c);
	which = gd_select(GD_RECV(c, NULL), GD_AFTER(GD_MILLISECOND));
	barrier_post(&timed_out);
	return which;
}
MAIN(leak_timeout)
{
	CHECK_EQ(waits_a_while(0), 1);
	settle();
}

NOLEAK(timeout_with_room)
MAIN(noleak_timeout_with_room)
{
	CHECK_EQ(waits_a_while(1), 1);
	until_alive(1);
}

/* Handles are counted: who drops the last one under a waiter is told at once. */
LEAK(last_reference)
static void receives_dropped(void *arg)
{
	int_chan c = { .raw = arg };

	/* leak: chan receive; last reference dropped by goroutine 1 */
	gd_chan_recv(c, NULL);
}
MAIN(leak_last_reference)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(receives_dropped, c.raw);
	settle();
	gd_chan_unref(c); /* expect: patterns\.c:@LINE */
}

/* Each in the queue of the next: nobody but the first can start the chain. */
LEAK(daisy_chain)
struct pass_on_args {
	int_chan in, out;
};
static void pass_on(struct pass_on_args *a)
{
	int v;

	gd_chan_recv(a->in, &v); /* leak: 1000 chan receive */
	gd_chan_send(a->out, v);
}
static NOINLINE int_chan make_chain(int_chan first, int n)
{
	for (int i = 0; i < n; i++) {
		int_chan next = gd_chan_make(int_chan, 0);

		gd_go(pass_on, .in = first, .out = next);
		first = next;
	}
	return first;
}
MAIN(leak_daisy_chain)
{
	make_chain(gd_chan_make(int_chan, 0), 1000);
	settle();
}

/* The first is known to somebody who may run: so all of the chain may. */
NOLEAK(daisy_chain_held)
static int_chan chain_begin;
MAIN(noleak_daisy_chain_held)
{
	chain_begin = gd_chan_make(int_chan, 0);
	make_chain(chain_begin, 1000);
	settle();
}

CONFORM_MAIN
