/* link: gdetect */
/*
 * hook_test.c - the happens-before edges that the primitives tell a detector of.
 *
 * The detector of this test keeps whole vector clocks under one lock, and the
 * last write and all last reads of each address: slow and plainly right. The
 * goroutines order themselves by flags it does not see.
 */
#include <stdatomic.h>

#include "runtime/base/atomic.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"

enum { GOROUTINES = 64, OBJECTS = 512 };

struct clock {
	uint32_t t[GOROUTINES];
};

struct gd__hook_ctx {
	int id;
	struct clock c;
};

struct object {
	const void *addr;
	struct clock released;
	struct clock reads; /* per goroutine: time of its last read */
	int writer;         /* of the last write, -1: none */
	uint32_t written;
};

static struct gd__hook_ctx ctx[GOROUTINES];
static struct object object[OBJECTS];
static int nctx, nobjects, races;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void enter(void)
{
	while (atomic_flag_test_and_set(&busy))
		;
}

static void leave(void)
{
	atomic_flag_clear(&busy);
}

static void join(struct clock *to, const struct clock *from)
{
	for (int i = 0; i < GOROUTINES; i++)
		if (to->t[i] < from->t[i])
			to->t[i] = from->t[i];
}

static struct object *find(const void *addr)
{
	for (int i = 0; i < nobjects; i++)
		if (object[i].addr == addr)
			return &object[i];
	if (nobjects == OBJECTS)
		abort();
	object[nobjects] = (struct object){ .addr = addr, .writer = -1 };
	return &object[nobjects++];
}

static struct gd__hook_ctx *go_start(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
				     uintptr_t site_pc)
{
	(void)goid;
	(void)pc;
	(void)site_pc;
	enter();
	if (nctx == GOROUTINES)
		abort();
	struct gd__hook_ctx *g = &ctx[nctx];
	g->id = nctx++;
	if (parent) {
		join(&g->c, &parent->c);
		parent->c.t[parent->id]++;
	}
	g->c.t[g->id]++;
	leave();
	return g;
}

static void go_end(struct gd__hook_ctx *g)
{
	(void)g;
}

static void acquire(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	join(&g->c, &find(obj)->released);
	leave();
}

static void release(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	find(obj)->released = g->c;
	g->c.t[g->id]++;
	leave();
}

static void release_merge(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	join(&find(obj)->released, &g->c);
	g->c.t[g->id]++;
	leave();
}

static void swap(struct gd__hook_ctx *g, const void *obj)
{
	if (g == NULL)
		return; /* a thread, not a goroutine */
	enter();
	struct object *o = find(obj);
	struct clock before = o->released;
	o->released = g->c;
	g->c.t[g->id]++;
	join(&g->c, &before);
	leave();
}

static void forget(const void *obj, size_t n)
{
	enter();
	for (int i = 0; i < nobjects; i++)
		if ((uintptr_t)object[i].addr - (uintptr_t)obj < n)
			object[i] = (struct object){ .addr = NULL, .writer = -1 };
	leave();
}

static void lock_event(struct gd__hook_ctx *g, const void *lock, int write)
{
	(void)g;
	(void)lock;
	(void)write;
}

static void on_access(struct gd__hook_ctx *g, const void *p, bool write)
{
	enter();
	struct object *o = find(p);
	if (o->writer >= 0 && o->writer != g->id && g->c.t[o->writer] < o->written)
		races++;
	for (int i = 0; write && i < GOROUTINES; i++)
		if (i != g->id && g->c.t[i] < o->reads.t[i])
			races++;
	if (write) {
		o->writer = g->id;
		o->written = g->c.t[g->id];
	} else {
		o->reads.t[g->id] = g->c.t[g->id];
	}
	leave();
}

static void on_read(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	CHECK(n > 0 && pc != 0);
	on_access(g, p, false);
}

static void on_write(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc)
{
	CHECK(n > 0 && pc != 0);
	on_access(g, p, true);
}

static void on_switch(struct gd__hook_ctx *g)
{
	(void)g;
}

static void on_reset(void *p, size_t n)
{
	forget(p, n);
}

