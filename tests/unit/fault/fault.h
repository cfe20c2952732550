/*
 * fault.h - a workload that uses most of the runtime, and what may come of it when the system
 * refuses something.
 *
 * fault_run runs the workload in a child process. It must end in one of three ways: with its
 * right result; with a code that a public function returned (exit 3, "refused: ..."); or with a
 * fatal error that says why (exit 2). A signal, a wrong result or no end within FAULT_SECONDS
 * is a bug.
 */
#ifndef GD_TESTS_UNIT_FAULT_FAULT_H
#define GD_TESTS_UNIT_FAULT_FAULT_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "tests/support/child.h"
#include "tests/support/unit.h"

enum {
	FAULT_SECONDS = 20,
	FAULT_GOROUTINES = 300,
	FAULT_TIMERS = 600, /* more than a page of the heap */
	FAULT_BLOCKED = 3,
	FAULT_MESSAGES = 40,
};

static bool fault_default_procs; /* the workload does not say how many Ps */

/* What the workload adds up. */
#define FAULT_SUM                                                                                  \
	(FAULT_GOROUTINES * (FAULT_GOROUTINES - 1) / 2 + FAULT_TIMERS + FAULT_BLOCKED +            \
	 FAULT_MESSAGES + 3)

/* Of the parent and its child. */
struct fault_shared {
	_Atomic int calls; /* of what is made to fail, in the child */
};
static struct fault_shared *fault_shared;

/* An error that a public function returned: a good end. */
__attribute__((noreturn, unused)) static void fault_refused(const char *what, int64_t code)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "refused: %s: %s\n", what, gd_error_text(code));

	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(4);
	_exit(3);
}

#define FAULT_TRY(what, result)                                                                    \
	__extension__({                                                                            \
		int64_t fault_r = (result);                                                        \
		if (fault_r < 0)                                                                   \
			fault_refused(what, fault_r);                                              \
		fault_r;                                                                           \
	})

static gd_chan_of(int) fault_results;
static _Atomic int fault_fired;

static void fault_spawned(void *arg)
{
	gd_yield();
	gd_chan_send(fault_results, (int)(intptr_t)arg);
}

static int64_t fault_goroutines(void)
{
	int64_t sum = 0;
	int v;

	for (intptr_t i = 0; i < FAULT_GOROUTINES; i++)
		gd_go_fn(fault_spawned, (void *)i);
	for (int i = 0; i < FAULT_GOROUTINES; i++) {
		if (!gd_chan_recv(fault_results, &v))
			fault_refused("a closed channel", GD_ECLOSED);
		sum += v;
	}
	return sum;
}

static gd_mutex fault_mutex;

static void fault_contend(void *arg)
{
	int *guarded = arg;

	for (int i = 0; i < 5; i++) {
		gd_mutex_lock(&fault_mutex);
		++*guarded;
		gd_yield();
		gd_mutex_unlock(&fault_mutex);
	}
	gd_chan_send(fault_results, 0);
}

static int64_t fault_mutexes(void)
{
	int guarded = 0, v;

	for (int i = 0; i < 4; i++)
		gd_go_fn(fault_contend, &guarded);
	for (int i = 0; i < 4; i++)
		gd_chan_recv(fault_results, &v);
	return guarded == 20 ? 0 : -1000;
}

static void fault_count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&fault_fired, 1);
}

static int64_t fault_timers(void)
{
	static gd_timer *timer[FAULT_TIMERS];

	for (int i = 0; i < FAULT_TIMERS; i++)
		timer[i] = gd_after_func((1000 + i) * GD_MICROSECOND, fault_count, NULL);
	while (atomic_load(&fault_fired) < FAULT_TIMERS)
		gd_sleep(300 * GD_MICROSECOND);
	for (int i = 0; i < FAULT_TIMERS; i++)
		gd_timer_free(timer[i]);
	return atomic_load(&fault_fired);
}

/* A select that nobody serves, and one of many cases. */
static int64_t fault_selects(void)
{
	struct gd_case cases[21];
	int v = 0, taken;

	for (int i = 0; i < 20; i++)
		cases[i] = (struct gd_case){ GD_CASE_RECV, fault_results.raw, &v, NULL, 0 };
	cases[20] = (struct gd_case){ GD_CASE_AFTER, NULL, NULL, NULL, 200 * GD_MICROSECOND };
	taken = (int)gd_select_raw(cases, 21);
	return taken == 20 ? 1 : -1000;
}

struct fault_pipe {
	int fds[2];
	gd_waitgroup *group;
};

/* Threads that sit in the kernel until another goroutine has run. */
static void fault_blocked(void *arg)
{
	struct fault_pipe *p = arg;
	char c = 0;

	if (gd_syscall(read(p->fds[0], &c, 1)) == 1)
		gd_chan_send(fault_results, c);
	gd_waitgroup_done(p->group);
}

