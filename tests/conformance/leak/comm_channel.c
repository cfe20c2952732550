/*
 * comm_channel.c - communication deadlocks of real projects: channels alone.
 *
 * Named after GoBench's kernels; where the original needs luck, the order is forced.
 */
#include "tests/conformance/leak/kernel.h"

/* Start sends into a full channel before it starts the only receiver. */
CALLER_KERNEL(cockroach_24808)
static void receives_24808(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL);
}
TEST(cockroach_24808)
{
	int_chan c = gd_chan_make(int_chan, 1);

	gd_chan_send(c, 1);
	if (repaired)
		gd_go_fn(receives_24808, c.raw);
	gd_chan_send(c, 2); /* leak: chan send; 1 buffered */
	if (!repaired)
		gd_go_fn(receives_24808, c.raw);
}

/* The consumer returns without saying that it drains no more. */
CALLER_KERNEL(cockroach_35073)
struct rows_35073 {
	int_chan c;
	bool closed;
};
static void push_35073(void *arg)
{
	struct rows_35073 *r = arg;

	if (!r->closed)
		gd_chan_send(r->c, 1); /* leak: 2 chan send; 16 buffered */
}
static void consume_35073(struct rows_35073 *r)
{
	r->closed = repaired;
}
TEST(cockroach_35073)
{
	struct rows_35073 *r = NEW(struct rows_35073);

	r->c = gd_chan_make(int_chan, 16);
	for (int i = 0; i < 16; i++)
		push_35073(r);
	consume_35073(r);
	gd_go_fn(push_35073, r);
	push_35073(r);
}

/* A cancelled flow tells every receiver, also one that nobody serves yet. */
CALLER_KERNEL(cockroach_35931)
struct flow_35931 {
	int_chan pending[2];
};
static void cancel_35931(struct flow_35931 *f)
{
	for (int i = 0; i < 2; i++)
		gd_chan_send(f->pending[i], -1); /* leak: chan send; 1 buffered */
}
TEST(cockroach_35931)
{
	struct flow_35931 *f = NEW(struct flow_35931);

	for (int i = 0; i < 2; i++)
		f->pending[i] = gd_chan_make(int_chan, repaired ? 2 : 1);
	gd_chan_send(f->pending[0], 1);
	cancel_35931(f);
}

/* Status asks an event loop that has stopped. */
KERNEL(etcd_6857)
struct node_6857 {
	int_chan status;
	gd_signal_chan stop, done;
};
static void loop_6857(void *arg)
{
	struct node_6857 *n = arg;

	while (gd_select(GD_RECV(n->status, NULL), GD_RECV(n->stop, NULL)) != 1)
		;
	gd_chan_close(n->done);
}
static void ask_6857(void *arg)
{
	struct node_6857 *n = arg;

	gd_chan_recv(n->done, NULL); /* too late on purpose */
	if (repaired)
		gd_select(GD_SEND(n->status, 1), GD_RECV(n->done, NULL));
	else
		gd_chan_send(n->status, 1); /* leak: chan send */
}
TEST(etcd_6857)
{
	struct node_6857 *n = NEW(struct node_6857);

	n->status = gd_chan_make(int_chan, 0);
	n->stop = gd_chan_make(gd_signal_chan, 0);
	n->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(loop_6857, n);
	gd_go_fn(ask_6857, n);
	gd_chan_close(n->stop);
}

/* The stream is closed, but the end marker is never written for its reader. */
KERNEL(grpc_1275)
struct stream_1275 {
	int_chan buffer;
	gd_signal_chan read;
};
static void read_1275(void *arg)
{
	struct stream_1275 *s = arg;

	gd_chan_recv(s->buffer, NULL); /* leak: chan receive; receive without sender */
	gd_chan_close(s->read);
}
static void close_stream_1275(struct stream_1275 *s)
{
	if (repaired)
		gd_chan_send(s->buffer, 0);
}
TEST(grpc_1275)
{
	struct stream_1275 *s = NEW(struct stream_1275);

	s->buffer = gd_chan_make(int_chan, 1);
	s->read = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(read_1275, s);
	close_stream_1275(s);
	gd_select(GD_RECV(s->read, NULL), GD_AFTER(300));
}

