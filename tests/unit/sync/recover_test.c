/* link: gdetect */
/*
 * recover_test.c - a wait is ended in a stopped world: what its operation returns, and that the
 * primitive is as if the goroutine had never come.
 */
#include "runtime/sync/recover.h"

#include <limits.h>

#include "runtime/sched/sched.h"
#include "runtime/sched/state.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"
#include "tests/unit/sync/goroutines.h"

typedef gd_chan_of(int) int_chan;

enum { MAX = 4 };

/* The goroutines of a test, in the order in which they were started. */
static struct gd__g *_Atomic who[MAX];
static _Atomic int result[MAX], ended;

static int_chan c[3];
static gd_mutex mutex;
static gd_rwmutex rwmutex;
static gd_waitgroup group;
static gd_cond cond;
static gd_once once;

struct waiter_args {
	int (*wait)(void);
	int n;
	bool asks;
};
static void waiter(struct waiter_args *a)
{
	gd_go_recoverable(a->asks);
	gd__store_release(&who[a->n], gd__self()); /* pairs with start_waiter */
	gd__store_relaxed(&result[a->n], a->wait());
	gd__add_acq_rel(&ended, 1); /* pairs with end_all */
}

static bool is_parked(const struct gd__g *g)
{
	return gd__load_relaxed(&g->status) == GD__G_WAITING;
}

/* The n-th, parked. */
static struct gd__g *start_waiter(int n, int (*wait)(void), bool asks)
{
	struct gd__g *g;

	gd_go(waiter, .wait = wait, .n = n, .asks = asks);
	while ((g = gd__load_acquire(&who[n])) == NULL || !is_parked(g)) /* pairs with waiter */
		gd_yield();
	return g;
}

static enum gd__recovered recover(struct gd__g *g)
{
	enum gd__recovered r;

	CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
	r = gd__recover(g, g->id, g->parks);
	gd__stw_start();
	return r;
}

static void end_all(int n)
{
	while (gd__load_acquire(&ended) < n) /* pairs with waiter */
		gd_yield();
}

static void make_channels(size_t cap)
{
	for (int i = 0; i < 3; i++)
		c[i] = gd_chan_make(int_chan, cap);
}

/* Nobody waits, and a value goes through. */
static void is_as_new(int_chan ch)
{
	int v = 0;

	CHECK(gd__waitq_empty(&ch.raw->recvq) && gd__waitq_empty(&ch.raw->sendq));
	CHECK_EQ(gd_chan_try_recv(ch, &v), GD_EAGAIN);
	if (gd_chan_cap(ch) == 0)
		return;
	CHECK_EQ(gd_chan_try_send(ch, 5), GD_OK);
	CHECK_EQ(gd_chan_try_recv(ch, &v), GD_OK);
	CHECK_EQ(v, 5);
}

/* --- channels --- */

static int send_0(void)
{
	return gd_chan_send(c[0], 7);
}

static void chan_send(void *arg)
{
	int v = 0;

	(void)arg;
	make_channels(0);
	CHECK_EQ(recover(start_waiter(0, send_0, true)), GD__RECOVERED);
	CHECK_EQ(gd_chan_try_recv(c[0], &v), GD_EAGAIN); /* its value is not to be had any more */
	end_all(1);
	CHECK_EQ(result[0], GD_ELEAKED);
	is_as_new(c[0]);
}

CASE(a_send_returns_the_code)
{
	on_procs(chan_send);
}

static void full_chan_send(void *arg)
{
	int v = 0;

	(void)arg;
	make_channels(1);
	gd_chan_send(c[0], 1);
	CHECK_EQ(recover(start_waiter(0, send_0, true)), GD__RECOVERED);
	CHECK_EQ(gd_chan_try_recv(c[0], &v), GD_OK); /* moves nobody's value up */
	CHECK_EQ(v, 1);
	CHECK_EQ(gd_chan_len(c[0]), 0);
	end_all(1);
	is_as_new(c[0]);
}

CASE(a_send_to_a_full_channel_leaves_no_value)
{
	on_procs(full_chan_send);
}

static int recv_0(void)
{
	int v = 9;

	CHECK_EQ(gd_go_recovered(), 0);
	CHECK(!gd_chan_recv(c[0], &v));
	CHECK_EQ(v, 0);
	CHECK_EQ(gd_go_recovered(), 1);
	return GD_ELEAKED;
}

static int recv_until_0(void)
{
	int v = 9;
	int rc = gd_chan_recv_until(c[0], &v, INT64_MAX);

	CHECK_EQ(v, 0);
	return rc;
}

