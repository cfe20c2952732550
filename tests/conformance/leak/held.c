/*
 * held.c - one goroutine waits, and the only pointer to what it waits for is held in every place
 * a pointer can be in. None is a leak; each has a twin without the holder in micro.c.
 */
#include "tests/conformance/leak/leak_case.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define HOUR (3600 * GD_SECOND)

/* A waiter on a channel that only the caller of this knows. */
static void waits(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL);
}
static NOINLINE gd_chan *waited_for(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(waits, c.raw);
	return c.raw;
}

/* Keeps p in use over an hour's sleep. */
static NOINLINE void hold(void *p)
{
	gd_sleep(HOUR);
	__asm__ volatile("" : : "r"(p) : "memory");
}

static struct barrier ready;

NOLEAK(global)
void *global_holder;
MAIN(noleak_global)
{
	global_holder = waited_for();
	settle();
}

/* A list of blocks, from a global: the last knows the channel. */
NOLEAK(heap_chain)
struct node {
	long unused[3];
	struct node *next;
	gd_chan *c;
};
struct node *global_list;
MAIN(noleak_heap_chain)
{
	for (int i = 0; i < 100; i++) {
		struct node *n = NEW(struct node);

		n->c = i == 0 ? waited_for() : NULL;
		n->next = global_list;
		global_list = n;
	}
	settle();
}

/* Only a pointer into the middle of the block is kept. */
NOLEAK(interior_pointer)
void *global_interior;
MAIN(noleak_interior_pointer)
{
	struct node *n = NEW(struct node);

	n->c = waited_for();
	global_interior = &n->next;
	settle();
}

NOLEAK(interior_of_channel)
MAIN(noleak_interior_of_channel)
{
	global_interior = (char *)waited_for() + 8;
	settle();
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
static void closes(void *arg)
{
	gd_chan_close_raw(arg);
}
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

static int sleep_in_kernel(void)
{
	const struct timespec hour = { .tv_sec = 3600 };

	barrier_post(&ready);
	return nanosleep(&hour, NULL);
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

NOLEAK(pending_timer)
MAIN(noleak_pending_timer)
{
	gd_after_func(HOUR, closes, waited_for());
	settle();
}

NOLEAK(pending_timer_one_level)
static void closes_node(void *arg)
{
	struct node *n = arg;

	gd_chan_close_raw(n->c);
}
MAIN(noleak_pending_timer_one_level)
{
	struct node *n = NEW(struct node);

	n->c = waited_for();
	gd_after_func(HOUR, closes_node, n);
	settle();
}

/* Stopped for good, the timer keeps nothing. */
LEAK(stopped_timer)
static void waits_for_stopped(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL); /* leak: chan receive; nothing that can still run reaches */
}
MAIN(leak_stopped_timer)
{
	int_chan c = gd_chan_make(int_chan, 0);
	gd_timer *t = gd_after_func(HOUR, closes, c.raw);

	gd_go_fn(waits_for_stopped, c.raw);
	CHECK(gd_timer_stop(t));
	gd_timer_free(t);
	settle();
}

NOLEAK(timer_channel)
static void waits_for_timer(void *arg)
{
	gd_chan_recv(gd_timer_chan(arg), NULL);
}
MAIN(noleak_timer_channel)
{
	gd_go_fn(waits_for_timer, gd_timer_make(HOUR));
	settle();
}

NOLEAK(after)
static void waits_after(void *unused)
{
	gd_chan_recv(gd_after(HOUR), NULL);
}
MAIN(noleak_after)
{
	gd_go_fn(waits_after, NULL);
	settle_n(1);
}

NOLEAK(ticker)
static void waits_for_ticks(void *arg)
{
	for (;;)
		gd_chan_recv(gd_ticker_chan(arg), NULL);
}
MAIN(noleak_ticker)
{
	gd_go_fn(waits_for_ticks, gd_ticker_make(HOUR));
	settle_n(1);
}

NOLEAK(context_deadline)
static void waits_for_deadline(void *arg)
{
	gd_chan_recv(gd_context_done(arg), NULL);
}
MAIN(noleak_context_deadline)
{
	gd_go_fn(waits_for_deadline, gd_context_with_timeout(gd_context_background(), HOUR));
	settle();
}

/* The child has no deadline, but its parent's reaches it. */
NOLEAK(context_child_of_deadline)
MAIN(noleak_context_child_of_deadline)
{
	gd_context *parent = gd_context_with_timeout(gd_context_background(), HOUR);

	gd_go_fn(waits_for_deadline, gd_context_with_cancel(parent));
	settle();
}

NOLEAK(context_child_of_held)
static void holds_parent(void *arg)
{
	hold(arg);
	gd_context_cancel(arg);
}
MAIN(noleak_context_child_of_held)
{
	gd_context *parent = gd_context_with_cancel(gd_context_background());

	gd_go_fn(waits_for_deadline, gd_context_with_cancel(parent));
	gd_go_fn(holds_parent, parent);
	settle_n(1);
}

NOLEAK(registered_mapping)
MAIN(noleak_registered_mapping)
{
	gd_chan **page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	gd_leak_add_root(page, 4096);
	page[100] = waited_for();
	settle();
}

LEAK(removed_root)
static void waits_for_removed(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL); /* leak: chan receive */
}
MAIN(leak_removed_root)
{
	gd_chan **page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int_chan c = gd_chan_make(int_chan, 0);

	CHECK(page != MAP_FAILED);
	gd_leak_add_root(page, 4096);
	page[100] = c.raw;
	gd_go_fn(waits_for_removed, c.raw);
	settle();
	gd_leak_remove_root(page);
}

