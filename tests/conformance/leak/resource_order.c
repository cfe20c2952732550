/*
 * resource_order.c - resource deadlocks of real projects: locks in different orders, and read locks
 * taken twice.
 *
 * Named after GoBench's kernels, with the order forced. Where the lock hangs in a global or a
 * goroutine that may run still knows it, only owners prove the leak.
 */
#include "tests/conformance/leak/kernel.h"

/* Both have their first lock; what is repaired never gets that far together. */
static void meet(struct barrier *both)
{
	if (!repaired)
		barrier_wait_go(both);
}

/* Two locks in two orders; a group waits for both. */
CALLER_KERNEL(cockroach_7504)
struct leases_7504 {
	gd_mutex cache, lease;
	gd_waitgroup group;
	struct barrier both;
};
static void acquire_7504(void *arg)
{
	struct leases_7504 *l = arg;

	gd_mutex_lock(&l->cache);
	meet(&l->both);
	gd_mutex_lock(&l->lease); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&l->lease);
	gd_mutex_unlock(&l->cache);
	gd_waitgroup_done(&l->group);
}
static void release_7504(void *arg)
{
	struct leases_7504 *l = arg;
	gd_mutex *first = repaired ? &l->cache : &l->lease;
	gd_mutex *second = repaired ? &l->lease : &l->cache;

	gd_mutex_lock(first);
	meet(&l->both);
	gd_mutex_lock(second); /* leak: mutex lock; different orders */
	gd_mutex_unlock(second);
	gd_mutex_unlock(first);
	gd_waitgroup_done(&l->group);
}
TEST(cockroach_7504)
{
	struct leases_7504 *l = NEW(struct leases_7504);

	l->both.parties = 2;
	gd_waitgroup_add(&l->group, 2);
	gd_go_fn(acquire_7504, l);
	gd_go_fn(release_7504, l);
	gd_waitgroup_wait(&l->group); /* leak: waitgroup wait */
}

/* A table of locks in a global: its lock and that of one entry, and fifty who pile up. */
CALLER_KERNEL(hugo_3251)
static struct table_3251 {
	gd_rwmutex m;
	gd_mutex *url[4];
	struct barrier unlocks;
} * table_3251;
static void lock_url_3251(void)
{
	gd_rwmutex_lock(&table_3251->m); /* leak: 48 rwmutex lock */
	if (!table_3251->url[0])
		table_3251->url[0] = NEW(gd_mutex);
	if (repaired)
		gd_rwmutex_unlock(&table_3251->m);
	gd_mutex_lock(table_3251->url[0]); /* leak: mutex lock; locks taken in different orders */
	if (!repaired)
		gd_rwmutex_unlock(&table_3251->m);
}
static void unlock_url_3251(void)
{
	if (!repaired)
		barrier_await_go(&table_3251->unlocks, 1);
	gd_rwmutex_rlock(&table_3251->m); /* leak: rwmutex rlock; different orders */
	gd_mutex_unlock(table_3251->url[0]);
	gd_rwmutex_runlock(&table_3251->m);
}
static void fetch_3251(void *arg)
{
	lock_url_3251();
	unlock_url_3251();
	gd_waitgroup_done(arg);
}
TEST(hugo_3251)
{
	gd_waitgroup group = { 0 };

	table_3251 = NEW(struct table_3251);
	gd_waitgroup_add(&group, 50);
	for (int i = 0; i < 50; i++)
		gd_go_fn(fetch_3251, &group);
	if (!repaired)
		settle_n(49); /* one holds the url, one waits for it, the rest for the table */
	barrier_post(&table_3251->unlocks);
	gd_waitgroup_wait(&group); /* leak: waitgroup wait; counter 50 */
}