static int range_0(void)
{
	gd_chan_range(c[0], v) CHECK_EQ(v, v + 1);
	return GD_ELEAKED;
}

static void chan_recv(void *arg)
{
	/* The last one has the record of those before. */
	int (*const ways[])(void) = { recv_until_0, range_0, recv_0 };

	(void)arg;
	make_channels(1);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(recover(start_waiter(i, ways[i], true)), GD__RECOVERED);
		CHECK_EQ(gd_chan_try_send(c[0], 3), GD_OK); /* into the buffer, not to it */
		CHECK_EQ(gd_chan_len(c[0]), 1);
		end_all(i + 1);
		CHECK_EQ(result[i], GD_ELEAKED);
		CHECK_EQ(gd_chan_try_recv(c[0], NULL), GD_OK);
		is_as_new(c[0]);
	}
}

CASE(a_receive_returns_as_if_closed)
{
	on_procs(chan_recv);
}

static int select_all(void)
{
	int v;

	return gd_select(GD_RECV(c[0], &v), GD_SEND(c[1], 1), GD_RECV(c[2], &v));
}

static void chan_select(void *arg)
{
	(void)arg;
	make_channels(0);
	CHECK_EQ(recover(start_waiter(0, select_all, true)), GD__RECOVERED);
	CHECK_EQ(gd_chan_try_send(c[0], 1), GD_EAGAIN);
	CHECK_EQ(gd_chan_try_recv(c[1], NULL), GD_EAGAIN);
	end_all(1);
	CHECK_EQ(result[0], GD_ELEAKED);
	for (int i = 0; i < 3; i++)
		is_as_new(c[i]);
}

CASE(a_select_leaves_all_its_channels)
{
	on_procs(chan_select);
}

static int nil_send(void)
{
	return gd_chan_send((int_chan){ NULL }, 1);
}

static int nil_recv(void)
{
	return gd_chan_recv_until((int_chan){ NULL }, NULL, INT64_MAX);
}

static int nil_select(void)
{
	return gd_select(GD_SEND(((int_chan){ NULL }), 1), GD_RECV(((int_chan){ NULL }), NULL));
}

static void nil_chan(void *arg)
{
	int (*const ways[])(void) = { nil_send, nil_recv, nil_select };

	(void)arg;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(recover(start_waiter(i, ways[i], true)), GD__RECOVERED);
		end_all(i + 1);
		CHECK_EQ(result[i], GD_ELEAKED);
	}
}

CASE(nil_channels_return_the_code)
{
	on_procs(nil_chan);
}

/* A channel without references is freed by the last who waits there: not earlier, not twice. */
static void dropped(void *arg)
{
	gd_chan *raw;

	(void)arg;
	make_channels(0);
	raw = c[0].raw;

	struct gd__g *a = start_waiter(0, send_0, true), *b = start_waiter(1, send_0, true);

	gd_chan_unref(c[0]);
	CHECK_EQ(recover(a), GD__RECOVERED);
	while (gd__load_acquire(&ended) < 1) /* pairs with waiter */
		gd_yield();
	CHECK_EQ(raw->magic, GD__CHAN_LIVE);
	CHECK_EQ(recover(b), GD__RECOVERED);
	end_all(2);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(result[1], GD_ELEAKED);
}

CASE(the_last_waiter_of_a_dropped_channel_frees_it)
{
	on_procs(dropped);
}

/* --- the primitives in user memory --- */

static int lock_mutex(void)
{
	return gd_mutex_lock(&mutex);
}

static int lock_mutex_and_unlock(void)
{
	int rc = gd_mutex_lock(&mutex);

	if (rc == GD_OK)
		gd_mutex_unlock(&mutex);
	return rc;
}

static void mutex_wait(void *arg)
{
	(void)arg;
	gd_mutex_lock(&mutex);

	struct gd__g *a = start_waiter(0, lock_mutex, true);

	start_waiter(1, lock_mutex_and_unlock, true);
	CHECK_EQ(recover(a), GD__RECOVERED);
	end_all(1);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK((mutex.state_ & GD__MUTEX_WAITERS) != 0);
	gd_mutex_unlock(&mutex);
	end_all(2);
	CHECK_EQ(result[1], GD_OK);
	gd_mutex_lock(&mutex);
	CHECK_EQ(recover(start_waiter(2, lock_mutex, true)), GD__RECOVERED);
	CHECK((mutex.state_ & GD__MUTEX_WAITERS) == 0);
	end_all(3);
	gd_mutex_unlock(&mutex);
	CHECK(gd_mutex_try_lock(&mutex));
}

