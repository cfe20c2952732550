/*
 * recover_test.c - who is told GD_ELEAKED, in whole programs: what a check proves, recovery ends.
 *
 * A builder makes the goroutines and ends, so that nothing but they know their primitives.
 */
#include <limits.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "detector/leak/recover.h"
#include "runtime/base/options.h"
#include "runtime/inspect/inspect.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

typedef gd_chan_of(int) int_chan;

enum { MAX = 8, NOTHING = INT_MAX };

static _Atomic int result[MAX];
static _Atomic int ended;

static void end(int n, int rc)
{
	result[n] = rc;
	ended++;
}

/* All that can run has run. */
static void settle(void)
{
	gd__inspect_settle(10 * GD_SECOND);
}

/* Runs body, then one check. What it found. */
static int check_after(void (*build)(void *))
{
	for (int i = 0; i < MAX; i++)
		result[i] = NOTHING;
	gd_go_fn(build, NULL);
	settle();

	int found = gd_leak_check();

	settle();
	return found;
}

static void (*body)(void);

static void run_body(void *arg)
{
	(void)arg;
	body();
}

static void in_child(void)
{
	alarm(30);
	gd__options.leak_recover = 1;
	CHECK_EQ(gd_run(run_body, NULL), GD_OK);
}

/* fn runs on the main goroutine; code is that of the process. */
static struct child *run(void (*fn)(void), int code)
{
	static struct child c;

	body = fn;
	child_run(&c, in_child);
	if (c.code != code)
		fprintf(stderr, "%s", c.text);
	CHECK_EQ(c.code, code);
	return &c;
}

static void only_recovered_leaks(void)
{
	gd__options.leak_recover = 2;
}

/* --- locks --- */

struct shared {
	gd_mutex a, b;
	int_chan met, stuck;
	gd_waitgroup both;
};

struct locker_args {
	struct shared *s;
	int n;
	bool asks;
};

/* Takes its lock, lets the other take its own, and then wants that. */
static void locker(struct locker_args *args)
{
	gd_mutex *own = args->n == 0 ? &args->s->a : &args->s->b;
	gd_mutex *other = args->n == 0 ? &args->s->b : &args->s->a;
	int n = args->n, rc;

	gd_go_recoverable(args->asks);
	gd_mutex_lock(own);
	gd_waitgroup_done(&args->s->both);
	gd_waitgroup_wait(&args->s->both);
	rc = gd_mutex_lock(other);
	if (rc == GD_OK)
		gd_mutex_unlock(other);
	gd_mutex_unlock(own);
	end(n, rc);
}

static bool asks[2];

static void build_deadlock(void *arg)
{
	struct shared *s = calloc(1, sizeof(*s));

	(void)arg;
	gd_waitgroup_add(&s->both, 2);
	for (int i = 0; i < 2; i++)
		gd_go(locker, .s = s, .n = i, .asks = asks[i]);
}

static void youngest(void)
{
	asks[0] = asks[1] = true;
	CHECK_EQ(check_after(build_deadlock), 2);
	CHECK_EQ(result[0], GD_OK);
	CHECK_EQ(result[1], GD_ELEAKED);
	CHECK_EQ(gd_leak_check(), 0);
}

CASE(of_a_deadlock_the_youngest_is_told)
{
	struct child *c = run(youngest, 23);

	CHECK_HAS(c->text, "  recovery: 1 returned GD_ELEAKED; "
			   "1 not: a recovered goroutine may give up the lock\n");
	CHECK_HAS(c->text, "recovery: 1 leaked goroutine returned GD_ELEAKED\n  1  gd1:");
}

static void the_willing(void)
{
	asks[0] = true;
	CHECK_EQ(check_after(build_deadlock), 2);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(result[1], GD_OK);
}

CASE(of_a_deadlock_the_one_that_asked_is_told)
{
	run(the_willing, 23);
}

static void nobody(void)
{
	CHECK_EQ(check_after(build_deadlock), 2);
	CHECK_EQ(gd_leak_check(), 2);
	CHECK_EQ(ended, 0);
}

CASE(of_a_deadlock_nobody_need_ask)
{
	CHECK_HAS(run(nobody, 23)->text, "not: gd_go_recoverable was not called");
}

static void self_lock(void *arg)
{
	gd_mutex *m = calloc(1, sizeof(*m));

	(void)arg;
	gd_go_recoverable(true);
	gd_mutex_lock(m);

	int rc = gd_mutex_lock(m);

	gd_mutex_unlock(m);
	free(m);
	end(0, rc);
}

