/* comm_other.c - communication deadlocks of real projects: contexts and condition variables. */
#include "tests/conformance/leak/kernel.h"

/* A transaction's watcher waits for a cancel that nobody calls. */
KERNEL(cockroach_13197)
static void watch_13197(void *arg)
{
	gd_context *ctx = arg;

	/* leak: chan receive; forgotten cancel or close */
	gd_chan_recv(gd_context_done(ctx), NULL);
	gd_context_unref(ctx);
}
TEST(cockroach_13197)
{
	gd_context *ctx = gd_context_with_cancel(gd_context_background());

	gd_go_fn(watch_13197, gd_context_ref(ctx));
	if (repaired)
		gd_context_cancel(ctx);
}

/* The rows that would cancel it are dropped without close. */
KERNEL(cockroach_13755)
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
static void close_13755(struct rows_13755 *r)
{
	gd_context_cancel(r->ctx);
}
TEST(cockroach_13755)
{
	struct rows_13755 *r = NEW(struct rows_13755);

	r->ctx = gd_context_with_cancel(gd_context_background());
	r->next = gd_chan_make(int_chan, 0);
	gd_go_fn(await_done_13755, r);
	if (repaired)
		close_13755(r);
}

/* The consumer leaves on cancel; the producer of eight never looks at the context. */
KERNEL(cockroach_18101)
struct split_18101 {
	int_chan ready;
	gd_context *ctx;
};
static void produce_18101(void *arg)
{
	struct split_18101 *s = arg;

	for (int i = 0; i < 8; i++)
		if (repaired)
			gd_select(GD_SEND(s->ready, i), GD_RECV(gd_context_done(s->ctx), NULL));
		else
			gd_chan_send(s->ready, i); /* leak: chan send; 6 buffered */
}
static void consume_18101(void *arg)
{
	struct split_18101 *s = arg;

	gd_chan_recv(s->ready, NULL);
	gd_chan_recv(gd_context_done(s->ctx), NULL);
}
TEST(cockroach_18101)
{
	struct split_18101 *s = NEW(struct split_18101);

	s->ready = gd_chan_make(int_chan, 6);
	s->ctx = gd_context_with_cancel(gd_context_background());
	gd_go_fn(produce_18101, s);
	gd_go_fn(consume_18101, s);
	settle();
	gd_context_cancel(s->ctx);
}

/*
 * A reconnect loop that goes on for ever. It wakes again and again, so it is not stuck and must
 * not be called so: known, and only leak_level=end lists it.
 */
LEAK(grpc_862_at_end)
/* forbid: proven|stuck behind|suspect */
static void reconnects_862(void *arg)
{
	gd_context *ctx = arg;

	/* leak: select; still alive */
	while (gd_select(GD_RECV(gd_context_done(ctx), NULL), GD_AFTER(GD_SECOND)) != 0)
		;
}
static void dial_862(void)
{
	gd_context *ctx = gd_context_with_cancel(gd_context_background());

	gd_go_fn(reconnects_862, ctx);
	if (repaired)
		gd_context_cancel(ctx);
}
MAIN(leak_grpc_862_at_end)
{
	dial_862();
}
NOLEAK(grpc_862)
MAIN(noleak_grpc_862)
{
	dial_862();
	CHECK_EQ(gd_leak_check(), 0);
}
NOLEAK(grpc_862_repaired_at_end)
MAIN(noleak_grpc_862_repaired_at_end)
{
	repaired = true;
	dial_862();
	until_alive(1);
}

