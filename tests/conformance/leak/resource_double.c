/*
 * resource_double.c - resource deadlocks of real projects: double locks and missing unlocks.
 *
 * Named after GoBench's kernels, with the order forced. Where the lock hangs in a global or a
 * goroutine that may run still knows it, only owners prove the leak.
 */
#include "tests/conformance/leak/kernel.h"

/* The first helper breaks out of its loop without unlocking. */
KERNEL(cockroach_584)
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
	if (repaired)
		gd_mutex_unlock(&g->m);
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
TEST(cockroach_584)
{
	struct gossip_584 *g = NEW(struct gossip_584);

	g->closed = true;
	gd_go_fn(both_584, g);
}

/* The error path of a locked section calls an exit routine that locks. */
KERNEL(cockroach_9935)
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
	if (repaired)
		gd_mutex_unlock(&l->m);
	if (error)
		exit_9935(l);
	if (!repaired)
		gd_mutex_unlock(&l->m);
}
TEST(cockroach_9935)
{
	gd_go_fn(output_9935, NEW(struct logger_9935));
}

/* Close lets go of the lock for a moment; a reader that comes then keeps its read lock. */
CALLER_KERNEL(etcd_5509)
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
	if (!c->closed || repaired)
		gd_rwmutex_runlock(&c->m);
	barrier_post(&c->reads);
}
TEST(etcd_5509)
{
	struct client_5509 *c = NEW(struct client_5509);

	gd_go_fn(acquire_5509, c);
	gd_rwmutex_lock(&c->m);
	c->closed = true;
	gd_rwmutex_unlock(&c->m);
	barrier_post(&c->reads);
	barrier_await_go(&c->reads, 2);
	gd_rwmutex_lock(&c->m); /* leak: rwmutex lock; held by 1 reader */
	gd_rwmutex_unlock(&c->m);
}

/* Renew calls back, with its lock held, what takes the same lock. */
CALLER_KERNEL(etcd_10492)
struct lessor_10492 {
	gd_mutex m;
	void (*checkpoint)(struct lessor_10492 *l);
};
static void checkpoint_10492(struct lessor_10492 *l)
{
	gd_mutex_lock(&l->m); /* leak: mutex lock */
	gd_mutex_unlock(&l->m);
}
TEST(etcd_10492)
{
	struct lessor_10492 *l = NEW(struct lessor_10492);

	l->checkpoint = checkpoint_10492;
	gd_mutex_lock(&l->m);
	if (repaired)
		gd_mutex_unlock(&l->m);
	l->checkpoint(l);
	if (!repaired)
		gd_mutex_unlock(&l->m);
}

/* A timer's callback returns early without unlocking; the cache and later callbacks stick. */
CALLER_KERNEL(grpc_3017)
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
	if (c->aborted && !repaired)
		return;
	gd_mutex_unlock(&c->m);
}
static void expire_later_3017(void *arg)
{
	struct cache_3017 *c = arg;

	barrier_await_go(&c->fired, 1);
	barrier_post(&c->fired);
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
TEST(grpc_3017)
{
	struct cache_3017 *c = NEW(struct cache_3017);

	c->aborted = true;
	c->done = gd_chan_make(gd_signal_chan, 0);
	gd_after_func(1, expire_3017, c);
	gd_after_func(2, expire_later_3017, c);
	gd_go_fn(operate_3017, c);
	barrier_await_go(&c->fired, 2);
	gd_chan_recv(c->done, NULL); /* leak: chan receive */
}

/* A once hides the second lock: its function needs the content lock that is held. */
CALLER_KERNEL(hugo_5379)
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
	if (repaired)
		gd_mutex_unlock(&p->content);
	gd_once_do(&p->init, prepare_5379, p);
	if (!repaired)
		gd_mutex_unlock(&p->content);
	gd_waitgroup_done(&p->rendered);
}
static void render_5379(void *arg)
{
	struct page_5379 *p = arg;

	if (!repaired)
		settle_n(2);
	gd_once_do(&p->init, prepare_5379, p); /* leak: mutex lock */
	gd_waitgroup_done(&p->rendered);
}
TEST(hugo_5379)
{
	struct page_5379 *p = NEW(struct page_5379);

	gd_waitgroup_add(&p->rendered, 2);
	gd_go_fn(content_5379, p);
	gd_go_fn(render_5379, p);
	gd_waitgroup_wait(&p->rendered); /* leak: waitgroup wait; counter 2 */
}

/* The loop goes on after an error without unlocking. */
KERNEL(moby_7559)
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
		if (!dial_7559() && !repaired)
			continue;
		gd_mutex_unlock(&p->m);
		if (repaired)
			break;
	}
}
TEST(moby_7559)
{
	gd_go_fn(run_7559, NEW(struct proxy_7559));
}

/* Clean-up returns early with the lock. */
KERNEL(moby_17176)
struct devices_17176 {
	gd_mutex m;
	int deleted;
};
static void clean_up_17176(struct devices_17176 *d)
{
	gd_mutex_lock(&d->m);
	if (d->deleted == 0 && !repaired)
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
TEST(moby_17176)
{
	struct devices_17176 *d = NEW(struct devices_17176);

	gd_go_fn(first_17176, d);
	until_alive(1);
	gd_go_fn(second_17176, d);
}

/* The map is cleared under the write lock, and the notifier reads it. */
CALLER_KERNEL(syncthing_4829)
struct mapping_4829 {
	gd_rwmutex m;
};
static void notify_4829(struct mapping_4829 *p)
{
	gd_rwmutex_rlock(&p->m); /* leak: rwmutex rlock */
	gd_rwmutex_runlock(&p->m);
}
TEST(syncthing_4829)
{
	struct mapping_4829 *p = NEW(struct mapping_4829);

	gd_rwmutex_lock(&p->m);
	if (repaired)
		gd_rwmutex_unlock(&p->m);
	notify_4829(p);
	if (!repaired)
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

CONFORM_MAIN
