/*
 * all_stress.c - every primitive at the same time, and what goes in must come out.
 *
 * usage: all_stress [seconds [seed [procs]]]; seed 0 takes one from the clock
 * Workers draw one operation after another: on channels they share, or on primitives of their own
 * with goroutines that live for that long. Meanwhile the number of Ps changes between 1 and procs,
 * goroutines bind themselves to threads, sit in system calls, and a thread of ours asks for
 * preemption at random moments, hundreds of times as often as sysmon does.
 * Counts and sums of what was sent and received are compared; locks exclude; a pool gives an
 * object to one at a time; streams arrive as they were written; at the end one goroutine is left
 * and every descriptor is closed. A thread watches that things go on.
 * The seed fixes each goroutine's choices, not the schedule.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "runtime/base/atomic.h"
#include "runtime/sched/state.h"
#include "tests/support/descriptors.h"

enum {
	WORKERS = 24,
	CHANNELS = 6,
	CASES = 6,
	KIDS_MAX = 12,
	ROOM = 3, /* of a queue under a condition variable */
	STREAM_MAX = 20000,
	STUCK_SECONDS = 20,
};

typedef gd_chan_of(uint64_t) value_chan;

static int64_t seconds = 5;
static uint64_t seed;
static int procs = 2, null_fd;

static value_chan shared[CHANNELS];
static gd_waitgroup group;
static gd_pool pool;
static gd_mutex mutex;
static uint64_t guarded[2], read_mostly[2];
static gd_rwmutex rwmutex;
static _Atomic bool stop, done;
static _Atomic uint64_t sent, sent_sum, received, received_sum, operations, born, resizes, asked;
static _Atomic int64_t armed, fired; /* gd_after_func that must fire, and did */

static void fail(int line, const char *what)
{
	fprintf(stderr,
		"all_stress.c:%d: %s fails; repeat: all_stress %" PRId64 " %" PRIu64 " %d\n", line,
		what, seconds, seed, procs);
	abort();
}

#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail(__LINE__, #cond);                                                     \
	} while (0)

