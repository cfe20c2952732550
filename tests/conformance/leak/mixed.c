/*
 * mixed.c - deadlocks of real projects between locks and channels, groups or conditions.
 *
 * Named after GoBench's kernels, with the order forced.
 */
#include "tests/conformance/leak/leak_case.h"

/* Stop holds the mutex while it waits for a worker that needs it. */
LEAK(etcd_6873)
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
	gd_chan_recv(w->done, NULL); /* leak: chan receive */
	gd_mutex_unlock(&w->m);
}
MAIN(leak_etcd_6873)
{
	struct watch_6873 *w = NEW(struct watch_6873);

	w->updates = gd_chan_make(int_chan, 0);
	w->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(coalesce_6873, w);
	gd_chan_send(w->updates, 1);
	gd_go_fn(stop_6873, w);
	settle();
}

/* The notifier's channel has one slot; its only reader needs the mutex its sender holds. */
STUCK(etcd_7443)
struct balancer_7443 {
	gd_mutex m;
	int_chan notify;
	gd_signal_chan closed;
	struct barrier full;
};
static void up_7443(void *arg)
{
	struct balancer_7443 *b = arg;

	gd_mutex_lock(&b->m);
	gd_chan_send(b->notify, 1);
	barrier_post(&b->full);
	gd_chan_send(b->notify, 2);
	gd_chan_send(b->notify, 3); /* leak: chan send; 1 buffered */
	gd_mutex_unlock(&b->m);
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

	settle_n(2);
	gd_mutex_lock(&b->m); /* leak: 3 mutex lock */
	gd_chan_close(b->closed);
	gd_mutex_unlock(&b->m);
}
MAIN(stuck_etcd_7443)
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
LEAK(etcd_7902)
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
	gd_chan_recv(r->next, NULL); /* leak: chan receive */
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
MAIN(leak_etcd_7902)
{
	struct round_7902 *r = NEW(struct round_7902);

	r->next = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(parent_7902, r);
	settle_n(4);
}

/*
 * The balancer sends with its mutex to a watcher that tears down and needs it. The third waits on
 * a channel in a global that others might close: known miss.
 */
LEAK(grpc_1353)
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
	gd_chan_send(b->addresses, 1); /* leak: chan send */
	gd_mutex_unlock(&b->m);
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
MAIN(leak_grpc_1353)
{
	struct balancer_1353 *b = NEW(struct balancer_1353);

	b->addresses = gd_chan_make(int_chan, 0);
	updated_1353 = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(update_1353, b);
	gd_go_fn(tear_down_1353, b);
	gd_go_fn(count_1353, NULL);
	settle();
}

/* Keep-alive waits, with the transport's mutex, for who needs that mutex to wake it. */
LEAK(grpc_1460)
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
	gd_chan_recv(t->awake, NULL); /* leak: chan receive */
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
MAIN(leak_grpc_1460)
{
	struct transport_1460 *t = NEW(struct transport_1460);

	t->awake = gd_chan_make(int_chan, 0);
	gd_go_fn(keep_alive_1460, t);
	gd_go_fn(new_stream_1460, t);
	settle();
}

/* The handler sends done with the mutex that main takes before it receives. */
STUCK(istio_16224)
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
MAIN(stuck_istio_16224)
{
	struct store_16224 *s = NEW(struct store_16224);

	s->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(handle_16224, s);
	barrier_await_go(&s->locked, 1);
	gd_mutex_lock(&s->m); /* leak: mutex lock */
	gd_chan_recv(s->done, NULL);
}

/* Its other end: main wins, and the monitor's branch for stop receives where nobody sends. */
LEAK(istio_16224_monitor)
struct monitor_16224 {
	gd_signal_chan stop, stopped;
};
static void monitor_16224(void *arg)
{
	struct monitor_16224 *m = arg;

	gd_chan_recv(m->stop, NULL);
	gd_chan_recv(m->stopped, NULL); /* leak: chan receive; forgotten cancel or close */
}
MAIN(leak_istio_16224_monitor)
{
	struct monitor_16224 *m = NEW(struct monitor_16224);

	m->stop = gd_chan_make(gd_signal_chan, 0);
	m->stopped = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(monitor_16224, m);
	gd_chan_close(m->stop);
	settle_n(1);
}

