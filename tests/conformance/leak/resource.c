/*
 * resource.c - resource deadlocks of real projects: double locks and locks in different orders.
 *
 * Named after GoBench's kernels, with the order forced. Where the lock hangs in a global or a
 * goroutine that may run still knows it, only owners prove the leak.
 */
#include "tests/conformance/leak/leak_case.h"

/* The first helper breaks out of its loop without unlocking. */
LEAK(cockroach_584)
struct gossip_584 {
	gd_mutex m;
	bool closed;
};
static void bootstrap_584(struct gossip_584 *g)
{
	for (;;) {
		gd_mutex_lock(&g->m);
		if (g->closed)
			break;
		gd_mutex_unlock(&g->m);
	}
}
static void manage_584(struct gossip_584 *g)
{
	gd_mutex_lock(&g->m); /* leak: mutex lock; double lock */
	gd_mutex_unlock(&g->m);
}
static void both_584(void *arg)
{
	bootstrap_584(arg);
	manage_584(arg);
}
MAIN(leak_cockroach_584)
{
	struct gossip_584 *g = NEW(struct gossip_584);

	g->closed = true;
	gd_go_fn(both_584, g);
	settle();
}

/* The error path of a locked section calls an exit routine that locks. */
LEAK(cockroach_9935)
struct logger_9935 {
	gd_mutex m;
};
static void exit_9935(struct logger_9935 *l)
{
	gd_mutex_lock(&l->m); /* leak: mutex lock; double lock */
	gd_mutex_unlock(&l->m);
}
static void output_9935(void *arg)
{
	struct logger_9935 *l = arg;
	int error = 1;

	gd_mutex_lock(&l->m);
	if (error)
		exit_9935(l);
	gd_mutex_unlock(&l->m);
}
MAIN(leak_cockroach_9935)
{
	gd_go_fn(output_9935, NEW(struct logger_9935));
	settle();
}

/* Close lets go of the lock for a moment; a reader that comes then keeps its read lock. */
STUCK(etcd_5509)
struct client_5509 {
	gd_rwmutex m;
	bool closed;
	struct barrier reads;
};
static void acquire_5509(void *arg)
{
	struct client_5509 *c = arg;

	barrier_await_go(&c->reads, 1);
	gd_rwmutex_rlock(&c->m);
	if (!c->closed)
		gd_rwmutex_runlock(&c->m);
	barrier_post(&c->reads);
}
MAIN(stuck_etcd_5509)
{
	struct client_5509 *c = NEW(struct client_5509);

	gd_go_fn(acquire_5509, c);
	gd_rwmutex_lock(&c->m);
	c->closed = true;
	gd_rwmutex_unlock(&c->m);
	barrier_post(&c->reads);
	barrier_await_go(&c->reads, 2);
	gd_rwmutex_lock(&c->m); /* leak: rwmutex lock; held by 1 reader */
}

/* Renew calls back, with its lock held, what takes the same lock. */
STUCK(etcd_10492)
struct lessor_10492 {
	gd_mutex m;
	void (*checkpoint)(struct lessor_10492 *l);
};
static void checkpoint_10492(struct lessor_10492 *l)
{
	gd_mutex_lock(&l->m); /* leak: mutex lock */
	gd_mutex_unlock(&l->m);
}
MAIN(stuck_etcd_10492)
{
	struct lessor_10492 *l = NEW(struct lessor_10492);

	l->checkpoint = checkpoint_10492;
	gd_mutex_lock(&l->m);
	l->checkpoint(l);
	gd_mutex_unlock(&l->m);
}

/* A timer's callback returns early without unlocking; the cache and later callbacks stick. */
STUCK(grpc_3017)
struct cache_3017 {
	gd_mutex m;
	bool aborted;
	struct barrier fired;
	gd_signal_chan done;
};
static void expire_3017(void *arg)
{
	struct cache_3017 *c = arg;

	gd_mutex_lock(&c->m);
	barrier_post(&c->fired);
	if (c->aborted)
		return;
	gd_mutex_unlock(&c->m);
}
static void expire_later_3017(void *arg)
{
	struct cache_3017 *c = arg;

	barrier_await_go(&c->fired, 1);
	gd_mutex_lock(&c->m); /* leak: mutex lock; missing unlock */
	gd_mutex_unlock(&c->m);
}
static void operate_3017(void *arg)
{
	struct cache_3017 *c = arg;

	barrier_await_go(&c->fired, 1);
	gd_mutex_lock(&c->m); /* leak: mutex lock; missing unlock */
	gd_mutex_unlock(&c->m);
	gd_chan_close(c->done);
}
MAIN(stuck_grpc_3017)
{
	struct cache_3017 *c = NEW(struct cache_3017);

	c->aborted = true;
	c->done = gd_chan_make(gd_signal_chan, 0);
	gd_after_func(1, expire_3017, c);
	gd_after_func(2, expire_later_3017, c);
	gd_go_fn(operate_3017, c);
	gd_chan_recv(c->done, NULL); /* leak: chan receive */
}

