/*
 * leak.c - what the leak detector costs. go/leak/leak.go has the same rows where Go has the thing.
 *
 *   leak-stop N    ms the world stands still for a forked check: 256 MiB of live heap in 1M blocks,
 *                  N goroutines parked
 *   leak-full N    ms of the analysis of that, on one core
 *   leak-rate N    GB/s of that heap that the analysis gets through, all it does included
 *   leak-chain N   analysis of a chain of N waiters, each known to the one before only, by that of
 *                  one of N / 10: 10 is O(n)
 *   leak-wall N    ms of a whole check of N goroutines, a tenth of them leaked, and 1M objects
 *   leak-pause N   ms that the world stands still in that
 *   malloc N       malloc and free of N bytes by those of jemalloc alone, 500 at a time
 *   malloc-2 N     the same on two threads at once
 *   malloc-cross N one thread allocates, another frees
 *   malloc-memory  per cent that 1M blocks of 256 bytes take more than with jemalloc alone
 */
#include <dlfcn.h>
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/bench/measure.h"

#define BLOCKS     (getenv("BENCH_MS") && *getenv("BENCH_MS") ? 10000 : 1000000) /* run.sh -q */
#define BLOCK_SIZE 256

/* A tree of blocks in random order of addresses, so that all are found one from the other. */
struct block {
	struct block *left, *right;
	char rest[BLOCK_SIZE - 2 * sizeof(void *)];
};
static struct block *volatile heap; /* a root */

static void build_heap(size_t n)
{
	struct block **all = malloc(n * sizeof(*all));
	unsigned long state = 1;

	for (size_t i = 0; i < n; i++) {
		all[i] = malloc(sizeof(struct block));
		memset(all[i], 0, sizeof(struct block));
	}
	for (size_t i = n - 1; i > 0; i--) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		size_t k = (state >> 33) % (i + 1);
		struct block *b = all[i];

		all[i] = all[k];
		all[k] = b;
	}
	for (size_t i = 0; i < n; i++) {
		all[i]->left = 2 * i + 1 < n ? all[2 * i + 1] : NULL;
		all[i]->right = 2 * i + 2 < n ? all[2 * i + 2] : NULL;
	}
	heap = all[0];
	free(all);
}

static gd_chan *live;

static void wait_for(void *chan)
{
	int x;

	gd_chan_recv_raw(chan, &x);
}

/* n goroutines parked, leaked of them for good. */
static void park(long n, long leaked)
{
	live = gd_chan_make_raw(sizeof(int), 0, "leak.c");
	for (long i = 0; i < n; i++)
		gd_go_fn(wait_for, i < leaked ? gd_chan_make_raw(sizeof(int), 0, "leak.c") : live);
	gd_sleep(200 * GD_MILLISECOND);
}

static struct gd_leak_result check(bool forked)
{
	struct gd_leak_result r;

	gd_leak_check(.forked = forked, .quiet = true, .result = &r);
	if (!r.ran || !r.complete) {
		fprintf(stderr, "leak check: %s\n", r.why);
		exit(1);
	}
	return r;
}

static double ms_of(int64_t ns)
{
	return (double)ns / 1e6;
}

static double stop(long n)
{
	build_heap(BLOCKS);
	park(n, 0);
	return ms_of(check(true).stop_ns);
}

static double full(long n)
{
	build_heap(BLOCKS);
	park(n, 0);
	return ms_of(check(false).analysis_ns);
}

static double rate(long n)
{
	return (double)BLOCKS * BLOCK_SIZE / 1e6 / full(n);
}

struct link {
	gd_chan *mine, *next;
};

static void wait_in_chain(void *arg)
{
	struct link *l = arg;
	int x;

	gd_chan_recv_raw(l->mine, &x);
	gd_chan_send_raw(l->next, &x);
}

static double chain_of(long n)
{
	gd_chan *next = gd_chan_make_raw(sizeof(int), 0, "leak.c");

	for (long i = 0; i < n; i++) {
		struct link *l = malloc(sizeof(*l));

		*l = (struct link){ gd_chan_make_raw(sizeof(int), 0, "leak.c"), next };
		next = l->mine;
		gd_go_fn(wait_in_chain, l);
	}
	live = next;
	gd_sleep(200 * GD_MILLISECOND);
	double ms = ms_of(check(false).analysis_ns);

	gd_chan_close_raw(live);
	return ms;
}

static double chain(long n)
{
	double little = chain_of(n / 10);

	return chain_of(n) / little;
}

static double wall(long n)
{
	build_heap(BLOCKS);
	park(n, n / 10);
	double start = bench_now_ns();

	check(true);
	return (bench_now_ns() - start) / 1e6;
}

