/* verdict: none; idle Ps take half of a busy one's queue */
/*
 * work_stealing.c - all goroutines start on one P's queue and run on several.
 *
 * main's goroutine puts them on its own P. The first to run there does not
 * give way until another thread has run one of the others: it must have been
 * stolen. With one P there is nobody to steal, and all run on one thread.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

enum { WORKERS = 64 };

static _Atomic int done, elsewhere;
static _Atomic long first_thread;

struct worker_args {
	gd_waitgroup *workers;
};

static void worker(struct worker_args *a)
{
	long self = syscall(SYS_gettid), none = 0;

	if (!atomic_compare_exchange_strong(&first_thread, &none, self) && none != self)
		atomic_fetch_add(&elsewhere, 1);
	while (gd_procs() > 1 && atomic_load(&elsewhere) == 0)
		; /* holds its P, so its queue can only be emptied by a thief */
	atomic_fetch_add(&done, 1);
	gd_waitgroup_done(a->workers);
}

static void start(void *failed)
{
	gd_waitgroup workers = { 0 };

	gd_waitgroup_add(&workers, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		gd_go(worker, .workers = &workers);
	gd_waitgroup_wait(&workers);
	printf("%d goroutines ran, %d of them on another thread than the first\n", done, elsewhere);
	*(int *)failed = done != WORKERS || (gd_procs() > 1) != (elsewhere > 0);
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
