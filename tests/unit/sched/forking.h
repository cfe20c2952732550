/*
 * forking.h - for tests that fork: how a child has ended, memory shared with it, and a run through
 * all that the runtime does.
 */
#ifndef GD_TESTS_UNIT_SCHED_FORKING_H
#define GD_TESTS_UNIT_SCHED_FORKING_H

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

/* How a child has ended: its code, or 128 + signal. The goroutine's P is free meanwhile. */
__attribute__((unused)) static int end_of(pid_t pid)
{
	int status = 0;

	CHECK(pid > 0);
	while (gd_syscall(waitpid(pid, &status, 0)) < 0 && gd_errno() == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Shared by parent and children. */
static _Atomic int *shared_int(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

__attribute__((unused)) static _Atomic int *steps;

struct echo {
	gd_chan *in, *out;
	gd_waitgroup *left;
};

static void echo(void *arg)
{
	const struct echo *e = arg;
	int v;

	while (gd_chan_recv_raw(e->in, &v))
		gd_chan_send_raw(e->out, &v);
	gd_waitgroup_done(e->left);
}

/* Goroutines, channels, a timeout, a mutex, sleep and a system call. */
__attribute__((unused)) static void use_everything(int n)
{
	static gd_waitgroup left;
	static gd_mutex mutex;
	struct echo e = { gd_chan_make_raw(sizeof(int), 0, "in"),
			  gd_chan_make_raw(sizeof(int), 4, "out"), &left };
	int64_t begin = gd_now();
	int got = 0;

	gd_waitgroup_add(&left, n);
	for (int i = 0; i < n; i++)
		gd_go_fn(echo, &e);
	for (int i = 0; i < 50 * n; i++) {
		gd_chan_send_raw(e.in, &i);
		CHECK(gd_chan_recv_raw(e.out, &got));
		if (i % 50 == 0)
			gd_syscall(usleep(10));
	}
	gd_chan_close_raw(e.in);
	gd_waitgroup_wait(&left);
	CHECK_EQ(gd_chan_recv_until_raw(e.out, &got, gd_now() + GD_MILLISECOND), GD_ETIMEDOUT);
	gd_mutex_lock(&mutex);
	gd_sleep(GD_MILLISECOND);
	gd_mutex_unlock(&mutex);
	CHECK(gd_now() - begin >= 2 * GD_MILLISECOND);
}

#endif