static void self(void)
{
	CHECK_EQ(check_after(self_lock), 1);
	CHECK_EQ(result[0], GD_ELEAKED);
}

CASE(a_lock_taken_twice)
{
	run(self, 23);
}

/* Holds a, and waits for what only it knows. Behind it, one who wants a. */
static void holder(struct locker_args *args)
{
	gd_go_recoverable(args->asks);
	gd_mutex_lock(&args->s->a);
	gd_chan_send(args->s->met, 1);

	int rc = gd_chan_send(args->s->stuck, 1);

	gd_mutex_unlock(&args->s->a);
	end(0, rc);
}
#define holder_args locker_args

static void behind(struct locker_args *args)
{
	gd_go_recoverable(true);
	gd_chan_recv(args->s->met, NULL);

	int rc = gd_mutex_lock(&args->s->a);

	if (rc == GD_OK)
		gd_mutex_unlock(&args->s->a);
	end(1, rc);
}
#define behind_args locker_args

static bool behind_first; /* who waits for the lock is the older one */

static void build_behind(void *arg)
{
	struct shared *s = calloc(1, sizeof(*s));

	(void)arg;
	s->met = gd_chan_make(int_chan, 0);
	s->stuck = gd_chan_make(int_chan, 0);
	if (behind_first)
		gd_go(behind, .s = s);
	gd_go(holder, .s = s, .asks = asks[0]);
	if (!behind_first)
		gd_go(behind, .s = s);
}

static void lock_is_given_up(void)
{
	asks[0] = true;
	CHECK_EQ(check_after(build_behind), 2);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(result[1], GD_OK);
}

CASE(who_waits_for_a_recovered_holder_gets_the_lock)
{
	run(lock_is_given_up, 23);
}

static void lock_is_kept(void)
{
	asks[0] = false;
	CHECK_EQ(check_after(build_behind), 2);
	CHECK_EQ(result[0], NOTHING);
	CHECK_EQ(result[1], GD_ELEAKED);
}

CASE(who_waits_for_a_holder_that_stays_is_told)
{
	run(lock_is_kept, 23);
}

CASE(the_order_of_their_start_is_nothing)
{
	behind_first = true;
	run(lock_is_given_up, 23);
	run(lock_is_kept, 23);
}

/* --- channels and the others --- */

struct pair_args {
	int_chan in, out;
	int n;
};
static void pair(struct pair_args *a)
{
	int v, rc;

	gd_go_recoverable(true);
	rc = gd_chan_recv_until(a->in, &v, INT64_MAX);
	gd_chan_try_send(a->out, 1); /* in vain: the other one has been told as well */
	end(a->n, rc);
}

static void build_pair(void *arg)
{
	int_chan x = gd_chan_make(int_chan, 0), y = gd_chan_make(int_chan, 0);

	(void)arg;
	gd_go(pair, .in = x, .out = y, .n = 0);
	gd_go(pair, .in = y, .out = x, .n = 1);
}

static void both(void)
{
	CHECK_EQ(check_after(build_pair), 2);
	CHECK_EQ(result[0], GD_ELEAKED);
	CHECK_EQ(result[1], GD_ELEAKED);
	CHECK_EQ(gd_go_count(), 1);
}

CASE(two_that_wait_for_each_other_are_both_told)
{
	run(both, 23);
}

static void every_wait(void *arg)
{
	struct shared *s = calloc(1, sizeof(*s));
	gd_rwmutex *rw = calloc(1, sizeof(*rw));
	gd_cond *cond = calloc(1, sizeof(*cond));
	int v = 0;

	(void)arg;
	gd_go_recoverable(true);
	s->met = gd_chan_make(int_chan, 0);
	s->stuck = gd_chan_make(int_chan, 0);
	gd_cond_init(cond, &s->a);
	gd_waitgroup_add(&s->both, 1);
	CHECK_EQ(gd_select(GD_RECV(s->met, &v), GD_SEND(s->stuck, 1)), GD_ELEAKED);
	CHECK_EQ(gd_waitgroup_wait(&s->both), GD_ELEAKED);
	gd_mutex_lock(&s->a);
	CHECK_EQ(gd_cond_wait(cond), GD_ELEAKED);
	gd_mutex_unlock(&s->a);
	gd_rwmutex_rlock(rw);
	CHECK_EQ(gd_rwmutex_lock(rw), GD_ELEAKED);
	gd_rwmutex_runlock(rw);
	gd_rwmutex_lock(rw);
	CHECK_EQ(gd_rwmutex_rlock(rw), GD_ELEAKED);
	gd_rwmutex_unlock(rw);
	CHECK_EQ(gd_chan_send((int_chan){ NULL }, 1), GD_ELEAKED);
	CHECK(!gd_chan_recv(s->met, &v));
	CHECK_EQ(gd_go_recovered(), 7);
	end(0, GD_OK);
}