/* A channel in the buffer of a channel that is known: whoever receives it may serve it. */
NOLEAK(in_channel_buffer)
typedef gd_chan_of(gd_chan *) chan_chan;
chan_chan global_chans;
MAIN(noleak_in_channel_buffer)
{
	global_chans = gd_chan_make(chan_chan, 3);
	gd_chan_send(global_chans, waited_for());
	settle();
}

/* The value lies on the sender's stack, and its receiver may come. */
NOLEAK(on_its_way)
static void sends_channel(void *unused)
{
	gd_chan_send(global_chans, waited_for());
}
MAIN(noleak_on_its_way)
{
	global_chans = gd_chan_make(chan_chan, 0);
	gd_go_fn(sends_channel, NULL);
	until_alive(3);
	settle();
}

/* A waiter that may run keeps what its stack knows: chains of waiting, from a global's end. */
NOLEAK(waiter_of_waiter)
static void waits_then_closes(void *arg)
{
	int_chan c = { .raw = global_holder };

	gd_chan_recv(c, NULL);
	gd_chan_close_raw(arg);
}
MAIN(noleak_waiter_of_waiter)
{
	int_chan c = gd_chan_make(int_chan, 0);

	global_holder = c.raw;
	gd_go_fn(waits_then_closes, waited_for());
	settle();
}

/* Freed memory keeps nothing alive. */
LEAK(freed_block)
static void waits_for_freed(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL); /* leak: chan receive */
}
void *global_freed;
MAIN(leak_freed_block)
{
	struct node *n = NEW(struct node);
	int_chan c = gd_chan_make(int_chan, 0);

	n->c = c.raw;
	global_freed = n;
	gd_go_fn(waits_for_freed, c.raw);
	settle();
	free(n);
}

/* Memory of realloc, aligned_alloc and a big block: all are heap. */
NOLEAK(other_allocations)
void *global_blocks[4];
MAIN(noleak_other_allocations)
{
	gd_chan **p = malloc(32);

	p[3] = waited_for();
	global_blocks[0] = realloc(p, 100000);
	gd_chan **a = aligned_alloc(64, 128);

	a[15] = waited_for();
	global_blocks[1] = a;
	gd_chan **big = calloc(1, 8 << 20);

	big[(8 << 17) - 1] = waited_for();
	global_blocks[2] = (char *)big + (4 << 20);
	global_blocks[3] = strdup("text");
	settle();
}

gd_chan *volatile *caller_slot;

int main(int argc, char **argv)
{
	gd_chan *volatile slot = NULL;

	caller_slot = &slot;
	return conform_main(argc, argv);
}