/* The distributor, with the lock and a global one, sends to a watcher nobody reads. */
LEAK(kubernetes_1321)
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
MAIN(leak_kubernetes_1321)
{
	struct mux_1321 *m = NEW(struct mux_1321);

	m->watcher = gd_chan_make(int_chan, 0);
	gd_go_fn(distribute_1321, m);
	gd_go_fn(stop_1321, m);
	gd_go_fn(lock_global_1321, m);
	settle();
}

/* The frame writer sends a reset with the write lock; the monitor closes it only with the lock. */
LEAK(kubernetes_6632)
struct connection_6632 {
	gd_mutex write_lock;
	int_chan reset;
	struct barrier writes;
};
static void write_6632(void *arg)
{
	struct connection_6632 *c = arg;

	gd_mutex_lock(&c->write_lock);
	barrier_post(&c->writes);
	gd_chan_send(c->reset, 0); /* leak: chan send */
	gd_mutex_unlock(&c->write_lock);
}
static void monitor_6632(void *arg)
{
	struct connection_6632 *c = arg;

	barrier_await_go(&c->writes, 1);
	gd_mutex_lock(&c->write_lock); /* leak: mutex lock */
	gd_chan_close(c->reset);
	gd_mutex_unlock(&c->write_lock);
}
MAIN(leak_kubernetes_6632)
{
	struct connection_6632 *c = NEW(struct connection_6632);

	c->reset = gd_chan_make(int_chan, 0);
	gd_go_fn(write_6632, c);
	gd_go_fn(monitor_6632, c);
	settle();
}

/* The second setter has the lock before the loop, which needs it between two receives. */
LEAK(kubernetes_10182)
struct statuses_10182 {
	gd_rwmutex m;
	int_chan changes;
	struct barrier step;
};
static void set_10182(void *arg)
{
	struct statuses_10182 *s = arg;

	barrier_await_go(&s->step, 1);
	gd_rwmutex_lock(&s->m);
	barrier_post(&s->step);
	gd_chan_send(s->changes, 2); /* leak: chan send */
	gd_rwmutex_unlock(&s->m);
}
static void sync_10182(void *arg)
{
	struct statuses_10182 *s = arg;

	gd_chan_range(s->changes, v)
	{
		barrier_post(&s->step);
		barrier_await_go(&s->step, 2);
		gd_rwmutex_rlock(&s->m); /* leak: rwmutex rlock; */
		gd_rwmutex_runlock(&s->m);
	}
}
MAIN(leak_kubernetes_10182)
{
	struct statuses_10182 *s = NEW(struct statuses_10182);

	s->changes = gd_chan_make(int_chan, 0);
	gd_go_fn(sync_10182, s);
	gd_go_fn(set_10182, s);
	gd_chan_send(s->changes, 1);
	settle();
}

/* The stop channel is closed only by a deferred call of the one who waits at the end. */
STUCK(kubernetes_26980)
struct listener_26980 {
	gd_mutex m;
	gd_signal_chan stop, added;
	struct barrier listens;
};
static void listen_26980(void *arg)
{
	struct listener_26980 *l = arg;

	gd_mutex_lock(&l->m);
	barrier_post(&l->listens);
	gd_select(GD_RECV(l->stop, NULL)); /* leak: select */
	gd_mutex_unlock(&l->m);
}
static void add_26980(void *arg)
{
	struct listener_26980 *l = arg;

	barrier_await_go(&l->listens, 1);
	gd_mutex_lock(&l->m); /* leak: mutex lock */
	gd_mutex_unlock(&l->m);
	gd_chan_close(l->added);
}
static void stop_26980(void *arg)
{
	gd_chan_close_raw(arg);
}
MAIN(stuck_kubernetes_26980)
{
	struct listener_26980 *l = NEW(struct listener_26980);

	l->stop = gd_chan_make(gd_signal_chan, 0);
	l->added = gd_chan_make(gd_signal_chan, 0);
	gd_defer(stop_26980, l->stop.raw);

	gd_go_fn(listen_26980, l);
	gd_go_fn(add_26980, l);
	gd_chan_recv(l->added, NULL); /* leak: chan receive */
}

