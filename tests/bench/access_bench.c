/*
 * access_bench.c - nanoseconds per access: hits, first accesses of an interval, malloc, ranges.
 *
 * Each line is the best of several rounds. The hot functions are called as a
 * __tsan_ callback does it: through a function that is not inlined.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "detector/race/access.h"
#include "detector/race/hooks.h"
#include "detector/race/race_find.h"
#include "detector/race/race_report.h"
#include "detector/race/record.h"
#include "runtime/base/compiler.h"

#define WORDS  4096 /* 32 KiB of memory, 64 KiB of shadow */
#define ROUNDS 7

static int64_t words[WORDS] __attribute__((aligned(4096)));
static struct gd__hook_ctx *other;
static struct gd__clock object;

static void take_report(struct gd__race *r)
{
	fprintf(stderr, "unexpected race at %p\n", (void *)r->now.addr);
	exit(1);
}

static GD__NOINLINE void read8(const void *p)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__likely(g != NULL))
		gd__access_read_hot(g, (uintptr_t)p, 8, (uintptr_t)__builtin_return_address(0));
}

static GD__NOINLINE void write8(void *p)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__likely(g != NULL))
		gd__access_write_hot(g, (uintptr_t)p, 8, (uintptr_t)__builtin_return_address(0));
}

static void new_interval(struct gd__hook_ctx *g)
{
	gd__clock_release(&g->clock, &object);
	gd__gctx_new_interval(g);
}

static void all_known(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	new_interval(g);
	gd__clock_acquire(&other->clock, &object);
	new_interval(other);
	gd__clock_acquire(&g->clock, &object);
}

static void read_all(void)
{
	for (int i = 0; i < WORDS; i++)
		read8(&words[i]);
}

static void write_all(void)
{
	for (int i = 0; i < WORDS; i++)
		write8(&words[i]);
}

static void range_all(void)
{
	gd__access(gd__race_cur, (uintptr_t)words, sizeof(words), GD__ACCESS_WRITE, 1);
}

static void reset_all(void)
{
	for (int i = 0; i < WORDS; i += 8)
		gd__shadow_reset((uintptr_t)&words[i], 64);
}

static void free_all(void)
{
	for (int i = 0; i < WORDS; i += 8)
		gd__access(gd__race_cur, (uintptr_t)&words[i], 64,
			   GD__ACCESS_WRITE | GD__ACCESS_FREE, 1);
}

static void calls_all(void)
{
	for (int i = 0; i < WORDS; i++) {
		gd__gctx_push(gd__race_cur, 0x1000 + (uintptr_t)(i & 7));
		read8(&words[i]);
		gd__gctx_pop(gd__race_cur);
	}
}

static void clear(void)
{
	gd__shadow_reset((uintptr_t)words, sizeof(words));
}

static void next_interval(void)
{
	new_interval(gd__race_cur);
}

/* The other goroutine wrote all, and then we came to know it. */
static void written_by_other(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	all_known();
	gd__race_cur = other;
	write_all();
	gd__race_cur = g;
	all_known();
}

static void read_by_other(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	clear();
	gd__race_cur = other;
	read_all();
	gd__race_cur = g;
}

static void shared(void)
{
	read_by_other();
	read_all();
}

static void nothing(void)
{
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* before: not measured, once before each round of `times` runs of what. */
static void measure(const char *name, void (*before)(void), void (*what)(void), int times, int per)
{
	double best = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		double sum = 0;

		for (int k = 0; k < 200 / times; k++) {
			before();
			double start = now_ns();

			for (int i = 0; i < times; i++)
				what();
			sum += now_ns() - start;
		}
		sum /= 200 / times * times * per;
		best = sum < best ? sum : best;
	}
	printf("%-44s %8.2f ns\n", name, best);
}

int main(void)
{
	if (!gd__race_init())
		return 1;
	gd__race_sink = take_report;
	other = gd__gctx_make(gd__race_cur, 2, 0, 0);
	clear();
	write_all();
	measure("write hit", nothing, write_all, 100, WORDS);
	measure("read hit, own write", nothing, read_all, 100, WORDS);
	clear();
	read_all();
	measure("read hit, own read", nothing, read_all, 100, WORDS);
	measure("call, entry, exit, read hit", nothing, calls_all, 100, WORDS);
	measure("first write, empty cell", clear, write_all, 1, WORDS);
	measure("first read, empty cell", clear, read_all, 1, WORDS);
	measure("first write of an interval, own cell", next_interval, write_all, 1, WORDS);
	clear();
	measure("first read of an interval, own cell", next_interval, read_all, 1, WORDS);
	measure("first write, cell of another goroutine", written_by_other, write_all, 1, WORDS);
	measure("first read, cell of another goroutine", written_by_other, read_all, 1, WORDS);
	measure("first read, read by another unordered", read_by_other, read_all, 1, WORDS);
	measure("read hit, shared readers", shared, read_all, 20, WORDS);
	clear();
	measure("range write of 32 KiB, hit, per cell", nothing, range_all, 20, WORDS);
	measure("range write of 32 KiB, first, per cell", next_interval, range_all, 1, WORDS);
	measure("reset of 64 bytes", nothing, reset_all, 20, WORDS / 8);
	measure("free mark of 64 bytes", reset_all, free_all, 1, WORDS / 8);
	printf("sets %u, records %ld\n", gd__factset_count(), (long)gd__record_count());
	return 0;
}
