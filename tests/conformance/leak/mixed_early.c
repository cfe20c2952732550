/*
 * mixed_early.c - deadlocks between locks and channels: etcd, grpc, istio, kubernetes 1321.
 *
 * Named after GoBench's kernels, with the order forced.
 */
#include "tests/conformance/leak/kernel.h"

/* Stop holds the mutex while it waits for a worker that needs it. */
KERNEL(etcd_6873)
struct watch_6873 {
	gd_mutex m;
	int_chan updates;
	gd_signal_chan done;
	struct barrier stopping;
};
static void coalesce_6873(void *arg)
{
	struct watch_6873 *w = arg;

	gd_chan_range(w->updates, v)
	{
		barrier_await_go(&w->stopping, (uint32_t)v);
		gd_mutex_lock(&w->m); /* leak: mutex lock */
		gd_mutex_unlock(&w->m);
	}
	gd_chan_close(w->done);
}
static void stop_6873(void *arg)
{
	struct watch_6873 *w = arg;

	gd_mutex_lock(&w->m);
	barrier_post(&w->stopping);
	gd_chan_close(w->updates);
	if (repaired)
		gd_mutex_unlock(&w->m);
	gd_chan_recv(w->done, NULL); /* leak: chan receive */
	if (!repaired)
		gd_mutex_unlock(&w->m);
}
TEST(etcd_6873)
{
	struct watch_6873 *w = NEW(struct watch_6873);

	w->updates = gd_chan_make(int_chan, 0);
	w->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(coalesce_6873, w);
	gd_chan_send(w->updates, 1);
	gd_go_fn(stop_6873, w);
}

/* The notifier's channel has one slot; its only reader needs the mutex its sender holds. */
CALLER_KERNEL(etcd_7443)
struct balancer_7443 {
	gd_mutex m;
	int_chan notify;
	gd_signal_chan closed;
	bool down;
	struct barrier full, sent;
};
static void up_7443(void *arg)
{
	struct balancer_7443 *b = arg;

	gd_mutex_lock(&b->m);
	barrier_post(&b->full);
	if (repaired)
		gd_mutex_unlock(&b->m);
	gd_chan_send(b->notify, 1);
	gd_chan_send(b->notify, 2);
	gd_chan_send(b->notify, 3); /* leak: chan send; 1 buffered */
	if (!repaired)
		gd_mutex_unlock(&b->m);
	barrier_post(&b->sent);
}
static void watch_7443(void *arg)
{
	struct balancer_7443 *b = arg;

	barrier_await_go(&b->full, 1);
	gd_chan_range(b->notify, v)
	{
		gd_mutex_lock(&b->m); /* leak: mutex lock */
		gd_mutex_unlock(&b->m);
	}
}
static void close_7443(void *arg)
{
	struct balancer_7443 *b = arg;

	barrier_await_go(&b->full, 1);
	if (repaired)
		barrier_await_go(&b->sent, 1); /* a send on a closed channel is another mistake */
	gd_mutex_lock(&b->m);                  /* leak: 3 mutex lock */
	if (!b->down) {
		gd_chan_close(b->closed);
		gd_chan_close(b->notify);
	}
	b->down = true;
	gd_mutex_unlock(&b->m);
}
TEST(etcd_7443)
{
	struct balancer_7443 *b = NEW(struct balancer_7443);

	b->notify = gd_chan_make(int_chan, 1);
	b->closed = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(up_7443, b);
	gd_go_fn(watch_7443, b);
	for (int i = 0; i < 3; i++)
		gd_go_fn(close_7443, b);
	gd_chan_recv(b->closed, NULL); /* leak: chan receive */
}

/* A follower waits for the next round with the mutex that the leader needs to begin it. */
KERNEL(etcd_7902)
struct round_7902 {
	gd_mutex m;
	gd_signal_chan next;
	gd_waitgroup group;
	struct barrier follows;
};
static void follow_7902(void *arg)
{
	struct round_7902 *r = arg;

	gd_mutex_lock(&r->m); /* leak: mutex lock */
	barrier_post(&r->follows);
	if (repaired)
		gd_mutex_unlock(&r->m);
	gd_chan_recv(r->next, NULL); /* leak: chan receive */
	if (!repaired)
		gd_mutex_unlock(&r->m);
	gd_waitgroup_done(&r->group);
}
static void lead_7902(void *arg)
{
	struct round_7902 *r = arg;

	barrier_await_go(&r->follows, 1);
	gd_mutex_lock(&r->m); /* leak: mutex lock */
	gd_chan_close(r->next);
	gd_mutex_unlock(&r->m);
	gd_waitgroup_done(&r->group);
}
static void parent_7902(void *arg)
{
	struct round_7902 *r = arg;

	gd_waitgroup_add(&r->group, 3);
	gd_go_fn(follow_7902, r);
	gd_go_fn(follow_7902, r);
	gd_go_fn(lead_7902, r);
	gd_waitgroup_wait(&r->group); /* leak: waitgroup wait; counter 3 */
}
TEST(etcd_7902)
{
	struct round_7902 *r = NEW(struct round_7902);

	r->next = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(parent_7902, r);
}

/*
 * The balancer sends with its mutex to a watcher that tears down and needs it. The third waits on
 * a channel in a global that others might close: known miss.
 */
