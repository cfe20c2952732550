/* verdict: none; goroutines get threads when there is work for them */
/*
 * newproc_newm.c - a new goroutine finds an idle P, and the P gets an M.
 *
 * With n Ps, n goroutines that each wait, without giving way, until all n run
 * at the same moment can only come through if n Ms were started. The threads
 * are counted: they do not outnumber the Ps by more than sysmon and spares.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

enum { MOST = 8 };

static _Atomic int running;
static _Atomic long thread_of[MOST];

struct runner_args {
	int index, all;
	gd_waitgroup *runners;
};

static void runner(struct runner_args *a)
{
	atomic_store(&thread_of[a->index], syscall(SYS_gettid));
	atomic_fetch_add(&running, 1);
	while (atomic_load(&running) < a->all)
		; /* holds its M and P */
	gd_waitgroup_done(a->runners);
}

/* The number of different threads among the runners. */
static int distinct(int n)
{
	int different = 0;

	for (int i = 0; i < n; i++) {
		int j = 0;

		while (thread_of[j] != thread_of[i])
			j++;
		different += i == j;
	}
	return different;
}

static void start(void *failed)
{
	int n = gd_procs() < MOST ? gd_procs() : MOST;
	gd_waitgroup runners = { 0 };

	gd_waitgroup_add(&runners, n);
	for (int i = 0; i < n; i++)
		gd_go(runner, .index = i, .all = n, .runners = &runners);
	gd_waitgroup_wait(&runners);
	printf("%d Ps ran %d goroutines at the same time on %d threads\n", gd_procs(), n,
	       distinct(n));
	*(int *)failed = distinct(n) != n;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