/* The child returns when its input is closed, and forgets to close done. */
KERNEL(grpc_1424)
struct conn_1424 {
	int_chan updates;
	gd_signal_chan done;
};
static void child_1424(void *arg)
{
	struct conn_1424 *c = arg;

	gd_chan_range(c->updates, v) CHECK(v == 1);
	if (repaired)
		gd_chan_close(c->done);
}
static void helper_1424(void *arg)
{
	struct conn_1424 *c = arg;

	gd_go_fn(child_1424, c);
	gd_chan_send(c->updates, 1);
	gd_chan_close(c->updates);
	gd_chan_recv(c->done, NULL); /* leak: chan receive; forgotten cancel or close */
}
TEST(grpc_1424)
{
	struct conn_1424 *c = NEW(struct conn_1424);

	c->updates = gd_chan_make(int_chan, 0);
	c->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(helper_1424, c);
}

/* The agent leaves its loop while an epoch it started is still about to tell its status. */
KERNEL(istio_17860)
struct agent_17860 {
	int_chan status;
	gd_signal_chan stop;
	struct barrier left;
};
static void epoch_17860(void *arg)
{
	struct agent_17860 *a = arg;

	barrier_await_go(&a->left, 1);
	gd_chan_send(a->status, 1); /* leak: chan send */
}
static void agent_loop_17860(void *arg)
{
	struct agent_17860 *a = arg;

	for (;;)
		if (gd_select(GD_RECV(a->status, NULL), GD_RECV(a->stop, NULL)) == 1)
			break;
	barrier_post(&a->left);
}
TEST(istio_17860)
{
	struct agent_17860 *a = NEW(struct agent_17860);

	a->status = gd_chan_make(int_chan, repaired ? 1 : 0);
	a->stop = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(agent_loop_17860, a);
	gd_go_fn(epoch_17860, a);
	gd_chan_close(a->stop);
}

/* Result and error each have a channel, and the caller has given up on both. */
KERNEL(kubernetes_5316)
struct request_5316_args {
	int_chan result, error;
	bool fails;
	struct barrier *given_up;
};
static void request_5316(struct request_5316_args *a)
{
	barrier_await_go(a->given_up, 1);
	if (a->fails)
		gd_chan_send(a->error, 1); /* leak: chan send */
	else
		gd_chan_send(a->result, 1); /* leak: chan send */
}
static void finish_5316(bool fails)
{
	int_chan result = gd_chan_make(int_chan, repaired ? 1 : 0);
	int_chan error = gd_chan_make(int_chan, repaired ? 1 : 0);
	struct barrier *b = NEW(struct barrier);

	gd_go(request_5316, .result = result, .error = error, .fails = fails, .given_up = b);
	CHECK_EQ(gd_select(GD_RECV(result, NULL), GD_RECV(error, NULL), GD_AFTER(1)), 2);
	barrier_post(b);
}
TEST(kubernetes_5316)
{
	finish_5316(false);
	finish_5316(true);
}

/* Done is closed by a deferred call of the one who waits for it; a poller hides that a while. */
CALLER_KERNEL(kubernetes_70277)
struct wait_70277 {
	gd_signal_chan done;
	bool closed;
};
static void polls_70277(void *arg)
{
	struct wait_70277 *w = arg;

	for (int i = 0; i < 20; i++)
		if (gd_select(GD_RECV(w->done, NULL), GD_AFTER(GD_MILLISECOND)) == 0)
			return;
}
static void close_70277(void *arg)
{
	struct wait_70277 *w = arg;

	if (!w->closed)
		gd_chan_close(w->done);
	w->closed = true;
}
TEST(kubernetes_70277)
{
	struct wait_70277 *w = NEW(struct wait_70277);
	gd_defer(close_70277, w);

	w->done = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(polls_70277, w);
	if (repaired)
		close_70277(w);
	gd_chan_recv(w->done, NULL); /* leak: chan receive */
}