/* A once hides the second lock: its function needs the content lock that is held. */
STUCK(hugo_5379)
struct page_5379 {
	gd_mutex content;
	gd_once init;
	gd_waitgroup rendered;
	struct barrier locked;
};
static void prepare_5379(void *arg)
{
	struct page_5379 *p = arg;

	gd_mutex_lock(&p->content); /* leak: mutex lock */
	gd_mutex_unlock(&p->content);
}
static void content_5379(void *arg)
{
	struct page_5379 *p = arg;

	gd_mutex_lock(&p->content);
	barrier_post(&p->locked);
	gd_once_do(&p->init, prepare_5379, p);
	gd_mutex_unlock(&p->content);
	gd_waitgroup_done(&p->rendered);
}
static void render_5379(void *arg)
{
	struct page_5379 *p = arg;

	settle_n(2);
	gd_once_do(&p->init, prepare_5379, p); /* leak: mutex lock */
	gd_waitgroup_done(&p->rendered);
}
MAIN(stuck_hugo_5379)
{
	struct page_5379 *p = NEW(struct page_5379);

	gd_waitgroup_add(&p->rendered, 2);
	gd_go_fn(content_5379, p);
	gd_go_fn(render_5379, p);
	gd_waitgroup_wait(&p->rendered); /* leak: waitgroup wait; counter 2 */
}

/* The loop goes on after an error without unlocking. */
LEAK(moby_7559)
struct proxy_7559 {
	gd_mutex m;
};
static bool dial_7559(void)
{
	return false;
}
static void run_7559(void *arg)
{
	struct proxy_7559 *p = arg;

	for (;;) {
		gd_mutex_lock(&p->m); /* leak: mutex lock; double lock */
		if (!dial_7559())
			continue;
		gd_mutex_unlock(&p->m);
	}
}
MAIN(leak_moby_7559)
{
	gd_go_fn(run_7559, NEW(struct proxy_7559));
	settle();
}

/* Clean-up returns early with the lock. */
LEAK(moby_17176)
struct devices_17176 {
	gd_mutex m;
	int deleted;
};
static void clean_up_17176(struct devices_17176 *d)
{
	gd_mutex_lock(&d->m);
	if (d->deleted == 0)
		return;
	gd_mutex_unlock(&d->m);
}
static void first_17176(void *arg)
{
	clean_up_17176(arg);
}
static void second_17176(void *arg)
{
	struct devices_17176 *d = arg;

	gd_mutex_lock(&d->m); /* leak: mutex lock; missing unlock */
	gd_mutex_unlock(&d->m);
}
MAIN(leak_moby_17176)
{
	struct devices_17176 *d = NEW(struct devices_17176);

	gd_go_fn(first_17176, d);
	until_alive(1);
	gd_go_fn(second_17176, d);
	settle();
}

/* The map is cleared under the write lock, and the notifier reads it. */
STUCK(syncthing_4829)
struct mapping_4829 {
	gd_rwmutex m;
};
static void notify_4829(struct mapping_4829 *p)
{
	gd_rwmutex_rlock(&p->m); /* leak: rwmutex rlock */
	gd_rwmutex_runlock(&p->m);
}
MAIN(stuck_syncthing_4829)
{
	struct mapping_4829 *p = NEW(struct mapping_4829);

	gd_rwmutex_lock(&p->m);
	notify_4829(p);
	gd_rwmutex_unlock(&p->m);
}

/*
 * A global lock that has served as one before is missed by its ended owner, or locked twice,
 * while others go on who know it.
 */
