/*
 * clock_bench.c - what one clock operation costs in the usual patterns of synchronisation.
 *
 * No goroutines and no locks: the events alone, on one thread, for the clocks
 * (detector/race/clock.h). One transfer is four operations (release, acquire,
 * and back), a lock and its unlock two, a request of a server eight, a spawn
 * with end and join three, with lock, unlock and done five. Prints ns per operation, the least of
 * five runs, of the patterns whose name contains the argument. Each pattern has a process of its
 * own, because a tree is as high as the largest id ever made.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "detector/race/clock.h"

struct pattern {
	const char *name;
	uint32_t n;      /* goroutines */
	uint32_t rounds; /* of run */
	uint32_t ops;    /* per round */
	void (*run)(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds);
};

static uint64_t rng_state = 88172645463325252u;

static uint32_t pick(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)((rng_state >> 16) % n);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Everybody learns of everybody: a token goes round twice. */
static void meet(struct gd__clock *g, struct gd__clock *o, uint32_t n)
{
	for (uint32_t i = 0; i < 2 * n; i++) {
		gd__clock_release(&g[i % n], &o[0]);
		gd__clock_acquire(&g[(i + 1) % n], &o[0]);
	}
}

static void ping_pong(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	if (n > 2)
		meet(g, o, n);
	for (uint32_t i = 0; i < rounds; i++) {
		gd__clock_release(&g[0], &o[1]);
		gd__clock_acquire(&g[1], &o[1]);
		gd__clock_release(&g[1], &o[2]);
		gd__clock_acquire(&g[0], &o[2]);
	}
}

static void mutex(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		struct gd__clock *me = &g[pick(n)];

		gd__clock_acquire(me, &o[0]);
		gd__clock_release(me, &o[0]);
	}
}

static void ring(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		gd__clock_release(&g[i % n], &o[i % n]);
		gd__clock_acquire(&g[(i + 1) % n], &o[i % n]);
		gd__clock_release(&g[(i + 1) % n], &o[n + i % n]);
		gd__clock_acquire(&g[i % n], &o[n + i % n]);
	}
}

/* A slot of a buffered channel: both sides swap. */
static void pipeline(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		for (uint32_t stage = 0; stage + 1 < n; stage++) {
			struct gd__clock *slot = &o[stage * 64 + i % 64];

			gd__clock_swap(&g[stage], slot);
			gd__clock_swap(&g[stage + 1], slot);
		}
	}
}

/* Client i sends to the one server over a common channel and waits on its own for the answer. */
static void fan_in(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t c = 1 + pick(n - 1);

		gd__clock_release(&g[c], &o[0]);
		gd__clock_acquire(&g[0], &o[0]);
		gd__clock_release(&g[0], &o[0]);
		gd__clock_acquire(&g[c], &o[0]);
		gd__clock_release(&g[0], &o[c]);
		gd__clock_acquire(&g[c], &o[c]);
		gd__clock_release(&g[c], &o[c]);
		gd__clock_acquire(&g[0], &o[c]);
	}
}

static void spawn_join(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	struct gd__clock child;

	for (uint32_t i = 0; i < rounds; i++) {
		gd__clock_spawn(&g[0], &child);
		gd__clock_release(&child, &o[0]);
		gd__clock_end(&child, false);
		gd__clock_acquire(&g[0], &o[0]);
	}
}

/* A WaitGroup: all are done, one has waited, it wakes all. */
static void barrier(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t r = 0; r < rounds; r++) {
		for (uint32_t i = 1; i < n; i++)
			gd__clock_release_merge(&g[i], &o[0]);
		gd__clock_acquire(&g[0], &o[0]);
		gd__clock_release(&g[0], &o[1]);
		for (uint32_t i = 1; i < n; i++)
			gd__clock_acquire(&g[i], &o[1]);
		gd__clock_release_value(&o[0]);
	}
}

