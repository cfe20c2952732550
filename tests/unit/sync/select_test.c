/* link: gdetect */
/* select_test.c - select: which case is taken, and that the others are left alone. */
#include <stdatomic.h>

#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"

typedef gd_chan_of(int) int_chan;

static void ready_cases(void *arg)
{
	int_chan a = gd_chan_make(int_chan, 1), b = gd_chan_make(int_chan, 1), nil = { NULL };
	int v = 0;
	bool ok = false;

	(void)arg;
	CHECK_EQ(gd_select(GD_RECV(a, &v), GD_DEFAULT), 1);
	CHECK_EQ(gd_select(GD_DEFAULT), 0);
	CHECK_EQ(gd_select(GD_RECV(a, &v), GD_SEND(b, 7), GD_DEFAULT), 1);
	CHECK_EQ(gd_select(GD_RECV(a, &v), GD_SEND(b, 8), GD_DEFAULT), 2);
	CHECK_EQ(gd_select(GD_RECV_OK(b, &v, &ok), GD_RECV(nil, &v)), 0);
	CHECK_EQ(v, 7);
	CHECK(ok);
	CHECK_EQ(gd_select(GD_SEND(nil, 1), GD_RECV(nil, &v), GD_DEFAULT), 2);
	gd_chan_close(b);
	CHECK_EQ(gd_select(GD_RECV(a, NULL), GD_RECV_OK(b, &v, &ok)), 1);
	CHECK_EQ(v, 0);
	CHECK(!ok);
}

CASE(ready_cases)
{
	on_procs(ready_cases);
}

static void fair(void *arg)
{
	enum { ROUNDS = 3000 };
	int_chan c[3];
	int taken[3] = { 0 };

	(void)arg;
	for (int i = 0; i < 3; i++) {
		c[i] = gd_chan_make(int_chan, 1);
		gd_chan_send(c[i], i);
	}
	for (int n = 0; n < ROUNDS; n++) {
		int v = -1;
		int i = gd_select(GD_RECV(c[0], &v), GD_RECV(c[1], &v), GD_RECV(c[2], &v));

		CHECK_EQ(v, i);
		taken[i]++;
		gd_chan_send(c[i], i);
	}
	/* Expected 1000 each, standard deviation 26. */
	for (int i = 0; i < 3; i++)
		CHECK(taken[i] > 850 && taken[i] < 1150);
}

CASE(ready_cases_are_taken_at_random)
{
	on_procs(fair);
}

struct feeder_args {
	int_chan out;
	int first, n;
	bool close;
};
static void feeder(struct feeder_args *a)
{
	for (int i = 0; i < a->n; i++)
		gd_chan_send(a->out, a->first + i);
	if (a->close)
		gd_chan_close(a->out);
}

static void waits(void *arg)
{
	enum { EACH = 500 };
	int_chan a = gd_chan_make(int_chan, 0), b = gd_chan_make(int_chan, 2);
	int_chan dead = gd_chan_make(int_chan, 0);
	int next_a = 0, next_b = 1000;

	(void)arg;
	gd_go(feeder, .out = a, .first = 0, .n = EACH);
	gd_go(feeder, .out = b, .first = 1000, .n = EACH);
	while (next_a < EACH || next_b < 1000 + EACH) {
		int v;

		switch (gd_select(GD_RECV(a, &v), GD_RECV(b, &v), GD_RECV(dead, &v),
				  GD_SEND(dead, 1))) {
		case 0:
			CHECK_EQ(v, next_a++);
			break;
		case 1:
			CHECK_EQ(v, next_b++);
			break;
		default:
			CHECK(false);
		}
	}
	CHECK(gd__waitq_empty(&dead.raw->recvq));
	CHECK(gd__waitq_empty(&dead.raw->sendq));
	CHECK(gd__waitq_empty(&a.raw->recvq));
	CHECK(gd__waitq_empty(&b.raw->recvq));
}

CASE(parked_select_takes_each_value_once)
{
	on_procs(waits);
}

/* Two selects against each other: sends and receives in both. */
struct mixer_args {
	int_chan a, b;
	int n;
	int_chan done;
};
static void mixer(struct mixer_args *m)
{
	int sent = 0, got = 0;

	while (sent + got < m->n) {
		int v;

		switch (gd_select(GD_SEND(m->a, 1), GD_RECV(m->b, &v), GD_RECV(m->a, &v),
				  GD_SEND(m->b, 1))) {
		case 0:
		case 3:
			sent++;
			break;
		default:
			CHECK_EQ(v, 1);
			got++;
		}
	}
	gd_chan_send(m->done, sent - got);
}

static void mixed(void *arg)
{
	int_chan a = gd_chan_make(int_chan, 0), b = gd_chan_make(int_chan, 0);
	int_chan done = gd_chan_make(int_chan, 2);
	int total = 0, v;

	(void)arg;
	for (int i = 0; i < 2; i++)
		gd_go(mixer, .a = a, .b = b, .n = 1000, .done = done);
	for (int i = 0; i < 2; i++) {
		gd_chan_recv(done, &v);
		total += v;
	}
	CHECK_EQ(total, 0);
}

