/* comm_other.c - communication deadlocks of real projects: contexts and condition variables. */
#include "tests/conformance/leak/leak_case.h"

/* A transaction's watcher waits for a cancel that nobody calls. */
LEAK(cockroach_13197)
static void watch_13197(void *arg)
{
	gd_context *ctx = arg;

	/* leak: chan receive; forgotten cancel or close */
	gd_chan_recv(gd_context_done(ctx), NULL);
	gd_context_unref(ctx);
}
static NOINLINE void begin_13197(void)
{
	gd_context *ctx = gd_context_with_cancel(gd_context_background());

	gd_go_fn(watch_13197, gd_context_ref(ctx));
}
MAIN(leak_cockroach_13197)
{
	begin_13197();
	settle();
}

/* The rows that would cancel it are dropped without close. */
LEAK(cockroach_13755)
struct rows_13755 {
	gd_context *ctx;
	int_chan next;
};
static void await_done_13755(void *arg)
{
	struct rows_13755 *r = arg;

	/* leak: select; select without a way out */
	gd_select(GD_RECV(gd_context_done(r->ctx), NULL), GD_RECV(r->next, NULL));
}
MAIN(leak_cockroach_13755)
{
	struct rows_13755 *r = NEW(struct rows_13755);

	r->ctx = gd_context_with_cancel(gd_context_background());
	r->next = gd_chan_make(int_chan, 0);
	gd_go_fn(await_done_13755, r);
	settle();
}

NOLEAK(cockroach_13755_closed)
static void awaits_done(void *arg)
{
	gd_context *ctx = arg;

	gd_chan_recv(gd_context_done(ctx), NULL);
	CHECK(gd_context_err(ctx) != 0);
	gd_context_unref(ctx);
}
MAIN(noleak_cockroach_13755_closed)
{
	gd_context *ctx = gd_context_with_cancel(gd_context_background());

	gd_go_fn(awaits_done, gd_context_ref(ctx));
	gd_context_cancel(ctx);
	until_alive(1);
	gd_context_unref(ctx);
}

/* The consumer leaves on cancel; the producer of eight never looks at the context. */
LEAK(cockroach_18101)
struct split_18101 {
	int_chan ready;
	gd_context *ctx;
};
static void produce_18101(void *arg)
{
	struct split_18101 *s = arg;

	for (int i = 0; i < 8; i++)
		gd_chan_send(s->ready, i); /* leak: chan send; 6 buffered */
}
static void consume_18101(void *arg)
{
	struct split_18101 *s = arg;

	gd_chan_recv(s->ready, NULL);
	gd_chan_recv(gd_context_done(s->ctx), NULL);
}
MAIN(leak_cockroach_18101)
{
	struct split_18101 *s = NEW(struct split_18101);

	s->ready = gd_chan_make(int_chan, 6);
	s->ctx = gd_context_with_cancel(gd_context_background());
	gd_go_fn(produce_18101, s);
	gd_go_fn(consume_18101, s);
	settle();
	gd_context_cancel(s->ctx);
	until_alive(2);
	settle();
}

/*
 * A reconnect loop that goes on for ever. It wakes again and again, so it is not stuck and must
 * not be called so: known, and only leak_level=end lists it.
 */
NOLEAK(grpc_862)
static void reconnects_862(void *arg)
{
	gd_context *ctx = arg;

	while (gd_select(GD_RECV(gd_context_done(ctx), NULL), GD_AFTER(GD_SECOND)) != 0)
		;
}
MAIN(noleak_grpc_862)
{
	gd_go_fn(reconnects_862, gd_context_with_cancel(gd_context_background()));
	settle();
}

/* An error goes to a result channel without a reader; the cancelled context is not asked. */
LEAK(kubernetes_25331)
struct watch_25331 {
	int_chan result, errors;
	gd_context *ctx;
};
static void run_25331(void *arg)
{
	struct watch_25331 *w = arg;
	int e;

	if (gd_select(GD_RECV(w->errors, &e), GD_RECV(gd_context_done(w->ctx), NULL)) == 0)
		gd_chan_send(w->result, e); /* leak: chan send */
}
MAIN(leak_kubernetes_25331)
{
	struct watch_25331 *w = NEW(struct watch_25331);

	w->result = gd_chan_make(int_chan, 0);
	w->errors = gd_chan_make(int_chan, 10);
	w->ctx = gd_context_with_cancel(gd_context_background());
	gd_chan_send(w->errors, 1);
	gd_go_fn(run_25331, w);
	settle();
	gd_context_cancel(w->ctx);
}

/* The signal comes before the helper waits for it, and is lost. */
STUCK(kubernetes_11298)
struct service_11298 {
	gd_mutex m;
	gd_cond c;
	gd_signal_chan abort, helper_done, done;
	struct barrier signalled;
};
static void helper_11298(void *arg)
{
	struct service_11298 *s = arg;

	barrier_await_go(&s->signalled, 1);
	gd_mutex_lock(&s->m);
	gd_cond_wait(&s->c); /* leak: cond wait; lost wake-up */
	gd_mutex_unlock(&s->m);
	gd_chan_close(s->helper_done);
}
static void serve_11298(void *arg)
{
	struct service_11298 *s = arg;

	gd_go_fn(helper_11298, s);
	gd_chan_recv(s->abort, NULL);
	gd_cond_signal(&s->c);
	barrier_post(&s->signalled);
	gd_chan_recv(s->helper_done, NULL); /* leak: chan receive */
	gd_chan_close(s->done);
}
MAIN(stuck_kubernetes_11298)
{
	struct service_11298 *s = NEW(struct service_11298);

	gd_cond_init(&s->c, &s->m);
	s->abort = gd_chan_make(gd_signal_chan, 0);
	s->helper_done = gd_chan_make(gd_signal_chan, 0);
	s->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(serve_11298, s);
	gd_chan_close(s->abort);
	gd_chan_recv(s->done, NULL); /* leak: chan receive */
}

