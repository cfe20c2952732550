/*
 * chan_stress.c - random operations of many goroutines on shared primitives.
 *
 * usage: chan_stress [seconds [seed [procs]]]
 * What went into the channels must come out, each value once: counts and sums
 * are compared at the end. Every operation on the shared channels has a
 * deadline, so that the end does not depend on partners; a second set of
 * goroutines does the same with plain sends and a close, in rounds.
 * The seed fixes each goroutine's choices, not the schedule.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <gdetect/gdetect.h>

enum { WORKERS = 24, CHANNELS = 6, CASES = 4, PRODUCERS = 5, CONSUMERS = 3, EACH = 200 };

typedef gd_chan_of(uint64_t) value_chan;

static struct {
	int64_t seconds;
	uint64_t seed;
	int procs;
} options = { 5, 1, 0 };

static value_chan shared[CHANNELS];
static gd_waitgroup group;
static _Atomic bool stop;
static _Atomic uint64_t sent, sent_sum, received, received_sum, operations;

static gd_mutex mutex;
static uint64_t guarded, guarded_copy;
static gd_rwmutex rwmutex;
static uint64_t read_mostly[2];

#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr,                                                            \
				"%s:%d: %s fails; repeat: chan_stress %" PRId64 " %" PRIu64        \
				" %d\n",                                                           \
				__FILE__, __LINE__, #cond, options.seconds, options.seed,          \
				options.procs);                                                    \
			abort();                                                                   \
		}                                                                                  \
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

static void send_one(uint64_t *s)
{
	value_chan c = shared[below(s, CHANNELS)];
	uint64_t v = draw(s);
	int rc = below(s, 2) ? gd_chan_try_send(c, v)
			     : gd_chan_send_until(c, v, gd_now() + below(s, 200) * GD_MICROSECOND);

	if (rc == GD_OK)
		count_sent(v);
}

static void receive_one(uint64_t *s)
{
	value_chan c = shared[below(s, CHANNELS)];
	uint64_t v = 0;
	int rc = below(s, 2) ? gd_chan_try_recv(c, &v)
			     : gd_chan_recv_until(c, &v, gd_now() + below(s, 200) * GD_MICROSECOND);

	if (rc == GD_OK)
		count_received(v);
}

static void select_one(uint64_t *s)
{
	struct gd_case cases[CASES + 1];
	uint64_t value[CASES];
	uint32_t n = 1 + below(s, CASES);

	for (uint32_t i = 0; i < n; i++) {
		value[i] = draw(s);
		cases[i] = (struct gd_case){ below(s, 2) ? GD_CASE_SEND : GD_CASE_RECV,
					     shared[below(s, CHANNELS)].raw, &value[i], NULL, 0 };
	}
	cases[n] = (struct gd_case){ below(s, 3) ? GD_CASE_AFTER : GD_CASE_DEFAULT, NULL, NULL,
				     NULL, below(s, 200) * GD_MICROSECOND };

	uint32_t taken = (uint32_t)gd_select_raw(cases, n + 1);

	if (taken == n)
		return;
	if (cases[taken].kind == GD_CASE_SEND)
		count_sent(value[taken]);
	else
		count_received(value[taken]);
}

static void lock_one(uint64_t *s)
{
	if (below(s, 4) == 0 && !gd_mutex_try_lock(&mutex))
		return;
	else if (mutex.owner_ != gd_go_id())
		gd_mutex_lock(&mutex);
	REQUIRE(guarded == guarded_copy);
	guarded++;
	if (below(s, 8) == 0)
		gd_yield();
	guarded_copy++;
	gd_mutex_unlock(&mutex);
}

static void rwlock_one(uint64_t *s)
{
	if (below(s, 5) == 0) {
		gd_rwmutex_lock(&rwmutex);
		read_mostly[0]++;
		if (below(s, 4) == 0)
			gd_yield();
		read_mostly[1]++;
		gd_rwmutex_unlock(&rwmutex);
		return;
	}
	gd_rwmutex_rlock(&rwmutex);
	uint64_t first = read_mostly[0];
	if (below(s, 8) == 0)
		gd_yield();
	REQUIRE(first == read_mostly[1]);
	gd_rwmutex_runlock(&rwmutex);
}

static void time_one(uint64_t *s)
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

struct worker_args {
	uint64_t seed;
};
static void worker(struct worker_args *a)
{
	static void (*const operation[])(uint64_t *) = {
		send_one,   send_one, receive_one, receive_one, select_one, select_one,
		select_one, lock_one, lock_one,    rwlock_one,  time_one,   cancel_one,
	};
	uint64_t done = 0;

	while (!atomic_load(&stop)) {
		operation[below(&a->seed, sizeof(operation) / sizeof(operation[0]))](&a->seed);
		done++;
	}
	atomic_fetch_add(&operations, done);
	gd_waitgroup_done(&group);
}

/* --- rounds of plain sends, ranges and a close --- */