static double pause_of(long n)
{
	build_heap(BLOCKS);
	park(n, n / 10);
	return ms_of(check(true).stop_ns);
}

/* --- malloc and free: ours, and jemalloc's own, which ours hide --- */

struct family {
	void *(*malloc)(size_t n);
	void (*free)(void *p);
};

static struct family jemalloc(void)
{
	void *handle = dlopen("libjemalloc.so.2", RTLD_LAZY | RTLD_NOLOAD);

	if (!handle)
		exit(BENCH_NO_ROW);
	return (struct family){ (void *(*)(size_t))dlsym(handle, "malloc"),
				(void (*)(void *))dlsym(handle, "free") };
}

static const struct family ours = { malloc, free };

#define BATCH 500
#define TURNS 40

static double slice(const struct family *f, size_t size)
{
	void *p[BATCH];
	double start = bench_now_ns();

	for (int turn = 0; turn < TURNS; turn++) {
		for (int i = 0; i < BATCH; i++)
			p[i] = f->malloc(size);
		for (int i = 0; i < BATCH; i++)
			f->free(p[i]);
	}
	return (bench_now_ns() - start) / (BATCH * TURNS);
}

/* In turns, and the best of many: others run on this machine, too. */
static double ratio_of(long size)
{
	struct family je = jemalloc();
	double best[2] = { 1e9, 1e9 };

	for (int i = 0; i < 300; i++) {
		double t = slice(i % 2 ? &ours : &je, (size_t)size);

		if (i >= 10 && t < best[i % 2])
			best[i % 2] = t;
	}
	return best[1] / best[0];
}

static _Atomic int other_stops;

static void *churn(void *arg)
{
	while (!other_stops)
		slice(&ours, (size_t)(long)arg);
	return NULL;
}

static double ratio_of_two(long size)
{
	pthread_t t;

	pthread_create(&t, NULL, churn, (void *)size);
	double r = ratio_of(size);

	other_stops = 1;
	pthread_join(t, NULL);
	return r;
}

/* One batch is handed over at a time, so that both threads' caches are emptied and filled. */
static struct {
	const struct family *family;
	void *p[BATCH];
	_Atomic int full;
} hand;

static void *free_all(void *unused __attribute__((unused)))
{
	while (hand.full >= 0)
		if (hand.full == 1) {
			for (int i = 0; i < BATCH; i++)
				hand.family->free(hand.p[i]);
			hand.full = 0;
		} else {
			sched_yield();
		}
	return NULL;
}

static double ratio_across(long size)
{
	struct family je = jemalloc();
	double best[2] = { 1e9, 1e9 };
	pthread_t t;

	pthread_create(&t, NULL, free_all, NULL);
	for (int i = 0; i < 2000; i++) {
		hand.family = i % 2 ? &ours : &je;
		double start = bench_now_ns();

		for (int k = 0; k < BATCH; k++)
			hand.p[k] = hand.family->malloc((size_t)size);
		hand.full = 1;
		while (hand.full)
			sched_yield();
		double took = bench_now_ns() - start;

		if (i >= 20 && took < best[i % 2])
			best[i % 2] = took;
	}
	hand.full = -1;
	pthread_join(t, NULL);
	return best[1] / best[0];
}

/* Bytes that the process has grown by; of a block of another size first, so that neither finds what
 * the other has prepared. */
static double grown_by(const struct family *f, void **p, size_t n)
{
	double before = bench_memory();

	for (size_t i = 0; i < n; i++)
		memset(p[i] = f->malloc(BLOCK_SIZE), 1, BLOCK_SIZE);
	return bench_memory() - before;
}

static double memory(long unused __attribute__((unused)))
{
	struct family je = jemalloc();
	size_t n = BLOCKS;
	void **p = je.malloc(n * sizeof(*p));

	memset(p, 1, n * sizeof(*p));
	grown_by(&je, p, n / 10);
	double plain = grown_by(&je, p, n), tracked = grown_by(&ours, p, n);

	return 100 * (tracked - plain) / plain;
}

static const struct bench rows[] = {
	{ "leak-stop", NULL, stop },
	{ "leak-full", NULL, full },
	{ "leak-rate", NULL, rate },
	{ "leak-chain", NULL, chain },
	{ "leak-wall", NULL, wall },
	{ "leak-pause", NULL, pause_of },
	{ "malloc", NULL, ratio_of },
	{ "malloc-2", NULL, ratio_of_two },
	{ "malloc-cross", NULL, ratio_across },
	{ "malloc-memory", NULL, memory },
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
	_exit(0); /* thousands are parked: no look at the end */
}

int main(int argc, char **argv)
{
	struct choice c = { bench_choose(rows, sizeof(rows) / sizeof(rows[0]), argc, argv), argc,
			    argv };

	return gd_run(start, &c);
}