/* n children are spawned, take a common lock, are done, and are waited for. */
static void parallel_for(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t r = 0; r < rounds; r++) {
		for (uint32_t i = 1; i < n; i++) {
			gd__clock_end(&g[i], false);
			gd__clock_spawn(&g[0], &g[i]);
		}
		for (uint32_t i = 1; i < n; i++) {
			gd__clock_acquire(&g[i], &o[1]);
			gd__clock_release(&g[i], &o[1]);
			gd__clock_release_merge(&g[i], &o[0]);
		}
		gd__clock_acquire(&g[0], &o[0]);
	}
}

static void sharded(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		struct gd__clock *me = &g[pick(n)], *lock = &o[pick(n)];

		gd__clock_acquire(me, lock);
		gd__clock_release(me, lock);
	}
}

static void lookup(struct gd__clock *g, struct gd__clock *o, uint32_t n, uint32_t rounds)
{
	uint32_t known = 0;

	meet(g, o, n);
	for (uint32_t i = 0; i < rounds; i++)
		known += gd__clock_knows(&g[0], g[i * 7919u % n].owner, 1);
	if (known == 0)
		abort();
}

static const struct pattern patterns[] = {
	{ "ping-pong, 2 goroutines", 2, 2000000, 4, ping_pong },
	{ "ping-pong, 2 of 1,000 that met", 1000, 2000000, 4, ping_pong },
	{ "mutex, 2 goroutines", 2, 2000000, 2, mutex },
	{ "mutex, 64 goroutines", 64, 2000000, 2, mutex },
	{ "token ring 10", 10, 1000000, 4, ring },
	{ "token ring 1,000", 1000, 1000000, 4, ring },
	{ "token ring 50,000", 50000, 500000, 4, ring },
	{ "pipeline of 8, 64 slots, swaps", 8, 200000, 28, pipeline },
	{ "fan-in server, 1,000 clients", 1001, 400000, 8, fan_in },
	{ "fan-in server, 10,000 clients", 10001, 400000, 8, fan_in },
	{ "spawn+end+join in sequence", 1, 2000000, 3, spawn_join },
	{ "barrier of 1,000", 1001, 500, 2000, barrier },
	{ "parallel for with a lock, 1,000", 1001, 500, 5000, parallel_for },
	{ "parallel for with a lock, 20,000", 20001, 20, 100000, parallel_for },
	{ "sharded locks, 64 x 64", 64, 500000, 2, sharded },
	{ "sharded locks, 1,000 x 1,000", 1000, 200000, 2, sharded },
	{ "lookup, 1,000 ids", 1000, 5000000, 1, lookup },
	{ "lookup, 50,000 ids", 50000, 5000000, 1, lookup },
};

static double run_once(const struct pattern *p, uint64_t *bytes, uint32_t *ids)
{
	uint32_t objects = p->n * 2 + 512, before = gd__clock_ids();
	struct gd__clock *g = calloc(p->n, sizeof(*g)), *o = calloc(objects, sizeof(*o));

	for (uint32_t i = 0; i < p->n; i++)
		gd__clock_init(&g[i]);
	p->run(g, o, p->n, p->rounds / 4); /* warm */
	double start = now_ns();
	p->run(g, o, p->n, p->rounds);
	double took = now_ns() - start;
	*bytes = gd__clock_bytes();
	*ids = gd__clock_ids() - before;
	for (uint32_t i = 0; i < p->n; i++)
		gd__clock_end(&g[i], false);
	for (uint32_t i = 0; i < objects; i++)
		gd__clock_release_value(&o[i]);
	free(g);
	free(o);
	return took / ((double)p->rounds * p->ops);
}

static void run_pattern(const struct pattern *p)
{
	double best = 1e30;
	uint64_t bytes = 0;
	uint32_t ids = 0;

	for (int k = 0; k < 5; k++) {
		double ns = run_once(p, &bytes, &ids);

		best = ns < best ? ns : best;
	}
	printf("%-34s %8.1f %12.1f %8u\n", p->name, best, (double)bytes / p->n, ids);
}

int main(int argc, char **argv)
{
	printf("%-34s %8s %12s %8s\n", "pattern", "ns/op", "tree bytes/g", "ids");
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (argc > 1 && strstr(patterns[i].name, argv[1]) == NULL)
			continue;
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			run_pattern(&patterns[i]);
			exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return 0;
}
