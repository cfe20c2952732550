/*
 * go_more_kernels.c - the mistakes of the thirteen blocking kernels of GoBench that comm_*, mixed_*
 * and resource_* do not hold, each with its repair, while a bystander lives on.
 */
#include "tests/conformance/leak/go_class.h"

/* What was started without the repair is stuck, n of them; with it, all ends. */
static void ends_with(size_t n)
{
	until_alive(n + 2);
	settle_n(n);
}
static void begin(void)
{
	gd_go_fn(sleeps_with, NULL);
}

/* A tick locks replica, then queue; heartbeats lock queue, then replica. */
LEAK(cockroach_10214)
struct store {
	gd_mutex replica, queue;
	struct barrier met;
	bool repaired;
};
static void ticks(void *arg)
{
	struct store *s = arg;

	gd_mutex_lock(&s->replica);
	barrier_wait_go(&s->met);
	gd_mutex_lock(&s->queue); /* leak: mutex lock; proven stuck: the owners; different orders */
	gd_mutex_unlock(&s->queue);
	gd_mutex_unlock(&s->replica);
}
static void sends_heartbeats(void *arg)
{
	struct store *s = arg;

	gd_mutex_lock(&s->queue);
	barrier_wait_go(&s->met);
	if (s->repaired)
		gd_mutex_unlock(&s->queue);
	gd_mutex_lock(&s->replica); /* leak: mutex lock; proven stuck: the owners */
	gd_mutex_unlock(&s->replica);
	if (!s->repaired)
		gd_mutex_unlock(&s->queue);
}
static struct store *new_store(bool repaired)
{
	struct store *s = NEW(struct store);

	s->met.parties = 2;
	s->repaired = repaired;
	gd_go_fn(ticks, s);
	gd_go_fn(sends_heartbeats, s);
	return s;
}
MAIN(leak_cockroach_10214)
{
	begin();
	new_store(false);
	ends_with(2);
}
NOLEAK(cockroach_10214_repaired)
MAIN(noleak_cockroach_10214_repaired)
{
	begin();
	new_store(true);
	ends_with(0);
}

/* Commands wait for those before them or for a cancel that their own function has dropped. */
LEAK(cockroach_10790)
struct commands {
	int_chan before[3];
	gd_context *ctx;
};
static void begins_command(void *arg)
{
	struct commands *c = arg;

	for (int i = 0; i < 3; i++)
		/* leak: select; proven stuck: nothing; without a way out */
		if (gd_select(GD_RECV(c->before[i], NULL),
			      GD_RECV(gd_context_done(c->ctx), NULL)) == 1)
			return;
}
static NOINLINE void begin_commands(bool repaired)
{
	struct commands *c = NEW(struct commands);

	for (int i = 0; i < 3; i++)
		c->before[i] = gd_chan_make(int_chan, 0);
	c->ctx = gd_context_with_cancel(gd_context_background());
	gd_go_fn(begins_command, c);
	gd_chan_close(c->before[0]);
	if (repaired)
		gd_context_cancel(c->ctx);
}
MAIN(leak_cockroach_10790)
{
	begin();
	begin_commands(false);
	ends_with(1);
}
NOLEAK(cockroach_10790_repaired)
MAIN(noleak_cockroach_10790_repaired)
{
	begin();
	begin_commands(true);
	ends_with(0);
}

/* The state offers an event while its reader hands it a callback: neither takes. */
LEAK(cockroach_2448)
struct multiraft {
	int_chan events, callbacks;
	bool repaired;
};
static void state_runs(void *arg)
{
	struct multiraft *m = arg;

	gd_chan_send(m->events, 1);
	if (m->repaired)
		gd_chan_recv(m->callbacks, NULL);
	else
		gd_chan_send(m->events, 2); /* leak: chan send; proven stuck: nothing */
}
static void store_processes(void *arg)
{
	struct multiraft *m = arg;

	gd_chan_recv(m->events, NULL);
	gd_chan_send(m->callbacks, 1); /* leak: chan send; proven stuck: nothing */
}
static NOINLINE void start_multiraft(bool repaired)
{
	struct multiraft *m = NEW(struct multiraft);

	*m = (struct multiraft){ gd_chan_make(int_chan, 0), gd_chan_make(int_chan, 0), repaired };
	gd_go_fn(state_runs, m);
	gd_go_fn(store_processes, m);
}
MAIN(leak_cockroach_2448)
{
	begin();
	start_multiraft(false);
	ends_with(2);
}
NOLEAK(cockroach_2448_repaired)
MAIN(noleak_cockroach_2448_repaired)
{
	begin();
	start_multiraft(true);
	ends_with(0);
}

