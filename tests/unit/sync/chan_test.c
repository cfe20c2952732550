/* link: gdetect */
/* chan_test.c - channels: what each operation does, alone and with partners. */
#include <pthread.h>

#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"

typedef gd_chan_of(int) int_chan;
typedef gd_chan_of(char) char_chan;

struct big {
	uint64_t word[9];
};
typedef gd_chan_of(struct big) big_chan;

static void buffered(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 3);
	int v = -1;

	(void)arg;
	CHECK_EQ(gd_chan_cap(c), 3);
	for (int round = 0; round < 5; round++) { /* so that head and tail wrap */
		CHECK_EQ(gd_chan_try_recv(c, &v), GD_EAGAIN);
		for (int i = 0; i < 3; i++)
			gd_chan_send(c, 10 * round + i);
		CHECK_EQ(gd_chan_try_send(c, 99), GD_EAGAIN);
		CHECK_EQ(gd_chan_len(c), 3);
		for (int i = 0; i < 3; i++) {
			CHECK(gd_chan_recv(c, &v));
			CHECK_EQ(v, 10 * round + i);
		}
	}
	gd_chan_unref(c);
}

CASE(buffered_is_fifo)
{
	on_procs(buffered);
}

static void cleared(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 2);
	const int *slots = (const void *)c.raw->slots;

	(void)arg;
	gd_chan_send(c, 77);
	CHECK_EQ(slots[0], 77);
	CHECK(gd_chan_recv(c, NULL));
	CHECK_EQ(slots[0], 0);
	gd_chan_unref(c);
}

CASE(slot_is_cleared_after_receive)
{
	on_procs(cleared);
}

struct pinger_args {
	int_chan in, out;
	int n;
};
static void pinger(struct pinger_args *a)
{
	int v;

	for (int i = 0; i < a->n; i++) {
		CHECK(gd_chan_recv(a->in, &v));
		gd_chan_send(a->out, v + 1);
	}
}

static void ping_pong(void *arg)
{
	int_chan there = gd_chan_make(int_chan, 0), back = gd_chan_make(int_chan, 0);
	int v = 0;

	(void)arg;
	gd_go(pinger, .in = there, .out = back, .n = 1000);
	for (int i = 0; i < 1000; i++) {
		gd_chan_send(there, v);
		CHECK(gd_chan_recv(back, &v));
	}
	CHECK_EQ(v, 1000);
	CHECK_EQ(gd_chan_len(there), 0);
}

CASE(unbuffered_hands_over)
{
	on_procs(ping_pong);
}

struct producer_args {
	int_chan out;
	int first, n;
};
static void producer(struct producer_args *a)
{
	for (int i = 0; i < a->n; i++)
		gd_chan_send(a->out, a->first + i);
}

static void full_buffer(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 2);
	int v;

	(void)arg;
	gd_go(producer, .out = c, .first = 0, .n = 100);
	for (int i = 0; i < 100; i++) {
		if (i % 7 == 0)
			let_others_run();
		CHECK(gd_chan_recv(c, &v));
		CHECK_EQ(v, i);
	}
}

CASE(waiting_sender_goes_behind_the_buffer)
{
	on_procs(full_buffer);
}

static void many(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 5);
	enum { PRODUCERS = 20, EACH = 200 };
	static bool seen[PRODUCERS * EACH];
	int v;

	(void)arg;
	for (int i = 0; i < PRODUCERS; i++)
		gd_go(producer, .out = c, .first = i * EACH, .n = EACH);
	for (int i = 0; i < PRODUCERS * EACH; i++) {
		CHECK(gd_chan_recv(c, &v));
		CHECK(!seen[v]);
		seen[v] = true;
	}
	CHECK_EQ(gd_chan_try_recv(c, &v), GD_EAGAIN);
}

CASE(nothing_is_lost_or_doubled)
{
	on_procs(many);
}

struct ranger_args {
	int_chan in;
	int_chan sum;
};
static void ranger(struct ranger_args *a)
{
	int sum = 0;

	gd_chan_range(a->in, v) sum += v;
	gd_chan_send(a->sum, sum);
}

static void closing(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 4), sum = gd_chan_make(int_chan, 0);
	int total = 0, v;

	(void)arg;
	for (int i = 0; i < 5; i++)
		gd_go(ranger, .in = c, .sum = sum);
	let_others_run();
	for (int i = 1; i <= 100; i++)
		gd_chan_send(c, i);
	gd_chan_close(c);
	for (int i = 0; i < 5; i++) {
		CHECK(gd_chan_recv(sum, &v));
		total += v;
	}
	CHECK_EQ(total, 5050);
	v = 5;
	CHECK(!gd_chan_recv(c, &v));
	CHECK_EQ(v, 0);
	v = 5;
	CHECK_EQ(gd_chan_try_recv(c, &v), GD_ECLOSED);
	CHECK_EQ(v, 0);
	CHECK_EQ(gd_chan_recv_until(c, &v, INT64_MAX), GD_ECLOSED);
}

CASE(close_ends_ranges_after_the_buffer)
{
	on_procs(closing);
}

