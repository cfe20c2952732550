/*
 * gdetect.c - the rows of the benchmark in this library. go/bench.go has the same functions in
 * the same order, peers/ those that a peer can express. See rows.txt and measure.h.
 */
#include <gdetect/gdetect.h>

#include "runtime/arch/ctx.h"
#include "tests/bench/measure.h"

typedef gd_chan_of(long) long_chan;

static void yield_some(long n)
{
	for (long i = 0; i < n; i++)
		gd_yield();
}

struct ping_args {
	long n;
	gd_waitgroup *done;
};

static void ping(struct ping_args *a)
{
	for (long i = 0; i < a->n; i++)
		gd_yield();
	gd_waitgroup_done(a->done);
}

struct pong_args {
	long n;
	gd_waitgroup *done;
};

static void pong(struct pong_args *a)
{
	for (long i = 0; i < a->n; i++)
		gd_yield();
	gd_waitgroup_done(a->done);
}

/*
 * Two goroutines that give way to each other, with a function each: with one for both, a CPU that
 * predicts returns by a stack of addresses goes on where the other would, and is right.
 */
static void yield(long n)
{
	gd_waitgroup done = { 0 };

	gd_waitgroup_add(&done, 2);
	gd_go(ping, .n = n / 2, .done = &done);
	gd_go(pong, .n = n / 2, .done = &done);
	gd_waitgroup_wait(&done);
}

struct echo_args {
	long_chan in, out;
};

static void echo(struct echo_args *a)
{
	gd_chan_range(a->in, v) gd_chan_send(a->out, v);
	gd_chan_unref(a->in);
	gd_chan_unref(a->out);
}

/* There and back: an operation is two messages. */
static void ping_pong(long n)
{
	long_chan in = gd_chan_make(long_chan, 0), out = gd_chan_make(long_chan, 0);
	long v;

	gd_chan_ref(in);
	gd_chan_ref(out);
	gd_go(echo, .in = in, .out = out);
	for (long i = 0; i < n; i++) {
		gd_chan_send(in, i);
		gd_chan_recv(out, &v);
	}
	gd_chan_close(in);
	gd_chan_unref(in);
	gd_chan_unref(out);
}

struct produce_args {
	long_chan c;
	long n;
};

static void produce(struct produce_args *a)
{
	for (long i = 0; i < a->n; i++)
		gd_chan_send(a->c, i);
	gd_chan_close(a->c);
	gd_chan_unref(a->c);
}

static void buffered(long n)
{
	long_chan c = gd_chan_make(long_chan, 128);

	gd_chan_ref(c);
	gd_go(produce, .c = c, .n = n);
	gd_chan_range(c, v)(void) v;
	gd_chan_unref(c);
}

struct done_args {
	gd_waitgroup *w;
};

static void done(struct done_args *a)
{
	gd_waitgroup_done(a->w);
}

static void spawn(long n)
{
	gd_waitgroup w = { 0 };

	for (long i = 0; i < n; i += BENCH_BATCH) {
		gd_waitgroup_add(&w, BENCH_BATCH);
		for (int k = 0; k < BENCH_BATCH; k++)
			gd_go(done, .w = &w);
		gd_waitgroup_wait(&w);
	}
}

static void make_4(long_chan c[4], size_t cap)
{
	for (int i = 0; i < 4; i++)
		c[i] = gd_chan_make(long_chan, cap);
}

static void unref_4(long_chan c[4])
{
	for (int i = 0; i < 4; i++)
		gd_chan_unref(c[i]);
}

struct feed_args {
	const long_chan *c;
	long n;
};

static void feed(struct feed_args *a)
{
	for (long i = 0; i < a->n; i++)
		gd_chan_send(a->c[i % 4], i);
}

#define RECV_ANY(c, v) GD_RECV(c[0], &v), GD_RECV(c[1], &v), GD_RECV(c[2], &v), GD_RECV(c[3], &v)

/* Each select waits on all four; another goroutine sends to one of them. */
static void select_4(long n)
{
	long_chan c[4];
	long v;

	make_4(c, 0);
	gd_go(feed, .c = c, .n = n);
	for (long i = 0; i < n; i++)
		gd_select(RECV_ANY(c, v));
	unref_4(c);
}

/* One of the four is ready. The operation includes the send that makes it so. */
static void select_ready(long n)
{
	long_chan c[4];
	long v;

	make_4(c, 1);
	for (long i = 0; i < n; i++) {
		gd_chan_send(c[i % 4], i);
		gd_select(RECV_ANY(c, v));
	}
	unref_4(c);
}

static void select_default(long n)
{
	long_chan c[4];
	long v;

	make_4(c, 0);
	for (long i = 0; i < n; i++)
		if (gd_select(RECV_ANY(c, v), GD_DEFAULT) != 4)
			abort();
	unref_4(c);
}

static void lock_some(gd_mutex *m, long n)
{
	for (long i = 0; i < n; i++) {
		gd_mutex_lock(m);
		gd_mutex_unlock(m);
	}
}

