/*
 * go_patterns.c - the six common patterns and the two stress programs of Go's suite as they stand
 * there, asked for while main lives on. patterns.c has each of the six alone with its repair.
 */
#include "tests/conformance/leak/leak_case.h"

#define HOUR (3600 * GD_SECOND)

static NOINLINE void forget(void)
{
	volatile char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = 0;
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
}

static void found(size_t n)
{
	until_alive(n + 1);
	settle();
	forget();
	CHECK_EQ(gd_leak_check(), (int)n);
}

/* Without workers the first item has no taker; with three, they wait for the close. */
LEAK(go_no_close_range)
struct no_close_range_args {
	int workers;
	bool closes;
};
static void range_worker(void *arg)
{
	int_chan c = { .raw = arg };

	/* leak: 3 chan receive; proven stuck: nothing; missing close */
	gd_chan_range(c, v) CHECK(v > 0);
}
static void no_close_range(struct no_close_range_args *a)
{
	int_chan c = gd_chan_make(int_chan, 0);

	for (int i = 0; i < a->workers; i++)
		gd_go_fn(range_worker, c.raw);
	for (int i = 1; i <= 3; i++)
		gd_chan_send(c, i); /* leak: chan send; proven stuck: nothing; without receiver */
	if (a->closes)
		gd_chan_close(c);
}
MAIN(leak_go_no_close_range)
{
	gd_go(no_close_range, .workers = 0);
	gd_go(no_close_range, .workers = 3);
	gd_go(no_close_range, .workers = 3, .closes = true);
	found(4);
}

LEAK(go_method_contract)
struct queue {
	int_chan items;
	gd_signal_chan done;
};
static void works_queue(void *arg)
{
	struct queue *q = arg;

	/* leak: select; proven stuck: nothing; without a way out */
	while (gd_select(GD_RECV(q->items, NULL), GD_RECV(q->done, NULL)) == 0)
		;
}
static NOINLINE void life_of_queue(int items, bool stops)
{
	struct queue *q = NEW(struct queue);

	*q = (struct queue){ gd_chan_make(int_chan, 0), gd_chan_make(gd_signal_chan, 0) };
	gd_go_fn(works_queue, q);
	for (int i = 0; i < items; i++)
		gd_chan_send(q->items, i);
	if (stops)
		gd_chan_close(q->done);
}
MAIN(leak_go_method_contract)
{
	life_of_queue(10, false);
	life_of_queue(10, true);
	found(1);
}

/* Once without the error, once with it, and once with it and room for what is sent twice. */
LEAK(go_double_send)
struct double_send_args {
	int_chan c;
	bool error;
};
static void double_send(struct double_send_args *a)
{
	if (a->error)
		gd_chan_send(a->c, 0);
	gd_chan_send(a->c, 1); /* leak: chan send; proven stuck: nothing; abandoned sender */
}
static NOINLINE void sends_twice(size_t room, bool error)
{
	int_chan c = gd_chan_make(int_chan, room);

	gd_go(double_send, .c = c, .error = error);
	gd_chan_recv(c, NULL);
}
MAIN(leak_go_double_send)
{
	sends_twice(0, false);
	sends_twice(0, true);
	sends_twice(1, true);
	found(1);
}

LEAK(go_early_return)
static void send_once(void *c)
{
	gd_chan_send((int_chan){ .raw = c }, 1); /* leak: chan send; proven stuck: nothing */
}
struct early_return_args {
	bool error;
};
static void early_return(struct early_return_args *a)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(send_once, c.raw);
	if (a->error)
		return;
	gd_chan_recv(c, NULL);
}
MAIN(leak_go_early_return)
{
	gd_go(early_return, .error = true);
	gd_go(early_return, .error = false);
	found(1);
}

/* With no items the receiver sticks, with five all senders but one. */
LEAK(go_n_cast)
static void cast(void *c)
{
	gd_chan_send((int_chan){ .raw = c }, 1); /* leak: 4 chan send; proven stuck; abandoned */
}
struct n_cast_args {
	int items;
	size_t room;
};
static void n_cast(struct n_cast_args *a)
{
	int_chan c = gd_chan_make(int_chan, a->room);

	for (int i = 0; i < a->items; i++)
		gd_go_fn(cast, c.raw);
	gd_chan_recv(c, NULL); /* leak: chan receive; proven stuck: nothing; without sender */
}
MAIN(leak_go_n_cast)
{
	gd_go(n_cast, .items = 0);
	gd_go(n_cast, .items = 5);
	gd_go(n_cast, .items = 5, .room = 5);
	found(5);
}