struct round {
	value_chan c;
	gd_waitgroup producers, consumers;
	_Atomic uint64_t in, out;
};
struct producer_args {
	struct round *r;
	uint64_t seed;
};
static void producer(struct producer_args *a)
{
	for (int i = 0; i < EACH; i++) {
		uint64_t v = draw(&a->seed);

		atomic_fetch_add(&a->r->in, v);
		gd_chan_send(a->r->c, v);
	}
	gd_waitgroup_done(&a->r->producers);
}

static void consumer(void *arg)
{
	struct round *r = arg;

	gd_chan_range(r->c, v) atomic_fetch_add(&r->out, v);
	gd_waitgroup_done(&r->consumers);
}

static void rounds(void *arg)
{
	uint64_t seed = options.seed * 77 + 5;

	(void)arg;
	while (!atomic_load(&stop)) {
		struct round *r = calloc(1, sizeof(*r));

		r->c = gd_chan_make(value_chan, below(&seed, 4));
		gd_waitgroup_add(&r->producers, PRODUCERS);
		gd_waitgroup_add(&r->consumers, CONSUMERS);
		for (int i = 0; i < PRODUCERS; i++)
			gd_go(producer, .r = r, .seed = draw(&seed) | 1);
		for (int i = 0; i < CONSUMERS; i++)
			gd_go_fn(consumer, r);
		gd_waitgroup_wait(&r->producers);
		gd_chan_close(r->c);
		gd_waitgroup_wait(&r->consumers);
		REQUIRE(atomic_load(&r->in) == atomic_load(&r->out));
		gd_chan_unref(r->c);
		free(r);
		atomic_fetch_add(&operations, PRODUCERS * EACH);
	}
	gd_waitgroup_done(&group);
}

static void run(void *arg)
{
	uint64_t v;

	(void)arg;
	for (int i = 0; i < CHANNELS; i++)
		shared[i] = gd_chan_make(value_chan, (size_t)(i < 2 ? 0 : i));
	gd_waitgroup_add(&group, WORKERS + 1);
	gd_go_fn(rounds, NULL);
	for (uint64_t i = 0; i < WORKERS; i++)
		gd_go(worker, .seed = options.seed * UINT64_C(0x9e3779b97f4a7c15) + 2 * i + 1);
	gd_sleep(options.seconds * GD_SECOND);
	atomic_store(&stop, true);
	gd_waitgroup_wait(&group);
	for (int i = 0; i < CHANNELS; i++) {
		while (gd_chan_try_recv(shared[i], &v) == GD_OK)
			count_received(v);
		gd_chan_unref(shared[i]);
	}
	printf("%" PRIu64 " operations, %" PRIu64 " values sent, %" PRIu64 " received\n",
	       atomic_load(&operations), atomic_load(&sent), atomic_load(&received));
	REQUIRE(atomic_load(&sent) == atomic_load(&received));
	REQUIRE(atomic_load(&sent_sum) == atomic_load(&received_sum));
	REQUIRE(guarded == guarded_copy);
	/* The last ones have called done but may not have ended yet. */
	for (int64_t end = gd_now() + 10 * GD_SECOND; gd_go_count() > 1 && gd_now() < end;)
		gd_sleep(GD_MILLISECOND);
	REQUIRE(gd_go_count() == 1);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		options.seconds = strtol(argv[1], NULL, 10);
	if (argc > 2)
		options.seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		options.procs = (int)strtol(argv[3], NULL, 10);
	if (options.procs > 0 && gd_set_procs(options.procs) != GD_OK)
		return 2;
	return gd_run(run, NULL) == GD_OK ? 0 : 3;
}
