/*
 * preempt_test.c - with the race detector, goroutines give way at function entries and atomic
 * operations, on the thread they have; not where that would be wrong.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include <gdetect/gdetect.h>

#include "detector/race/abi.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/state.h"
#include "tests/support/unit.h"

static _Atomic bool done;
static _Atomic uint64_t calls;
static _Atomic int moved;

static void run(int procs, void (*start)(void *))
{
	CHECK_EQ(gd_set_procs(procs), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

/* What an instrumented function does. */
static __attribute__((noinline)) void called(void)
{
	__tsan_func_entry(__builtin_return_address(0));
	calls++;
	__tsan_func_exit();
}

/* The address of errno stays right within a function, and so does its value. */
static void call_busily(void *arg)
{
	int *at = &errno, tid = gd__os_tid();

	(void)arg;
	errno = 42;
	while (!done) {
		called();
		moved += gd__os_tid() != tid || &errno != at;
		CHECK_EQ(errno, 42);
	}
}

static void start_calling(void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++)
		gd_go_fn(call_busily, NULL);
	for (int i = 0; i < 10; i++) {
		uint64_t before = calls;

		gd_yield();
		CHECK(calls > before || gd_procs() > 1);
	}
	done = true;
	while (gd_go_count() > 1)
		gd_yield();
	CHECK_EQ(moved, 0);
	CHECK_EQ(gd__sched.npinned, 0);
	CHECK_EQ(gd__sched.nmlocked, 0);
}

CASE(gives_way_at_function_entries_1p)
{
	run(1, start_calling);
}

CASE(gives_way_at_function_entries_2p)
{
	run(2, start_calling);
}

static uint32_t word;

static void spin(void *arg)
{
	(void)arg;
	while (__tsan_atomic32_load(&word, __ATOMIC_ACQUIRE) == 0)
		;
}

static void start_spinning(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		gd_go_fn(spin, NULL);
	gd_yield();
	gd_yield();
	__tsan_atomic32_store(&word, 1, __ATOMIC_RELEASE);
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(a_spin_lock_s_holder_gets_its_turn)
{
	run(1, start_spinning);
}

/* More than may hold threads: all of them end. */
static void call_for_a_while(void *arg)
{
	int64_t start = gd_now();

	(void)arg;
	while (gd_now() - start < 30 * GD_MILLISECOND)
		called();
}

static void start_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		gd_go_fn(call_for_a_while, NULL);
	while (gd_go_count() > 1)
		gd_yield();
	CHECK_EQ(gd__sched.npinned, 0);
}

CASE(threads_held_are_bounded)
{
	run(1, start_many);
}

static _Atomic int others;

static void other(void *arg)
{
	(void)arg;
	others++;
}

/* The request is there, somebody waits: whether the function entry gives way. */
static bool gives_way(void)
{
	int before;

	gd_go_fn(other, NULL);
	before = others;
	atomic_store(&gd__self()->preempt, true);
	gd__preempt_wanted = 1;
	called();
	return others > before;
}

static bool gave_way;

static void handler(int sig)
{
	(void)sig;
	gave_way = gives_way();
}

static void once(void)
{
	gave_way = gives_way();
}

static int in_syscall(void)
{
	gd__preempt_wanted = 1;
	atomic_store(&gd__m_self()->cur->preempt, true);
	called();
	return 0;
}

static void start_where(void *arg)
{
	static pthread_mutex_t os_mutex = PTHREAD_MUTEX_INITIALIZER;
	static pthread_once_t control = PTHREAD_ONCE_INIT;
	struct sigaction action = { .sa_handler = handler };
	sigset_t usr1;

	(void)arg;
	CHECK(gives_way());

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0); /* on the goroutine's own stack */
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK(!gave_way);

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	CHECK(!gives_way());
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	CHECK(gives_way());

	CHECK_EQ(pthread_once(&control, once), 0);
	CHECK(!gave_way);
	CHECK_EQ(pthread_mutex_lock(&os_mutex), 0);
	CHECK(!gives_way());
	CHECK_EQ(pthread_mutex_unlock(&os_mutex), 0);
	gd_syscall(in_syscall());
	CHECK(gives_way());
}

CASE(gives_way_only_where_it_may)
{
	run(1, start_where);
}

UNIT_MAIN