/* Two locks and callbacks: one's is given up by the other's. */
KERNEL(kubernetes_13135)
struct cacher_13135 {
	gd_mutex cacher, watch_cache;
	struct barrier both;
	void (*on_event)(struct cacher_13135 *c);
	void (*on_replace)(struct cacher_13135 *c);
};
static void on_event_13135(struct cacher_13135 *c)
{
	gd_mutex_lock(&c->cacher); /* leak: mutex lock */
	gd_mutex_unlock(&c->cacher);
}
static void on_replace_13135(struct cacher_13135 *c)
{
	gd_mutex_unlock(&c->cacher);
}
static void add_event_13135(void *arg)
{
	struct cacher_13135 *c = arg;

	gd_mutex_lock(&c->watch_cache);
	meet(&c->both);
	c->on_event(c);
	gd_mutex_unlock(&c->watch_cache);
}
static void start_caching_13135(void *arg)
{
	struct cacher_13135 *c = arg;

	gd_mutex_lock(&c->cacher);
	meet(&c->both);
	if (repaired)
		c->on_replace(c);
	gd_mutex_lock(&c->watch_cache); /* leak: mutex lock */
	if (!repaired)
		c->on_replace(c);
	gd_mutex_unlock(&c->watch_cache);
}
TEST(kubernetes_13135)
{
	struct cacher_13135 *c = NEW(struct cacher_13135);

	c->both.parties = 2;
	c->on_event = on_event_13135;
	c->on_replace = on_replace_13135;
	gd_go_fn(add_event_13135, c);
	gd_go_fn(start_caching_13135, c);
}

/* Informer and queue in two orders, and stop piles up behind. */
KERNEL(kubernetes_30872)
struct informer_30872 {
	gd_mutex informer, queue;
	struct barrier both;
};
static void ready_30872(void *arg)
{
	struct informer_30872 *f = arg;

	gd_mutex_lock(&f->informer);
	meet(&f->both);
	if (repaired)
		gd_mutex_unlock(&f->informer);
	gd_mutex_lock(&f->queue); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&f->queue);
	if (!repaired)
		gd_mutex_unlock(&f->informer);
}
static void pop_30872(void *arg)
{
	struct informer_30872 *f = arg;

	gd_mutex_lock(&f->queue);
	meet(&f->both);
	gd_mutex_lock(&f->informer); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&f->informer);
	gd_mutex_unlock(&f->queue);
}
static void stop_30872(void *arg)
{
	struct informer_30872 *f = arg;

	if (!repaired)
		barrier_await_go(&f->both, 2);
	gd_mutex_lock(&f->informer); /* leak: mutex lock; stuck */
	gd_mutex_unlock(&f->informer);
}
TEST(kubernetes_30872)
{
	struct informer_30872 *f = NEW(struct informer_30872);

	f->both.parties = 2;
	gd_go_fn(ready_30872, f);
	gd_go_fn(pop_30872, f);
	gd_go_fn(stop_30872, f);
}

/* Deletion lets go of the set's lock and takes it again while it holds the device's. */
KERNEL(moby_4951)
struct set_4951 {
	gd_mutex set, device;
	struct barrier step;
};
static void delete_4951(void *arg)
{
	struct set_4951 *s = arg;

	gd_mutex_lock(&s->set);
	gd_mutex_lock(&s->device);
	gd_mutex_unlock(&s->set);
	barrier_post(&s->step);
	barrier_await_go(&s->step, 2);
	if (repaired)
		gd_mutex_unlock(&s->device);
	gd_mutex_lock(&s->set); /* leak: mutex lock */
	if (!repaired)
		gd_mutex_unlock(&s->device);
	gd_mutex_unlock(&s->set);
}
static void delete_again_4951(void *arg)
{
	struct set_4951 *s = arg;

	barrier_await_go(&s->step, 1);
	gd_mutex_lock(&s->set);
	barrier_post(&s->step);
	gd_mutex_lock(&s->device); /* leak: mutex lock */
	gd_mutex_unlock(&s->device);
	gd_mutex_unlock(&s->set);
}
TEST(moby_4951)
{
	struct set_4951 *s = NEW(struct set_4951);

	gd_go_fn(delete_4951, s);
	gd_go_fn(delete_again_4951, s);
}

/* A read lock taken again deep in the call chain, and a writer came between. */
KERNEL(cockroach_3710)
struct store_3710 {
	gd_rwmutex m;
	struct barrier step;
};
static void add_replica_3710(struct store_3710 *s)
{
	if (repaired)
		return;
	gd_rwmutex_rlock(&s->m); /* leak: rwmutex rlock; recursive read lock */
	gd_rwmutex_runlock(&s->m);
}
static void force_3710(void *arg)
{
	struct store_3710 *s = arg;

	gd_rwmutex_rlock(&s->m);
	barrier_post(&s->step);
	settle_n(1);
	add_replica_3710(s);
	gd_rwmutex_runlock(&s->m);
}
static void process_3710(void *arg)
{
	struct store_3710 *s = arg;

	barrier_await_go(&s->step, 1);
	gd_rwmutex_lock(&s->m); /* leak: rwmutex lock; read lock held by: goroutine [0-9]+ */
	gd_rwmutex_unlock(&s->m);
}
TEST(cockroach_3710)
{
	struct store_3710 *s = NEW(struct store_3710);

	gd_go_fn(force_3710, s);
	gd_go_fn(process_3710, s);
}

