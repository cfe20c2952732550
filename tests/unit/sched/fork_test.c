/* link: gdetect */
/*
 * fork_test.c - what goes on in the child of a fork, and what does not.
 *
 * Each child ends with a code of its own; a failed check in it is 1, a hang is the time limit's.
 */
#include <signal.h>

#include "tests/support/child.h"
#include "tests/unit/sched/forking.h"

static void wait_for_ever(void *arg)
{
	gd_chan_recv_raw(arg, NULL);
}

static void sleep_then_step(void *arg)
{
	gd_sleep(*(int64_t *)arg);
	atomic_fetch_add(steps, 1);
}

/* --- only the caller goes on --- */

static void child_is_alone(void)
{
	int before;

	CHECK_EQ(gd_go_count(), 1);
	before = atomic_load(steps + 1);
	for (int i = 0; i < 1000; i++)
		gd_yield();
	gd_sleep(5 * GD_MILLISECOND);
	CHECK_EQ(atomic_load(steps + 1), before);
}

static void step_second(void *arg)
{
	(void)arg;
	for (;;) {
		if (getpid() != (pid_t)atomic_load(steps + 2))
			atomic_fetch_add(steps + 1, 1);
		gd_yield();
	}
}

static void start_alone(void *arg)
{
	static int64_t soon = GD_MILLISECOND;
	pid_t pid;

	gd_set_procs(*(int *)arg);
	steps = shared_int();
	atomic_store(steps + 2, getpid());
	for (int i = 0; i < 20; i++) {
		gd_go_fn(step_second, NULL);
		gd_go_fn(sleep_then_step, &soon);
	}
	gd_yield();
	pid = fork();
	if (pid == 0) {
		child_is_alone();
		_exit(7);
	}
	CHECK_EQ(end_of(pid), 7);
	CHECK_EQ(gd_go_count() >= 21, 1);
}

CASE(only_the_caller_goes_on)
{
	int procs = 1;

	CHECK_EQ(gd_run(start_alone, &procs), GD_OK);
}

CASE(only_the_caller_goes_on_4)
{
	int procs = 4;

	CHECK_EQ(gd_run(start_alone, &procs), GD_OK);
}

/* --- the runtime works in the child --- */

static void start_use(void *arg)
{
	gd_chan *never = gd_chan_make_raw(0, 0, "never");
	pid_t pid;

	gd_set_procs(*(int *)arg);
	for (int i = 0; i < 10; i++)
		gd_go_fn(wait_for_ever, never);
	gd_yield();
	pid = fork();
	if (pid == 0) {
		use_everything(10);
		gd_set_procs(3);
		use_everything(10);
		_exit(8);
	}
	CHECK_EQ(end_of(pid), 8);
}

CASE(the_child_uses_everything_1)
{
	int procs = 1;

	CHECK_EQ(gd_run(start_use, &procs), GD_OK);
}

CASE(the_child_uses_everything_2)
{
	int procs = 2;

	CHECK_EQ(gd_run(start_use, &procs), GD_OK);
}

/* --- how the child ends --- */

static bool forked_child;

static void start_main_forks(void *arg)
{
	pid_t pid = fork();

	forked_child = pid == 0;
	if (pid != 0)
		*(int *)arg = end_of(pid);
	else
		use_everything(4);
}

/* The frames of the caller of gd_run are whole in the child. */
CASE(gd_run_returns_in_the_child_of_main)
{
	int code = -1, mark = 4711;

	CHECK_EQ(gd_run(start_main_forks, &code), GD_OK);
	CHECK_EQ(mark, 4711);
	if (forked_child) {
		CHECK_EQ(gd_go_id(), 0);
		exit(9);
	}
	CHECK_EQ(code, 9);
}

static gd_chan *codes;

static void say_bye(void)
{
	if (forked_child)
		_exit(10);
}

static void fork_and_return(void *arg)
{
	pid_t pid = fork();
	int code;

	(void)arg;
	forked_child = pid == 0;
	if (forked_child)
		return;
	code = end_of(pid);
	gd_chan_send_raw(codes, &code);
}

static void start_other_forks(void *arg)
{
	codes = gd_chan_make_raw(sizeof(int), 0, "codes");
	gd_go_fn(fork_and_return, NULL);
	gd_chan_recv_raw(codes, arg);
}

CASE(the_end_of_another_goroutine_that_forked_is_exit)
{
	int code = -1;

	CHECK_EQ(atexit(say_bye), 0);
	CHECK_EQ(gd_run(start_other_forks, &code), GD_OK);
	CHECK(!forked_child); /* main's tail is the parent's */
	CHECK_EQ(code, 10);
}

static void fork_deeper(void *arg)
{
	int depth = *(int *)arg;
	pid_t pid;

	if (depth == 0) {
		use_everything(3);
		_exit(20);
	}
	depth--;
	pid = fork();
	if (pid == 0) {
		gd_go_fn(fork_deeper, &depth);
		gd_chan_recv_raw(NULL, NULL);
	}
	_exit(end_of(pid) + 1);
}

