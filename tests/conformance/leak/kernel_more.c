/*
 * kernel_more.c - further shapes of real deadlocks: callbacks, self-waits, tickers, early returns.
 *
 * As the kernels of mixed_*.c and resource_*.c, with the order forced.
 */
#include "tests/conformance/leak/kernel.h"

/* A tick takes the replica's lock and then the store's; heartbeats take them the other way round.
 */
KERNEL(heartbeat_and_tick)
struct store_hb {
	gd_mutex coalesced, raft, state;
	struct barrier both;
};
static void send_heartbeats(void *arg)
{
	struct store_hb *s = arg;

	gd_mutex_lock(&s->coalesced);
	if (!repaired)
		barrier_wait_go(&s->both);
	else
		gd_mutex_unlock(&s->coalesced);
	gd_mutex_lock(&s->raft); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&s->raft);
	if (!repaired)
		gd_mutex_unlock(&s->coalesced);
}
static void tick(void *arg)
{
	struct store_hb *s = arg;

	gd_mutex_lock(&s->raft);
	gd_mutex_lock(&s->state);
	if (!repaired)
		barrier_wait_go(&s->both);
	gd_mutex_lock(&s->coalesced); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&s->coalesced);
	gd_mutex_unlock(&s->state);
	gd_mutex_unlock(&s->raft);
}
TEST(heartbeat_and_tick)
{
	struct store_hb *s = NEW(struct store_hb);

	s->both.parties = 2;
	gd_go_fn(send_heartbeats, s);
	gd_go_fn(tick, s);
}

/* Waits for a stopper that its own deferred call stops. */
CALLER_KERNEL(own_stopper)
struct stopper_own {
	gd_signal_chan quiesce;
	bool stopped;
};
static void stop_own(void *arg)
{
	struct stopper_own *s = arg;

	if (!s->stopped)
		gd_chan_close(s->quiesce);
	s->stopped = true;
}
static void process_own(struct stopper_own *s)
{
	gd_chan_recv(s->quiesce, NULL); /* leak: chan receive; forgotten cancel or close */
}
TEST(own_stopper)
{
	struct stopper_own *s = NEW(struct stopper_own);
	gd_defer(stop_own, s);

	s->quiesce = gd_chan_make(gd_signal_chan, 0);
	if (repaired)
		stop_own(s);
	process_own(s);
}

/* Text of a cache is made with the read lock held, by a method that takes it too. */
KERNEL(text_under_read_lock)
struct cache_text {
	gd_rwmutex m;
	struct barrier step;
};
static void cache_string(struct cache_text *c)
{
	if (repaired)
		return;
	gd_rwmutex_rlock(&c->m); /* leak: rwmutex rlock; recursive read lock */
	gd_rwmutex_runlock(&c->m);
}
static void look_up_text(void *arg)
{
	struct cache_text *c = arg;

	gd_rwmutex_rlock(&c->m);
	barrier_post(&c->step);
	settle_n(1);
	cache_string(c);
	gd_rwmutex_runlock(&c->m);
}
static void insert_text(void *arg)
{
	struct cache_text *c = arg;

	barrier_await_go(&c->step, 1);
	gd_rwmutex_lock(&c->m); /* leak: rwmutex lock */
	gd_rwmutex_unlock(&c->m);
}
TEST(text_under_read_lock)
{
	struct cache_text *c = NEW(struct cache_text);

	gd_go_fn(look_up_text, c);
	gd_go_fn(insert_text, c);
}

/* A setter that locks is called where the read lock is held. */
CALLER_KERNEL(set_under_read_lock)
struct client_set {
	gd_rwmutex m;
};
static void set_endpoints(struct client_set *c)
{
	gd_rwmutex_lock(&c->m); /* leak: rwmutex lock; held by 1 reader */
	gd_rwmutex_unlock(&c->m);
}
TEST(set_under_read_lock)
{
	struct client_set *c = NEW(struct client_set);

	gd_rwmutex_rlock(&c->m);
	if (repaired)
		gd_rwmutex_runlock(&c->m);
	set_endpoints(c);
	if (!repaired)
		gd_rwmutex_runlock(&c->m);
}