/* The same, looked at meanwhile: silent while the poller lives, and no longer. */
LEAK(kubernetes_70277_hidden)
static struct barrier over_70277, polled_70277;
static void polls_long_70277(void *arg)
{
	gd_signal_chan done = { .raw = arg };

	while (barrier__load(&over_70277.count) == 0) {
		gd_select(GD_RECV(done, NULL), GD_AFTER(GD_MILLISECOND));
		barrier_post(&polled_70277);
	}
}
static void closes_70277(void *arg)
{
	gd_chan_close_raw(arg);
}
static void test_hidden_70277(void *unused)
{
	gd_signal_chan done = gd_chan_make(gd_signal_chan, 0);
	gd_defer(closes_70277, done.raw);

	gd_go_fn(polls_long_70277, done.raw);
	gd_chan_recv(done, NULL); /* leak: chan receive */
}
MAIN(leak_kubernetes_70277_hidden)
{
	gd_go_fn(test_hidden_70277, NULL);
	settle_n(1);
	for (uint32_t n = 1; n < 20; n++) {
		barrier_await_go(&polled_70277, n);
		CHECK_EQ(gd_leak_check(), 0);
	}
	barrier_post(&over_70277);
	until_alive(2);
	CHECK_EQ(gd_leak_check(), 1);
}

/* The result is sent to a caller that drops the channel. */
KERNEL(moby_4395)
struct helper_4395_args {
	int_chan c;
};
static void helper_4395(struct helper_4395_args *a)
{
	gd_chan_send(a->c, 7); /* leak: chan send */
}
static int_chan start_4395(void)
{
	int_chan c = gd_chan_make(int_chan, repaired ? 1 : 0);

	gd_go(helper_4395, .c = c);
	return c;
}
TEST(moby_4395)
{
	start_4395();
}

/* The consumer of progress returns early; watchers stick, and the transfer waits for one of them.
 */
KERNEL(moby_21233)
struct transfer_21233 {
	int_chan progress;
	gd_signal_chan released;
};
static void watcher_21233(void *arg)
{
	struct transfer_21233 *t = arg;

	for (int i = 0; i < 3; i++)
		gd_chan_send(t->progress, i); /* leak: 2 chan send; abandoned sender */
	gd_chan_send(t->released, (gd_unit){});
}
static void transfer_21233(void *arg)
{
	struct transfer_21233 *t = arg;

	gd_chan_recv(t->released, NULL); /* leak: chan receive */
}
TEST(moby_21233)
{
	struct transfer_21233 *t = NEW(struct transfer_21233);

	t->progress = gd_chan_make(int_chan, 0);
	t->released = gd_chan_make(gd_signal_chan, 2);
	gd_go_fn(watcher_21233, t);
	gd_go_fn(watcher_21233, t);
	gd_go_fn(transfer_21233, t);
	for (int i = 0; i < (repaired ? 6 : 1); i++)
		gd_chan_recv(t->progress, NULL);
}

/* The error is sent before anybody else knows the channel. */
KERNEL(moby_33293)
static int_chan wait_33293(void)
{
	int_chan errors = gd_chan_make(int_chan, repaired ? 1 : 0);

	gd_chan_send(errors, 1); /* leak: chan send; send without receiver */
	return errors;
}
static void caller_33293(void *unused)
{
	gd_chan_recv(wait_33293(), NULL);
}
TEST(moby_33293)
{
	gd_go_fn(caller_33293, NULL);
}

/* The dispatcher closes the connection, which waits for the dispatcher to end. */
CALLER_KERNEL(syncthing_5795)
struct conn_5795 {
	gd_once once;
	gd_signal_chan ended;
};
static void stop_5795(void *arg)
{
	struct conn_5795 *c = arg;

	gd_chan_recv(c->ended, NULL); /* leak: chan receive */
}
static void close_5795(void *arg)
{
	struct conn_5795 *c = arg;

	gd_once_do(&c->once, stop_5795, c);
}
static void dispatch_5795(void *arg)
{
	struct conn_5795 *c = arg;

	if (repaired)
		gd_go_fn(close_5795, c);
	else
		close_5795(c);
	gd_chan_close(c->ended);
}
TEST(syncthing_5795)
{
	struct conn_5795 *c = NEW(struct conn_5795);

	c->ended = gd_chan_make(gd_signal_chan, 0);
	gd_go_fn(dispatch_5795, c);
	gd_chan_recv(c->ended, NULL); /* leak: chan receive */
}

CONFORM_MAIN
