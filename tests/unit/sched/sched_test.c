/* link: gdetect */
/*
 * sched_test.c - goroutines on the real scheduler: nothing lost, all Ps used, system calls
 * handed off, dead programs found, overflow and misuse reported.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include <gdetect/gdetect.h>

#include "tests/support/child.h"
#include "tests/support/unit.h"

static _Atomic long sum;
static int procs = 2;

struct add_args {
	long n;
	int yields;
};

static void add(struct add_args *a)
{
	for (int i = 0; i < a->yields; i++)
		gd_yield();
	atomic_fetch_add(&sum, a->n);
}

static void run(void (*start)(void *))
{
	CHECK_EQ(gd_set_procs(procs), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

static void start_many(void *arg)
{
	(void)arg;
	for (long i = 1; i <= 20000; i++)
		gd_go(add, .n = i, .yields = (int)(i % 5));
	while (gd_go_count() > 1)
		gd_yield();
}

static void many(int n)
{
	procs = n;
	run(start_many);
	CHECK_EQ(sum, 20000L * 20001 / 2);
}

CASE(every_goroutine_runs_once_1p)
{
	many(1);
}

CASE(every_goroutine_runs_once_2p)
{
	many(2);
}

CASE(every_goroutine_runs_once_8p)
{
	many(8);
}

CASE(every_goroutine_runs_once_256p)
{
	many(256);
}

static char order[64];
static int order_n;

struct letter_args {
	char c;
};

static void letter(struct letter_args *a)
{
	order[order_n++] = a->c;
	gd_yield();
	order[order_n++] = (char)(a->c - 'a' + 'A');
}

static void start_order(void *arg)
{
	(void)arg;
	for (char c = 'a'; c <= 'd'; c++)
		gd_go(letter, .c = c);
	gd_yield();
	gd_yield();
}

/* The last one started is in runnext; a yield goes to the tail of the global queue. */
CASE(runnext_first_then_fifo)
{
	procs = 1;
	run(start_order);
	CHECK_STR(order, "dabcDABC");
}

struct keep_errno_args {
	int value;
};

/* Compilers keep the address of errno within a function: see HACKING.md on thread-locals. */
static __attribute__((noinline)) void set_errno(int value)
{
	errno = value;
	__asm__ volatile("");
}

static __attribute__((noinline)) int get_errno(void)
{
	__asm__ volatile("");
	return errno;
}

static void keep_errno(struct keep_errno_args *a)
{
	for (int i = 0; i < 200; i++) {
		set_errno(a->value);
		gd_yield();
		CHECK_EQ(get_errno(), a->value);
	}
}

static void start_errno(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 8; i++)
		gd_go(keep_errno, .value = i);
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(errno_belongs_to_the_goroutine)
{
	procs = 4;
	run(start_errno);
}

static _Atomic int blocked_done, other_ran;

struct block_args {
	int ms;
};

static void block(struct block_args *a)
{
	struct timespec ts = { 0, a->ms * 1000000L };

	CHECK_EQ(gd_syscall(nanosleep(&ts, NULL)), 0);
	atomic_fetch_add(&blocked_done, 1);
}

static void start_syscall(void *arg)
{
	(void)arg;
	gd_go(block, .ms = 200);
	gd_yield();
	/* The only P is in the system call of block until sysmon takes it away. */
	for (int i = 0; i < 100; i++) {
		gd_yield();
		atomic_fetch_add(&other_ran, 1);
	}
	CHECK_EQ(blocked_done, 0);
	while (blocked_done == 0)
		gd_yield();
}

CASE(a_blocked_system_call_gives_up_its_p)
{
	procs = 1;
	run(start_syscall);
	CHECK_EQ(other_ran, 100);
}

static void start_many_syscalls(void *arg)
{
	(void)arg;
	for (int i = 0; i < 64; i++)
		gd_go(block, .ms = 20);
	while (blocked_done < 64)
		gd_sleep(GD_MILLISECOND);
}

CASE(many_system_calls_at_once)
{
	procs = 2;
	run(start_many_syscalls);
}

static void start_resize(void *arg)
{
	static const int sizes[] = { 1, 8, 3, 256, 2, 1, 4 };

	(void)arg;
	for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (long i = 1; i <= 1000; i++)
			gd_go(add, .n = i, .yields = 3);
		CHECK_EQ(gd_set_procs(sizes[k]), GD_OK);
		CHECK_EQ(gd_procs(), sizes[k]);
	}
	while (gd_go_count() > 1)
		gd_yield();
}

CASE(procs_change_while_running)
{
	run(start_resize);
	CHECK_EQ(sum, 7 * 1000L * 1001 / 2);
}

CASE(procs_out_of_range)
{
	CHECK_EQ(gd_set_procs(0), GD_EINVAL);
	CHECK_EQ(gd_set_procs(257), GD_EINVAL);
}

struct wait_for_ever_args {
	int unused;
};

static void wait_for_ever(struct wait_for_ever_args *a)
{
	(void)a;
	gd_select_none();
}

static void start_deadlock(void *arg)
{
	(void)arg;
	gd_go(wait_for_ever, 0);
	gd_select_none();
}

static void deadlock(void)
{
	run(start_deadlock);
}