/* The same where the lock is a global that main still serves. */
KERNEL(cockroach_3710_in_global)
static struct store_3710 global_store;
static void force_global(void *unused)
{
	gd_rwmutex_rlock(&global_store.m);
	barrier_post(&global_store.step);
	settle_n(1);
	if (!repaired) {
		gd_rwmutex_rlock(&global_store.m); /* leak: rwmutex rlock; recursive read lock */
		gd_rwmutex_runlock(&global_store.m);
	}
	gd_rwmutex_runlock(&global_store.m);
}
static void process_global(void *unused)
{
	barrier_await_go(&global_store.step, 1);
	gd_rwmutex_lock(&global_store.m); /* leak: rwmutex lock; read lock held by */
	gd_rwmutex_unlock(&global_store.m);
}
TEST(cockroach_3710_in_global)
{
	gd_go_fn(force_global, NULL);
	gd_go_fn(process_global, NULL);
}

/* State is read with the read lock held, by a method that takes it too. */
KERNEL(kubernetes_62464)
struct state_62464 {
	gd_rwmutex m;
	struct barrier step;
};
static bool default_set_62464(struct state_62464 *s)
{
	if (repaired)
		return true;
	gd_rwmutex_rlock(&s->m); /* leak: rwmutex rlock; recursive read lock */
	gd_rwmutex_runlock(&s->m);
	return true;
}
static bool set_or_default_62464(struct state_62464 *s)
{
	gd_rwmutex_rlock(&s->m);
	barrier_post(&s->step);
	settle_n(1);

	bool b = default_set_62464(s);

	gd_rwmutex_runlock(&s->m);
	return b;
}
static void reconcile_62464(void *arg)
{
	set_or_default_62464(arg);
}
static void remove_62464(void *arg)
{
	struct state_62464 *s = arg;

	barrier_await_go(&s->step, 1);
	gd_rwmutex_lock(&s->m); /* leak: rwmutex lock */
	gd_rwmutex_unlock(&s->m);
}
TEST(kubernetes_62464)
{
	struct state_62464 *s = NEW(struct state_62464);

	gd_go_fn(reconcile_62464, s);
	gd_go_fn(remove_62464, s);
}

/* A condition whose lock is a read lock: the executor reads again, and a start queues to write. */
CALLER_KERNEL(cockroach_16167)
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
	if (repaired)
		return;
	gd_rwmutex_rlock(&e->m); /* leak: rwmutex rlock; recursive read lock */
	gd_rwmutex_runlock(&e->m);
}
TEST(cockroach_16167)
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
KERNEL(kubernetes_58107)
struct queues_58107 {
	gd_rwmutex m;
	gd_mutex queue;
	gd_cond ready;
	bool synced;
	struct barrier step;
};
static void worker_58107(void *arg)
{
	struct queues_58107 *q = arg;

	gd_rwmutex_rlock(&q->m);
	gd_mutex_lock(&q->queue);
	barrier_post(&q->step);
	if (repaired)
		gd_rwmutex_runlock(&q->m);
	while (!q->synced)
		gd_cond_wait(&q->ready); /* leak: cond wait */
	gd_mutex_unlock(&q->queue);
	if (!repaired)
		gd_rwmutex_runlock(&q->m);
}
static void sync_58107(void *arg)
{
	struct queues_58107 *q = arg;

	barrier_await_go(&q->step, 1);
	gd_rwmutex_lock(&q->m); /* leak: rwmutex lock; read lock held by: goroutine [0-9]+ */
	gd_mutex_lock(&q->queue);
	q->synced = true;
	gd_cond_broadcast(&q->ready);
	gd_mutex_unlock(&q->queue);
	gd_rwmutex_unlock(&q->m);
}
static void other_worker_58107(void *arg)
{
	struct queues_58107 *q = arg;

	if (!repaired)
		settle_n(2);
	gd_rwmutex_rlock(&q->m); /* leak: rwmutex rlock */
	gd_rwmutex_runlock(&q->m);
}
TEST(kubernetes_58107)
{
	struct queues_58107 *q = NEW(struct queues_58107);

	gd_cond_init(&q->ready, &q->queue);
	gd_go_fn(worker_58107, q);
	gd_go_fn(sync_58107, q);
	gd_go_fn(other_worker_58107, q);
}

CONFORM_MAIN