static void start_deep(void *arg)
{
	int depth = 3;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		fork_deeper(&depth);
	CHECK_EQ(end_of(pid), 23);
}

CASE(children_fork_again)
{
	CHECK_EQ(gd_run(start_deep, NULL), GD_OK);
}

/* --- what the gone ones waited for --- */

struct things {
	gd_chan *chan, *full;
	gd_mutex mutex;
	gd_rwmutex rwmutex;
	gd_cond cond;
	gd_mutex cond_mutex;
	gd_waitgroup group;
	_Atomic int ready;
};

static void wait_chan(void *arg)
{
	struct things *t = arg;

	t->ready++;
	gd_chan_recv_raw(t->chan, NULL);
	_exit(99);
}

static void wait_select(void *arg)
{
	struct things *t = arg;
	struct gd_case cases[2] = { { .kind = GD_CASE_RECV, .chan = t->chan },
				    { .kind = GD_CASE_AFTER, .after = 3600 * GD_SECOND } };

	t->ready++;
	gd_select_raw(cases, 2);
	_exit(99);
}

static void wait_full(void *arg)
{
	struct things *t = arg;
	int v = 1;

	t->ready++;
	gd_chan_send_raw(t->full, &v);
	_exit(99);
}

static void wait_mutex(void *arg)
{
	struct things *t = arg;

	t->ready++;
	gd_mutex_lock(&t->mutex);
	_exit(99);
}

static void wait_write(void *arg)
{
	struct things *t = arg;

	t->ready++;
	gd_rwmutex_lock(&t->rwmutex);
	_exit(99);
}

static void wait_read(void *arg)
{
	struct things *t = arg;

	t->ready++;
	gd_rwmutex_rlock(&t->rwmutex);
	_exit(99);
}

static void wait_cond(void *arg)
{
	struct things *t = arg;

	gd_mutex_lock(&t->cond_mutex);
	t->ready++;
	gd_cond_wait(&t->cond);
	_exit(99);
}

static void wait_group(void *arg)
{
	struct things *t = arg;

	t->ready++;
	gd_waitgroup_wait(&t->group);
	_exit(99);
}

static void take_one(void *arg)
{
	struct things *t = arg;
	int v = 0;

	CHECK(gd_chan_recv_raw(t->chan, &v));
	CHECK_EQ(v, 5);
	gd_mutex_lock(&t->mutex);
	gd_mutex_unlock(&t->mutex);
	gd_rwmutex_rlock(&t->rwmutex);
	gd_rwmutex_runlock(&t->rwmutex);
	gd_mutex_lock(&t->cond_mutex);
	t->ready = 1;
	gd_cond_wait(&t->cond);
	t->ready = 2;
	gd_mutex_unlock(&t->cond_mutex);
}

/* Nobody is there but the caller: all that the others queued up for is to be had. */
static void use_things(struct things *t)
{
	int v = 5;

	CHECK_EQ(gd_chan_try_send_raw(t->chan, &v), GD_EAGAIN);
	t->ready = 0;
	gd_go_fn(take_one, t);
	gd_chan_send_raw(t->chan, &v);
	for (int i = 0; i < 3; i++)
		gd_yield(); /* it waits for the mutex */
	gd_mutex_unlock(&t->mutex);
	gd_rwmutex_unlock(&t->rwmutex);
	while (t->ready != 1)
		gd_yield();
	gd_mutex_lock(&t->cond_mutex);
	gd_cond_signal(&t->cond);
	gd_mutex_unlock(&t->cond_mutex);
	while (t->ready != 2)
		gd_yield();
	CHECK_EQ(gd_chan_try_recv_raw(t->full, &v), GD_OK);
	CHECK_EQ(gd_chan_try_recv_raw(t->full, &v), GD_EAGAIN);
	CHECK_EQ(gd_chan_len_raw(t->full), 0);
	gd_waitgroup_done(&t->group);
	gd_chan_close_raw(t->chan);
	gd_chan_unref_raw(t->chan);
	gd_mutex_lock(&t->mutex);
	gd_mutex_unlock(&t->mutex);
}

static void start_things(void *arg)
{
	static void (*const waits[])(void *) = { wait_chan,  wait_select, wait_full, wait_mutex,
						 wait_write, wait_read,   wait_cond, wait_group };
	static struct things t;
	int v = 1;
	pid_t pid;

	gd_set_procs(*(int *)arg);
	t.chan = gd_chan_make_raw(sizeof(int), 0, "chan");
	t.full = gd_chan_make_raw(sizeof(int), 1, "full");
	gd_cond_init(&t.cond, &t.cond_mutex);
	gd_chan_send_raw(t.full, &v);
	gd_mutex_lock(&t.mutex);
	gd_rwmutex_lock(&t.rwmutex);
	gd_waitgroup_add(&t.group, 1);
	for (int i = 0; i < 16; i++)
		gd_go_fn(waits[i / 2], &t);
	while (t.ready != 16)
		gd_yield();
	gd_sleep(GD_MILLISECOND);
	pid = fork();
	if (pid == 0) {
		use_things(&t);
		_exit(11);
	}
	CHECK_EQ(end_of(pid), 11);
}

