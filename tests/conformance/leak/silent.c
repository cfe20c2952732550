/* silent.c - correct programs that look busy, blocked or strange when main returns. */
#include "tests/conformance/leak/leak_case.h"

#include <pthread.h>

#define HOUR (3600 * GD_SECOND)

static struct barrier ready;

/* A pool whose queue is a global lives on: nothing proves that no work will come. */
NOLEAK(worker_pool)
static struct {
	int_chan work, results;
	gd_signal_chan quit;
} pool;
static void pool_worker(void *unused)
{
	int v;

	while (gd_select(GD_RECV(pool.work, &v), GD_RECV(pool.quit, NULL)) == 0)
		gd_chan_send(pool.results, v * v);
}
MAIN(noleak_worker_pool)
{
	int sum = 0, v;

	pool.work = gd_chan_make(int_chan, 16);
	pool.results = gd_chan_make(int_chan, 16);
	pool.quit = gd_chan_make(gd_signal_chan, 0);
	for (int i = 0; i < 8; i++)
		gd_go_fn(pool_worker, NULL);
	for (int i = 0; i < 16; i++)
		gd_chan_send(pool.work, i);
	for (int i = 0; i < 16; i++) {
		gd_chan_recv(pool.results, &v);
		sum += v;
	}
	CHECK_EQ(sum, 1240);
	settle();
}

/* The pool is known to a server that waits for the kernel. */
NOLEAK(pool_of_server)
struct server {
	int_chan work;
	int pipe[2];
};
static void server_worker(void *arg)
{
	struct server *s = arg;

	gd_chan_range(s->work, v) CHECK(v >= 0);
}
static void serves(void *arg)
{
	struct server *s = arg;
	char c;

	while (gd_syscall(read(s->pipe[0], &c, 1)) == 1)
		gd_chan_send(s->work, c);
	gd_chan_close(s->work);
}
MAIN(noleak_pool_of_server)
{
	struct server *s = NEW(struct server);

	s->work = gd_chan_make(int_chan, 0);
	CHECK_EQ(pipe(s->pipe), 0);
	for (int i = 0; i < 4; i++)
		gd_go_fn(server_worker, s);
	gd_go_fn(serves, s);
	CHECK_EQ(write(s->pipe[1], "abc", 3), 3);
	settle_n(4);
}

/* A channel as a semaphore: those in it sleep, the others wait for room. */
NOLEAK(semaphore)
static void takes_place(void *arg)
{
	gd_signal_chan places = { .raw = arg };

	gd_chan_send(places, (gd_unit){});
	barrier_post(&ready);
	gd_sleep(HOUR);
	gd_chan_recv(places, NULL);
}
MAIN(noleak_semaphore)
{
	gd_signal_chan places = gd_chan_make(gd_signal_chan, 3);

	for (int i = 0; i < 20; i++)
		gd_go_fn(takes_place, places.raw);
	barrier_await_go(&ready, 3);
	settle_n(17);
}

NOLEAK(deadline)
static void waits_until(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	CHECK_EQ(gd_chan_recv_until(c, NULL, gd_now() + HOUR), GD_ETIMEDOUT);
}
static void sends_until(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	CHECK_EQ(gd_chan_send_until(c, 1, gd_now() + HOUR), GD_ETIMEDOUT);
}
static void selects_until(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	CHECK_EQ(gd_select(GD_RECV(c, NULL), GD_AFTER(HOUR)), 1);
}
MAIN(noleak_deadline)
{
	gd_go_fn(waits_until, NULL);
	gd_go_fn(sends_until, NULL);
	gd_go_fn(selects_until, NULL);
	settle_n(3);
}

NOLEAK(waitgroup)
static void done_later(void *arg)
{
	gd_sleep(HOUR);
	gd_waitgroup_done(arg);
}
static void waits_for_group(void *arg)
{
	gd_waitgroup_wait(arg);
}
MAIN(noleak_waitgroup)
{
	gd_waitgroup *w = NEW(gd_waitgroup);

	gd_waitgroup_add(w, 2);
	gd_go_fn(done_later, w);
	gd_go_fn(done_later, w);
	gd_go_fn(waits_for_group, w);
	settle_n(1);
}