/* The state change sends stop with the container's lock; the monitor's default branch wants it. */
LEAK(moby_28462)
struct container_28462 {
	gd_mutex m;
	gd_signal_chan stop;
	struct barrier step;
};
static void monitor_28462(void *arg)
{
	struct container_28462 *c = arg;

	while (gd_select(GD_RECV(c->stop, NULL), GD_DEFAULT) != 0) {
		barrier_post(&c->step);
		barrier_await_go(&c->step, 2);
		gd_mutex_lock(&c->m); /* leak: mutex lock */
		gd_mutex_unlock(&c->m);
	}
}
static void change_28462(void *arg)
{
	struct container_28462 *c = arg;

	barrier_await_go(&c->step, 1);
	gd_mutex_lock(&c->m);
	barrier_post(&c->step);
	gd_chan_send(c->stop, (gd_unit){}); /* leak: chan send */
	gd_mutex_unlock(&c->m);
}
MAIN(leak_moby_28462)
{
	struct container_28462 *c = NEW(struct container_28462);

	c->stop = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(monitor_28462, c);
	gd_go_fn(change_28462, c);
	settle();
}

/* One slot: the second request has it and waits for main's mutex, the first waits for the slot. */
STUCK(serving_2137)
struct breaker_2137 {
	int_chan active;
	gd_mutex m;
	gd_signal_chan first_done;
	struct barrier slot;
};
static void second_2137(void *arg)
{
	struct breaker_2137 *b = arg;

	gd_chan_send(b->active, 2);
	barrier_post(&b->slot);
	gd_mutex_lock(&b->m); /* leak: mutex lock */
	gd_mutex_unlock(&b->m);
	gd_chan_recv(b->active, NULL);
}
static void first_2137(void *arg)
{
	struct breaker_2137 *b = arg;

	barrier_await_go(&b->slot, 1);
	gd_chan_send(b->active, 1); /* leak: chan send */
	gd_chan_recv(b->active, NULL);
	gd_chan_close(b->first_done);
}
MAIN(stuck_serving_2137)
{
	struct breaker_2137 *b = NEW(struct breaker_2137);

	b->active = gd_chan_make(int_chan, 1);
	b->first_done = gd_chan_make(gd_signal_chan, 0);
	gd_mutex_lock(&b->m);
	gd_go_fn(second_2137, b);
	gd_go_fn(first_2137, b);
	gd_chan_recv(b->first_done, NULL); /* leak: chan receive */
	gd_mutex_unlock(&b->m);
}

/* Shutdown waits, with the mutex, for tasks that wait for a stop that comes after the wait. */
STUCK(cockroach_1055)
struct stopper_1055 {
	gd_mutex m;
	gd_waitgroup drain;
	gd_signal_chan stop;
	struct barrier registered;
};
static void work_1055(void *arg)
{
	struct stopper_1055 *s = arg;

	gd_waitgroup_add(&s->drain, 1);
	barrier_post(&s->registered);
	gd_chan_recv(s->stop, NULL); /* leak: 3 chan receive */
	gd_waitgroup_done(&s->drain);
}
static void shut_down_1055(struct stopper_1055 *s)
{
	gd_mutex_lock(&s->m);
	gd_waitgroup_wait(&s->drain); /* leak: waitgroup wait; counter 3 */
	gd_chan_close(s->stop);
	gd_mutex_unlock(&s->m);
}
static void late_1055(void *arg)
{
	struct stopper_1055 *s = arg;

	settle_n(4);
	gd_mutex_lock(&s->m); /* leak: mutex lock */
	gd_mutex_unlock(&s->m);
}
MAIN(stuck_cockroach_1055)
{
	struct stopper_1055 *s = NEW(struct stopper_1055);

	s->stop = gd_chan_make(gd_signal_chan, 0);
	for (int i = 0; i < 3; i++)
		gd_go_fn(work_1055, s);
	gd_go_fn(late_1055, s);
	barrier_await_go(&s->registered, 3);
	shut_down_1055(s);
}