CASE(the_gone_take_nothing_that_they_waited_for)
{
	int procs = 1;

	CHECK_EQ(gd_run(start_things, &procs), GD_OK);
}

CASE(the_gone_take_nothing_that_they_waited_for_4)
{
	int procs = 4;

	CHECK_EQ(gd_run(start_things, &procs), GD_OK);
}

/* --- timers --- */

static void count_step(void *arg)
{
	(void)arg;
	atomic_fetch_add(steps, 1);
}

static void start_timers(void *arg)
{
	gd_timer *func, *own;
	gd_ticker *ticker;
	gd_context *ctx;
	int64_t t;
	pid_t pid;

	(void)arg;
	steps = shared_int();
	func = gd_after_func(300 * GD_MILLISECOND, count_step, NULL);
	own = gd_timer_make(20 * GD_MILLISECOND);
	ticker = gd_ticker_make(3 * GD_MILLISECOND);
	ctx = gd_context_with_timeout(gd_context_background(), 400 * GD_MILLISECOND);
	pid = fork();
	if (pid == 0) {
		gd_chan_recv(gd_timer_chan(own), &t);
		for (int i = 0; i < 5; i++)
			gd_chan_recv(gd_ticker_chan(ticker), &t);
		gd_chan_recv(gd_context_done(ctx), NULL);
		CHECK_EQ(gd_context_err(ctx), GD_ETIMEDOUT);
		CHECK(!gd_timer_stop(func));
		CHECK_EQ(atomic_load(steps), 0);
		gd_timer_reset(func, GD_MILLISECOND);
		while (atomic_load(steps) == 0)
			gd_sleep(GD_MILLISECOND);
		gd_timer_free(own);
		gd_timer_free(func);
		gd_ticker_free(ticker);
		gd_context_unref(ctx);
		_exit(12);
	}
	CHECK(gd_timer_stop(func)); /* far from due: it is the child's steps that count */
	CHECK_EQ(end_of(pid), 12);
}

CASE(timers_of_data_go_on_and_those_of_code_do_not)
{
	CHECK_EQ(gd_run(start_timers, NULL), GD_OK);
}

/* --- reports --- */

static void fork_into_deadlock(void *arg)
{
	gd_chan *never = gd_chan_make_raw(0, 0, "never");
	pid_t pid;

	(void)arg;
	for (int i = 0; i < 5; i++)
		gd_go_fn(wait_for_ever, never);
	gd_yield();
	pid = fork();
	if (pid == 0)
		gd_chan_recv_raw(never, NULL);
	_exit(end_of(pid));
}

static void run_into_deadlock(void)
{
	gd_run(fork_into_deadlock, NULL);
}

CASE(a_deadlock_is_found_and_the_gone_are_not_listed)
{
	struct child c;

	child_run(&c, run_into_deadlock);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "all goroutines are asleep");
	CHECK_HAS(c.text, "5 goroutines are in the parent process only");
	CHECK_HAS(c.text, "goroutine 1 [chan receive");
	CHECK(strstr(c.text, "wait_for_ever") == NULL);
}

__attribute__((noinline)) static int deep(volatile char *above, int n)
{
	volatile char here[4000];

	here[0] = above ? above[0] : 1;
	return n == 0 ? 0 : deep(here, n - 1) + here[0];
}

static void fork_into_overflow(void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (arg)
			gd_sleep(GD_MILLISECOND);
		_exit(deep(NULL, 1000000) & 1);
	}
	_exit(end_of(pid));
}

static void run_into_overflow(void)
{
	gd_run(fork_into_overflow, NULL);
}

static void run_into_late_overflow(void)
{
	gd_run(fork_into_overflow, "late");
}

CASE(an_overflow_is_reported)
{
	struct child c;

	child_run(&c, run_into_overflow);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "stack overflow: goroutine 1 (main)");
	child_run(&c, run_into_late_overflow);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "stack overflow: goroutine 1 (main)");
}

static void fork_and_quit(void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (arg)
			gd_sleep(GD_MILLISECOND);
		raise(SIGQUIT);
		for (;;)
			gd_sleep(GD_SECOND);
	}
	_exit(end_of(pid));
}

static void run_and_quit(void)
{
	gd_run(fork_and_quit, NULL);
}

static void run_and_quit_late(void)
{
	gd_run(fork_and_quit, "late");
}

CASE(sigquit_ends_the_child)
{
	struct child c;

	child_run(&c, run_and_quit);
	CHECK_EQ(c.code, 128 + SIGQUIT);
	child_run(&c, run_and_quit_late);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "SIGQUIT");
}

UNIT_MAIN