CASE(all_asleep_is_a_deadlock)
{
	struct child c;

	for (procs = 1; procs <= 8; procs *= 2) {
		child_run(&c, deadlock);
		CHECK_EQ(c.code, 2);
		CHECK_HAS(c.text, "fatal error: all goroutines are asleep - deadlock!");
		CHECK_HAS(c.text, "goroutine 1 [select (no cases)");
		CHECK_HAS(c.text, "goroutine 2 [select (no cases)");
		CHECK_HAS(c.text, "wait_for_ever");
	}
}

static int __attribute__((noinline)) deep(int n)
{
	volatile char pad[512];

	pad[0] = (char)n;
	if (n == 0)
		return 0;
	n = deep(n - 1) + 1;
	return n + pad[0] * 0;
}

struct overflow_args {
	int unused;
};

static void overflow(struct overflow_args *a)
{
	(void)a;
	deep(100000000);
}

static void start_overflow(void *arg)
{
	(void)arg;
	gd_go(overflow, 0);
	for (;;)
		gd_sleep(GD_SECOND);
}

static void overflow_child(void)
{
	run(start_overflow);
}

CASE(stack_overflow_is_reported)
{
	struct child c;

	child_run(&c, overflow_child);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "fatal error: stack overflow: goroutine 2 (overflow)");
	CHECK_HAS(c.text, "deep");
}

CASE(stack_overflow_is_reported_with_mprotect)
{
	struct child c;

	setenv("GDETECT_OPTIONS", "guard_mprotect=1", 1);
	execl("/proc/self/exe", "self", "stack_overflow_is_reported", (char *)NULL);
	child_run(&c, overflow_child);
	CHECK(!"exec failed");
}

static void start_deep_but_fine(void *arg)
{
	(void)arg;
	CHECK_EQ(deep(100), 100);
}

CASE(a_deep_stack_within_the_limit)
{
	run(start_deep_but_fine);
}

#ifndef UNIT_ASAN /* ASan itself dies without address space */
static void start_no_memory(void *arg)
{
	struct rlimit limit = { (size_t)1 << 30, (size_t)1 << 30 };
	int r = 0;

	(void)arg;
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	for (int i = 0; i < 100000 && r == 0; i++)
		r = gd_go_try(wait_for_ever, 0);
	CHECK_EQ(r, GD_ENOMEM);
	gd_yield();
}

CASE(no_address_space_for_a_stack)
{
	run(start_no_memory);
}
#endif

static void go_outside(void)
{
	gd_go(wait_for_ever, 0);
}

CASE(go_outside_of_a_goroutine)
{
	struct child c;

	child_run(&c, go_outside);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "fatal error: gd_go called outside a goroutine");
}

static void start_nothing(void *arg)
{
	(void)arg;
}

static void run_twice(void)
{
	gd_run(start_nothing, NULL);
	gd_run(start_nothing, NULL);
}

CASE(run_twice_is_fatal)
{
	struct child c;

	child_run(&c, run_twice);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "gd_run called twice");
}

static void start_exit(void *arg)
{
	(void)arg;
	gd_go_exit();
}

static void exit_main(void)
{
	run(start_exit);
}

CASE(exit_of_main_is_fatal)
{
	struct child c;

	child_run(&c, exit_main);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "gd_go_exit called on the main goroutine");
}

static void expect_fatal_start(void (*body)(void), const char *text)
{
	struct child c;

	child_run(&c, body);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, text);
}

static void run_null(void)
{
	gd_run(NULL, NULL);
}

static void start_null(void *arg)
{
	(void)arg;
	gd_go_fn(NULL, NULL);
}

static void go_null(void)
{
	run(start_null);
}

CASE(null_function_is_fatal)
{
	expect_fatal_start(run_null, "gd_run of a NULL function");
	expect_fatal_start(go_null, "gd_go of a NULL function");
}

static int sleep_inside(void)
{
	gd_sleep(1);
	return 0;
}

static int wait_inside(void)
{
	gd_chan_of(int) c = { NULL };

	return gd_chan_recv(c, NULL);
}

static void start_sleep(void *arg)
{
	(void)arg;
	gd_syscall(sleep_inside());
}

static void start_wait(void *arg)
{
	(void)arg;
	gd_syscall(wait_inside());
}

static void syscall_sleep(void)
{
	run(start_sleep);
}

static void syscall_wait(void)
{
	run(start_wait);
}

CASE(waiting_in_a_system_call_is_fatal)
{
	expect_fatal_start(syscall_sleep, "gd_sleep called within gd_syscall");
	expect_fatal_start(syscall_wait, "waits within gd_syscall");
}

static int deferred[3], ndeferred;

static void note(void *p)
{
	deferred[ndeferred++] = *(int *)p;
}

CASE(defer_runs_last_first)
{
	static int a = 1, b = 2;

	{
		gd_defer(note, &a);
		gd_defer(note, &b);
	}
	CHECK_EQ(deferred[0], 2);
	CHECK_EQ(deferred[1], 1);
}

#ifndef UNIT_ASAN /* ASan clears the shadow of each whole stack */
static void start_million(void *arg)
{
	(void)arg;
	for (long i = 0; i < 200000; i++)
		if (gd_go_try(wait_for_ever, 0) != GD_OK)
			CHECK(!"out of memory");
	while (gd_go_count() < 200001)
		gd_yield();
	gd_sleep(GD_MILLISECOND);
}

/* More than vm.max_map_count would allow if each stack had a mapping of its own. */
CASE(two_hundred_thousand_parked)
{
	run(start_million);
}
#endif

UNIT_MAIN
