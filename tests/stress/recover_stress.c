/*
 * recover_stress.c - leaks of every kind beside goroutines that work, and all of them end.
 *
 * usage: recover_stress [seconds [seed [procs]]]; seed 0 takes one from the clock
 * Workers make cells: a block with primitives of its own, counted references, and some goroutines
 * that get stuck on them in one of many ways, or do not. Every few milliseconds the leak detector
 * looks and recovers. Who can go on by itself must never be told GD_ELEAKED; who was recovered is
 * told exactly once; it drops its reference, and the last of a cell frees it. At the end one
 * goroutine is left and as many cells were freed as were made.
 * The seed fixes each goroutine's choices, not the schedule.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "detector/leak/tally.h"
#include "runtime/base/options.h"

enum { WORKERS = 4, CROWD = 2000, LAST_CHECKS = 200, STUCK_SECONDS = 60 };

typedef gd_chan_of(uint64_t) value_chan;

struct cell {
	_Atomic int refs;
	uint64_t canary;
	value_chan x, y;
	gd_mutex a, b;
	gd_rwmutex rw;
	gd_waitgroup group;
	gd_cond cond;
};

static int64_t seconds = 5;
static uint64_t seed;
static int procs = 2, said;
static _Atomic bool stop;
static _Atomic uint64_t made, freed, told, worked;
static gd_waitgroup workers;

static void fail(int line, const char *what)
{
	dprintf(said,
		"recover_stress.c:%d: %s fails; repeat: recover_stress %" PRId64 " %" PRIu64
		" %d\n",
		line, what, seconds, seed, procs);
	_exit(1);
}

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail(__LINE__, #cond);                                                     \
	} while (0)

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

/* --- cells --- */

static struct cell *make_cell(int refs)
{
	struct cell *c = calloc(1, sizeof(*c));

	CHECK(c != NULL);
	c->refs = refs;
	c->canary = (uintptr_t)c ^ seed;
	c->x = gd_chan_make(value_chan, 0);
	c->y = gd_chan_make(value_chan, 1);
	gd_cond_init(&c->cond, &c->a);
	made++;
	return c;
}

static void drop(struct cell *c)
{
	CHECK(c->canary == ((uintptr_t)c ^ seed));
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	CHECK(gd_mutex_try_lock(&c->a));
	CHECK(gd_mutex_try_lock(&c->b));
	CHECK(gd_rwmutex_try_lock(&c->rw));
	CHECK(c->group.waiters_ == 0);
	gd_chan_unref(c->x);
	gd_chan_unref(c->y);
	memset(c, 0xee, sizeof(*c));
	free(c);
	freed++;
}

static void note(int rc)
{
	CHECK(rc == GD_OK || rc == GD_ELEAKED);
	told += rc == GD_ELEAKED;
}

/* --- ways to get stuck: n is the goroutine's number in its cell --- */

static void send_x(struct cell *c, int n)
{
	note(gd_chan_send(c->x, (uint64_t)n));
}

static void abandoned(struct cell *c, int n)
{
	uint64_t v;

	if (n == 0)
		note(gd_chan_recv_until(c->x, &v, INT64_MAX));
	else
		send_x(c, n);
}

static void select_both(struct cell *c, int n)
{
	uint64_t v = 0;
	int i = gd_select(GD_RECV(c->x, &v), GD_RECV(c->y, NULL));

	(void)n;
	note(i == GD_ELEAKED ? GD_ELEAKED : GD_OK);
}

static void each_other(struct cell *c, int n)
{
	note(gd_chan_recv_until(n == 0 ? c->x : c->y, NULL, INT64_MAX));
	gd_chan_try_send(n == 0 ? c->y : c->x, 1);
}

static void both_locks(struct cell *c, int n)
{
	gd_mutex *first = n % 2 == 0 ? &c->a : &c->b, *second = n % 2 == 0 ? &c->b : &c->a;
	int rc = gd_mutex_lock(first);

	note(rc);
	if (rc != GD_OK)
		return;
	gd_yield();
	rc = gd_mutex_lock(second);
	note(rc);
	if (rc == GD_OK)
		gd_mutex_unlock(second);
	gd_mutex_unlock(first);
}

static void read_then_write(struct cell *c, int n)
{
	int rc;

	if (n > 0) {
		rc = n == 1 ? gd_rwmutex_lock(&c->rw) : gd_rwmutex_rlock(&c->rw);
		note(rc);
		if (rc == GD_OK && n == 1)
			gd_rwmutex_unlock(&c->rw);
		else if (rc == GD_OK)
			gd_rwmutex_runlock(&c->rw);
		return;
	}
	note(rc = gd_rwmutex_rlock(&c->rw));
	if (rc != GD_OK)
		return;
	gd_yield();
	note(rc = gd_rwmutex_lock(&c->rw)); /* it holds it itself */
	if (rc == GD_OK)
		gd_rwmutex_unlock(&c->rw);
	else
		gd_rwmutex_runlock(&c->rw);
}