static const struct gd__hooks hooks = {
	.go_start = go_start,
	.go_end = go_end,
	.go_switch = on_switch,
	.acquire = acquire,
	.release = release,
	.release_merge = release_merge,
	.swap = swap,
	.forget = forget,
	.lock = lock_event,
	.unlock = lock_event,
	.read = on_read,
	.write = on_write,
	.reset = on_reset,
};

/* --- what the user's instrumented code would say --- */

static int x, y, z;

static void reads(const void *p)
{
	on_access(gd__self()->hook_ctx, p, false);
}

static void writes(const void *p)
{
	on_access(gd__self()->hook_ctx, p, true);
}

/* Order that the detector does not see. */
static _Atomic int step;

static void reach(int n)
{
	while (atomic_load(&step) < n)
		gd_yield();
}

static void next(void)
{
	atomic_fetch_add(&step, 1);
}

static void (*first_half)(void), (*second_half)(void);

static void run_second(void *arg)
{
	(void)arg;
	second_half();
	next();
}

static void start(void *arg)
{
	(void)arg;
	gd_go_fn(run_second, NULL);
	first_half();
	while (gd_go_count() > 1)
		gd_yield();
}

static int want_races;

static void run_and_count(void *arg)
{
	start(arg);
	CHECK_EQ(races, want_races);
}

/* a in main, b in another goroutine; the hooks must show exactly n races. */
static void halves(void (*a)(void), void (*b)(void), int n)
{
	first_half = a;
	second_half = b;
	want_races = n;
	gd__hooks_install(&hooks);
	on_procs(run_and_count);
}

typedef gd_chan_of(int) int_chan;
static int_chan chan;
static gd_signal_chan tokens;

static void make_chan(size_t cap)
{
	chan = gd_chan_make(int_chan, cap);
	next();
}

/* --- unbuffered --- */

static void unbuffered_send(void)
{
	make_chan(0);
	writes(&x);
	gd_chan_send(chan, 1);
	reads(&y);
}

static void unbuffered_recv(void)
{
	int v;

	reach(1);
	writes(&y);
	gd_chan_recv(chan, &v);
	reads(&x);
}

CASE(norace_unbuffered_both_ways)
{
	halves(unbuffered_send, unbuffered_recv, 0);
}

static void parked_send(void)
{
	make_chan(0);
	writes(&x);
	gd_chan_send(chan, 1); /* parks: its partner comes later */
	reads(&y);
}

static void late_recv(void)
{
	reach(1);
	while (gd__waitq_empty(&chan.raw->sendq))
		gd_yield();
	writes(&y);
	gd_chan_recv(chan, NULL);
	reads(&x);
}

CASE(norace_unbuffered_parked_sender)
{
	halves(parked_send, late_recv, 0);
}

static void select_send(void)
{
	make_chan(0);
	writes(&x);
	CHECK_EQ(gd_select(GD_SEND(chan, 1), GD_RECV(chan, &z)), 0);
	reads(&y);
}

static void select_recv(void)
{
	int v;

	reach(1);
	writes(&y);
	CHECK_EQ(gd_select(GD_RECV(chan, &v), GD_RECV(chan, &v)) / 2, 0);
	reads(&x);
}

CASE(norace_select)
{
	halves(select_send, select_recv, 0);
}

/* --- buffered --- */

static void buffered_send(void)
{
	make_chan(1);
	writes(&x);
	gd_chan_send(chan, 1);
	writes(&z);
	gd_chan_send(chan, 2); /* waits for the first receive: which came after writes(&y) */
	reads(&y);
}

static void buffered_recv(void)
{
	reach(1);
	writes(&y);
	gd_chan_recv(chan, NULL);
	reads(&x);
	gd_chan_recv(chan, NULL);
	reads(&z);
}

CASE(norace_buffered_slot)
{
	halves(buffered_send, buffered_recv, 0);
}

static void send_then_write(void)
{
	make_chan(1);
	gd_chan_send(chan, 1);
	writes(&x); /* after the send: unordered */
	next();
}