static void mutex(long n)
{
	gd_mutex m = { 0 };

	lock_some(&m, n);
}

struct locker_args {
	gd_mutex *m;
	long n;
	gd_waitgroup *done;
};

static void locker(struct locker_args *a)
{
	lock_some(a->m, a->n);
	gd_waitgroup_done(a->done);
}

static void mutex_8(long n)
{
	gd_mutex m = { 0 };
	gd_waitgroup done = { 0 };

	gd_waitgroup_add(&done, 8);
	for (int i = 0; i < 8; i++)
		gd_go(locker, .m = &m, .n = n / 8, .done = &done);
	gd_waitgroup_wait(&done);
}

static void never(void *arg)
{
	(void)arg;
	abort();
}

static void timer(long n)
{
	for (long i = 0; i < n; i++) {
		gd_timer *t = gd_after_func(3600 * GD_SECOND, never, NULL);

		if (!gd_timer_stop(t))
			abort();
		gd_timer_free(t);
	}
}

static void sleep_1ns(long n)
{
	for (long i = 0; i < n; i++)
		gd_sleep(1);
}

struct skynet_args {
	long_chan out;
	long first, size;
};

/* Ten children each, a million leaves; each gives the sum below it to its parent. */
static void skynet(struct skynet_args *a)
{
	long sum = 0, v;

	if (a->size == 1) {
		gd_chan_send(a->out, a->first);
		return;
	}

	long_chan c = gd_chan_make(long_chan, 0);

	for (long i = 0; i < 10; i++)
		gd_go(skynet, .out = c, .first = a->first + i * (a->size / 10),
		      .size = a->size / 10);
	for (int i = 0; i < 10; i++) {
		gd_chan_recv(c, &v);
		sum += v;
	}
	gd_chan_unref(c);
	gd_chan_send(a->out, sum);
}

static void skynet_once(long leaves)
{
	long_chan c = gd_chan_make(long_chan, 0);
	long v;

	gd_go(skynet, .out = c, .first = 0, .size = leaves);
	gd_chan_recv(c, &v);
	gd_chan_unref(c);
	if (v != leaves * (leaves - 1) / 2)
		abort();
}

/* ms, in a process that has made no goroutine before. */
static double skynet_cold(long leaves)
{
	return bench_took_ns(skynet_once, leaves) / 1e6;
}

static double skynet_warm(long leaves)
{
	skynet_once(leaves);
	return skynet_cold(leaves);
}

struct parker_args {
	gd_waitgroup *started;
	gd_signal_chan c;
};

static void parker(struct parker_args *a)
{
	gd_waitgroup_done(a->started);
	gd_chan_recv(a->c, NULL);
}

/* Bytes per goroutine that waits on a channel. */
static double parked(long n)
{
	gd_signal_chan c = gd_chan_make(gd_signal_chan, 0);
	gd_waitgroup started = { 0 };
	double before = bench_memory();

	gd_waitgroup_add(&started, (int)n);
	for (long i = 0; i < n; i++)
		gd_go(parker, .started = &started, .c = c);
	gd_waitgroup_wait(&started);
	yield_some(100); /* the last ones come to wait */
	return (bench_memory() - before) / (double)n;
}

static struct gd__ctx switch_ctx;
static char switch_stack[16384] __attribute__((aligned(16)));

static const struct gd__ctx *back_at_once(struct gd__g *g)
{
	(void)g;
	return &switch_ctx;
}

/*
 * The context switch alone: one save and one restore, by way of another stack as a park goes by
 * way of the system stack. What the scheduler does in between is the difference to yield.
 */
static void raw_switch(long n)
{
	for (long i = 0; i < n; i++)
		gd__mcall(&switch_ctx, (uintptr_t)(switch_stack + sizeof(switch_stack)),
			  back_at_once, NULL);
}

static const struct bench rows[] = {
	{ "switch", raw_switch, NULL },
	{ "yield", yield, NULL },
	{ "ping-pong", ping_pong, NULL },
	{ "buffered", buffered, NULL },
	{ "spawn", spawn, NULL },
	{ "select-4", select_4, NULL },
	{ "select-ready", select_ready, NULL },
	{ "select-default", select_default, NULL },
	{ "mutex", mutex, NULL },
	{ "mutex-8", mutex_8, NULL },
	{ "timer", timer, NULL },
	{ "sleep", sleep_1ns, NULL },
	{ "skynet", NULL, skynet_cold },
	{ "skynet-warm", NULL, skynet_warm },
	{ "parked", NULL, parked },
};

struct choice {
	const struct bench *bench;
	int argc;
	char **argv;
};

static void start(void *arg)
{
	const struct choice *c = arg;

	bench_print(c->bench, c->argc, c->argv);
}

int main(int argc, char **argv)
{
	struct choice c = { bench_choose(rows, sizeof(rows) / sizeof(rows[0]), argc, argv), argc,
			    argv };

	return gd_run(start, &c);
}
