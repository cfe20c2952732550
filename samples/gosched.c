/* verdict: none; who gives way goes to the end of the global queue */
/*
 * gosched.c - gd_yield() puts the caller behind all others that can run.
 *
 * On one P the order is exact: the goroutines take turns, each once a round.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <gdetect/gdetect.h>

enum { ROUNDS = 4, GOROUTINES = 3 };

static char order[ROUNDS * GOROUTINES + 1];
static _Atomic size_t length; /* giving way orders nothing: each takes a place of its own */

struct take_turns_args {
	char name;
	gd_waitgroup *all;
};

static void take_turns(struct take_turns_args *a)
{
	for (int i = 0; i < ROUNDS; i++) {
		order[atomic_fetch_add(&length, 1)] = a->name;
		gd_yield();
	}
	gd_waitgroup_done(a->all);
}

/* Each round holds every name once, and all rounds are alike. */
static int in_turns(void)
{
	if (strlen(order) != ROUNDS * GOROUTINES)
		return 0;
	for (int i = 0; i < GOROUTINES; i++)
		if (!memchr(order, 'a' + i, GOROUTINES))
			return 0;
	for (int i = GOROUTINES; i < ROUNDS * GOROUTINES; i++)
		if (order[i] != order[i - GOROUTINES])
			return 0;
	return 1;
}

static void start(void *failed)
{
	gd_waitgroup all = { 0 };

	gd_waitgroup_add(&all, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go(take_turns, .name = (char)('a' + i), .all = &all);
	gd_waitgroup_wait(&all);
	printf("they ran in the order %s\n", order);
	*(int *)failed = !in_turns();
}

int main(void)
{
	int failed = 1;

	gd_set_procs(1); /* one P, whatever GD_MAXPROCS says */
	gd_run(start, &failed);
	return failed;
}