/* A hundred whose context is cancelled before their sender comes, and as many with room. */
LEAK(go_timeout)
struct late_args {
	int_chan c;
	gd_context *ctx;
};
static void late(struct late_args *a)
{
	gd_chan_recv(gd_context_done(a->ctx), NULL);
	gd_context_unref(a->ctx);
	gd_yield();
	gd_chan_send(a->c, 1); /* leak: 100 chan send; proven stuck: nothing */
}
struct times_out_args {
	gd_context *ctx;
	size_t room;
};
static void times_out(struct times_out_args *a)
{
	int_chan c = gd_chan_make(int_chan, a->room);

	gd_go(late, .c = c, .ctx = gd_context_ref(a->ctx));
	gd_chan_recv(gd_context_done(a->ctx), NULL);
	gd_context_unref(a->ctx);
}
static NOINLINE void start_timeouts(void)
{
	gd_context *ctx = gd_context_with_cancel(gd_context_background());

	for (int i = 0; i < 200; i++)
		gd_go(times_out, .ctx = gd_context_ref(ctx), .room = i % 2);
	gd_context_cancel(ctx);
	gd_context_unref(ctx);
}
MAIN(leak_go_timeout)
{
	start_timeouts();
	found(100);
}

/*
 * A tree of goroutines; each node leaves one behind, and every node asks for a check while the
 * others grow.
 */
LEAK(go_spawn)
static void leaf(void *w)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_waitgroup_done(w);
	gd_chan_recv(c, NULL); /* expect: ^SUMMARY: gdetect: 10 goroutines leaked */
}
struct spawn_args {
	int depth;
	gd_waitgroup *w;
};
static void spawn(struct spawn_args *a)
{
	gd_waitgroup below = { 0 };

	if (a->depth > 0) {
		gd_waitgroup_add(&below, a->depth + 1);
		gd_go_fn(leaf, &below);
		for (int i = 0; i < a->depth; i++)
			gd_go(spawn, .depth = a->depth - 1, .w = &below);
		gd_waitgroup_wait(&below);
		/* How many there are by then hangs on the schedule. */
		CHECK(gd_leak_check(.quiet = true) >= 0);
	}
	if (a->w)
		gd_waitgroup_done(a->w);
}
MAIN(leak_go_spawn)
{
	gd_go(spawn, .depth = 3);
	found(10);
}

/* Each makes the next before it waits for it; the last sleeps, so all may yet run. */
NOLEAK(go_daisy_chain)
struct chain_args {
	int left;
	int_chan out;
};
static void chain(struct chain_args *a)
{
	int_chan in = gd_chan_make(int_chan, 0);

	if (a->left > 0) {
		gd_go(chain, .left = a->left - 1, .out = in);
		gd_chan_recv(in, NULL);
	} else {
		gd_sleep(HOUR);
	}
	gd_chan_send(a->out, 1);
}
MAIN(noleak_go_daisy_chain)
{
	gd_go(chain, .left = 1000, .out = gd_chan_make(int_chan, 1));
	settle_n(1000);
	CHECK_EQ(gd_leak_check(), 0);
}

/* The last has nothing that would come: all fall with it. */
LEAK(go_daisy_chain_broken)
struct broken_args {
	int left;
	int_chan out;
};
static void broken(struct broken_args *a)
{
	int_chan in = gd_chan_make(int_chan, 0);

	if (a->left > 0)
		gd_go(broken, .left = a->left - 1, .out = in);
	gd_chan_recv(in, NULL); /* leak: 1001 chan receive; proven stuck: nothing */
	gd_chan_send(a->out, 1);
}
MAIN(leak_go_daisy_chain_broken)
{
	gd_go(broken, .left = 1000, .out = gd_chan_make(int_chan, 1));
	found(1001);
}

/* A hundred times as long: first its end is known to a global, then to nobody. */
LEAK(go_daisy_chain_100k)
int_chan long_end; /* not static: without a reader it would not be stored to */
static struct barrier last;
struct lengthen_args {
	int left;
	int_chan out;
};
static void lengthen(struct lengthen_args *a)
{
	int_chan in = gd_chan_make(int_chan, 0);

	if (a->left > 0) {
		gd_go(lengthen, .left = a->left - 1, .out = in);
	} else {
		long_end = in;
		barrier_post(&last);
	}
	gd_chan_recv(in, NULL); /* leak: 100001 chan receive; proven stuck: nothing */
	gd_chan_send(a->out, 1);
}
MAIN(leak_go_daisy_chain_100k)
{
	gd_go(lengthen, .left = 100000, .out = gd_chan_make(int_chan, 1));
	barrier_await_go(&last, 1); /* settling looks at all of them each time */
	settle_n(100001);
	CHECK_EQ(gd_leak_check(), 0);
	long_end.raw = NULL;
}

CONFORM_MAIN
