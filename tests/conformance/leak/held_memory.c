/*
 * held_memory.c - the only pointer to what a goroutine waits for is in memory of some kind, or in a
 * timer or context. Where that is gone or given up, it is a leak.
 */
#include "tests/conformance/leak/held.h"

#include <sys/mman.h>

void *global_holder;
void *global_interior;

struct node {
	long unused[3];
	struct node *next;
	gd_chan *c;
};

NOLEAK(global)
MAIN(noleak_global)
{
	global_holder = waited_for();
	settle();
}

/* A list of blocks, from a global: the last knows the channel. */
NOLEAK(heap_chain)
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

CONFORM_MAIN