static void wait_group(struct cell *c, int n)
{
	if (n == 0)
		gd_waitgroup_add(&c->group, 1); /* and nobody is done */
	note(gd_waitgroup_wait(&c->group));
}

static void wait_cond(struct cell *c, int n)
{
	int rc = gd_mutex_lock(&c->a);

	note(rc);
	if (rc != GD_OK)
		return;
	if (n == 0)
		gd_cond_signal(&c->cond); /* for one, if it is there already */
	else
		note(gd_cond_wait(&c->cond));
	gd_mutex_unlock(&c->a);
}

static void nil_chan(struct cell *c, int n)
{
	(void)c;
	note(gd_chan_send((value_chan){ NULL }, (uint64_t)n));
}

/* Holds a lock while it is stuck; the others want that. */
static void behind(struct cell *c, int n)
{
	int rc = gd_mutex_lock(&c->a);

	note(rc);
	if (rc != GD_OK)
		return;
	if (n == 0)
		note(gd_chan_recv_until(c->x, NULL, INT64_MAX));
	gd_mutex_unlock(&c->a);
}

/* Is never stuck: 0 and 1 play with the ball, the others add up. */
static void works(struct cell *c, int n)
{
	for (uint64_t i = 0, v = 0; i < 50 && n < 2; i++) {
		if (n == 0)
			CHECK(gd_chan_send(c->x, i) == GD_OK);
		CHECK(gd_chan_recv(n == 0 ? c->y : c->x, &v));
		CHECK(v == i);
		if (n == 1)
			CHECK(gd_chan_send(c->y, i) == GD_OK);
	}
	for (int i = 0; i < 20; i++) {
		CHECK(gd_mutex_lock(&c->b) == GD_OK);
		gd_yield();
		gd_mutex_unlock(&c->b);
	}
	worked++;
}

static void (*const ways[])(struct cell *, int) = {
	abandoned, select_both, each_other, both_locks, read_then_write, wait_group,
	wait_cond, nil_chan,    behind,     works,      works,
};

struct member_args {
	struct cell *c;
	void (*way)(struct cell *, int);
	int n;
};
static void member(struct member_args *m)
{
	gd_go_recoverable(true);
	m->way(m->c, m->n);
	drop(m->c);
}

static void start_cell(uint64_t *state)
{
	uint64_t n = sizeof(ways) / sizeof(ways[0]);
	void (*way)(struct cell *, int) = ways[draw(state) % n];
	int members = way == each_other ? 2 : 2 + (int)(draw(state) % 4);
	struct cell *c = make_cell(members);

	for (int i = 0; i < members; i++)
		gd_go(member, .c = c, .way = way, .n = i);
}

struct worker_args {
	uint64_t state;
};
static void worker(struct worker_args *w)
{
	while (!stop) {
		for (int i = 0; i < 16; i++)
			start_cell(&w->state);
		do {
			gd_sleep(GD_MILLISECOND);
		} while (gd_go_count() > CROWD && !stop);
	}
	gd_waitgroup_done(&workers);
}

/* Here, or by a copy while all goes on. */
static void look(void)
{
	static int turn;

	CHECK(gd_leak_check(.forked = turn++ % 4 == 0, .fresh_only = true) >= 0);
	gd_sleep(2 * GD_MILLISECOND);
}

static void start(void *arg)
{
	int64_t end = gd_now() + seconds * GD_SECOND;

	(void)arg;
	gd_waitgroup_add(&workers, WORKERS);
	for (uint64_t i = 0; i < WORKERS; i++)
		gd_go(worker, .state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1);
	while (gd_now() < end)
		look();
	stop = true;
	gd_waitgroup_wait(&workers);
	for (int i = 0; i < LAST_CHECKS && gd_go_count() > 1; i++)
		look();
	dprintf(said, "%" PRIu64 " cells, %" PRIu64 " told, %" PRIu64 " worked, %zu goroutines\n",
		made, told, worked, gd_go_count());
	CHECK(gd_go_count() == 1);
	CHECK(made == freed);
	CHECK(told == gd__tally_total());
	CHECK(told > 0 && worked > 0);
}

int main(int argc, char **argv)
{
	struct timespec now;
	int null_fd = open("/dev/null", O_WRONLY);

	if (argc > 1)
		seconds = strtol(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		procs = (int)strtol(argv[3], NULL, 10);
	clock_gettime(CLOCK_REALTIME, &now);
	if (seed == 0)
		seed = (uint64_t)now.tv_nsec | 1;
	/* Thousands of reports, which nobody reads. */
	said = dup(STDERR_FILENO);
	if (said < 0 || null_fd < 0 || dup2(null_fd, STDERR_FILENO) < 0)
		return 3;
	alarm((unsigned)seconds + STUCK_SECONDS);
	gd__options.leak_recover = 2; /* no exit code */
	gd__options.symbolize = false;
	gd_set_procs(procs);
	return gd_run(start, NULL) == GD_OK ? 0 : 3;
}