LEAK(used_global)
static gd_mutex used_mutex, forgotten_mutex;
static void works_on(void *unused)
{
	gd_sleep(3600 * GD_SECOND);
	gd_mutex_lock(&used_mutex);
	gd_mutex_lock(&forgotten_mutex);
}
static void locks_twice_used(void *unused)
{
	gd_mutex_lock(&used_mutex);
	gd_mutex_lock(&used_mutex); /* leak: mutex lock; double lock */
}
static void forgets(void *unused)
{
	gd_mutex_lock(&forgotten_mutex);
}
static void meets_forgotten(void *unused)
{
	gd_mutex_lock(&forgotten_mutex); /* leak: mutex lock; missing unlock */
}
MAIN(leak_used_global)
{
	for (int i = 0; i < 3; i++) {
		gd_mutex_lock(&used_mutex);
		gd_mutex_lock(&forgotten_mutex);
		gd_mutex_unlock(&forgotten_mutex);
		gd_mutex_unlock(&used_mutex);
	}
	gd_go_fn(forgets, NULL);
	until_alive(1);
	gd_go_fn(works_on, NULL);
	gd_go_fn(locks_twice_used, NULL);
	gd_go_fn(meets_forgotten, NULL);
	settle_n(2);
}

/* Two locks in two orders; a group waits for both. */
STUCK(cockroach_7504)
struct leases_7504 {
	gd_mutex cache, lease;
	gd_waitgroup group;
	struct barrier both;
};
static void acquire_7504(void *arg)
{
	struct leases_7504 *l = arg;

	gd_mutex_lock(&l->cache);
	barrier_wait_go(&l->both);
	gd_mutex_lock(&l->lease); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&l->lease);
	gd_mutex_unlock(&l->cache);
	gd_waitgroup_done(&l->group);
}
static void release_7504(void *arg)
{
	struct leases_7504 *l = arg;

	gd_mutex_lock(&l->lease);
	barrier_wait_go(&l->both);
	gd_mutex_lock(&l->cache); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&l->cache);
	gd_mutex_unlock(&l->lease);
	gd_waitgroup_done(&l->group);
}
MAIN(stuck_cockroach_7504)
{
	struct leases_7504 *l = NEW(struct leases_7504);

	l->both.parties = 2;
	gd_waitgroup_add(&l->group, 2);
	gd_go_fn(acquire_7504, l);
	gd_go_fn(release_7504, l);
	gd_waitgroup_wait(&l->group); /* leak: waitgroup wait */
}

/* A table of locks in a global: its lock and that of one entry, and fifty who pile up. */
LEAK(hugo_3251)
static struct {
	gd_rwmutex m;
	gd_mutex url;
	gd_waitgroup group;
	struct barrier unlocks;
} table_3251;
static void lock_url_3251(void)
{
	gd_rwmutex_lock(&table_3251.m); /* leak: 48 rwmutex lock */
	gd_mutex_lock(&table_3251.url); /* leak: mutex lock; locks taken in different orders */
	gd_rwmutex_unlock(&table_3251.m);
}
static void unlock_url_3251(void)
{
	barrier_await_go(&table_3251.unlocks, 1);
	gd_rwmutex_rlock(&table_3251.m); /* leak: rwmutex rlock; different orders */
	gd_mutex_unlock(&table_3251.url);
	gd_rwmutex_runlock(&table_3251.m);
}
static void fetch_3251(void *unused)
{
	lock_url_3251();
	unlock_url_3251();
	gd_waitgroup_done(&table_3251.group);
}
static void parent_3251(void *unused)
{
	gd_waitgroup_add(&table_3251.group, 50);
	for (int i = 0; i < 50; i++)
		gd_go_fn(fetch_3251, NULL);
	settle_n(49); /* one holds the url, one waits for it, the rest for the table */
	barrier_post(&table_3251.unlocks);
	/* The group hangs in a global and has no owner: known miss. */
	gd_waitgroup_wait(&table_3251.group);
}
MAIN(leak_hugo_3251)
{
	gd_go_fn(parent_3251, NULL);
	settle_n(51);
}

/* Two locks and callbacks: one's is given up by the other's. */
LEAK(kubernetes_13135)
struct cacher_13135 {
	gd_mutex cacher, watch_cache;
	struct barrier both;
	void (*on_event)(struct cacher_13135 *c);
};
static void on_event_13135(struct cacher_13135 *c)
{
	gd_mutex_lock(&c->cacher); /* leak: mutex lock */
	gd_mutex_unlock(&c->cacher);
}
static void add_event_13135(void *arg)
{
	struct cacher_13135 *c = arg;

	gd_mutex_lock(&c->watch_cache);
	barrier_wait_go(&c->both);
	c->on_event(c);
	gd_mutex_unlock(&c->watch_cache);
}
static void start_caching_13135(void *arg)
{
	struct cacher_13135 *c = arg;

	gd_mutex_lock(&c->cacher);
	barrier_wait_go(&c->both);
	gd_mutex_lock(&c->watch_cache); /* leak: mutex lock */
	gd_mutex_unlock(&c->cacher);
	gd_mutex_unlock(&c->watch_cache);
}
MAIN(leak_kubernetes_13135)
{
	struct cacher_13135 *c = NEW(struct cacher_13135);

	c->both.parties = 2;
	c->on_event = on_event_13135;
	gd_go_fn(add_event_13135, c);
	gd_go_fn(start_caching_13135, c);
	settle();
}

