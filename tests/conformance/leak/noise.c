/*
 * noise.c - words that look like pointers to what a goroutine waits for, where nobody will read
 * them again. None may keep it off the list.
 */
#include "tests/conformance/leak/held.h"

#include <pthread.h>

/* Waits for the only channel whose address the case has spread. */
static void lost(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL);
}
static NOINLINE gd_chan *lose(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(lost, c.raw);
	settle_n(1);
	return c.raw;
}

/* Fills so many words of the stack, and returns. */
static NOINLINE void fill_stack(gd_chan *c, size_t words)
{
	gd_chan *volatile *deep = __builtin_alloca(words * sizeof(*deep));

	for (size_t i = 0; i < words; i++)
		deep[i] = c;
	__asm__ volatile("" : : "r"(deep) : "memory");
}

/* And what a call may leave in registers, callee-saved and others. */
static NOINLINE void fill_registers(gd_chan *c)
{
	__asm__ volatile("movq %0, %%xmm0\n\tmovq %0, %%xmm7\n\tmovq %0, %%xmm15\n\t"
			 "movq %0, %%r8\n\tmovq %0, %%r9\n\tmovq %0, %%r10\n\tmovq %0, %%r11"
			 :
			 : "r"(c)
			 : "xmm0", "xmm7", "xmm15", "r8", "r9", "r10", "r11");
}
static NOINLINE void forget_registers(void)
{
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
}
/* The 128 bytes below the stack pointer belong to whoever is stopped there. */
static NOINLINE void wipe_red_zone(void)
{
	volatile char zone[256];

	for (size_t i = 0; i < sizeof(zone); i++)
		zone[i] = 0;
}
static NOINLINE void lose_in_stack(size_t words)
{
	gd_chan *c = lose();

	fill_stack(c, words);
	fill_registers(c);
}