CASE(a_mutex_passes_over_who_was_recovered)
{
	on_procs(mutex_wait);
}

static int write_lock(void)
{
	int rc = gd_rwmutex_lock(&rwmutex);

	if (rc == GD_OK)
		gd_rwmutex_unlock(&rwmutex);
	return rc;
}

static int read_lock(void)
{
	int rc = gd_rwmutex_rlock(&rwmutex);

	if (rc == GD_OK)
		gd_rwmutex_runlock(&rwmutex);
	return rc;
}

/* Queue: writer, reader, writer; a reader holds it. */
static void writer_leaves(void *arg)
{
	(void)arg;
	gd_rwmutex_rlock(&rwmutex);

	struct gd__g *first = start_waiter(0, write_lock, true);

	start_waiter(1, read_lock, true);

	struct gd__g *last = start_waiter(2, write_lock, true);

	CHECK_EQ(recover(first), GD__RECOVERED);
	end_all(2); /* the reader got in; the second writer still waits */
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(result[1], GD_OK);
	CHECK(is_parked(last));
	CHECK(!gd_rwmutex_try_rlock(&rwmutex));
	CHECK_EQ(recover(last), GD__RECOVERED);
	end_all(3);
	CHECK(gd_rwmutex_try_rlock(&rwmutex));
	gd_rwmutex_runlock(&rwmutex);
	gd_rwmutex_runlock(&rwmutex);
	CHECK(gd_rwmutex_try_lock(&rwmutex));
}

CASE(a_writer_that_leaves_lets_readers_in)
{
	on_procs(writer_leaves);
}

static void reader_leaves(void *arg)
{
	(void)arg;
	gd_rwmutex_lock(&rwmutex);

	struct gd__g *reader = start_waiter(0, read_lock, true);

	start_waiter(1, write_lock, true);
	CHECK_EQ(recover(reader), GD__RECOVERED);
	end_all(1);
	CHECK_EQ(result[0], GD_ELEAKED);
	gd_rwmutex_unlock(&rwmutex);
	end_all(2);
	CHECK_EQ(result[1], GD_OK);
	CHECK(gd_rwmutex_try_lock(&rwmutex));
	CHECK_EQ(recover(start_waiter(2, write_lock, true)), GD__RECOVERED);
	CHECK_EQ((uint32_t)rwmutex.readers_, GD__RW_WRITER); /* nobody waits any more */
	end_all(3);
}

CASE(a_reader_leaves_a_writers_queue)
{
	on_procs(reader_leaves);
}

static int wait_group(void)
{
	return gd_waitgroup_wait(&group);
}

static void group_wait(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, 1);

	struct gd__g *a = start_waiter(0, wait_group, true);

	start_waiter(1, wait_group, true);
	CHECK_EQ(recover(a), GD__RECOVERED);
	end_all(1);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(group.waiters_, 1);
	gd_waitgroup_done(&group);
	end_all(2);
	CHECK_EQ(result[1], GD_OK);
	CHECK_EQ(group.waiters_, 0);
	gd_waitgroup_add(&group, 1);
	CHECK_EQ(recover(start_waiter(2, wait_group, true)), GD__RECOVERED);
	gd_waitgroup_add(&group, 1); /* nobody waits: allowed */
	end_all(3);
}

CASE(a_waitgroup_counts_its_waiters)
{
	on_procs(group_wait);
}

static int wait_cond(void)
{
	gd_mutex_lock(&mutex);

	int rc = gd_cond_wait(&cond);

	CHECK(!gd_mutex_try_lock(&mutex));
	gd_mutex_unlock(&mutex);
	return rc;
}

static void cond_wait(void *arg)
{
	(void)arg;
	gd_cond_init(&cond, &mutex);

	struct gd__g *a = start_waiter(0, wait_cond, true);

	start_waiter(1, wait_cond, true);
	CHECK_EQ(recover(a), GD__RECOVERED);
	gd_cond_signal(&cond); /* is for the other one */
	end_all(2);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(result[1], GD_OK);
}

CASE(a_condition_returns_with_its_mutex)
{
	on_procs(cond_wait);
}

