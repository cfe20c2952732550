/*
 * mixed_late.c - deadlocks of real projects between locks and channels or groups.
 *
 * Named after GoBench's kernels, with the order forced.
 */
#include "tests/conformance/leak/kernel.h"

/* The frame writer sends a reset with the write lock; the monitor closes it only with the lock. */
KERNEL(kubernetes_6632)
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
	if (repaired)
		gd_chan_recv(c->reset, NULL);
	gd_mutex_lock(&c->write_lock); /* leak: mutex lock */
	gd_chan_close(c->reset);
	gd_mutex_unlock(&c->write_lock);
}
TEST(kubernetes_6632)
{
	struct connection_6632 *c = NEW(struct connection_6632);

	c->reset = gd_chan_make(int_chan, 0);
	gd_go_fn(write_6632, c);
	gd_go_fn(monitor_6632, c);
}

/* The second setter has the lock before the loop, which needs it between two receives. */
KERNEL(kubernetes_10182)
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
	if (repaired)
		gd_rwmutex_unlock(&s->m);
	gd_chan_send(s->changes, 2); /* leak: chan send */
	if (!repaired)
		gd_rwmutex_unlock(&s->m);
	gd_chan_close(s->changes);
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
TEST(kubernetes_10182)
{
	struct statuses_10182 *s = NEW(struct statuses_10182);

	s->changes = gd_chan_make(int_chan, 0);
	gd_go_fn(sync_10182, s);
	gd_go_fn(set_10182, s);
	gd_chan_send(s->changes, 1);
}

/* The stop channel is closed only by a deferred call of the one who waits at the end. */
CALLER_KERNEL(kubernetes_26980)
struct listener_26980 {
	gd_mutex m;
	gd_signal_chan stop, added;
	bool stopped;
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
	struct listener_26980 *l = arg;

	if (!l->stopped)
		gd_chan_close(l->stop);
	l->stopped = true;
}
TEST(kubernetes_26980)
{
	struct listener_26980 *l = NEW(struct listener_26980);
	gd_defer(stop_26980, l);

	l->stop = gd_chan_make(gd_signal_chan, 0);
	l->added = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(listen_26980, l);
	gd_go_fn(add_26980, l);
	if (repaired)
		stop_26980(l);
	gd_chan_recv(l->added, NULL); /* leak: chan receive */
}

/* The state change sends stop with the container's lock; the monitor's default branch wants it. */
KERNEL(moby_28462)
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
		gd_yield();
	}
}
static void change_28462(void *arg)
{
	struct container_28462 *c = arg;

	barrier_await_go(&c->step, 1);
	gd_mutex_lock(&c->m);
	barrier_post(&c->step);
	if (repaired)
		gd_mutex_unlock(&c->m);
	gd_chan_send(c->stop, (gd_unit){}); /* leak: chan send */
	if (!repaired)
		gd_mutex_unlock(&c->m);
}
TEST(moby_28462)
{
	struct container_28462 *c = NEW(struct container_28462);

	c->stop = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(monitor_28462, c);
	gd_go_fn(change_28462, c);
}

/* One slot: the second request has it and waits for the test's mutex, the first for the slot. */
CALLER_KERNEL(serving_2137)
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
TEST(serving_2137)
{
	struct breaker_2137 *b = NEW(struct breaker_2137);

	b->active = gd_chan_make(int_chan, 1);
	b->first_done = gd_chan_make(gd_signal_chan, 0);
	gd_mutex_lock(&b->m);
	gd_go_fn(second_2137, b);
	gd_go_fn(first_2137, b);
	if (repaired)
		gd_mutex_unlock(&b->m);
	gd_chan_recv(b->first_done, NULL); /* leak: chan receive */
	if (!repaired)
		gd_mutex_unlock(&b->m);
}

/* Shutdown waits, with the mutex, for tasks that wait for a stop that comes after the wait. */
CALLER_KERNEL(cockroach_1055)
struct stopper_1055 {
	gd_mutex m;
	gd_waitgroup drain;
	gd_signal_chan stop, done;
	struct barrier registered, shutting;
};
static void work_1055(void *arg)
{
	struct stopper_1055 *s = arg;

	gd_waitgroup_add(&s->drain, 1);
	barrier_post(&s->registered);
	gd_chan_recv(s->stop, NULL); /* leak: 3 chan receive */
	gd_waitgroup_done(&s->drain);
}
static void shut_down_1055(void *arg)
{
	struct stopper_1055 *s = arg;

	barrier_await_go(&s->registered, 3);
	gd_mutex_lock(&s->m);
	barrier_post(&s->shutting);
	if (repaired)
		gd_chan_close(s->stop);
	gd_waitgroup_wait(&s->drain); /* leak: waitgroup wait; counter 3 */
	if (!repaired)
		gd_chan_close(s->stop);
	gd_mutex_unlock(&s->m);
	gd_chan_close(s->done);
}
static void late_1055(void *arg)
{
	struct stopper_1055 *s = arg;

	barrier_await_go(&s->shutting, 1);
	gd_mutex_lock(&s->m); /* leak: mutex lock */
	gd_mutex_unlock(&s->m);
}
TEST(cockroach_1055)
{
	struct stopper_1055 *s = NEW(struct stopper_1055);

	s->stop = gd_chan_make(gd_signal_chan, 0);
	s->done = gd_chan_make(gd_signal_chan, 0);
	for (int i = 0; i < 3; i++)
		gd_go_fn(work_1055, s);
	gd_go_fn(late_1055, s);
	gd_go_fn(shut_down_1055, s);
	gd_chan_recv(s->done, NULL); /* leak: chan receive; forgotten cancel or close */
}

/* The stop falls between the producer's look and its send; the stopper waits for it. */
CALLER_KERNEL(cockroach_1462)
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
		if (repaired)
			gd_select(GD_SEND(s->values, i), GD_RECV(s->stop, NULL));
		else
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
TEST(cockroach_1462)
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
KERNEL(moby_25384)
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
		if (!repaired)
			gd_waitgroup_wait(group); /* leak: waitgroup wait; counter 2 */
	}
	gd_waitgroup_wait(group);
}
TEST(moby_25384)
{
	gd_go_fn(restore_25384, NULL);
}

CONFORM_MAIN
