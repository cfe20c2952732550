/*
 * held_running.c - the only pointer to what a goroutine waits for is in the stack or registers of
 * a goroutine or thread. None is a leak; each has a twin without the holder in micro.c.
 */
#include "tests/conformance/leak/held.h"

#include <pthread.h>
#include <time.h>

static int sleep_in_kernel(void)
{
	const struct timespec hour = { .tv_sec = 3600 };

	barrier_post(&ready);
	return nanosleep(&hour, NULL);
}

NOLEAK(goroutine_stack)
static void holds_on_stack(void *unused)
{
	hold(waited_for());
}
MAIN(noleak_goroutine_stack)
{
	gd_go_fn(holds_on_stack, NULL);
	settle_n(1);
}

/* In the arguments of gd_go alone: they lie at the stack's top. */
NOLEAK(goroutine_arguments)
struct holds_argument_args {
	char unused[100];
	gd_chan *c;
};
static void holds_argument(struct holds_argument_args *a)
{
	gd_sleep(HOUR);
	gd_chan_close_raw(a->c);
}
MAIN(noleak_goroutine_arguments)
{
	gd_go(holds_argument, .c = waited_for());
	settle_n(1);
}

/* A goroutine that has not run yet has its argument nowhere else. */
NOLEAK(not_yet_run)
bool never_true; /* not static: a compiler that sees no store drops what comes after */
MAIN(noleak_not_yet_run)
{
	gd_chan *c = waited_for();

	settle_n(1);
	CHECK_EQ(gd_set_procs(1), GD_OK);
	gd_go_fn(closes, c);
}

/* CPU-bound: the pointer is in the stack or a register of a thread that is stopped anywhere. */
NOLEAK(running)
static NOINLINE void computes(gd_chan *c)
{
	barrier_post(&ready);
	while (!__atomic_load_n(&never_true, __ATOMIC_RELAXED))
		;
	gd_chan_close_raw(c);
}
static void runs(void *unused)
{
	gd_chan *c = waited_for();

	settle_n(1);
	computes(c);
}
MAIN(noleak_running)
{
	CHECK_EQ(gd_set_procs(2), GD_OK);
	gd_go_fn(runs, NULL);
	barrier_await_go(&ready, 1);
}

/* In one register only, and the compiler keeps no copy. */
NOLEAK(running_in_register)
static NOINLINE void computes_in_register(gd_chan *c)
{
	register gd_chan *only __asm__("r15") = c;

	c = NULL;
	__asm__ volatile("" : "+r"(only), "+r"(c));
	barrier_post(&ready);
	while (!__atomic_load_n(&never_true, __ATOMIC_RELAXED))
		__asm__ volatile("" : "+r"(only));
	gd_chan_close_raw(only);
}
static void runs_in_register(void *unused)
{
	gd_chan *c = waited_for();

	settle_n(1);
	computes_in_register(c);
}
MAIN(noleak_running_in_register)
{
	CHECK_EQ(gd_set_procs(2), GD_OK);
	gd_go_fn(runs_in_register, NULL);
	barrier_await_go(&ready, 1);
}

/* What starts it must not keep the pointer for it. */
static gd_chan *handed_over;
static gd_chan *take_over(void)
{
	gd_chan *c = handed_over;

	handed_over = NULL;
	return c;
}
/* In a vector register. */
NOLEAK(running_in_vector)
static NOINLINE void computes_in_vector(void *unused)
{
	gd_chan *c = take_over();

	__asm__ volatile("movq %1, %%xmm9\n\t"
			 "xorl %k1, %k1\n\t"
			 "lock incl %0\n"
			 "1: cmpb $0, %2\n\t"
			 "je 1b\n\t"
			 "movq %%xmm9, %1"
			 : "+m"(ready.count), "+r"(c)
			 : "m"(never_true)
			 : "xmm9", "memory");
	gd_chan_close_raw(c);
}
MAIN(noleak_running_in_vector)
{
	CHECK_EQ(gd_set_procs(2), GD_OK);
	handed_over = waited_for();
	settle_n(1);
	gd_go_fn(computes_in_vector, NULL);
	barrier_await_go(&ready, 1);
}

NOLEAK(in_system_call)
static void calls(void *unused)
{
	gd_chan *c = waited_for();

	CHECK_EQ(gd_syscall(sleep_in_kernel()), 0);
	gd_chan_close_raw(c);
}
MAIN(noleak_in_system_call)
{
	gd_go_fn(calls, NULL);
	barrier_await_go(&ready, 1);
	settle_n(1);
}

/* In the kernel, with the pointer in a callee-saved register alone. */
NOLEAK(in_system_call_register)
static NOINLINE void calls_with_register(gd_chan *c)
{
	register gd_chan *only __asm__("r14") = c;

	c = NULL;
	__asm__ volatile("" : "+r"(only), "+r"(c));
	CHECK_EQ(gd_syscall(sleep_in_kernel()), 0);
	__asm__ volatile("" : "+r"(only));
	gd_chan_close_raw(only);
}
static void calls_in_register(void *unused)
{
	calls_with_register(waited_for());
}
MAIN(noleak_in_system_call_register)
{
	gd_go_fn(calls_in_register, NULL);
	barrier_await_go(&ready, 1);
	settle_n(1);
}