/* Somebody else who was recovered frees what they share, before this one has run at all. */
static void memory_is_gone(void *arg)
{
	static const unsigned char gone = 0xff;
	struct gd__g *g[3];

	(void)arg;
	gd_mutex_lock(&mutex);
	gd_rwmutex_lock(&rwmutex);
	gd_waitgroup_add(&group, 1);
	g[0] = start_waiter(0, lock_mutex, true);
	g[1] = start_waiter(1, write_lock, true);
	g[2] = start_waiter(2, wait_group, true);
	CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(gd__recover(g[i], g[i]->id, g[i]->parks), GD__RECOVERED);
	memset(&mutex, gone, sizeof(mutex));
	memset(&rwmutex, gone, sizeof(rwmutex));
	memset(&group, gone, sizeof(group));
	gd__stw_start();
	end_all(3);
	for (size_t i = 0; i < sizeof(mutex); i++)
		CHECK_EQ(((unsigned char *)&mutex)[i], gone);
	for (size_t i = 0; i < sizeof(rwmutex); i++)
		CHECK_EQ(((unsigned char *)&rwmutex)[i], gone);
	for (size_t i = 0; i < sizeof(group); i++)
		CHECK_EQ(((unsigned char *)&group)[i], gone);
}

CASE(a_recovered_goroutine_touches_its_primitive_no_more)
{
	on_procs(memory_is_gone);
}

/* --- refusals --- */

static void not_asked(void *arg)
{
	(void)arg;
	make_channels(0);

	struct gd__g *g = start_waiter(0, send_0, false);

	CHECK_EQ(recover(g), GD__RECOVER_NOT_ASKED);
	CHECK_EQ(gd_chan_try_recv(c[0], NULL), GD_OK);
	end_all(1);
	CHECK_EQ(result[0], GD_OK);
}

CASE(who_has_not_asked_stays)
{
	on_procs(not_asked);
}

static void asks_and_ends(void *arg)
{
	(void)arg;
	gd_go_recoverable(true);
	gd__store_release(&who[1], gd__self()); /* pairs with the load in not_asked_itself */
}

static void sends_without_asking(void *arg)
{
	(void)arg;
	gd__store_release(&who[0], gd__self()); /* pairs with the load in not_asked_itself */
	send_0();
}

/* Has the record of one who had asked. */
static void not_asked_itself(void *arg)
{
	struct gd__g *g;

	(void)arg;
	make_channels(0);
	for (int i = 0; i < 100; i++) {
		gd_go_fn(asks_and_ends, NULL);
		let_others_run();
		gd_go_fn(sends_without_asking, NULL);
		while ((g = gd__load_acquire(&who[0])) == NULL || !is_parked(g)) /* pairs with it */
			gd_yield();
		CHECK_EQ(recover(g), GD__RECOVER_NOT_ASKED);
		gd_chan_recv(c[0], NULL);
		gd__store_relaxed(&who[0], NULL);
		if (g == gd__load_acquire(&who[1])) /* pairs with asks_and_ends */
			return;
	}
	CHECK(gd_procs() > 1); /* on one P the record is taken at once */
}

CASE(a_recycled_goroutine_asks_for_itself)
{
	on_procs(not_asked_itself);
}

static int send_until_sent(void)
{
	int rc;

	do {
		rc = gd_chan_send(c[0], 1);
	} while (rc == GD_ELEAKED);
	return rc;
}

static int send_and_ask_again(void)
{
	int rc = GD_OK;

	for (int i = 0; i < 2; i++) {
		rc = gd_chan_send(c[1], 1);
		CHECK(gd_go_recoverable(true));
	}
	return rc;
}

static void park_again(struct gd__g *g, uint32_t parks)
{
	while (!is_parked(g) || g->parks == parks)
		gd_yield();
}

static void told(void *arg)
{
	(void)arg;
	make_channels(0);

	struct gd__g *a = start_waiter(0, send_until_sent, true);
	uint32_t parks = a->parks;

	CHECK_EQ(recover(a), GD__RECOVERED);
	park_again(a, parks);
	CHECK_EQ(recover(a), GD__RECOVER_TOLD);

	struct gd__g *b = start_waiter(1, send_and_ask_again, true);

	parks = b->parks;
	CHECK_EQ(recover(b), GD__RECOVERED);
	park_again(b, parks);
	CHECK_EQ(recover(b), GD__RECOVERED);
	end_all(1);
	CHECK_EQ(result[1], GD_ELEAKED);
}

CASE(who_does_not_listen_is_told_once)
{
	on_procs(told);
}

/* Does not look, and has two channels to wait for in turn. */
static int deaf(void)
{
	for (int i = 0; i < INT_MAX; i++)
		gd_chan_send(c[i % 2], 1);
	return GD_OK;
}