static void recv_then_read(void)
{
	reach(2);
	gd_chan_recv(chan, NULL);
	reads(&x);
}

CASE(race_write_after_send)
{
	halves(send_then_write, recv_then_read, 1);
}

static void receiver_unordered_before_buffered_send(void)
{
	make_chan(2);
	gd_chan_send(chan, 1);
	next();
	reach(3);
	reads(&y); /* a buffered send does not wait for its receive */
}

static void write_then_recv(void)
{
	reach(2);
	writes(&y);
	gd_chan_recv(chan, NULL);
	next();
}

CASE(race_buffered_is_one_way)
{
	halves(receiver_unordered_before_buffered_send, write_then_recv, 1);
}

static void take_token(void)
{
	tokens = gd_chan_make(gd_signal_chan, 2);
	next();
	reach(2);
	gd_chan_send(tokens, (gd_unit){}); /* the second slot: of no receive yet */
	writes(&x);
	next();
}

static void other_token(void)
{
	reach(1);
	gd_chan_send(tokens, (gd_unit){});
	writes(&x);
	gd_chan_recv(tokens, NULL);
	next();
	reach(3);
}

CASE(race_tokens_of_size_zero_have_slots)
{
	halves(take_token, other_token, 1);
}

/* --- close --- */

static void write_and_close(void)
{
	make_chan(0);
	writes(&x);
	gd_chan_close(chan);
}

static void recv_closed(void)
{
	reach(1);
	CHECK(!gd_chan_recv(chan, NULL));
	reads(&x);
}

CASE(norace_close_before_receive)
{
	halves(write_and_close, recv_closed, 0);
}

static void send_and_go(void)
{
	make_chan(4);
	gd_chan_send(chan, 1);
	next();
}

static void close_unordered(void)
{
	reach(2);
	gd_chan_len(chan);
	gd_chan_close(chan);
}

CASE(race_close_against_send)
{
	halves(send_and_go, close_unordered, 1);
}

static void only_len(void)
{
	make_chan(4);
	CHECK_EQ(gd_chan_len(chan), 0);
	next();
}

CASE(norace_close_against_len)
{
	halves(only_len, close_unordered, 0);
}

static void write_and_wait(void)
{
	make_chan(0);
	writes(&x);
	next();
}

static void try_and_read(void)
{
	reach(2);
	CHECK_EQ(gd_chan_try_recv(chan, NULL), GD_EAGAIN);
	CHECK_EQ(gd_select(GD_RECV(chan, NULL), GD_DEFAULT), 1);
	reads(&x);
}

CASE(race_failed_try_is_no_edge)
{
	halves(write_and_wait, try_and_read, 1);
}

/* --- locks --- */

static gd_mutex mutex;
static gd_rwmutex rwmutex;

static void mutex_write(void)
{
	gd_mutex_lock(&mutex);
	writes(&x);
	next();
	for (int i = 0; i < 50; i++)
		gd_yield();
	gd_mutex_unlock(&mutex);
}

static void mutex_read(void)
{
	reach(1);
	gd_mutex_lock(&mutex);
	reads(&x);
	gd_mutex_unlock(&mutex);
}

CASE(norace_mutex)
{
	halves(mutex_write, mutex_read, 0);
}

static void reader_writes_z(void)
{
	gd_rwmutex_rlock(&rwmutex);
	reads(&x);
	writes(&z);
	gd_rwmutex_runlock(&rwmutex);
	next();
}

static void writer_after_reader(void)
{
	reach(1);
	gd_rwmutex_lock(&rwmutex);
	writes(&x);
	reads(&z);
	gd_rwmutex_unlock(&rwmutex);
}

CASE(norace_reader_then_writer)
{
	halves(reader_writes_z, writer_after_reader, 0);
}

static void reader_after_reader(void)
{
	reach(1);
	gd_rwmutex_rlock(&rwmutex);
	reads(&z);
	gd_rwmutex_runlock(&rwmutex);
}

CASE(race_readers_do_not_order_each_other)
{
	halves(reader_writes_z, reader_after_reader, 1);
}