/* xorshift64*, one state per goroutine */
static uint64_t draw(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static uint32_t below(uint64_t *s, uint32_t n)
{
	return (uint32_t)((draw(s) >> 32) * n >> 32);
}

/* A state for a child. */
static uint64_t split(uint64_t *s)
{
	return draw(s) | 1;
}

static int64_t soon(uint64_t *s)
{
	return gd_now() + below(s, 200) * GD_MICROSECOND;
}

static void count_sent(uint64_t v)
{
	atomic_fetch_add(&sent, 1);
	atomic_fetch_add(&sent_sum, v);
}

static void count_received(uint64_t v)
{
	atomic_fetch_add(&received, 1);
	atomic_fetch_add(&received_sum, v);
}

/* --- the shared channels: every operation has a limit, so none depends on a partner --- */

static void send_one(uint64_t *s)
{
	value_chan c = shared[below(s, CHANNELS)];
	uint64_t v = draw(s);
	int r = below(s, 2) ? gd_chan_try_send(c, v) : gd_chan_send_until(c, v, soon(s));

	if (r == GD_OK)
		count_sent(v);
}

static void receive_one(uint64_t *s)
{
	value_chan c = shared[below(s, CHANNELS)];
	uint64_t v = 0;
	int r = below(s, 2) ? gd_chan_try_recv(c, &v) : gd_chan_recv_until(c, &v, soon(s));

	if (r == GD_OK)
		count_received(v);
}

static void select_one(uint64_t *s)
{
	struct gd_case cases[CASES + 1];
	uint64_t value[CASES];
	uint32_t n = 1 + below(s, CASES), taken;

	for (uint32_t i = 0; i < n; i++) {
		value[i] = draw(s);
		cases[i] = (struct gd_case){ below(s, 2) ? GD_CASE_SEND : GD_CASE_RECV,
					     shared[below(s, CHANNELS)].raw, &value[i], NULL, 0 };
	}
	cases[n] = (struct gd_case){ below(s, 3) ? GD_CASE_AFTER : GD_CASE_DEFAULT, NULL, NULL,
				     NULL, below(s, 200) * GD_MICROSECOND };
	taken = (uint32_t)gd_select_raw(cases, n + 1);
	if (taken == n)
		return;
	if (cases[taken].kind == GD_CASE_SEND)
		count_sent(value[taken]);
	else
		count_received(value[taken]);
}

/* --- what all share under locks --- */

static void pause_now_and_then(uint64_t *s)
{
	if (below(s, 16) == 0)
		gd_sleep(below(s, 50) * GD_MICROSECOND);
	else if (below(s, 4) == 0)
		gd_yield();
}

static void lock_one(uint64_t *s)
{
	if (below(s, 4) == 0) {
		if (!gd_mutex_try_lock(&mutex))
			return;
	} else {
		gd_mutex_lock(&mutex);
	}
	REQUIRE(guarded[0] == guarded[1]);
	guarded[0]++;
	pause_now_and_then(s);
	guarded[1]++;
	gd_mutex_unlock(&mutex);
}

static void rwlock_one(uint64_t *s)
{
	if (below(s, 5) == 0) {
		gd_rwmutex_lock(&rwmutex);
		read_mostly[0]++;
		pause_now_and_then(s);
		read_mostly[1]++;
		gd_rwmutex_unlock(&rwmutex);
		return;
	}
	gd_rwmutex_rlock(&rwmutex);
	uint64_t first = read_mostly[0];
	pause_now_and_then(s);
	REQUIRE(first == read_mostly[1]);
	gd_rwmutex_runlock(&rwmutex);
}

struct object {
	_Atomic int users;
};

static void *make_object(void)
{
	return calloc(1, sizeof(struct object));
}

static void pool_one(uint64_t *s)
{
	struct object *o = gd_pool_get(&pool);

	REQUIRE(o && atomic_fetch_add(&o->users, 1) == 0);
	pause_now_and_then(s);
	REQUIRE(atomic_fetch_sub(&o->users, 1) == 1);
	gd_pool_put(&pool, o);
}

/* --- goroutines that come and go --- */

struct kids {
	gd_waitgroup group;
	value_chan c;
	_Atomic uint64_t in, out;
};

struct producer_args {
	struct kids *k;
	uint64_t seed;
	gd_waitgroup *done;
};
static void producer(struct producer_args *a)
{
	for (uint32_t i = below(&a->seed, 30); i > 0; i--) {
		uint64_t v = draw(&a->seed);

		atomic_fetch_add(&a->k->in, v);
		gd_chan_send(a->k->c, v);
	}
	gd_waitgroup_done(a->done);
	if (below(&a->seed, 2))
		gd_go_exit();
}

struct consumer_args {
	struct kids *k;
};
static void consumer(struct consumer_args *a)
{
	struct kids *k = a->k;

	gd_chan_range(k->c, v) atomic_fetch_add(&k->out, v);
	gd_waitgroup_done(&k->group);
}

static void range_one(uint64_t *s)
{
	struct kids k = { .c = gd_chan_make(value_chan, below(s, 4)) };
	uint32_t producers = 1 + below(s, KIDS_MAX), consumers = 1 + below(s, 3);
	gd_waitgroup sending = { 0 };

	gd_waitgroup_add(&sending, (int)producers);
	gd_waitgroup_add(&k.group, (int)consumers);
	for (uint32_t i = 0; i < producers; i++)
		gd_go(producer, .k = &k, .seed = split(s), .done = &sending);
	for (uint32_t i = 0; i < consumers; i++)
		gd_go(consumer, .k = &k);
	gd_waitgroup_wait(&sending);
	gd_chan_close(k.c);
	gd_waitgroup_wait(&k.group);
	REQUIRE(atomic_load(&k.in) == atomic_load(&k.out));
	gd_chan_unref(k.c);
	atomic_fetch_add(&born, producers + consumers);
}

/* A queue of a few places, as one builds it from a mutex and two condition variables. */
struct queue {
	gd_mutex mutex;
	gd_cond room, some;
	uint64_t at[ROOM];
	uint32_t n;
	gd_waitgroup group;
	uint64_t out;
};

struct taker_args {
	struct queue *q;
	uint32_t n;
};
static void taker(struct taker_args *a)
{
	struct queue *q = a->q;

	for (uint32_t i = 0; i < a->n; i++) {
		gd_mutex_lock(&q->mutex);
		while (q->n == 0)
			gd_cond_wait(&q->some);
		q->out += q->at[--q->n];
		if (i % 2)
			gd_cond_signal(&q->room);
		else
			gd_cond_broadcast(&q->room);
		gd_mutex_unlock(&q->mutex);
	}
	gd_waitgroup_done(&q->group);
}

static void cond_one(uint64_t *s)
{
	struct queue q = { .n = 0 };
	uint32_t takers = 1 + below(s, 3), each = 1 + below(s, 20);
	uint64_t in = 0;

	gd_cond_init(&q.room, &q.mutex);
	gd_cond_init(&q.some, &q.mutex);
	gd_waitgroup_add(&q.group, (int)takers);
	for (uint32_t i = 0; i < takers; i++)
		gd_go(taker, .q = &q, .n = each);
	for (uint32_t i = 0; i < takers * each; i++) {
		uint64_t v = draw(s);

		gd_mutex_lock(&q.mutex);
		while (q.n == ROOM)
			gd_cond_wait(&q.room);
		q.at[q.n++] = v;
		in += v;
		gd_cond_signal(&q.some);
		gd_mutex_unlock(&q.mutex);
	}
	gd_waitgroup_wait(&q.group);
	REQUIRE(in == q.out && q.n == 0);
	atomic_fetch_add(&born, takers);
}

struct only {
	gd_once once;
	gd_waitgroup group;
	int calls;
};

static void call_once(void *arg)
{
	struct only *o = arg;

	gd_yield();
	o->calls++;
}

static void try_once(void *arg)
{
	struct only *o = arg;

	gd_once_do(&o->once, call_once, o);
	REQUIRE(o->calls == 1);
	gd_waitgroup_done(&o->group);
}

static void once_one(uint64_t *s)
{
	struct only o = { .calls = 0 };
	uint32_t n = 1 + below(s, 4);

	gd_waitgroup_add(&o.group, (int)n);
	for (uint32_t i = 0; i < n; i++)
		gd_go_fn(try_once, &o);
	gd_waitgroup_wait(&o.group);
	atomic_fetch_add(&born, n);
}

/* --- time --- */

static void count_fired(void *arg)
{
	(void)arg;
	atomic_fetch_add(&fired, 1);
}

static void timer_one(uint64_t *s)
{
	gd_timer *t = gd_timer_make(below(s, 100) * GD_MICROSECOND);
	int64_t at;

	for (uint32_t i = below(s, 4); i > 0; i--)
		gd_timer_reset(t, below(s, 100) * GD_MICROSECOND);
	if (below(s, 2)) {
		gd_timer_stop(t);
		REQUIRE(gd_chan_try_recv(gd_timer_chan(t), &at) == GD_EAGAIN);
	} else {
		REQUIRE(gd_chan_recv(gd_timer_chan(t), &at));
	}
	gd_timer_free(t);
}

/* What was stopped in time never runs, what was not runs once. */
static void after_one(uint64_t *s)
{
	gd_timer *t = gd_after_func(below(s, 200) * GD_MICROSECOND, count_fired, NULL);

	pause_now_and_then(s);
	if (!gd_timer_stop(t))
		atomic_fetch_add(&armed, 1);
	gd_timer_free(t);
}

static void ticker_one(uint64_t *s)
{
	gd_ticker *t = gd_ticker_make((1 + below(s, 100)) * GD_MICROSECOND);
	int64_t at;

	for (uint32_t i = below(s, 4); i > 0; i--)
		REQUIRE(gd_chan_recv(gd_ticker_chan(t), &at));
	gd_ticker_free(t);
}

static void sleep_one(uint64_t *s)
{
	int64_t ns = below(s, 200) * GD_MICROSECOND, before = gd_now();

	gd_sleep(ns);
	REQUIRE(gd_now() - before >= ns);
}

static void cancel_one(uint64_t *s)
{
	gd_context *top = gd_context_with_cancel(gd_context_background());
	gd_context *low = gd_context_with_timeout(top, below(s, 100) * GD_MICROSECOND);

	if (below(s, 2))
		gd_context_cancel(top);
	gd_chan_recv(gd_context_done(low), NULL);
	REQUIRE(gd_context_err(low) != GD_OK);
	gd_context_unref(top);
	gd_context_unref(low);
}

/* --- descriptors --- */

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 256);
}