/* A group on the stack of the goroutine that waits: its workers point into that stack. */
NOLEAK(waitgroup_on_stack)
static void parent_of_workers(void *unused)
{
	gd_waitgroup w = { 0 };

	gd_waitgroup_add(&w, 3);
	for (int i = 0; i < 3; i++)
		gd_go_fn(done_later, &w);
	gd_waitgroup_wait(&w);
}
MAIN(noleak_waitgroup_on_stack)
{
	gd_go_fn(parent_of_workers, NULL);
	until_alive(5);
	settle_n(1);
}

/* A context is cancelled, its children go, and all that were started end. */
NOLEAK(context_tree)
static void works_until_cancelled(void *arg)
{
	gd_chan_recv(gd_context_done(arg), NULL);
	gd_context_unref(arg);
}
MAIN(noleak_context_tree)
{
	gd_context *root = gd_context_with_cancel(gd_context_background());

	for (int i = 0; i < 100; i++) {
		gd_context *child =
			i % 2 ? gd_context_with_cancel(root) : gd_context_with_timeout(root, HOUR);

		gd_go_fn(works_until_cancelled, child);
	}
	gd_context_cancel(root);
	until_alive(1);
	gd_context_unref(root);
}

/* A thread that is none of the runtime's produces; goroutines wait for it. */
NOLEAK(foreign_producer)
static void *produces(void *arg)
{
	int_chan c = { .raw = arg };

	for (int i = 0; i < 5; i++)
		while (gd_chan_try_send(c, i) != GD_OK)
			usleep(100);
	barrier_post(&ready);
	sleep(3600);
	gd_chan_close(c);
	return NULL;
}
static void consumes(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_range(c, v) CHECK(v >= 0);
}
MAIN(noleak_foreign_producer)
{
	int_chan c = gd_chan_make(int_chan, 1);
	pthread_t t;

	gd_go_fn(consumes, c.raw);
	CHECK_EQ(pthread_create(&t, NULL, produces, c.raw), 0);
	barrier_await_go(&ready, 1);
	settle();
}

/* Each in the hands of the next, and the last sleeps. */
NOLEAK(pipeline)
struct stage_args {
	int_chan in, out;
	bool sleeps;
};
static void stage(struct stage_args *a)
{
	if (a->sleeps)
		gd_sleep(HOUR);
	gd_chan_range(a->in, v) gd_chan_send(a->out, v + 1);
	gd_chan_close(a->out);
}
MAIN(noleak_pipeline)
{
	int_chan in = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 500; i++) {
		int_chan out = gd_chan_make(int_chan, 0);

		gd_go(stage, .in = in, .out = out, .sleeps = i == 0);
		in = out;
	}
	settle_n(499);
}

/* Channels through channels: the request carries where the answer goes. */
NOLEAK(request_and_answer)
struct request {
	int v;
	gd_chan *answer;
};
typedef gd_chan_of(struct request) request_chan;
static request_chan requests;
static void answers_late(void *unused)
{
	struct request r;

	gd_chan_recv(requests, &r);
	gd_sleep(HOUR);
	gd_chan_send((int_chan){ .raw = r.answer }, r.v);
}
static void asks(void *unused)
{
	int_chan answer = gd_chan_make(int_chan, 0);

	gd_chan_send(requests, ((struct request){ 1, answer.raw }));
	gd_chan_recv(answer, NULL);
}
MAIN(noleak_request_and_answer)
{
	requests = gd_chan_make(request_chan, 4);
	for (int i = 0; i < 3; i++)
		gd_go_fn(asks, NULL);
	gd_go_fn(answers_late, NULL);
	settle_n(3);
}

CONFORM_MAIN