CASE(selects_serve_each_other_but_never_themselves)
{
	on_procs(mixed);
}

/*
 * A token goes to and fro between two channels and is in at least one of them at any time: a select
 * over both never finds nothing. Looked at one after the other each may well be empty, above all
 * with many others in between.
 */
enum { MOVES = 200000, BETWEEN = 200 };
struct move_args {
	int_chan a, b;
	_Atomic bool *stop;
};
static void move(struct move_args *m)
{
	int v;

	for (int i = 0; i < MOVES; i++) {
		int_chan from = i % 2 == 0 ? m->a : m->b, to = i % 2 == 0 ? m->b : m->a;

		gd_chan_send(to, 1);
		gd_chan_recv(from, &v);
	}
	atomic_store(m->stop, true);
}

static void token(void *arg)
{
	static _Atomic bool stop;
	static struct gd_case cases[BETWEEN + 3];
	int_chan a = gd_chan_make(int_chan, 2), b = gd_chan_make(int_chan, 2);
	int v;

	(void)arg;
	for (int i = 0; i < BETWEEN + 2; i++)
		cases[i] = (struct gd_case){ .kind = GD_CASE_RECV,
					     .chan = gd_chan_make(int_chan, 1).raw,
					     .elem = &v };
	cases[0].chan = a.raw;
	cases[BETWEEN + 1].chan = b.raw;
	cases[BETWEEN + 2].kind = GD_CASE_DEFAULT;
	gd_chan_send(a, 1);
	gd_go(move, .a = a, .b = b, .stop = &stop);
	while (!atomic_load(&stop)) {
		int taken = gd_select_raw(cases, BETWEEN + 3);

		CHECK(taken == 0 || taken == BETWEEN + 1);
		gd_chan_send(taken == 0 ? a : b, v);
	}
}

CASE(default_means_that_nothing_was_ready)
{
	on_procs(token);
}

static void after(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0), nil = { NULL };
	int64_t start = gd_now();
	int v;

	(void)arg;
	CHECK_EQ(gd_select(GD_RECV(c, &v), GD_AFTER(2 * GD_MILLISECOND)), 1);
	CHECK(gd_now() >= start + 2 * GD_MILLISECOND);
	CHECK_EQ(gd_select(GD_AFTER(0)), 0);
	CHECK_EQ(gd_select(GD_AFTER(INT64_MIN), GD_RECV(c, &v)), 0);
	CHECK_EQ(gd_select(GD_RECV(nil, &v), GD_AFTER(GD_MICROSECOND), GD_SEND(nil, 1)), 1);
	CHECK(gd__waitq_empty(&c.raw->recvq));
	gd_go(feeder, .out = c, .first = 5, .n = 1);
	CHECK_EQ(gd_select(GD_RECV(c, &v), GD_AFTER(INT64_MAX)), 0);
	CHECK_EQ(v, 5);
}

CASE(after)
{
	on_procs(after);
}

static void closed_while_parked(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0), other = gd_chan_make(int_chan, 0);
	bool ok = true;
	int v = 3;

	(void)arg;
	gd_go(feeder, .out = c, .n = 0, .close = true);
	CHECK_EQ(gd_select(GD_RECV(other, NULL), GD_RECV_OK(c, &v, &ok)), 1);
	CHECK(!ok);
	CHECK_EQ(v, 0);
}

CASE(close_wakes_a_select)
{
	on_procs(closed_while_parked);
}

static void large(void *arg)
{
	enum { N = 3000 };
	static struct gd_case cases[N];
	static int_chan c[N / 2];
	int v = 0;

	(void)arg;
	for (int i = 0; i < N; i++) {
		if (i < N / 2)
			c[i] = gd_chan_make(int_chan, 0);
		cases[i] = (struct gd_case){ GD_CASE_RECV, c[i % (N / 2)].raw, &v, NULL, 0 };
	}
	gd_go(feeder, .out = c[700], .first = 11, .n = 1);
	CHECK_EQ(gd_select_raw(cases, N) % (N / 2), 700);
	CHECK_EQ(v, 11);
	for (int i = 0; i < N / 2; i++) {
		CHECK(gd__waitq_empty(&c[i].raw->recvq));
		gd_chan_unref(c[i]);
	}
}

CASE(thousands_of_cases)
{
	on_procs(large);
}

/* Two channels, and the answers of the goroutine at their other end. */
struct pair {
	int_chan a, b;
	gd_waitgroup *done;
	int first, second;
};

static void receives_two(void *arg)
{
	struct pair *p = arg;

	CHECK_EQ(gd_select(GD_RECV(p->a, &p->first), GD_RECV(p->b, &p->first)), 0);
	CHECK(gd_chan_recv(p->b, &p->second));
	gd_waitgroup_done(p->done);
}