struct writer_args {
	int fd;
	uint32_t n;
	uint64_t seed;
	gd_waitgroup *group;
};
static void writer(struct writer_args *a)
{
	unsigned char part[2000];

	for (uint32_t at = 0; at < a->n;) {
		uint32_t n = 1 + below(&a->seed, sizeof(part));

		n = n < a->n - at ? n : a->n - at;
		for (uint32_t i = 0; i < n; i++)
			part[i] = byte_at(at + i);
		REQUIRE(gd_fd_write(a->fd, part, n) == n);
		at += n;
		pause_now_and_then(&a->seed);
	}
	REQUIRE(gd_fd_close(a->fd) == GD_OK);
	gd_waitgroup_done(a->group);
}

static void stream_one(uint64_t *s)
{
	uint32_t total = below(s, STREAM_MAX), at = 0;
	gd_waitgroup writing = { 0 };
	unsigned char part[3000];
	int fds[2];
	int64_t n;

	REQUIRE((below(s, 2) ? gd_pipe(fds) : gd_unix_pair(fds)) == GD_OK);
	gd_waitgroup_add(&writing, 1);
	gd_go(writer, .fd = fds[1], .n = total, .seed = split(s), .group = &writing);
	for (;;) {
		n = gd_fd_read_until(fds[0], part, 1 + below(s, sizeof(part)),
				     below(s, 2) ? soon(s) : GD_FOREVER);
		if (n == GD_ETIMEDOUT)
			continue;
		REQUIRE(n >= 0);
		if (n == 0)
			break;
		for (int64_t i = 0; i < n; i++)
			REQUIRE(part[i] == byte_at(at++));
	}
	REQUIRE(at == total);
	gd_waitgroup_wait(&writing);
	REQUIRE(gd_fd_close(fds[0]) == GD_OK);
	atomic_fetch_add(&born, 1);
}