/* The stop falls between the producer's look and its send; the stopper waits for it. */
STUCK(cockroach_1462)
struct stopper_1462 {
	gd_waitgroup workers;
	gd_signal_chan stop;
	int_chan values;
	struct barrier step;
};
static void produce_1462(void *arg)
{
	struct stopper_1462 *s = arg;

	for (int i = 0;; i++) {
		if (gd_select(GD_RECV(s->stop, NULL), GD_DEFAULT) == 0)
			break;
		barrier_post(&s->step);
		barrier_await_go(&s->step, 2);
		gd_chan_send(s->values, i); /* leak: chan send */
	}
	gd_waitgroup_done(&s->workers);
}
static void consume_1462(void *arg)
{
	struct stopper_1462 *s = arg;

	while (gd_select(GD_RECV(s->values, NULL), GD_RECV(s->stop, NULL)) == 0)
		;
	gd_waitgroup_done(&s->workers);
	barrier_post(&s->step);
}
MAIN(stuck_cockroach_1462)
{
	struct stopper_1462 *s = NEW(struct stopper_1462);

	s->stop = gd_chan_make(gd_signal_chan, 0);
	s->values = gd_chan_make(int_chan, 0);
	gd_waitgroup_add(&s->workers, 2);
	gd_go_fn(produce_1462, s);
	gd_go_fn(consume_1462, s);
	barrier_await_go(&s->step, 1);
	gd_chan_close(s->stop);
	gd_waitgroup_wait(&s->workers); /* leak: waitgroup wait; counter 1 */
}

/* The group is set for all, and waited for in the loop that starts them. */
LEAK(moby_25384)
static void done_25384(void *arg)
{
	gd_waitgroup_done(arg);
}
static void restore_25384(void *arg)
{
	gd_waitgroup *group = NEW(gd_waitgroup);

	gd_waitgroup_add(group, 3);
	for (int i = 0; i < 3; i++) {
		gd_go_fn(done_25384, group);
		gd_waitgroup_wait(group); /* leak: waitgroup wait; counter 2 */
	}
}
MAIN(leak_moby_25384)
{
	gd_go_fn(restore_25384, NULL);
	settle_n(1);
	until_alive(2);
	settle();
}

/* A condition whose lock is a read lock: the executor reads again, and a start queues to write. */
STUCK(cockroach_16167)
struct executor_16167 {
	gd_rwmutex m;
	gd_signal_chan done;
	struct barrier reads;
};
static void start_16167(void *arg)
{
	struct executor_16167 *e = arg;

	barrier_await_go(&e->reads, 1);
	gd_rwmutex_lock(&e->m); /* leak: rwmutex lock */
	gd_rwmutex_unlock(&e->m);
	gd_chan_close(e->done);
}
static void prepare_16167(struct executor_16167 *e)
{
	gd_rwmutex_rlock(&e->m); /* leak: rwmutex rlock; recursive read lock */
	gd_rwmutex_runlock(&e->m);
}
MAIN(stuck_cockroach_16167)
{
	struct executor_16167 *e = NEW(struct executor_16167);

	e->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(start_16167, e);
	gd_rwmutex_rlock(&e->m);
	barrier_post(&e->reads);
	settle_n(1);
	prepare_16167(e);
	gd_rwmutex_runlock(&e->m);
}

/* A read lock is held across the wait for a signal that does not come. */
LEAK(kubernetes_58107)
struct queues_58107 {
	gd_rwmutex m;
	gd_mutex queue;
	gd_cond ready;
	struct barrier step;
};
static void worker_58107(void *arg)
{
	struct queues_58107 *q = arg;

	gd_rwmutex_rlock(&q->m);
	gd_mutex_lock(&q->queue);
	barrier_post(&q->step);
	gd_cond_wait(&q->ready); /* leak: cond wait */
	gd_mutex_unlock(&q->queue);
	gd_rwmutex_runlock(&q->m);
}
static void sync_58107(void *arg)
{
	struct queues_58107 *q = arg;

	barrier_await_go(&q->step, 1);
	gd_rwmutex_lock(&q->m); /* leak: rwmutex lock; read lock held by: goroutine 2 */
	gd_rwmutex_unlock(&q->m);
}
static void other_worker_58107(void *arg)
{
	struct queues_58107 *q = arg;

	settle_n(2);
	gd_rwmutex_rlock(&q->m); /* leak: rwmutex rlock */
	gd_rwmutex_runlock(&q->m);
}
MAIN(leak_kubernetes_58107)
{
	struct queues_58107 *q = NEW(struct queues_58107);

	gd_cond_init(&q->ready, &q->queue);
	gd_go_fn(worker_58107, q);
	gd_go_fn(sync_58107, q);
	gd_go_fn(other_worker_58107, q);
	settle_n(3);
}

CONFORM_MAIN