/* A keeper adds with the lock of a store; its loop takes that lock in its tick. */
KERNEL(keeper_and_tick)
struct keeper {
	gd_mutex tokens;
	int_chan add;
	gd_signal_chan stop;
	struct barrier step;
};
static void keeper_loop(void *arg)
{
	struct keeper *k = arg;

	for (;;) {
		/* the tick */
		barrier_await_go(&k->step, 1);
		if (repaired)
			gd_select(GD_RECV(k->add, NULL), GD_RECV(k->stop, NULL));
		gd_mutex_lock(&k->tokens); /* leak: mutex lock; stuck */
		gd_mutex_unlock(&k->tokens);
		if (repaired)
			return;
	}
}
static void assign(void *arg)
{
	struct keeper *k = arg;

	gd_mutex_lock(&k->tokens);
	barrier_post(&k->step);
	gd_chan_send(k->add, 1); /* leak: chan send */
	gd_mutex_unlock(&k->tokens);
}
TEST(keeper_and_tick)
{
	struct keeper *k = NEW(struct keeper);

	k->add = gd_chan_make(int_chan, 0);
	k->stop = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(keeper_loop, k);
	gd_go_fn(assign, k);
}

/* A loop starts a call for each turn and leaves on stop; the last call's answer has no taker. */
KERNEL(last_call_unheard)
struct calls {
	gd_signal_chan stop;
	struct barrier left;
};
struct one_call_args {
	int_chan done;
	struct calls *c;
};
static void one_call(struct one_call_args *a)
{
	barrier_await_go(&a->c->left, 1);
	gd_chan_send(a->done, 1); /* leak: chan send */
}
static void call_loop(void *arg)
{
	struct calls *c = arg;

	for (;;) {
		int_chan done = gd_chan_make(int_chan, repaired ? 1 : 0);

		gd_go(one_call, .done = done, .c = c);
		if (gd_select(GD_RECV(c->stop, NULL), GD_RECV(done, NULL)) == 0)
			break;
	}
	barrier_post(&c->left);
}
TEST(last_call_unheard)
{
	struct calls *c = NEW(struct calls);

	c->stop = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(call_loop, c);
	gd_chan_close(c->stop);
}

/* A start-up routine holds the lock and calls the public function, which takes it. */
KERNEL(public_function_inside)
struct service_inside {
	gd_mutex m;
};
static void hot_add(struct service_inside *s)
{
	gd_mutex_lock(&s->m); /* leak: mutex lock; double lock */
	gd_mutex_unlock(&s->m);
}
static void add_at_start(void *arg)
{
	struct service_inside *s = arg;

	gd_mutex_lock(&s->m);
	if (repaired)
		gd_mutex_unlock(&s->m);
	hot_add(s);
	if (!repaired)
		gd_mutex_unlock(&s->m);
}
TEST(public_function_inside)
{
	gd_go_fn(add_at_start, NEW(struct service_inside));
}

/* A watcher's results go to a channel whose reader has gone with its context. */
KERNEL(watcher_without_reader)
struct watcher_gone {
	int_chan input, result;
	gd_context *ctx;
};
static void watcher_process(void *arg)
{
	struct watcher_gone *w = arg;

	gd_chan_range(w->input, v)
	{
		if (repaired)
			gd_select(GD_SEND(w->result, v), GD_RECV(gd_context_done(w->ctx), NULL));
		else
			gd_chan_send(w->result, v); /* leak: chan send */
	}
}
TEST(watcher_without_reader)
{
	struct watcher_gone *w = NEW(struct watcher_gone);

	w->input = gd_chan_make(int_chan, 2);
	w->result = gd_chan_make(int_chan, 0);
	w->ctx = gd_context_with_cancel(gd_context_background());
	gd_go_fn(watcher_process, w);
	gd_chan_send(w->input, 1);
	gd_chan_send(w->input, 2);
	gd_context_cancel(w->ctx);
	gd_chan_close(w->input);
}

CONFORM_MAIN