static void one_after_the_other(void)
{
	CHECK_EQ(check_after(every_wait), 1);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(ended, 0);
		CHECK_EQ(gd_leak_check(), 1);
		settle();
	}
	CHECK_EQ(ended, 1);
	CHECK_EQ(gd_leak_check(), 0);
}

CASE(every_operation_is_told)
{
	CHECK_HAS(run(one_after_the_other, 23)->text, "recovery: 7 leaked goroutines returned");
}

static void retries(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);

	(void)arg;
	gd_go_recoverable(true);
	while (gd_chan_send(c, 1) != GD_OK)
		ended++;
}

static void told_once(void)
{
	CHECK_EQ(check_after(retries), 1);
	CHECK_EQ(ended, 1);
	CHECK_EQ(gd_leak_check(), 1);
	settle();
	CHECK_EQ(ended, 1);
}

CASE(who_tries_again_is_left_and_reported)
{
	struct child *c = run(told_once, 23);

	CHECK_HAS(c->text, "recovery: 1 not: told before, and waits again");
}

static void told_and_stuck(void)
{
	CHECK_EQ(check_after(retries), 1);
	CHECK_EQ(ended, 1);
}

CASE(who_is_stuck_again_is_reported_again)
{
	const struct child *c = run(told_and_stuck, 23);
	const char *first = strstr(c->text, "WARNING: gdetect: goroutine leak");

	CHECK(first != NULL && strstr(first + 1, "WARNING: gdetect: goroutine leak") != NULL);
}

/* --- judged in a copy, or a while ago --- */

static void forked(void)
{
	gd_go_fn(build_pair, NULL);
	gd_go_fn(every_wait, NULL);
	settle();
	CHECK_EQ(gd_leak_check(.forked = true), 3);
	settle();
	CHECK_EQ(ended, 2);
	CHECK_EQ(gd_leak_check(.forked = true, .fresh_only = true), 1);
}

CASE(a_copy_judges_for_the_process)
{
	CHECK_HAS(run(forked, 23)->text, "recovery: 4 leaked goroutines returned GD_ELEAKED");
}

static void quiet(void)
{
	gd_go_fn(build_pair, NULL);
	settle();
	CHECK_EQ(gd_leak_check(.quiet = true), 2);
	settle();
	CHECK_EQ(ended, 0);
	CHECK_EQ(gd_leak_check(), 2);
	settle();
	CHECK_EQ(ended, 2);
}

CASE(a_quiet_check_recovers_nobody)
{
	run(quiet, 23);
}

/* The two of build_pair, as a check would give them. */
static void judge(struct gd__leak_result *r, struct gd__leak leaks[2])
{
	struct gd__runtime rt;
	bool broken;

	*r = (struct gd__leak_result){ .leaks = leaks, .ran = true, .complete = true };
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
	for (uint64_t i = 0; i < rt.ngoroutines && r->count < 2; i++) {
		leaks[r->count] = (struct gd__leak){ 0 };
		if (gd__inspect_goroutine(&rt, i, &leaks[r->count].g, &broken) &&
		    leaks[r->count].g.reason == GD__WAIT_CHAN_RECV)
			r->count++;
	}
	CHECK_EQ(r->count, 2);
	r->by_verdict[GD__VERDICT_PROVEN] = 2;
}