/* --- Ps and threads --- */

static void thread_one(uint64_t *s)
{
	if (below(s, 4) != 0)
		return;
	gd_lock_os_thread();
	pid_t before = gettid();
	for (uint32_t i = below(s, 4); i > 0; i--)
		pause_now_and_then(s);
	REQUIRE(gettid() == before);
	gd_unlock_os_thread();
}

static void syscall_one(uint64_t *s)
{
	struct timespec ts = { 0, below(s, 8) ? below(s, 100) * 1000 : 2000000 };

	gd_syscall(nanosleep(&ts, NULL));
}

static void resize_one(uint64_t *s)
{
	if (below(s, 16) != 0)
		return;
	REQUIRE(gd_set_procs(1 + (int)below(s, (uint32_t)procs)) == GD_OK);
	atomic_fetch_add(&resizes, 1);
}

static void look_one(uint64_t *s)
{
	if (below(s, 400) == 0)
		gd_stacks(null_fd);
	if (below(s, 100) == 0)
		gd_trim();
}

static void yield_one(uint64_t *s)
{
	for (uint32_t i = below(s, 20); i > 0; i--)
		gd_yield();
}

struct worker_args {
	uint64_t seed;
};
static void worker(struct worker_args *a)
{
	static void (*const operation[])(uint64_t *) = {
		send_one,   send_one,    receive_one, receive_one, select_one,
		select_one, select_one,  lock_one,    lock_one,    rwlock_one,
		pool_one,   range_one,   cond_one,    once_one,    timer_one,
		after_one,  ticker_one,  sleep_one,   cancel_one,  stream_one,
		thread_one, syscall_one, resize_one,  look_one,    yield_one,
	};

	while (!atomic_load(&stop)) {
		operation[below(&a->seed, sizeof(operation) / sizeof(operation[0]))](&a->seed);
		atomic_fetch_add(&operations, 1);
	}
	gd_waitgroup_done(&group);
}

/* --- threads that are not the runtime's --- */

/* Asks as sysmon does, of a random P. */
static void ask(struct gd__p *p)
{
	struct gd__m *m = p->m;
	struct gd__g *g = m ? m->cur : NULL;
	_Atomic uint32_t *wanted;

	if (!g)
		return;
	wanted = gd__load_relaxed(&m->preempt_at);
	gd__store_relaxed(&g->preempt, true);
	if (wanted)
		gd__store_relaxed(wanted, 1);
	atomic_fetch_add(&asked, 1);
}