static void sends_two(void *arg)
{
	struct pair *p = arg;

	CHECK_EQ(gd_select(GD_SEND(p->a, 1), GD_SEND(p->b, 9)), 0);
	gd_chan_send(p->b, 2);
	gd_waitgroup_done(p->done);
}

static void receives_one(void *arg)
{
	struct pair *p = arg;

	CHECK(gd_chan_recv(p->b, &p->second));
	gd_waitgroup_done(p->done);
}

/* With one P the goroutine that was won runs only when the test gives way. */
static void won_elsewhere(void *arg)
{
	gd_waitgroup done = { 0 };
	struct pair p = { gd_chan_make(int_chan, 0), gd_chan_make(int_chan, 0), &done, 0, 0 }, q;

	(void)arg;
	gd_waitgroup_add(&done, 2);
	gd_go_fn(receives_two, &p);
	gd_yield();
	gd_chan_send(p.a, 1);
	CHECK_EQ(gd_chan_try_send(p.b, 9), GD_EAGAIN);
	gd_chan_send(p.b, 2);
	gd_go_fn(sends_two, &p);
	gd_yield();
	CHECK_EQ(p.first, 1);
	CHECK_EQ(p.second, 2);
	CHECK(gd_chan_recv(p.a, &p.first));
	CHECK_EQ(gd_chan_try_recv(p.b, &p.second), GD_EAGAIN);
	CHECK(gd_chan_recv(p.b, &p.second));
	CHECK_EQ(p.first, 1);
	CHECK_EQ(p.second, 2);
	gd_waitgroup_wait(&done);

	/* Behind the one that was won waits another, and that one is served. */
	q = p;
	q.second = 0;
	gd_waitgroup_add(&done, 2);
	gd_go_fn(receives_two, &p);
	gd_yield();
	gd_go_fn(receives_one, &q);
	gd_yield();
	gd_chan_send(p.a, 3);
	gd_chan_send(p.b, 4);
	gd_chan_send(p.b, 5);
	gd_waitgroup_wait(&done);
	CHECK_EQ(p.first, 3);
	CHECK_EQ(q.second, 4);
	CHECK_EQ(p.second, 5);
}

CASE(a_waiter_won_elsewhere_is_nobody)
{
	int status = -1;
	pid_t pid = start_run(won_elsewhere, 1, -1);

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

enum { CASES = 12 };

struct waits_args {
	int_chan *c;
	size_t n;
	int *which, *value;
	gd_waitgroup *done;
};

/* A wait on the first n of CASES channels, the last of them twice. */
static void waits_for_one(void *arg)
{
	const struct waits_args *a = arg;
	struct gd_case cases[CASES + 1];

	for (size_t i = 0; i < a->n; i++)
		cases[i] = (struct gd_case)GD_RECV(a->c[i], a->value);
	cases[a->n] = (struct gd_case)GD_RECV(a->c[a->n - 1], a->value);
	*a->which = gd_select_raw(cases, a->n + 1);
	gd_waitgroup_done(a->done);
}

static void sizes(void *arg)
{
	int_chan c[CASES];

	(void)arg;
	for (int i = CASES - 1; i >= 0; i--)
		c[i] = gd_chan_make(int_chan, 0);
	for (size_t n = 1; n <= CASES; n++) {
		for (size_t i = 0; i < n; i++) {
			gd_waitgroup done = { 0 };
			int which = -1, value = -1;
			struct waits_args a = { c, n, &which, &value, &done };

			gd_waitgroup_add(&done, 1);
			gd_go_fn(waits_for_one, &a);
			gd_yield();
			gd_chan_send(c[i], (int)i);
			gd_waitgroup_wait(&done);
			CHECK_EQ(value, (int)i);
			CHECK(which == (int)i || (i == n - 1 && which == (int)n));
			for (size_t k = 0; k < n; k++) /* nothing is left on the others */
				CHECK_EQ(gd_chan_try_send(c[k], 0), GD_EAGAIN);
		}
	}
}

CASE(selects_of_each_size_wait)
{
	on_procs(sizes);
}

static void send_closed(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);

	(void)arg;
	gd_chan_close(c);
	gd_select(GD_SEND(c, 1), GD_DEFAULT);
}

static void send_closed_parked(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0), d = gd_chan_make(int_chan, 0);

	(void)arg;
	gd_go(feeder, .out = c, .n = 0, .close = true);
	gd_select(GD_SEND(c, 1), GD_RECV(d, NULL));
}

static void two_defaults(void *arg)
{
	(void)arg;
	gd_select(GD_DEFAULT, GD_DEFAULT);
}

CASE(misuse_is_fatal)
{
	expect_fatal(send_closed, "send on closed channel");
	expect_fatal(send_closed_parked, "send on closed channel");
	expect_fatal(two_defaults, "select: more than one default");
}

UNIT_MAIN