KERNEL(grpc_1353)
static gd_signal_chan updated_1353;
struct balancer_1353 {
	gd_mutex m;
	int_chan addresses;
	struct barrier down;
};
static void update_1353(void *arg)
{
	struct balancer_1353 *b = arg;

	gd_mutex_lock(&b->m);
	barrier_post(&b->down);
	if (repaired)
		gd_mutex_unlock(&b->m);
	gd_chan_send(b->addresses, 1); /* leak: chan send */
	if (!repaired)
		gd_mutex_unlock(&b->m);
	gd_chan_close(updated_1353);
}
static void tear_down_1353(void *arg)
{
	struct balancer_1353 *b = arg;

	barrier_await_go(&b->down, 1);
	gd_mutex_lock(&b->m); /* leak: mutex lock; stuck */
	gd_mutex_unlock(&b->m);
	gd_chan_recv(b->addresses, NULL);
}
static void count_1353(void *unused)
{
	gd_chan_recv(updated_1353, NULL);
}
TEST(grpc_1353)
{
	struct balancer_1353 *b = NEW(struct balancer_1353);

	b->addresses = gd_chan_make(int_chan, 0);
	updated_1353 = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(update_1353, b);
	gd_go_fn(tear_down_1353, b);
	gd_go_fn(count_1353, NULL);
}

/* Keep-alive waits, with the transport's mutex, for who needs that mutex to wake it. */
KERNEL(grpc_1460)
struct transport_1460 {
	gd_mutex m;
	int_chan awake;
	struct barrier sleeps;
};
static void keep_alive_1460(void *arg)
{
	struct transport_1460 *t = arg;

	gd_mutex_lock(&t->m);
	barrier_post(&t->sleeps);
	if (repaired)
		gd_mutex_unlock(&t->m);
	gd_chan_recv(t->awake, NULL); /* leak: chan receive */
	if (!repaired)
		gd_mutex_unlock(&t->m);
}
static void new_stream_1460(void *arg)
{
	struct transport_1460 *t = arg;

	barrier_await_go(&t->sleeps, 1);
	gd_mutex_lock(&t->m); /* leak: mutex lock */
	gd_chan_send(t->awake, 1);
	gd_mutex_unlock(&t->m);
}
TEST(grpc_1460)
{
	struct transport_1460 *t = NEW(struct transport_1460);

	t->awake = gd_chan_make(int_chan, 0);
	gd_go_fn(keep_alive_1460, t);
	gd_go_fn(new_stream_1460, t);
}

/* The handler sends done with the mutex that the test takes before it receives. */
CALLER_KERNEL(istio_16224)
struct store_16224 {
	gd_mutex m;
	gd_signal_chan done;
	struct barrier locked;
};
static void handle_16224(void *arg)
{
	struct store_16224 *s = arg;

	gd_mutex_lock(&s->m);
	barrier_post(&s->locked);
	gd_chan_send(s->done, (gd_unit){}); /* leak: chan send */
	gd_mutex_unlock(&s->m);
}
TEST(istio_16224)
{
	struct store_16224 *s = NEW(struct store_16224);

	s->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(handle_16224, s);
	barrier_await_go(&s->locked, 1);
	if (repaired)
		gd_chan_recv(s->done, NULL);
	gd_mutex_lock(&s->m); /* leak: mutex lock */
	if (!repaired)
		gd_chan_recv(s->done, NULL);
	gd_mutex_unlock(&s->m);
}

/* Its other end: the test wins, and the monitor's branch for stop receives where nobody sends. */
KERNEL(istio_16224_monitor)
struct monitor_16224 {
	gd_signal_chan stop, stopped;
};
static void monitor_16224(void *arg)
{
	struct monitor_16224 *m = arg;

	gd_chan_recv(m->stop, NULL);
	if (!repaired)
		gd_chan_recv(m->stopped, NULL); /* leak: chan receive; forgotten cancel or close */
}
TEST(istio_16224_monitor)
{
	struct monitor_16224 *m = NEW(struct monitor_16224);

	m->stop = gd_chan_make(gd_signal_chan, 0);
	m->stopped = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(monitor_16224, m);
	gd_chan_close(m->stop);
}

/* The distributor, with the lock and a global one, sends to a watcher nobody reads. */
KERNEL(kubernetes_1321)
static gd_mutex global_1321;
struct mux_1321 {
	gd_mutex m;
	int_chan watcher;
	struct barrier sends;
};
static void distribute_1321(void *arg)
{
	struct mux_1321 *m = arg;

	gd_mutex_lock(&global_1321);
	gd_mutex_lock(&m->m);
	barrier_post(&m->sends);
	if (!repaired)                       /* else: to nobody who does not read */
		gd_chan_send(m->watcher, 1); /* leak: chan send */
	gd_mutex_unlock(&m->m);
	gd_mutex_unlock(&global_1321);
}
static void stop_1321(void *arg)
{
	struct mux_1321 *m = arg;

	barrier_await_go(&m->sends, 1);
	gd_mutex_lock(&m->m); /* leak: mutex lock */
	gd_chan_close(m->watcher);
	gd_mutex_unlock(&m->m);
}
/* Reachable from a global, but its owner is stuck for ever. */
static void lock_global_1321(void *arg)
{
	struct mux_1321 *m = arg;

	barrier_await_go(&m->sends, 1);
	gd_mutex_lock(&global_1321); /* leak: mutex lock; stuck behind another: .* held up by */
	gd_mutex_unlock(&global_1321);
}
TEST(kubernetes_1321)
{
	struct mux_1321 *m = NEW(struct mux_1321);

	m->watcher = gd_chan_make(int_chan, 0);
	gd_go_fn(distribute_1321, m);
	gd_go_fn(stop_1321, m);
	gd_go_fn(lock_global_1321, m);
}

CONFORM_MAIN