static void old_judgements(void)
{
	struct gd__recoveries chosen, later;
	struct gd__leak leaks[2];
	struct gd__leak_result r;
	struct gd__arena a = { 0 };
	static int memory;

	gd_go_fn(build_pair, NULL);
	settle();
	CHECK(gd__inspect_stop());
	judge(&r, leaks);

	/* Its roots were not all. */
	CHECK(gd__recover_choose(&r, &a, &chosen));
	CHECK_EQ(chosen.n, 2);
	gd_leak_add_root(&memory, sizeof(memory));
	CHECK_EQ(gd__recover_apply(&chosen, &r), 0);
	CHECK_EQ(leaks[0].recovery, 1 + GD__RECOVER_IN_USE);

	/* It saw not everything. */
	r.complete = false;
	CHECK(gd__recover_choose(&r, &a, &chosen));
	CHECK_EQ(chosen.n, 0);
	r.complete = true;

	/* One of two was applied: who was woken may serve whom the other would wake. */
	CHECK(gd__recover_choose(&r, &a, &chosen));
	CHECK(gd__recover_choose(&r, &a, &later));
	chosen.n = 1;
	CHECK_EQ(gd__recover_apply(&chosen, NULL), 1);
	CHECK_EQ(gd__recover_apply(&later, NULL), 0);

	/* Afresh: one is not there any more. */
	CHECK(gd__recover_choose(&r, &a, &later));
	CHECK_EQ(later.n, 1);
	CHECK_EQ(gd__recover_apply(&later, NULL), 1);
	gd__inspect_start();
	gd__arena_release(&a);
	settle();
	CHECK_EQ(ended, 2);
}

CASE(an_old_judgement_wakes_nobody)
{
	run(old_judgements, 0);
}

/* --- what is not told --- */

static int_chan reachable;

static void waits_for_global(void *arg)
{
	(void)arg;
	gd_go_recoverable(true);
	end(0, gd_chan_send(reachable, 1));
}

static void reached(void)
{
	reachable = gd_chan_make(int_chan, 0);
	CHECK_EQ(check_after(waits_for_global), 0);
	CHECK_EQ(result[0], NOTHING);
	CHECK_EQ(gd_chan_try_recv(reachable, NULL), GD_OK);
	settle();
	CHECK_EQ(result[0], GD_OK);
}

CASE(what_can_be_reached_is_left_alone)
{
	run(reached, 0);
}

static void option_is_off(void)
{
	gd__options.leak_recover = 0;
	CHECK_EQ(check_after(build_pair), 2);
	CHECK_EQ(ended, 0);
}

CASE(without_the_option_nobody_is_told)
{
	CHECK(strstr(run(option_is_off, 23)->text, "recovery") == NULL);
}

static void at_exit(void)
{
	gd_go_fn(build_pair, NULL);
	settle();
}

CASE(at_exit_nobody_is_told)
{
	struct child *c = run(at_exit, 23);

	CHECK_HAS(c->text, "goroutines leaked");
	CHECK_HAS(c->text, "  recovery: 1 not: the program ended first\n");
	CHECK(strstr(c->text, "returned GD_ELEAKED") == NULL);
}

static void too_late_but_forgiven(void)
{
	only_recovered_leaks();
	at_exit();
}

CASE(at_exit_who_could_have_been_told_is_forgiven)
{
	run(too_late_but_forgiven, 0);
}

static void none_asked(void)
{
	only_recovered_leaks();
	gd_go_fn(build_deadlock, NULL);
	settle();
}

CASE(who_has_not_asked_is_not_forgiven)
{
	run(none_asked, 23);
}

static int_chan unused;
static _Atomic bool dropped;

static void waits_and_is_dropped(void *arg)
{
	int_chan c = *(int_chan *)arg;

	gd_go_recoverable(true);
	end(0, gd_chan_send(c, 1));
}

/* Makes a channel and drops it under its waiter, always at the same place. */
static void drop_under_waiter(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		unused = gd_chan_make(int_chan, 0);
		gd_go_fn(waits_and_is_dropped, &unused);
		settle();
		gd_chan_unref(unused);
	}
	unused.raw = NULL;
	dropped = true;
}

static void dropped_often(void)
{
	gd_go_fn(drop_under_waiter, NULL);
	while (!dropped)
		gd_sleep(GD_MILLISECOND);
	CHECK_EQ(gd_leak_check(), 20);
	settle();
	CHECK_EQ(ended, 20);
	CHECK_EQ(gd_go_count(), 1);
}

CASE(with_recovery_a_place_that_drops_is_looked_at_once)
{
	const struct child *c = run(dropped_often, 23);
	int reports = 0;

	for (const char *at = c->text; (at = strstr(at, "WARNING: gdetect: goroutine leak")); at++)
		reports++;
	CHECK_EQ(reports, 2); /* the first drop, and the check */
	CHECK_HAS(c->text, "recovery: 20 leaked goroutines returned GD_ELEAKED");
}

static void forgiven(void)
{
	only_recovered_leaks();
	CHECK_EQ(check_after(build_pair), 2);
}

CASE(recovered_leaks_can_leave_the_exit_code_alone)
{
	CHECK_HAS(run(forgiven, 0)->text, "2 leaked goroutines returned GD_ELEAKED");
}

UNIT_MAIN