/* The event's receiver is gone, and only its sender would broadcast to the one who removes. */
LEAK(moby_27782)
struct watcher_27782 {
	gd_mutex m;
	gd_cond c;
	int watches;
	int_chan events;
	gd_signal_chan done;
};
static void reads_27782(void *arg)
{
	struct watcher_27782 *w = arg;

	/* leak: select; any of the channels */
	gd_select(GD_SEND(w->events, 1), GD_RECV(w->done, NULL));
	gd_mutex_lock(&w->m);
	w->watches = 0;
	gd_cond_broadcast(&w->c);
	gd_mutex_unlock(&w->m);
}
static void removes_27782(void *arg)
{
	struct watcher_27782 *w = arg;

	gd_mutex_lock(&w->m);
	while (w->watches > 0)
		gd_cond_wait(&w->c); /* leak: cond wait */
	gd_mutex_unlock(&w->m);
	gd_chan_close(w->done);
}
MAIN(leak_moby_27782)
{
	struct watcher_27782 *w = NEW(struct watcher_27782);

	w->watches = 1;
	gd_cond_init(&w->c, &w->m);
	w->events = gd_chan_make(int_chan, 0);
	w->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(reads_27782, w);
	gd_go_fn(removes_27782, w);
	settle();
}

/* The condition hangs in a global table, and no path broadcasts; everybody sleeps, so it is seen.
 */
STUCK(moby_29733)
static struct plugin_29733 {
	gd_mutex m;
	gd_cond activated;
} * plugins_29733[4];
static void waits_29733(void *arg)
{
	struct plugin_29733 *p = plugins_29733[0];
	gd_signal_chan done = { .raw = arg };

	gd_mutex_lock(&p->m);
	gd_cond_wait(&p->activated); /* leak: cond wait */
	gd_mutex_unlock(&p->m);
	gd_chan_close(done);
}
MAIN(stuck_moby_29733)
{
	gd_signal_chan done = gd_chan_make(gd_signal_chan, 0);

	plugins_29733[0] = NEW(struct plugin_29733);
	gd_cond_init(&plugins_29733[0]->activated, &plugins_29733[0]->m);
	gd_go_fn(waits_29733, done.raw);
	gd_chan_recv(done, NULL); /* leak: chan receive */
}

/*
 * The same while the program goes on: whoever walks the table may still broadcast. Known miss:
 * a condition has no owner, so nothing proves that nobody will.
 */
NOLEAK(moby_29733_in_table)
static void waits_in_table(void *unused)
{
	struct plugin_29733 *p = plugins_29733[0];

	gd_mutex_lock(&p->m);
	gd_cond_wait(&p->activated);
	gd_mutex_unlock(&p->m);
}
MAIN(noleak_moby_29733_in_table)
{
	plugins_29733[0] = NEW(struct plugin_29733);
	gd_cond_init(&plugins_29733[0]->activated, &plugins_29733[0]->m);
	gd_go_fn(waits_in_table, NULL);
	settle();
}

/* The error path sets the error and forgets to broadcast. */
STUCK(moby_30408)
struct manifest_30408 {
	gd_mutex m;
	gd_cond c;
	bool present, failed;
	gd_signal_chan done;
};
static void waits_30408(void *arg)
{
	struct manifest_30408 *p = arg;

	gd_mutex_lock(&p->m);
	while (!p->present)
		gd_cond_wait(&p->c); /* leak: cond wait */
	gd_mutex_unlock(&p->m);
	gd_chan_close(p->done);
}
MAIN(stuck_moby_30408)
{
	struct manifest_30408 *p = NEW(struct manifest_30408);

	gd_cond_init(&p->c, &p->m);
	p->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(waits_30408, p);
	gd_mutex_lock(&p->m);
	p->failed = true;
	gd_mutex_unlock(&p->m);
	gd_chan_recv(p->done, NULL); /* leak: chan receive */
}

/* As moby_30408, off the main goroutine: nobody alive knows the manifest. */
LEAK(moby_30408_in_helper)
static void waits_helper(void *arg)
{
	struct manifest_30408 *p = arg;

	gd_mutex_lock(&p->m);
	while (!p->present)
		gd_cond_wait(&p->c); /* leak: 5 cond wait; lost wake-up */
	gd_mutex_unlock(&p->m);
}
MAIN(leak_moby_30408_in_helper)
{
	struct manifest_30408 *p = NEW(struct manifest_30408);

	gd_cond_init(&p->c, &p->m);
	for (int i = 0; i < 5; i++)
		gd_go_fn(waits_helper, p);
	settle();
	gd_mutex_lock(&p->m);
	p->failed = true;
	gd_mutex_unlock(&p->m);
}

CONFORM_MAIN