/* Informer and queue in two orders, and stop piles up behind. */
LEAK(kubernetes_30872)
struct informer_30872 {
	gd_mutex informer, queue;
	struct barrier both;
};
static void ready_30872(void *arg)
{
	struct informer_30872 *f = arg;

	gd_mutex_lock(&f->informer);
	barrier_wait_go(&f->both);
	gd_mutex_lock(&f->queue); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&f->queue);
	gd_mutex_unlock(&f->informer);
}
static void pop_30872(void *arg)
{
	struct informer_30872 *f = arg;

	gd_mutex_lock(&f->queue);
	barrier_wait_go(&f->both);
	gd_mutex_lock(&f->informer); /* leak: mutex lock; different orders */
	gd_mutex_unlock(&f->informer);
	gd_mutex_unlock(&f->queue);
}
static void stop_30872(void *arg)
{
	struct informer_30872 *f = arg;

	barrier_await_go(&f->both, 2);
	gd_mutex_lock(&f->informer); /* leak: mutex lock; stuck */
	gd_mutex_unlock(&f->informer);
}
MAIN(leak_kubernetes_30872)
{
	struct informer_30872 *f = NEW(struct informer_30872);

	f->both.parties = 2;
	gd_go_fn(ready_30872, f);
	gd_go_fn(pop_30872, f);
	gd_go_fn(stop_30872, f);
	settle();
}

/* Deletion lets go of the set's lock and takes it again while it holds the device's. */
LEAK(moby_4951)
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
	gd_mutex_lock(&s->set); /* leak: mutex lock */
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
MAIN(leak_moby_4951)
{
	struct set_4951 *s = NEW(struct set_4951);

	gd_go_fn(delete_4951, s);
	gd_go_fn(delete_again_4951, s);
	settle();
}

/* A read lock taken again deep in the call chain, and a writer came between. */
LEAK(cockroach_3710)
struct store_3710 {
	gd_rwmutex m;
	struct barrier step;
};
static void add_replica_3710(struct store_3710 *s)
{
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
	gd_rwmutex_lock(&s->m); /* leak: rwmutex lock; read lock held by: goroutine 2 */
	gd_rwmutex_unlock(&s->m);
}
MAIN(leak_cockroach_3710)
{
	struct store_3710 *s = NEW(struct store_3710);

	gd_go_fn(force_3710, s);
	gd_go_fn(process_3710, s);
	until_alive(3);
	settle_n(2);
}

/* The same where the lock is a global that main still serves. */
LEAK(cockroach_3710_in_global)
static struct store_3710 global_store;
static void force_global(void *unused)
{
	gd_rwmutex_rlock(&global_store.m);
	barrier_post(&global_store.step);
	settle_n(1);
	gd_rwmutex_rlock(&global_store.m); /* leak: rwmutex rlock; recursive read lock */
	gd_rwmutex_runlock(&global_store.m);
	gd_rwmutex_runlock(&global_store.m);
}
static void process_global(void *unused)
{
	barrier_await_go(&global_store.step, 1);
	gd_rwmutex_lock(&global_store.m); /* leak: rwmutex lock; read lock held by */
	gd_rwmutex_unlock(&global_store.m);
}
MAIN(leak_cockroach_3710_in_global)
{
	gd_go_fn(force_global, NULL);
	gd_go_fn(process_global, NULL);
	settle_n(2);
}

/* State is read with the read lock held, by a method that takes it too. */
LEAK(kubernetes_62464)
struct state_62464 {
	gd_rwmutex m;
	struct barrier step;
};
static bool default_set_62464(struct state_62464 *s)
{
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
MAIN(leak_kubernetes_62464)
{
	struct state_62464 *s = NEW(struct state_62464);

	gd_go_fn(reconcile_62464, s);
	gd_go_fn(remove_62464, s);
	settle_n(2);
}

CONFORM_MAIN