LEAK(below_main)
MAIN(leak_below_main)
{
	lose_in_stack(2000);
	forget_registers();
	CHECK_EQ(gd_leak_check(), 1); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* A goroutine that lives on, asleep. */
LEAK(below_sleeper)
static void fills_and_sleeps(void *unused)
{
	lose_in_stack(2000);
	forget_registers();
	barrier_post(&ready);
	gd_sleep(HOUR);
}
MAIN(leak_below_sleeper)
{
	gd_go_fn(fills_and_sleeps, NULL);
	barrier_await_go(&ready, 1);
	settle_n(1); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* A goroutine in the kernel. */
LEAK(below_system_call)
static int sleep_an_hour(void)
{
	const struct timespec hour = { .tv_sec = 3600 };

	barrier_post(&ready);
	return nanosleep(&hour, NULL);
}
static void fills_and_calls(void *unused)
{
	lose_in_stack(2000);
	forget_registers();
	gd_syscall(sleep_an_hour());
}
MAIN(leak_below_system_call)
{
	gd_go_fn(fills_and_calls, NULL);
	barrier_await_go(&ready, 1);
	settle_n(1); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* One that is stopped where it computes. */
LEAK(below_running)
bool noise_over; /* not static: a compiler that sees no store drops what comes after */
static void fills_and_computes(void *unused)
{
	lose_in_stack(2000);
	wipe_red_zone();
	forget_registers();
	__asm__ volatile(
		"xorps %%xmm0, %%xmm0\n\txorps %%xmm7, %%xmm7\n\txorps %%xmm15, %%xmm15\n\t"
		"xorl %%r8d, %%r8d\n\txorl %%r9d, %%r9d\n\txorl %%r10d, %%r10d\n\t"
		"xorl %%r11d, %%r11d"
		:
		:
		: "xmm0", "xmm7", "xmm15", "r8", "r9", "r10", "r11");
	barrier_post(&ready);
	while (!__atomic_load_n(&noise_over, __ATOMIC_RELAXED))
		;
}
MAIN(leak_below_running)
{
	CHECK_EQ(gd_set_procs(2), GD_OK);
	gd_go_fn(fills_and_computes, NULL);
	barrier_await_go(&ready, 1); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* The stack of a goroutine that has ended is another's now, who leaves most of it unwritten. */
LEAK(in_reused_stack)
static void fills_and_ends(void *arg)
{
	fill_stack(arg, 600);
}
static NOINLINE void sleeps_over_buffer(void)
{
	char buffer[4000];

	__asm__ volatile("" : : "r"(buffer) : "memory");
	barrier_post(&ready);
	gd_sleep(HOUR);
	__asm__ volatile("" : : "r"(buffer) : "memory");
}
static void sleeps_in_reused(void *unused)
{
	sleeps_over_buffer();
}
MAIN(leak_in_reused_stack)
{
	gd_chan *c = lose();

	for (int i = 0; i < 50; i++)
		gd_go_fn(fills_and_ends, c);
	c = NULL;
	until_alive(2);
	for (int i = 0; i < 50; i++)
		gd_go_fn(sleeps_in_reused, NULL);
	barrier_await_go(&ready, 50);
	settle_n(1); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* A thread that parks idle has run the goroutine that had it last. */
LEAK(in_idle_thread)
static void fills_registers_and_ends(void *arg)
{
	fill_stack(arg, 500);
	fill_registers(arg);
	barrier_post(&ready);
}
MAIN(leak_in_idle_thread)
{
	CHECK_EQ(gd_set_procs(4), GD_OK);
	gd_chan *c = lose();

	for (int i = 0; i < 20; i++)
		gd_go_fn(fills_registers_and_ends, c);
	barrier_await_go(&ready, 20);
	until_alive(2); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* Blocks that were given back: still in the allocator's cache, or merged. */
LEAK(in_freed_blocks)
void *noise_freed[100];
MAIN(leak_in_freed_blocks)
{
	gd_chan *c = lose();

	for (size_t i = 0; i < 100; i++) {
		gd_chan **p = malloc(16 << i % 12);

		for (size_t k = 0; k < (size_t)2 << i % 12; k++)
			p[k] = c;
		noise_freed[i] = p;
	}
	for (size_t i = 0; i < 100; i++)
		free(noise_freed[i]); /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* realloc moved the block, and its new place was overwritten; or it was cut where it lies. */
LEAK(in_moved_block)
void *noise_moved[2];
MAIN(leak_in_moved_block)
{
	gd_chan *c = lose(), **p = malloc(1000), **q = malloc(100000);

	for (int i = 0; i < 125; i++)
		p[i] = q[12000 + i] = c;
	noise_moved[0] = p;
	p = realloc(p, 1 << 20);
	memset(p, 0, 1 << 20);
	noise_moved[1] = realloc(q, 64); /* expect: ^1 goroutine .chan receive. proven stuck */
	CHECK(p && noise_moved[1]);
}

/* Thread-local and thread-specific storage, and the stack, of a thread that has ended. */
LEAK(in_ended_thread)
static __thread gd_chan *local_of_ended[10];
static pthread_key_t key_of_ended;
static void *has_it_and_ends(void *arg)
{
	for (int i = 0; i < 10; i++)
		local_of_ended[i] = arg;
	fill_stack(arg, 1000);
	pthread_setspecific(key_of_ended, arg);
	return arg;
}
MAIN(leak_in_ended_thread)
{
	pthread_t t;
	void *result;

	CHECK_EQ(pthread_key_create(&key_of_ended, NULL), 0);
	gd_chan *c = lose();

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(pthread_create(&t, NULL, has_it_and_ends, c), 0);
		CHECK_EQ(pthread_join(t, &result), 0);
	} /* expect: ^1 goroutine .chan receive. proven stuck */
}

/* A thread that sleeps in the kernel, below what is live of its stack. */
LEAK(below_foreign_thread)
static void *has_it_and_sleeps(void *arg)
{
	fill_stack(arg, 2000);
	arg = NULL;
	forget_registers();
	sleep_an_hour();
	return NULL;
}
MAIN(leak_below_foreign_thread)
{
	pthread_t t;
	struct start {
		gd_chan *c;
	} *s = NEW(struct start);

	s->c = lose();
	CHECK_EQ(pthread_create(&t, NULL, has_it_and_sleeps, s), 0);
	barrier_await_go(&ready, 1); /* expect: ^1 goroutine .chan receive. proven stuck */
	s->c = NULL;
}

/* A channel that was emptied, a select that is over, a timer that has fired and is gone. */
LEAK(in_runtime_objects)
typedef gd_chan_of(gd_chan *) noise_chan;
noise_chan noise_channels[3];
static void fires(void *arg)
{
	barrier_post(&ready);
}
MAIN(leak_in_runtime_objects)
{
	gd_chan *c = lose(), *got;

	for (int i = 0; i < 3; i++)
		noise_channels[i] = gd_chan_make(noise_chan, 4);
	for (int i = 0; i < 4; i++)
		gd_chan_send(noise_channels[0], c);
	for (int i = 0; i < 4; i++)
		gd_chan_recv(noise_channels[0], &got);
	gd_chan_send(noise_channels[1], c);
	gd_select(GD_RECV(noise_channels[1], &got), GD_RECV(noise_channels[2], &got));
	gd_after_func(1, fires, c);
	barrier_await_go(&ready, 1); /* expect: ^1 goroutine .chan receive. proven stuck */
}

CONFORM_MAIN