static void deadlines(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 1), nil = { NULL };
	int v;
	int64_t start = gd_now();

	(void)arg;
	CHECK_EQ(gd_chan_recv_until(c, &v, start + 3 * GD_MILLISECOND), GD_ETIMEDOUT);
	CHECK(gd_now() >= start + 3 * GD_MILLISECOND);
	CHECK_EQ(gd_chan_recv_until(c, &v, start), GD_ETIMEDOUT);
	CHECK_EQ(gd_chan_recv_until(c, &v, INT64_MIN), GD_ETIMEDOUT);
	CHECK_EQ(gd_chan_send_until(c, 1, start), GD_OK); /* ready comes before late */
	CHECK_EQ(gd_chan_send_until(c, 2, gd_now() + GD_MILLISECOND), GD_ETIMEDOUT);
	CHECK_EQ(gd_chan_recv_until(c, &v, start), GD_OK);
	CHECK_EQ(v, 1);
	CHECK(gd__waitq_empty(&c.raw->recvq));
	CHECK(gd__waitq_empty(&c.raw->sendq));
	CHECK_EQ(gd_chan_recv_until(nil, &v, gd_now() + GD_MILLISECOND), GD_ETIMEDOUT);
	CHECK_EQ(gd_chan_try_recv(nil, &v), GD_EAGAIN);
	CHECK_EQ(gd_chan_try_send(nil, 1), GD_EAGAIN);
	CHECK_EQ(gd_chan_len(nil), 0);
	CHECK_EQ(gd_chan_cap(nil), 0);
	gd_go(producer, .out = c, .first = 40, .n = 1);
	CHECK_EQ(gd_chan_recv_until(c, &v, gd_now() + 20 * GD_SECOND), GD_OK);
	CHECK_EQ(v, 40);
}

CASE(deadlines)
{
	on_procs(deadlines);
}

static void sizes(void *arg)
{
	gd_signal_chan s = gd_chan_make(gd_signal_chan, 3);
	char_chan t = gd_chan_make(char_chan, 3);
	big_chan b = gd_chan_make(big_chan, 2);
	struct big in = { { 1, 2, 3, 4, 5, 6, 7, 8, 9 } }, out = { { 0 } };
	char letter;

	(void)arg;
	for (int i = 0; i < 3; i++)
		gd_chan_send(s, (gd_unit){});
	CHECK_EQ(gd_chan_len(s), 3);
	CHECK_EQ(s.raw->stride, 1); /* each slot has an address of its own */
	CHECK(gd_chan_recv(s, NULL));
	gd_chan_send(t, 'x');
	CHECK(gd_chan_recv(t, &letter));
	CHECK_EQ(letter, 'x');
	gd_chan_send(b, in);
	CHECK(gd_chan_recv(b, &out));
	CHECK_EQ(memcmp(&in, &out, sizeof(in)), 0);
}

CASE(sizes)
{
	on_procs(sizes);
}

static void records(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 1);

	(void)arg;
	CHECK_EQ(c.raw->last_send_id, 0);
	gd_chan_send(c, 1);
	CHECK_EQ(c.raw->last_send_id, gd_go_id());
	CHECK(c.raw->last_send_pc != 0);
	CHECK_EQ(c.raw->last_recv_id, 0);
	gd_chan_recv(c, NULL);
	CHECK_EQ(c.raw->last_recv_id, gd_go_id());
	CHECK(c.raw->last_recv_pc != c.raw->last_send_pc);
	CHECK_HAS(c.raw->site, "chan_test.c:");
	CHECK_EQ(gd_chan_try_recv(c, NULL), GD_EAGAIN);
	gd__lock(&c.raw->lock, GD__RANK_CHAN);
	gd__chan_check(c.raw);
	gd__unlock(&c.raw->lock);
}

CASE(records_for_reports)
{
	on_procs(records);
}

/* Operations that never wait may come from any thread. */
static void *foreign_thread(void *arg)
{
	int_chan *c = arg;

	while (gd_chan_try_send(c[0], 6) != GD_OK)
		;
	gd_chan_close(c[1]);
	return NULL;
}

static void foreign(void *arg)
{
	int_chan c[2] = { gd_chan_make(int_chan, 0), gd_chan_make(int_chan, 0) };
	int64_t deadline = gd_now() + 20 * GD_SECOND; /* a timer, so that no deadlock is seen */
	pthread_t thread;
	int v;

	(void)arg;
	CHECK_EQ(pthread_create(&thread, NULL, foreign_thread, c), 0);
	CHECK_EQ(gd_chan_recv_until(c[0], &v, deadline), GD_OK);
	CHECK_EQ(v, 6);
	CHECK_EQ(gd_chan_recv_until(c[1], &v, deadline), GD_ECLOSED);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

CASE(foreign_threads_may_try_and_close)
{
	on_procs(foreign);
}

static void send_on_closed(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 1);

	(void)arg;
	gd_chan_close(c);
	gd_chan_send(c, 1);
}

struct closer_args {
	int_chan c;
};
static void closer(struct closer_args *a)
{
	let_others_run();
	gd_chan_close(a->c);
}

static void close_under_sender(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);

	(void)arg;
	gd_go(closer, .c = c);
	gd_chan_send(c, 1);
}

static void try_send_on_closed(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);

	(void)arg;
	gd_chan_close(c);
	gd_chan_try_send(c, 1);
}

static void close_twice(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 1);

	(void)arg;
	gd_chan_close(c);
	gd_chan_close(c);
}

static void close_nil(void *arg)
{
	int_chan c = { NULL };

	(void)arg;
	gd_chan_close(c);
}

static void too_large(void *arg)
{
	(void)arg;
	gd_chan_make_raw(SIZE_MAX / 4, 8, "here");
}

CASE(misuse_is_fatal)
{
	expect_fatal(send_on_closed, "send on closed channel");
	expect_fatal(close_under_sender, "send on closed channel");
	expect_fatal(try_send_on_closed, "send on closed channel");
	expect_fatal(close_twice, "close of closed channel");
	expect_fatal(close_nil, "close of nil channel");
	expect_fatal(too_large, "makechan: size out of range");
}

UNIT_MAIN
