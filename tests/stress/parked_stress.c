/*
 * parked_stress.c - a million parked goroutines: what one costs, and that its stack has a guard.
 *
 *     parked_stress [N]
 * Prints bytes per goroutine of memory and page tables; fails above 4.4 KB, or if a guard is not
 * there. Needs 6 GB of memory for the million, and a kernel with MADV_GUARD_INSTALL (6.13).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdetect/gdetect.h>

static long wanted = 1000000;
static gd_chan *gate;
static uintptr_t *tops; /* an address on the stack of each */
static long parked;

static void park(void *arg)
{
	int v;

	tops[parked++] = (uintptr_t)__builtin_frame_address(0);
	gd_chan_recv_raw(gate, &v);
	(void)arg;
}

/* A line of a file in /proc, in KiB. */
static long kib(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	char line[256];
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			n = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static long used_kib(void)
{
	return kib("/proc/self/status", "VmRSS:") + kib("/proc/self/status", "VmPTE:");
}

static sigjmp_buf after_fault;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(after_fault, 1);
}

/* By a thread that runs no goroutine, so that the fault is no overflow. */
static long without_guard(long n)
{
	struct sigaction action = { .sa_handler = on_fault };
	volatile long without = 0;

	sigaction(SIGSEGV, &action, NULL);
	for (volatile long i = 0; i < n; i += 997) {
		/* The default stack has 108 KiB; its guard is the 16 below. */
		volatile char *at = (volatile char *)((tops[i] & ~(uintptr_t)4095) - 108 * 1024);

		if (sigsetjmp(after_fault, 1) == 0) {
			*at = 1;
			without++;
		}
	}
	return without;
}

static void start(void *arg)
{
	long before = used_kib(), after;
	int64_t begin = gd_now();

	(void)arg;
	for (long i = 0; i < wanted; i++)
		gd_go_fn(park, NULL);
	while (parked < wanted)
		gd_yield();
	after = used_kib();
	printf("%ld goroutines in %ld ms: %ld bytes each, page tables included\n", wanted,
	       (long)((gd_now() - begin) / 1000000), (after - before) * 1024 / wanted);
	if ((after - before) * 1024 / wanted > 4400)
		exit(1);
}

int main(int argc, char **argv)
{
	long bad;

	if (argc > 1)
		wanted = strtol(argv[1], NULL, 10);
	if (kib("/proc/meminfo", "MemAvailable:") < wanted * 6) {
		printf("skipped: a million parked goroutines take 6 GB of memory\n");
		return 77;
	}
	tops = calloc((size_t)wanted, sizeof(*tops));
	if (!tops)
		return 1;
	memset(tops, 1, (size_t)wanted * sizeof(*tops)); /* not counted below */
	gate = gd_chan_make_raw(sizeof(int), 0, "gate");
	gd_set_procs(1);
	if (gd_run(start, NULL) != GD_OK)
		return 1;
	bad = without_guard(wanted);
	if (bad > 0)
		printf("%ld stacks looked at have no guard\n", bad);
	return bad > 0;
}
