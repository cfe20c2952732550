/*
 * measure.h - what the benchmark programs in C and C++ share: choice of a row, time, memory.
 *
 * usage of each program: PROGRAM ROW [N]
 * It prints one number, the value of the row, and nothing else. A program that has no such row
 * ends with BENCH_NO_ROW: then the table says "-". A row is either sized, value(N) measures itself,
 * or timed, run(n) does n operations: N if given, which is for profilers, else found so that they
 * take BENCH_MS milliseconds (200).
 * go/measure.go is the same in Go.
 */
#ifndef GD_TESTS_BENCH_MEASURE_H
#define GD_TESTS_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_NO_ROW 3
#define BENCH_BATCH  1000 /* n is a multiple of it */

struct bench {
	const char *name;
	void (*run)(long n);     /* timed: ns per operation */
	double (*value)(long n); /* sized */
};

/* How long a measurement is to take. */
static inline double bench_target_ns(double ms)
{
	const char *given = getenv("BENCH_MS");

	return (given && *given ? strtod(given, NULL) : ms) * 1e6;
}

static inline double bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline double bench_took_ns(void (*run)(long n), long n)
{
	double start = bench_now_ns();

	run(n);
	return bench_now_ns() - start;
}

/* ns per operation. The short runs that find n are the warm-up. */
static inline double bench_per_op(void (*run)(long n))
{
	double target = bench_target_ns(200), took;
	long n = BENCH_BATCH;

	while ((took = bench_took_ns(run, n)) < target / 10)
		n *= 2;
	n = (long)((double)n * target / took / BENCH_BATCH + 1) * BENCH_BATCH;
	return bench_took_ns(run, n) / (double)n;
}

/* Memory of the process in bytes: resident, and its page tables. */
static inline double bench_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double kb = 0;
	int found = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "VmRSS:", 6) != 0 && strncmp(line, "VmPTE:", 6) != 0)
			continue;
		kb += strtod(line + 6, NULL);
		found++;
	}
	if (f)
		fclose(f);
	if (found != 2) {
		fprintf(stderr, "no VmRSS and VmPTE in /proc/self/status\n");
		exit(1);
	}
	return kb * 1024;
}

static inline const struct bench *bench_choose(const struct bench *rows, size_t n, int argc,
					       char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s ROW [N]\n", argv[0]);
		exit(2);
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, argv[1]) == 0)
			return &rows[i];
	exit(BENCH_NO_ROW);
}

static inline void bench_print(const struct bench *b, int argc, char **argv)
{
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

	if (b->value)
		printf("%.4f\n", b->value(n));
	else if (n > 0)
		printf("%.4f\n", bench_took_ns(b->run, n) / (double)n);
	else
		printf("%.4f\n", bench_per_op(b->run));
	fflush(stdout);
}

#endif