/* It waits for the stop that its own deferred call will make. */
LEAK(cockroach_25456)
static void stops(void *quiesce)
{
	gd_chan_close_raw(quiesce);
}
static void checks_consistency(void *repaired)
{
	gd_signal_chan quiesce = gd_chan_make(gd_signal_chan, 0);

	if (repaired) {
		gd_chan_close(quiesce);
		gd_chan_recv(quiesce, NULL);
		return;
	}
	gd_defer(stops, quiesce.raw);
	gd_chan_recv(quiesce, NULL); /* leak: chan receive; proven stuck: nothing */
}
MAIN(leak_cockroach_25456)
{
	begin();
	gd_go_fn(checks_consistency, NULL);
	gd_go_fn(checks_consistency, "repaired");
	ends_with(1);
}

/* Lookups read the cache, and read it again to print it, with an eviction in between. */
LEAK(cockroach_6181)
static gd_rwmutex cache;
static struct barrier looked_up;
static void looks_up(void *repaired)
{
	gd_rwmutex_rlock(&cache);
	barrier_post(&looked_up);
	settle_n(1);
	if (!repaired) {
		gd_rwmutex_rlock(&cache); /* leak: rwmutex rlock; proven stuck; recursive read */
		gd_rwmutex_runlock(&cache);
	}
	gd_rwmutex_runlock(&cache);
}
static void evicts(void *unused)
{
	barrier_await_go(&looked_up, 1);
	gd_rwmutex_lock(&cache); /* leak: rwmutex lock; proven stuck: the owners */
	gd_rwmutex_unlock(&cache);
}
MAIN(leak_cockroach_6181)
{
	begin();
	gd_go_fn(evicts, NULL);
	gd_go_fn(looks_up, NULL);
	ends_with(2);
}
NOLEAK(cockroach_6181_repaired)
MAIN(noleak_cockroach_6181_repaired)
{
	begin();
	gd_go_fn(evicts, NULL);
	gd_go_fn(looks_up, "repaired");
	ends_with(0);
}

/* A method takes the lock that its caller, another method, has. Three kernels made this mistake. */
LEAK(etcd_6708_grpc_795_moby_36114)
struct client {
	gd_rwmutex rw;
	gd_mutex m;
	bool repaired;
};
static void sets_endpoints(struct client *c)
{
	if (!c->repaired)
		gd_rwmutex_lock(&c->rw); /* leak: rwmutex lock; proven stuck; holds itself */
	if (!c->repaired)
		gd_rwmutex_unlock(&c->rw);
}
static void syncs(void *arg)
{
	struct client *c = arg;

	gd_rwmutex_lock(&c->rw);
	sets_endpoints(c);
	gd_rwmutex_unlock(&c->rw);
}
static void stops_gracefully(void *arg)
{
	struct client *c = arg;

	gd_mutex_lock(&c->m);
	if (c->repaired)
		gd_mutex_unlock(&c->m);
	gd_mutex_lock(&c->m); /* leak: mutex lock; proven stuck; double lock */
	gd_mutex_unlock(&c->m);
}
static NOINLINE void start_client(bool repaired)
{
	struct client *c = NEW(struct client);

	c->repaired = repaired;
	gd_go_fn(syncs, c);
	gd_go_fn(stops_gracefully, c);
}
MAIN(leak_etcd_6708_grpc_795_moby_36114)
{
	begin();
	start_client(false);
	start_client(true);
	ends_with(2);
}

/* A token is handed over with the lock held, to a keeper that wants the lock on each tick. */
LEAK(etcd_7492)
struct tokens {
	gd_mutex m;
	int_chan add;
	struct barrier full;
	bool repaired;
};
static void keeps_tokens(void *arg)
{
	struct tokens *t = arg;

	barrier_await_go(&t->full, 1);
	gd_mutex_lock(&t->m); /* leak: mutex lock; proven stuck: nothing; held by: goroutine */
	gd_mutex_unlock(&t->m);
	gd_chan_recv(t->add, NULL);
}
static void assigns_token(void *arg)
{
	struct tokens *t = arg;

	gd_mutex_lock(&t->m);
	gd_chan_send(t->add, 1);
	barrier_post(&t->full);
	if (t->repaired)
		gd_mutex_unlock(&t->m);
	gd_chan_send(t->add, 2); /* leak: chan send; proven stuck: nothing; 1 buffered */
	if (!t->repaired)
		gd_mutex_unlock(&t->m);
}
static NOINLINE void start_tokens(bool repaired)
{
	struct tokens *t = NEW(struct tokens);

	t->add = gd_chan_make(int_chan, 1);
	t->repaired = repaired;
	gd_go_fn(keeps_tokens, t);
	gd_go_fn(assigns_token, t);
}
MAIN(leak_etcd_7492)
{
	begin();
	start_tokens(false);
	start_tokens(true);
	ends_with(2);
}

