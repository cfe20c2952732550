/*
 * sched_stress.c - the scheduler under everything at once.
 *
 * usage: sched_stress [seconds [seed [procs]]]
 * Goroutines spawn, yield, park, sleep, set timers, make system calls and change the number of
 * Ps while others, and a thread that is not the runtime's, stop the world and look at it:
 *   nothing but the stopper and system calls may move while it is stopped;
 *   each goroutine lies still with its stack pointer in its stack, or its thread has been stopped
 *   with its registers saved.
 * A thread watches that things go on: what nobody runs any more was lost by the scheduler.
 * The seed fixes each goroutine's choices and their number, not the schedule.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/inspect/inspect.h"
#include "runtime/sched/state.h"

enum { WORKERS_MAX = 32, PAIRS = 2, STUCK_SECONDS = 20 };

static struct {
	int64_t seconds;
	uint64_t seed;
	int procs;
} options = { 5, 1, 2 };

static int workers;
static gd_waitgroup group;
static gd_mutex mutex;
static uint64_t guarded;
static _Atomic bool stop, done;
static _Atomic uint64_t operations, fired, stops, resizes, locked;
static _Atomic int64_t latest_ns; /* that a sleep came back, after it was due */
static int null_fd = -1;

/* One count for each goroutine that moves, far apart. */
static struct {
	_Alignas(64) _Atomic uint64_t moves;
} counter[WORKERS_MAX];

/* The world may be stopped: nothing that takes a lock. */
static void fail(int line, const char *what)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
			 "sched_stress.c:%d: %s fails; repeat: sched_stress %" PRId64 " %" PRIu64
			 " %d\n",
			 line, what, options.seconds, options.seed, options.procs);

	if (n > 0)
		gd__os_write(2, text, (size_t)n);
	abort();
}

#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail(__LINE__, #cond);                                                     \
	} while (0)