static void told_often(void *arg)
{
	int n = 0;

	(void)arg;
	make_channels(0);

	struct gd__g *g = start_waiter(0, deaf, true);

	for (;; n++) {
		uint32_t parks = g->parks;

		if (recover(g) != GD__RECOVERED)
			break;
		park_again(g, parks);
	}
	CHECK_EQ(n, 8);
	CHECK_EQ(recover(g), GD__RECOVER_TOLD);
}

CASE(who_never_listens_is_left)
{
	on_procs(told_often);
}

static int select_none(void)
{
	gd_select_none();
}

static void nothing(void *arg)
{
	(void)arg;
}

static int once_again(void)
{
	gd_once_do(&once, nothing, NULL);
	return GD_OK;
}

static void wait_in_once(void *arg)
{
	(void)arg;
	gd_chan_recv(c[0], NULL);
}

static int first_once(void)
{
	gd_once_do(&once, wait_in_once, NULL);
	return GD_OK;
}

/* Is signalled, and cannot have the mutex back. */
static void no_code(void *arg)
{
	(void)arg;
	make_channels(0);
	CHECK_EQ(recover(start_waiter(0, select_none, true)), GD__RECOVER_NO_CODE);
	start_waiter(1, first_once, true);
	CHECK_EQ(recover(start_waiter(2, once_again, true)), GD__RECOVER_NO_CODE);
	gd_cond_init(&cond, &mutex);

	struct gd__g *g = start_waiter(3, wait_cond, true);
	uint32_t parks = g->parks;

	gd_mutex_lock(&mutex);
	gd_cond_signal(&cond);
	park_again(g, parks);
	CHECK_EQ(recover(g), GD__RECOVER_NO_CODE);
	gd_mutex_unlock(&mutex);
	gd_chan_send(c[0], 1);
	end_all(3);
	CHECK_EQ(result[3], GD_OK);
}

CASE(without_a_result_there_is_no_recovery)
{
	on_procs(no_code);
}

static int send_in_time(void)
{
	return gd_chan_send_until(c[0], 1, gd_now() + 3600 * GD_SECOND);
}

static void gone(void *arg)
{
	(void)arg;
	make_channels(0);
	CHECK_EQ(recover(start_waiter(0, send_in_time, true)), GD__RECOVER_GONE);

	struct gd__g *g = start_waiter(1, send_0, true);
	uint32_t parks = g->parks;
	uint64_t id = g->id;

	CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
	CHECK_EQ(gd__recover(g, id, parks - 1), GD__RECOVER_GONE);
	CHECK_EQ(gd__recover(g, id - 1, parks), GD__RECOVER_GONE);
	gd__stw_start();
	for (int i = 0; i < 2; i++)
		CHECK_EQ(gd_chan_try_recv(c[0], NULL), GD_OK);
	end_all(2);
	CHECK_EQ(gd__recover(g, id, parks), GD__RECOVER_GONE);
}

CASE(another_wait_is_left_alone)
{
	on_procs(gone);
}

/* Each primitive's lock is held by whoever is at it; or its waiter was served, not yet readied. */
static void in_use(void *arg)
{
	gd_chan *raw;
	struct gd__g *g;

	(void)arg;
	make_channels(0);
	raw = c[0].raw;
	g = start_waiter(0, send_0, true);
	CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
	gd__lock(&raw->lock, GD__RANK_CHAN);
	CHECK_EQ(gd__recover(g, g->id, g->parks), GD__RECOVER_IN_USE);
	gd__unlock(&raw->lock);

	struct gd__g *wake;

	gd__lock(&raw->lock, GD__RANK_CHAN);
	CHECK_EQ(gd__chan_recv_locked(raw, NULL, gd__self(), 1, &wake), GD_OK);
	gd__unlock(&raw->lock);
	CHECK(wake == g);
	CHECK_EQ(gd__recover(g, g->id, g->parks), GD__RECOVER_GONE);
	CHECK(!gd__chan_abandon(raw, g->wake_waiter)); /* a thread of the user's does not stop */
	gd__stw_start();
	gd__ready(wake);
	end_all(1);
	CHECK_EQ(result[0], GD_OK);

	g = start_waiter(1, select_all, true);
	CHECK(gd__stw_stop(true, GD__STW_LIMIT_NS));
	gd__store_relaxed(&g->select_done, 1); /* a waker has won and not yet served it */
	CHECK_EQ(gd__recover(g, g->id, g->parks), GD__RECOVER_IN_USE);
	gd__store_relaxed(&g->select_done, 0);
	gd__stw_start();
}

CASE(what_is_in_use_is_left_for_another_time)
{
	on_procs(in_use);
}

UNIT_MAIN
