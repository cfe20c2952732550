/* link: gdetect */
/*
 * runtime_bench.c - ns per operation of the runtime's primitives; go/main.go measures the same in
 * Go.
 *
 * usage: runtime_bench [procs [rounds]]; prints the median of the rounds.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(long) long_chan;

static int rounds = 7;

struct echo_args {
	long_chan in, out;
};

static void echo(struct echo_args *a)
{
	gd_chan_range(a->in, v) gd_chan_send(a->out, v);
}

static void ping_pong(long n)
{
	long_chan a = gd_chan_make(long_chan, 0), b = gd_chan_make(long_chan, 0);
	long v;

	gd_go(echo, .in = a, .out = b);
	for (long i = 0; i < n; i++) {
		gd_chan_send(a, i);
		gd_chan_recv(b, &v);
	}
	gd_chan_close(a);
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
}

static void buffered(long n)
{
	long_chan c = gd_chan_make(long_chan, 128);

	gd_go(produce, .c = c, .n = n);
	gd_chan_range(c, v)(void) v;
}

static void send_recv(long n)
{
	long_chan c = gd_chan_make(long_chan, 1);
	long v;

	for (long i = 0; i < n; i++) {
		gd_chan_send(c, i);
		gd_chan_recv(c, &v);
	}
}

static void yield(long n)
{
	for (long i = 0; i < n; i++)
		gd_yield();
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

	for (long i = 0; i < n; i += 1000) {
		gd_waitgroup_add(&w, 1000);
		for (int k = 0; k < 1000; k++)
			gd_go(done, .w = &w);
		gd_waitgroup_wait(&w);
	}
}

static void select_default(long n)
{
	long_chan c = gd_chan_make(long_chan, 0), d = gd_chan_make(long_chan, 0);
	long v;

	for (long i = 0; i < n; i++)
		if (gd_select(GD_RECV(c, &v), GD_RECV(d, &v), GD_DEFAULT) != 2)
			abort();
}

static void select_4(long n)
{
	long_chan c[4];
	long v;

	for (int i = 0; i < 4; i++)
		c[i] = gd_chan_make(long_chan, 1);
	for (long i = 0; i < n; i++) {
		gd_chan_send(c[i % 4], i);
		gd_select(GD_RECV(c[0], &v), GD_RECV(c[1], &v), GD_RECV(c[2], &v),
			  GD_RECV(c[3], &v));
	}
}

static void mutex(long n)
{
	static gd_mutex m;

	for (long i = 0; i < n; i++) {
		gd_mutex_lock(&m);
		gd_mutex_unlock(&m);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, void (*fn)(long), long n)
{
	double ns[101];

	fn(n / 10);
	for (int i = 0; i < rounds; i++) {
		int64_t start = gd_now();

		fn(n);
		ns[i] = (double)(gd_now() - start) / (double)n;
	}
	qsort(ns, (size_t)rounds, sizeof(ns[0]), compare);
	printf("%-16s %8.1f\n", name, ns[rounds / 2]);
	fflush(stdout);
}

static void start(void *arg)
{
	(void)arg;
	measure("yield", yield, 1000000);
	measure("ping-pong", ping_pong, 300000);
	measure("buffered-128", buffered, 2000000);
	measure("send+recv", send_recv, 2000000);
	measure("spawn+exit", spawn, 300000);
	measure("select-4", select_4, 500000);
	measure("select-default", select_default, 2000000);
	measure("mutex", mutex, 5000000);
}

int main(int argc, char **argv)
{
	if (argc > 1 && gd_set_procs((int)strtol(argv[1], NULL, 10)) != GD_OK)
		return 2;
	if (argc > 2)
		rounds = (int)strtol(argv[2], NULL, 10);
	if (rounds < 1 || rounds > 101)
		return 2;
	return gd_run(start, NULL);
}