/* Those who work tell that they are done, and nobody counts them. */
LEAK(grpc_660)
static void works_loop(void *done)
{
	gd_chan_send((int_chan){ .raw = done }, 1); /* leak: 3 chan send; proven stuck: nothing */
}
static NOINLINE void closes_loop(int counted)
{
	int_chan done = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 4; i++)
		gd_go_fn(works_loop, done.raw);
	for (int i = 0; i < counted; i++)
		gd_chan_recv(done, NULL);
}
MAIN(leak_grpc_660)
{
	begin();
	closes_loop(1);
	closes_loop(4);
	ends_with(3);
}

/* The processing worker is stopped while its queue still feeds it. */
LEAK(istio_18454)
struct worker {
	int_chan queue;
	gd_context *ctx;
	bool repaired;
};
static void feeds(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 10; i++)
		if (!w->repaired)
			gd_chan_send(w->queue, i); /* leak: chan send; proven stuck: nothing */
		else if (gd_select(GD_SEND(w->queue, i), GD_RECV(gd_context_done(w->ctx), NULL)) ==
			 1)
			return;
}
static void processes(void *arg)
{
	struct worker *w = arg;

	gd_chan_recv(w->queue, NULL);
	gd_context_cancel(w->ctx);
}
static NOINLINE void start_worker(bool repaired)
{
	struct worker *w = NEW(struct worker);

	*w = (struct worker){ gd_chan_make(int_chan, 0),
			      gd_context_with_cancel(gd_context_background()), repaired };
	gd_go_fn(feeds, w);
	gd_go_fn(processes, w);
}
MAIN(leak_istio_18454)
{
	begin();
	start_worker(false);
	start_worker(true);
	ends_with(1);
}

/* A watcher's first events have no room, and who stops it does not drain them. */
LEAK(kubernetes_38669)
struct watcher {
	int_chan result;
	gd_signal_chan stop;
	bool repaired;
};
static void sends_first_events(void *arg)
{
	struct watcher *w = arg;

	for (int i = 0; i < 4; i++)
		if (!w->repaired)
			gd_chan_send(w->result, i); /* leak: chan send; proven stuck; 2 buffered */
		else if (gd_select(GD_SEND(w->result, i), GD_RECV(w->stop, NULL)) == 1)
			return;
}
static NOINLINE void start_watcher(bool repaired)
{
	struct watcher *w = NEW(struct watcher);

	*w = (struct watcher){ gd_chan_make(int_chan, 2), gd_chan_make(gd_signal_chan, 0),
			       repaired };
	gd_go_fn(sends_first_events, w);
	gd_chan_close(w->stop);
}
MAIN(leak_kubernetes_38669)
{
	begin();
	start_watcher(false);
	start_watcher(true);
	ends_with(1);
}

/* The probe's result comes after its time is over, and the monitor has stopped. */
LEAK(moby_33781)
struct probe_args {
	int_chan result;
	gd_context *ctx;
};
static void probe(struct probe_args *a)
{
	gd_chan_recv(gd_context_done(a->ctx), NULL);
	gd_context_unref(a->ctx);
	gd_chan_send(a->result, 1); /* leak: chan send; proven stuck: nothing */
}
struct monitor_args {
	size_t room;
};
static void monitor(struct monitor_args *a)
{
	gd_context *ctx = gd_context_with_timeout(gd_context_background(), GD_MILLISECOND);
	int_chan result = gd_chan_make(int_chan, a->room);

	gd_go(probe, .result = result, .ctx = gd_context_ref(ctx));
	gd_chan_recv(gd_context_done(ctx), NULL);
	gd_context_unref(ctx);
}
MAIN(leak_moby_33781)
{
	begin();
	gd_go(monitor, .room = 0);
	gd_go(monitor, .room = 1);
	ends_with(1);
}

CONFORM_MAIN