/* Blocks in the kernel without telling the runtime: it counts as running. */
NOLEAK(untold_system_call)
static void calls_untold(void *unused)
{
	gd_chan *c = waited_for();

	settle_n(1);
	sleep_in_kernel();
	gd_chan_close_raw(c);
}
MAIN(noleak_untold_system_call)
{
	CHECK_EQ(gd_set_procs(2), GD_OK);
	gd_go_fn(calls_untold, NULL);
	barrier_await_go(&ready, 1);
}

static void *thread_holds(void *arg)
{
	gd_chan *volatile c = arg;

	sleep_in_kernel();
	return c;
}

NOLEAK(thread_stack)
MAIN(noleak_thread_stack)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, thread_holds, waited_for()), 0);
	barrier_await_go(&ready, 1);
	settle();
}

static NOINLINE void start_thread(void *(*fn)(void *))
{
	pthread_t t;

	handed_over = waited_for();
	CHECK_EQ(pthread_create(&t, NULL, fn, NULL), 0);
	barrier_await_go(&ready, 1);
	settle();
}

/* A foreign thread in the kernel, with the pointer in a callee-saved register alone. */
NOLEAK(thread_register)
static void *thread_sleeps_with_register(void *unused)
{
	const struct timespec hour = { .tv_sec = 3600 };
	long result = 35; /* nanosleep */
	gd_chan *c = take_over();

	__asm__ volatile("movq %1, %%r13\n\t"
			 "xorl %k1, %k1\n\t"
			 "lock incl %2\n\t"
			 "syscall\n\t"
			 "movq %%r13, %1"
			 : "+a"(result), "+r"(c), "+m"(ready.count)
			 : "D"(&hour), "S"(0L)
			 : "r13", "rcx", "r11", "memory");
	CHECK_EQ(result, 0); /* it was not interrupted */
	return c;
}
MAIN(noleak_thread_register)
{
	start_thread(thread_sleeps_with_register);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(gd_leak_check(), 0);
}

/* One that computes, and has it in a general register, or in a vector register. */
NOLEAK(thread_computing)
static void *thread_computes_with_register(void *unused)
{
	gd_chan *c = take_over();

	__asm__ volatile("movq %0, %%r13\n\t"
			 "xorl %k0, %k0\n\t"
			 "lock incl %1\n"
			 "1: cmpb $0, %2\n\t"
			 "je 1b\n\t"
			 "movq %%r13, %0"
			 : "+r"(c), "+m"(ready.count)
			 : "m"(never_true)
			 : "r13", "memory");
	return c;
}
MAIN(noleak_thread_computing)
{
	start_thread(thread_computes_with_register);
	CHECK_EQ(gd_leak_check(), 0);
}

NOLEAK(thread_computing_in_vector)
static void *thread_computes_with_vector(void *unused)
{
	gd_chan *c = take_over();

	__asm__ volatile("movq %0, %%xmm11\n\t"
			 "xorl %k0, %k0\n\t"
			 "lock incl %1\n"
			 "1: cmpb $0, %2\n\t"
			 "je 1b\n\t"
			 "movq %%xmm11, %0"
			 : "+r"(c), "+m"(ready.count)
			 : "m"(never_true)
			 : "xmm11", "memory");
	return c;
}
MAIN(noleak_thread_computing_in_vector)
{
	start_thread(thread_computes_with_vector);
	CHECK_EQ(gd_leak_check(), 0);
}

static __thread gd_chan *thread_local_chan;
static void *thread_holds_local(void *arg)
{
	thread_local_chan = arg;
	arg = NULL;
	sleep_in_kernel();
	return thread_local_chan;
}

NOLEAK(thread_local)
MAIN(noleak_thread_local)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, thread_holds_local, waited_for()), 0);
	barrier_await_go(&ready, 1);
	settle();
}

/* As pthread_setspecific keeps it, beyond the few keys that are in the descriptor. */
NOLEAK(thread_specific)
static pthread_key_t keys[64];
static void *thread_holds_specific(void *arg)
{
	pthread_setspecific(keys[63], arg);
	sleep_in_kernel();
	return NULL;
}
MAIN(noleak_thread_specific)
{
	pthread_t t;

	for (int i = 0; i < 64; i++)
		CHECK_EQ(pthread_key_create(&keys[i], NULL), 0);
	CHECK_EQ(pthread_create(&t, NULL, thread_holds_specific, waited_for()), 0);
	barrier_await_go(&ready, 1);
	settle();
}

/* The thread of gd_run's caller, below it. */
NOLEAK(caller_of_run)
MAIN(noleak_caller_of_run)
{
	extern gd_chan *volatile *caller_slot;

	*caller_slot = waited_for();
	settle();
}

gd_chan *volatile *caller_slot;

int main(int argc, char **argv)
{
	gd_chan *volatile slot = NULL;

	caller_slot = &slot;
	return conform_main(argc, argv);
}