/* An error goes to a result channel without a reader; the cancelled context is not asked. */
KERNEL(kubernetes_25331)
struct watch_25331 {
	int_chan result, errors;
	gd_context *ctx;
};
static void run_25331(void *arg)
{
	struct watch_25331 *w = arg;
	int e;

	if (gd_select(GD_RECV(w->errors, &e), GD_RECV(gd_context_done(w->ctx), NULL)) != 0)
		return;
	if (repaired)
		gd_select(GD_SEND(w->result, e), GD_RECV(gd_context_done(w->ctx), NULL));
	else
		gd_chan_send(w->result, e); /* leak: chan send */
}
TEST(kubernetes_25331)
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
CALLER_KERNEL(kubernetes_11298)
struct service_11298 {
	gd_mutex m;
	gd_cond c;
	bool aborted;
	gd_signal_chan abort, helper_done, done;
	struct barrier signalled;
};
static void helper_11298(void *arg)
{
	struct service_11298 *s = arg;

	barrier_await_go(&s->signalled, 1);
	gd_mutex_lock(&s->m);
	if (!(repaired && s->aborted))
		gd_cond_wait(&s->c); /* leak: cond wait; lost wake-up */
	gd_mutex_unlock(&s->m);
	gd_chan_close(s->helper_done);
}
static void serve_11298(void *arg)
{
	struct service_11298 *s = arg;

	gd_go_fn(helper_11298, s);
	gd_chan_recv(s->abort, NULL);
	s->aborted = true;
	gd_cond_signal(&s->c);
	barrier_post(&s->signalled);
	gd_chan_recv(s->helper_done, NULL); /* leak: chan receive */
	gd_chan_close(s->done);
}
TEST(kubernetes_11298)
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
KERNEL(moby_27782)
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

	if (repaired)
		gd_chan_close(w->done);
	gd_mutex_lock(&w->m);
	while (w->watches > 0)
		gd_cond_wait(&w->c); /* leak: cond wait */
	gd_mutex_unlock(&w->m);
	if (!repaired)
		gd_chan_close(w->done);
}
TEST(moby_27782)
{
	struct watcher_27782 *w = NEW(struct watcher_27782);

	w->watches = 1;
	gd_cond_init(&w->c, &w->m);
	w->events = gd_chan_make(int_chan, 0);
	w->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(reads_27782, w);
	gd_go_fn(removes_27782, w);
}

/*
 * The condition hangs in a global table, and no path broadcasts. Whoever may run might walk the
 * table, and a condition has no owner: known miss as long as the program goes on.
 */
HIDDEN_KERNEL(moby_29733)
struct plugin_29733 {
	gd_mutex m;
	gd_cond activated;
	bool active;
};
struct plugin_29733 *plugins_29733[4]; /* not static: a table that is never read is dropped */
struct waits_29733_args {
	struct plugin_29733 *p;
	gd_signal_chan done;
};
static void waits_29733(struct waits_29733_args *a)
{
	gd_mutex_lock(&a->p->m);
	while (!a->p->active)
		gd_cond_wait(&a->p->activated); /* leak: cond wait */
	gd_mutex_unlock(&a->p->m);
	gd_chan_close(a->done);
}
TEST(moby_29733)
{
	struct plugin_29733 *p = NEW(struct plugin_29733);
	gd_signal_chan done = gd_chan_make(gd_signal_chan, 0);

	plugins_29733[0] = p;
	gd_cond_init(&p->activated, &p->m);
	gd_go(waits_29733, .p = p, .done = done);
	if (repaired) {
		gd_mutex_lock(&p->m);
		p->active = true;
		gd_cond_broadcast(&p->activated);
		gd_mutex_unlock(&p->m);
	}
	gd_chan_recv(done, NULL); /* leak: chan receive */
}

/* The error path sets the error and forgets to broadcast. */
CALLER_KERNEL(moby_30408)
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
	while (!p->present && !p->failed)
		gd_cond_wait(&p->c); /* leak: cond wait; lost wake-up */
	gd_mutex_unlock(&p->m);
	gd_chan_close(p->done);
}
TEST(moby_30408)
{
	struct manifest_30408 *p = NEW(struct manifest_30408);

	gd_cond_init(&p->c, &p->m);
	p->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(waits_30408, p);
	settle();
	gd_mutex_lock(&p->m);
	p->failed = true;
	if (repaired)
		gd_cond_broadcast(&p->c);
	gd_mutex_unlock(&p->m);
	gd_chan_recv(p->done, NULL); /* leak: chan receive */
}

CONFORM_MAIN