/* --- waitgroup, once, pool --- */

static gd_waitgroup group;

static void add_and_wait(void)
{
	gd_waitgroup_add(&group, 1);
	next();
	gd_waitgroup_wait(&group);
	reads(&x);
}

static void write_and_done(void)
{
	reach(1);
	for (int i = 0; i < 50; i++)
		gd_yield();
	writes(&x);
	gd_waitgroup_done(&group);
}

CASE(norace_waitgroup)
{
	halves(add_and_wait, write_and_done, 0);
}

static void wait_unordered(void)
{
	reach(1);
	next();
	gd_waitgroup_wait(&group);
}

static void let_it_park(void)
{
	gd_waitgroup_add(&group, 1);
	next();
	while (group.waiters_ == 0)
		gd_yield();
	gd_waitgroup_done(&group);
}

CASE(race_add_against_wait)
{
	halves(let_it_park, wait_unordered, 1);
}

static gd_once once;

static void init_x(void *arg)
{
	(void)arg;
	writes(&x);
}

static void once_first(void)
{
	gd_once_do(&once, init_x, NULL);
	next();
}

static void once_second(void)
{
	reach(1);
	gd_once_do(&once, init_x, NULL);
	reads(&x);
}

CASE(norace_once)
{
	halves(once_first, once_second, 0);
}

static gd_pool pool;

static void pool_put(void)
{
	writes(&x);
	gd_pool_put(&pool, &x);
	next();
}

static void pool_get(void)
{
	reach(1);
	CHECK(gd_pool_get(&pool) == &x);
	writes(&x);
}

CASE(norace_pool_same_object)
{
	halves(pool_put, pool_get, 0);
}

static void pool_put_then_touch(void)
{
	writes(&z);
	gd_pool_put(&pool, &x);
	gd_pool_put(&pool, &y);
	CHECK(gd_pool_get(&pool) == &y);
	next();
}

static void pool_put_other(void)
{
	reach(1);
	gd_pool_put(&pool, &y);
	reads(&z); /* a put acquires nothing */
}

CASE(race_pool_orders_only_put_before_get)
{
	halves(pool_put_then_touch, pool_put_other, 1);
}

/* --- time and contexts --- */

static gd_timer *timer;

static void set_timer(void)
{
	timer = gd_timer_make(1000 * GD_SECOND);
	writes(&x);
	gd_timer_reset(timer, GD_MICROSECOND);
	next();
}

static void receive_timer(void)
{
	reach(1);
	gd_chan_recv(gd_timer_chan(timer), NULL);
	reads(&x);
}

CASE(norace_timer_channel)
{
	halves(set_timer, receive_timer, 0);
}

static void reads_x(void *arg)
{
	(void)arg;
	reads(&x);
	reads(&timer);
	next();
}

static void timer_ordered(void)
{
	writes(&x);
	gd_after_func(0, reads_x, NULL);
	reach(2);
}

static void nothing(void)
{
}

CASE(norace_after_func)
{
	halves(timer_ordered, nothing, 0);
}

static void timer_unordered(void)
{
	gd_timer *t = gd_after_func(0, reads_x, NULL);

	writes(&timer); /* the article's race: the result is stored after the start */
	(void)t;
	reach(2);
}

CASE(race_after_func_against_its_result)
{
	halves(timer_unordered, nothing, 1);
}

static gd_context *context;

static void cancel_context(void)
{
	context = gd_context_with_cancel(gd_context_background());
	next();
	writes(&x);
	gd_context_cancel(context);
}

static void wait_context(void)
{
	reach(1);
	gd_chan_recv(gd_context_done(context), NULL);
	reads(&x);
	gd_context_unref(context); /* frees what the canceller closed: no race */
}

CASE(norace_context_cancel)
{
	halves(cancel_context, wait_context, 0);
}

static void poll_context(void)
{
	reach(1);
	while (gd_context_err(context) == GD_OK)
		gd_yield();
	reads(&x);
}

CASE(norace_context_err)
{
	halves(cancel_context, poll_context, 0);
}

UNIT_MAIN