static void *preempter(void *arg)
{
	uint64_t s = seed * 31 + 7;

	(void)arg;
	while (!atomic_load(&done)) {
		struct timespec ts = { 0, below(&s, 200) * 1000 };

		ask(&gd__allp[below(&s, (uint32_t)procs)]);
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void *watcher(void *arg)
{
	uint64_t seen = UINT64_MAX;
	int quiet = 0;

	(void)arg;
	while (!atomic_load(&done)) {
		struct timespec ts = { 0, 100000000 };
		uint64_t now = atomic_load(&operations);

		quiet = now == seen ? quiet + 1 : 0;
		seen = now;
		if (quiet > STUCK_SECONDS * 10) {
			gd__schedtrace(gd_now());
			gd_stacks(2);
			fail(__LINE__, "things go on");
		}
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void drop(void *object)
{
	REQUIRE(atomic_load(&((struct object *)object)->users) == 0);
	free(object);
}

/* The last ones have called done but may not have ended yet; of timers some goroutines start. */
static void await_end(void)
{
	for (int64_t end = gd_now() + 10 * GD_SECOND; gd_now() < end; gd_sleep(GD_MILLISECOND))
		if (gd_go_count() == 1 && atomic_load(&fired) == atomic_load(&armed))
			return;
}

static void check_end(void)
{
	uint64_t v;

	for (int i = 0; i < CHANNELS; i++) {
		while (gd_chan_try_recv(shared[i], &v) == GD_OK)
			count_received(v);
		gd_chan_unref(shared[i]);
	}
	REQUIRE(atomic_load(&sent) == atomic_load(&received));
	REQUIRE(atomic_load(&sent_sum) == atomic_load(&received_sum));
	REQUIRE(guarded[0] == guarded[1] && read_mostly[0] == read_mostly[1]);
	await_end();
	REQUIRE(atomic_load(&fired) == atomic_load(&armed));
	REQUIRE(gd_go_count() == 1);
	gd_pool_release(&pool, drop);
}

static void run(void *arg)
{
	int fds[2], before;

	(void)arg;
	gd_stacks(null_fd);
	/* The poller, and what unwinds stacks, have their descriptors. */
	REQUIRE(gd_pipe(fds) == GD_OK);
	REQUIRE(gd_fd_wait_until(fds[0], false, gd_now() + 1) == GD_ETIMEDOUT);
	before = open_descriptors();
	pool.make = make_object;
	for (int i = 0; i < CHANNELS; i++)
		shared[i] = gd_chan_make(value_chan, (size_t)(i < 2 ? 0 : i));
	gd_waitgroup_add(&group, WORKERS);
	for (uint64_t i = 0; i < WORKERS; i++)
		gd_go(worker, .seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 2 * i + 1);
	gd_sleep(seconds * GD_SECOND);
	atomic_store(&stop, true);
	gd_waitgroup_wait(&group);
	check_end();
	REQUIRE(open_descriptors() == before);
	printf("%" PRIu64 " operations, %" PRIu64 " values, %" PRIu64 " goroutines, %" PRIu64
	       " resizes, %" PRIu64 " preemptions asked for\n",
	       atomic_load(&operations), atomic_load(&sent), atomic_load(&born),
	       atomic_load(&resizes), atomic_load(&asked));
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	if (argc > 1)
		seconds = strtoll(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		procs = (int)strtol(argv[3], NULL, 10);
	if (seed == 0)
		seed = (uint64_t)gd_now() % 1000000007 + 1;
	printf("all_stress %" PRId64 " %" PRIu64 " %d\n", seconds, seed, procs);
	fflush(stdout);
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	REQUIRE(null_fd >= 0 && gd_set_procs(procs) == GD_OK);
	REQUIRE(pthread_create(&threads[0], NULL, watcher, NULL) == 0);
	REQUIRE(pthread_create(&threads[1], NULL, preempter, NULL) == 0);
	if (gd_run(run, NULL) != GD_OK)
		return 3;
	atomic_store(&done, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