static int64_t fault_syscalls(void)
{
	struct fault_pipe pipes[FAULT_BLOCKED];
	gd_waitgroup group = { 0 };
	int64_t sum = 0;
	int v;

	gd_waitgroup_add(&group, FAULT_BLOCKED);
	for (int i = 0; i < FAULT_BLOCKED; i++) {
		if (pipe(pipes[i].fds) != 0)
			fault_refused("pipe", GD_ERRNO(errno));
		pipes[i].group = &group;
		gd_go_fn(fault_blocked, &pipes[i]);
	}
	gd_sleep(200 * GD_MICROSECOND);
	for (int i = 0; i < FAULT_BLOCKED; i++)
		if (write(pipes[i].fds[1], "\1", 1) != 1)
			fault_refused("write", GD_ERRNO(errno));
	for (int i = 0; i < FAULT_BLOCKED; i++)
		sum += gd_chan_recv(fault_results, &v) ? v : 1000;
	gd_waitgroup_wait(&group);
	for (int i = 0; i < FAULT_BLOCKED; i++) {
		close(pipes[i].fds[0]);
		close(pipes[i].fds[1]);
	}
	return sum;
}

static void fault_echo(void *arg)
{
	int fd = *(int *)arg;
	char c;

	while (FAULT_TRY("read", gd_fd_read(fd, &c, 1)) == 1)
		FAULT_TRY("write", gd_fd_write(fd, &c, 1));
	gd_chan_send(fault_results, 1);
	FAULT_TRY("close", gd_fd_close(fd));
}

static void fault_pipes(void)
{
	int fds[2];
	char c = 1;

	FAULT_TRY("gd_pipe", gd_pipe(fds));
	for (int i = 0; i < 5; i++) {
		FAULT_TRY("write", gd_fd_write(fds[1], &c, 1));
		FAULT_TRY("read", gd_fd_read_full(fds[0], &c, 1));
	}
	FAULT_TRY("close", gd_fd_close(fds[0]));
	FAULT_TRY("close", gd_fd_close(fds[1]));
}

static int64_t fault_net(void)
{
	int fds[2], v = 0;
	char c = 1;
	int64_t sum = 0;

	FAULT_TRY("gd_unix_pair", gd_unix_pair(fds));
	gd_go_fn(fault_echo, &fds[1]);
	for (int i = 0; i < FAULT_MESSAGES; i++) {
		FAULT_TRY("write", gd_fd_write(fds[0], &c, 1));
		FAULT_TRY("read", gd_fd_read_full(fds[0], &c, 1));
		sum += c;
	}
	/* Nothing comes: the deadline passes. */
	int64_t r = gd_fd_read_until(fds[0], &c, 1, gd_now() + 200 * GD_MICROSECOND);

	if (r != GD_ETIMEDOUT)
		fault_refused("read with a deadline", r);
	FAULT_TRY("close", gd_fd_close(fds[0]));
	return gd_chan_recv(fault_results, &v) ? sum + v : -1000;
}

/* Takes its thread along when it ends. */
static void fault_locked(void *arg)
{
	(void)arg;
	gd_lock_os_thread();
	gd_yield();
	gd_chan_send(fault_results, 1);
}

static void fault_main(void *arg)
{
	char text[64];
	int64_t sum = 0;
	int v = 0, n;

	(void)arg;
	fault_results = gd_chan_make(__typeof__(fault_results), 0);
	sum += fault_goroutines();
	FAULT_TRY("gd_set_procs", gd_set_procs(4));
	sum += fault_syscalls();
	gd_go_fn(fault_locked, NULL);
	sum += gd_chan_recv(fault_results, &v) ? v : 1000;
	FAULT_TRY("gd_set_procs", gd_set_procs(2));
	sum += fault_net();
	fault_pipes();
	sum += fault_timers();
	sum += fault_mutexes();
	gd_trim();
	sum += fault_selects();
	gd_chan_unref(fault_results);
	n = snprintf(text, sizeof(text), "sum %ld of %d\n", (long)sum, FAULT_SUM);
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(4);
	if (sum != FAULT_SUM)
		_exit(1);
}

static void fault_work(void)
{
	int r;

	alarm(FAULT_SECONDS);
	signal(SIGPIPE, SIG_IGN); /* the parent keeps the beginning of a long dump */
	if (!fault_default_procs)
		gd_set_procs(2);
	r = gd_run(fault_main, NULL);
	if (r != GD_OK)
		fault_refused("gd_run", r);
	_exit(0);
}

/* What may come of it. */
enum fault_end {
	FAULT_SURVIVES, /* the right result, nothing else */
	FAULT_EXPLAINS, /* or an error that says what */
};

/* how: names the fault where the end is not as it must be. */
__attribute__((unused)) static void fault_run(enum fault_end may, const char *how)
{
	static struct child c;
	bool good;

	atomic_store(&fault_shared->calls, 0);
	child_run(&c, fault_work);
	good = c.code == 0 && strstr(c.text, "sum ");
	if (may == FAULT_EXPLAINS)
		good = good || (c.code == 2 && strstr(c.text, "fatal error: ")) ||
		       (c.code == 3 && strstr(c.text, "refused: "));
	if (good)
		return;
	fprintf(stderr, "%s: exit %d\n%.6000s\n", how, c.code, c.text);
	exit(1);
}

__attribute__((unused)) static void fault_share(void)
{
	fault_shared = mmap(NULL, sizeof(*fault_shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(fault_shared != MAP_FAILED);
}

#endif