/* xorshift64*, one state per goroutine */
static uint64_t draw(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static uint32_t below(uint64_t *s, uint32_t n)
{
	return (uint32_t)((draw(s) >> 32) * n >> 32);
}

/* --- what is looked at in a stopped world --- */

static bool thread_of(const struct gd__runtime *rt, uint64_t goid, struct gd__tinfo *t)
{
	for (uint64_t i = 0; gd__inspect_thread(rt, i, t); i++)
		if (t->goid == goid)
			return true;
	return false;
}

static void check_goroutine(const struct gd__runtime *rt, const struct gd__ginfo *g)
{
	struct gd__tinfo t;

	switch (g->state) {
	case GD__GI_RUNNABLE:
	case GD__GI_WAITING:
	case GD__GI_SYSCALL:
		REQUIRE(g->sp >= g->stack_lo && g->sp < g->stack_hi);
		return;
	case GD__GI_RUNNING:
		if (g->id == gd_go_id())
			return;
		REQUIRE(thread_of(rt, g->id, &t));
		REQUIRE(t.pc != 0);
		REQUIRE(t.sp >= g->stack_lo && t.sp < g->stack_hi);
		return;
	default:
		fail(__LINE__, "the state is one of the five");
	}
}

static void check_goroutines(void)
{
	struct gd__runtime rt;
	struct gd__ginfo g;
	bool broken;

	REQUIRE(gd__inspect_open(&rt, &gd__mem_self, 0) == GD__INSPECT_OK);
	for (uint64_t i = 0; i < rt.ngoroutines; i++) {
		if (gd__inspect_goroutine(&rt, i, &g, &broken))
			check_goroutine(&rt, &g);
		REQUIRE(!broken);
	}
}

static void sum_moves(uint64_t *sum)
{
	*sum = 0;
	for (int i = 0; i < workers; i++)
		*sum += atomic_load(&counter[i].moves);
}

static void look_at_stopped_world(uint64_t *s)
{
	uint64_t before, after;

	REQUIRE(gd__stw_stop(true, GD__STW_LIMIT_NS));
	sum_moves(&before);
	check_goroutines();
	gd__os_nanosleep(below(s, 50) * 1000);
	sum_moves(&after);
	REQUIRE(before == after);
	gd__stw_start();
	atomic_fetch_add(&stops, 1);
}

/* --- what goroutines do; each marks that it moves --- */

struct worker_args {
	uint64_t seed;
	int index;
};

static void move(const struct worker_args *w)
{
	atomic_fetch_add_explicit(&counter[w->index].moves, 1, memory_order_relaxed);
}

struct child_args {
	gd_waitgroup *group;
	bool yields;
};
static void child(struct child_args *a)
{
	if (a->yields)
		gd_yield();
	gd_waitgroup_done(a->group);
}

static void do_spawn(struct worker_args *w)
{
	uint32_t n = 1 + below(&w->seed, below(&w->seed, 16) == 0 ? 400 : 8);
	gd_waitgroup children = { 0 };

	gd_waitgroup_add(&children, (int)n);
	for (uint32_t i = 0; i < n; i++)
		gd_go(child, .group = &children, .yields = i % 2 == 0);
	gd_waitgroup_wait(&children);
}

static void do_yield(struct worker_args *w)
{
	for (uint32_t i = below(&w->seed, 20); i > 0; i--) {
		gd_yield();
		move(w);
	}
}

static void do_burn(struct worker_args *w)
{
	for (uint32_t i = below(&w->seed, 100000); i > 0; i--)
		move(w);
}

static void do_sleep(struct worker_args *w)
{
	int64_t ns = below(&w->seed, 300) * GD_MICROSECOND, due = gd_now() + ns;

	gd_sleep(ns);

	int64_t late = gd_now() - due, before = atomic_load(&latest_ns);

	while (late > before && !atomic_compare_exchange_weak(&latest_ns, &before, late))
		;
}

static void count_fired(void *arg)
{
	(void)arg;
	atomic_fetch_add(&fired, 1);
}

static void do_timer(struct worker_args *w)
{
	gd_timer *t = gd_after_func(below(&w->seed, 200) * GD_MICROSECOND, count_fired, NULL);

	for (uint32_t i = below(&w->seed, 5); i > 0; i--) {
		if (below(&w->seed, 2))
			gd_timer_reset(t, below(&w->seed, 200) * GD_MICROSECOND);
		else if (below(&w->seed, 2))
			gd_timer_stop(t);
		else
			gd_yield();
		move(w);
	}
	gd_timer_free(t);
}

static void do_ticker(struct worker_args *w)
{
	gd_ticker *t = gd_ticker_make((1 + below(&w->seed, 100)) * GD_MICROSECOND);

	for (uint32_t i = below(&w->seed, 4); i > 0; i--) {
		int64_t at;

		REQUIRE(gd_chan_recv(gd_ticker_chan(t), &at));
		move(w);
	}
	gd_ticker_free(t);
}

/* Compilers keep the address of errno, and the goroutine may go on on another thread. */
__attribute__((noinline)) static void set_errno(int value)
{
	errno = value;
	__asm__ volatile("");
}

__attribute__((noinline)) static int get_errno(void)
{
	__asm__ volatile("");
	return errno;
}

static void do_syscall(struct worker_args *w)
{
	struct timespec ts = { 0, below(&w->seed, 4) ? below(&w->seed, 100) * 1000
						     : below(&w->seed, 3) * 1000000 };

	set_errno(4711);
	if (below(&w->seed, 2))
		gd_syscall(nanosleep(&ts, NULL)); /* a stop of the world may end it early */
	else
		REQUIRE(gd_syscall(getppid()) > 0 && get_errno() == 4711);
}

static void do_lock(struct worker_args *w)
{
	gd_mutex_lock(&mutex);
	guarded++;
	if (below(&w->seed, 8) == 0)
		gd_yield();
	gd_mutex_unlock(&mutex);
	atomic_fetch_add(&locked, 1);
}

static void do_stop(struct worker_args *w)
{
	if (below(&w->seed, 8) == 0)
		look_at_stopped_world(&w->seed);
}

static void do_resize(struct worker_args *w)
{
	if (below(&w->seed, 8) != 0)
		return;
	REQUIRE(gd_set_procs(1 + (int)below(&w->seed, (uint32_t)options.procs)) == GD_OK);
	atomic_fetch_add(&resizes, 1);
}

static void do_stacks(struct worker_args *w)
{
	if (below(&w->seed, 200) == 0)
		gd_stacks(null_fd);
}

static void worker(struct worker_args *w)
{
	static void (*const operation[])(struct worker_args *) = {
		do_spawn, do_yield,  do_yield,   do_burn, do_sleep, do_sleep,  do_timer,
		do_timer, do_ticker, do_syscall, do_lock, do_stop,  do_resize, do_stacks,
	};

	while (!atomic_load(&stop)) {
		operation[below(&w->seed, sizeof(operation) / sizeof(operation[0]))](w);
		move(w);
		atomic_fetch_add(&operations, 1);
	}
	gd_waitgroup_done(&group);
}

/* Two goroutines that have nothing but each other: a lost wake-up stops both. */
static void echo(void *arg)
{
	gd_chan_of(int) c = { arg };
	int v;

	while (gd_chan_recv(c, &v) && v >= 0) {
		gd_chan_send(c, v + 1);
		atomic_fetch_add(&operations, 1);
	}
	gd_waitgroup_done(&group);
}

static void call(void *arg)
{
	gd_chan_of(int) c = { arg };
	int v = 0;

	while (!atomic_load(&stop)) {
		int sent = v;

		gd_chan_send(c, sent);
		REQUIRE(gd_chan_recv(c, &v) && v == sent + 1);
		v %= 1000;
		if (v == 0)
			gd_sleep(50 * GD_MICROSECOND);
	}
	gd_chan_send(c, -1);
	gd_waitgroup_done(&group);
}

/* --- threads that are not the runtime's --- */

static void *stopper(void *arg)
{
	uint64_t s = options.seed * 31 + 7;

	(void)arg;
	while (!atomic_load(&stop)) {
		look_at_stopped_world(&s);
		gd__os_nanosleep((1 + below(&s, 3000)) * 1000);
	}
	return NULL;
}

static void *watcher(void *arg)
{
	uint64_t seen = 0;
	int quiet = 0;

	(void)arg;
	while (!atomic_load(&done)) {
		uint64_t now = atomic_load(&operations);

		quiet = now == seen ? quiet + 1 : 0;
		seen = now;
		if (quiet > STUCK_SECONDS * 10) {
			gd__schedtrace(gd__os_now());
			gd_stacks(2);
			fail(__LINE__, "things go on");
		}
		gd__os_nanosleep(100000000);
	}
	return NULL;
}

static void run(void *arg)
{
	gd_chan_of(int) pair[PAIRS];
	pthread_t thread;

	(void)arg;
	REQUIRE(pthread_create(&thread, NULL, stopper, NULL) == 0);
	gd_waitgroup_add(&group, workers + 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		pair[i].raw = gd_chan_make_raw(sizeof(int), 0, "pair");
		gd_go_fn(echo, pair[i].raw);
		gd_go_fn(call, pair[i].raw);
	}
	for (int i = 0; i < workers; i++)
		gd_go(worker,
		      .seed = options.seed * UINT64_C(0x9e3779b97f4a7c15) + 2 * (uint64_t)i + 1,
		      .index = i);
	gd_sleep(options.seconds * GD_SECOND);
	atomic_store(&stop, true);
	gd_waitgroup_wait(&group);
	pthread_join(thread, NULL);
	for (int i = 0; i < PAIRS; i++)
		gd_chan_unref_raw(pair[i].raw);
	while (gd_go_count() > 1) /* what timers have started */
		gd_yield();
	REQUIRE(guarded == atomic_load(&locked));
	printf("%d workers, %" PRIu64 " operations, %" PRIu64 " timers fired, %" PRIu64
	       " stops, %" PRIu64 " resizes, latest sleep %" PRId64 " us\n",
	       workers, atomic_load(&operations), atomic_load(&fired), atomic_load(&stops),
	       atomic_load(&resizes), atomic_load(&latest_ns) / 1000);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 1)
		options.seconds = strtol(argv[1], NULL, 10);
	if (argc > 2)
		options.seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		options.procs = (int)strtol(argv[3], NULL, 10);
	workers = 1 + (int)(options.seed * 7 % WORKERS_MAX);
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	REQUIRE(null_fd >= 0);
	if (gd_set_procs(options.procs) != GD_OK)
		return 2;
	REQUIRE(pthread_create(&thread, NULL, watcher, NULL) == 0);
	if (gd_run(run, NULL) != GD_OK)
		return 3;
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	return 0;
}
