/*
 * go_class_owner.c - who waits for a lock whose owner is stuck, or has ended. All locks are in
 * globals and somebody lives on, so that nothing but the owner proves it: owner-stuck, not proven.
 */
#include "tests/conformance/leak/go_class.h"

/* Locks what it is given, and gives it back. */
static NOINLINE void use(gd_mutex *m)
{
	gd_mutex_lock(m);
	gd_mutex_unlock(m);
}

LEAK(owner_in_nil_channel)
static gd_mutex nil_m;
static void holds_at_nil(void *nil)
{
	gd_mutex_lock(&nil_m);
	/* leak: chan receive (nil chan); proven stuck: it waits for nothing that exists */
	gd_chan_recv((int_chan){ .raw = nil }, NULL);
}
static void waits_for_nil(void *unused)
{
	/* leak: 4 mutex lock; stuck behind another: the mutex is held up by; held by: goroutine */
	gd_mutex_lock(&nil_m);
}
MAIN(leak_owner_in_nil_channel)
{
	gd_go_fn(holds_at_nil, NULL);
	settle_n(1);
	for (int i = 0; i < 4; i++)
		gd_go_fn(waits_for_nil, NULL);
	gd_go_fn(sleeps_with, &nil_m);
	settle_n(5);
}

LEAK(owner_in_empty_select)
static gd_rwmutex select_rw;
static void writes_at_select(void *unused)
{
	gd_rwmutex_lock(&select_rw);
	gd_select_none(); /* leak: select (no cases); proven stuck */
}
static void reads_at_select(void *unused)
{
	gd_rwmutex_rlock(&select_rw); /* leak: 2 rwmutex rlock; stuck behind another */
}
MAIN(leak_owner_in_empty_select)
{
	gd_go_fn(writes_at_select, NULL);
	settle_n(1);
	gd_go_fn(reads_at_select, NULL);
	gd_go_fn(reads_at_select, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(3);
}

/* The owner waits for what only it knows; so it falls first, and the others with it. */
LEAK(owner_in_own_channel)
static gd_mutex own_m;
static void holds_at_own(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_mutex_lock(&own_m);
	gd_chan_send(c, 1); /* leak: chan send; proven stuck: nothing that can still run reaches */
}
static void waits_for_own(void *unused)
{
	gd_mutex_lock(&own_m); /* leak: mutex lock; stuck behind another: the mutex is held up */
}
MAIN(leak_owner_in_own_channel)
{
	gd_go_fn(holds_at_own, NULL);
	settle_n(1);
	gd_go_fn(waits_for_own, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(2);
}

LEAK(owner_in_lost_group)
static gd_rwmutex group_rw;
static void reads_at_group(void *unused)
{
	gd_waitgroup *w = NEW(gd_waitgroup);

	gd_waitgroup_add(w, 1);
	gd_rwmutex_rlock(&group_rw);
	gd_waitgroup_wait(w); /* leak: waitgroup wait; proven stuck */
}
static void writes_after_group(void *unused)
{
	gd_rwmutex_lock(&group_rw); /* leak: rwmutex lock; stuck behind another; read lock held */
}
MAIN(leak_owner_in_lost_group)
{
	gd_go_fn(reads_at_group, NULL);
	settle_n(1);
	gd_go_fn(writes_after_group, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(2);
}

LEAK(owner_at_lost_cond)
static gd_mutex at_cond_m;
static void holds_at_cond(void *unused)
{
	gd_mutex *m = NEW(gd_mutex);
	gd_cond *c = NEW(gd_cond);

	gd_cond_init(c, m);
	gd_mutex_lock(&at_cond_m);
	gd_mutex_lock(m);
	gd_cond_wait(c); /* leak: cond wait; proven stuck */
}
static void waits_at_cond(void *unused)
{
	gd_mutex_lock(&at_cond_m); /* leak: mutex lock; stuck behind another */
}
MAIN(leak_owner_at_lost_cond)
{
	gd_go_fn(holds_at_cond, NULL);
	settle_n(1);
	gd_go_fn(waits_at_cond, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(2);
}

/* What a once runs does not come back. */
LEAK(owner_in_once)
static gd_once stuck_once;
static void never_returns(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_chan_recv(c, NULL); /* leak: chan receive; proven stuck */
}
static void runs_once(void *unused)
{
	gd_once_do(&stuck_once, never_returns, NULL); /* leak: 2 mutex lock; stuck behind another */
}
MAIN(leak_owner_in_once)
{
	gd_go_fn(runs_once, NULL);
	settle_n(1);
	gd_go_fn(runs_once, NULL);
	gd_go_fn(runs_once, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(3);
}

/* Three read it: two of them sleep, one is stuck. That suffices for who would write. */
LEAK(one_reader_stuck)
static gd_rwmutex readers_rw;
static struct barrier reading;
static void reads_and_sleeps(void *unused)
{
	gd_rwmutex_rlock(&readers_rw);
	barrier_post(&reading);
	gd_sleep(HOUR);
	gd_rwmutex_runlock(&readers_rw);
}
static void reads_and_sticks(void *nil)
{
	gd_rwmutex_rlock(&readers_rw);
	barrier_post(&reading);
	gd_chan_send((int_chan){ .raw = nil }, 1); /* leak: chan send (nil chan); proven stuck */
}
static void writes_for_readers(void *unused)
{
	gd_rwmutex_lock(&readers_rw); /* leak: rwmutex lock; stuck behind another; by 3 readers */
}
static void reads_behind(void *unused)
{
	gd_rwmutex_rlock(&readers_rw); /* leak: rwmutex rlock; stuck behind another */
}
MAIN(leak_one_reader_stuck)
{
	gd_go_fn(reads_and_sleeps, NULL);
	gd_go_fn(reads_and_sleeps, NULL);
	gd_go_fn(reads_and_sticks, NULL);
	barrier_await_go(&reading, 3);
	gd_go_fn(writes_for_readers, NULL);
	settle_n(2);
	gd_go_fn(reads_behind, NULL);
	settle_n(3);
}

/* All of the readers can go on: so can the writer. */
NOLEAK(no_reader_stuck)
MAIN(noleak_no_reader_stuck)
{
	for (int i = 0; i < 3; i++)
		gd_go_fn(reads_and_sleeps, NULL);
	barrier_await_go(&reading, 3);
	gd_go_fn(writes_for_readers, NULL);
	settle_n(1);
	gd_go_fn(reads_behind, NULL);
	settle_n(2);
}

/* Mutex, channel, mutex: the channel is the second's alone, and the second waits for the first. */
LEAK(chain_of_kinds)
static gd_mutex chain_a, chain_b;
static void holds_a_receives(void *arg)
{
	gd_mutex_lock(&chain_a);
	gd_chan_recv((int_chan){ .raw = arg }, NULL); /* leak: chan receive; proven stuck */
}
static void holds_b_wants_a(void *arg)
{
	int_chan c = { .raw = arg };

	gd_mutex_lock(&chain_b);
	settle_n(1);
	gd_mutex_lock(&chain_a); /* leak: mutex lock; stuck behind another: the mutex is held up */
	gd_chan_send(c, 1);
}
static void wants_b(void *unused)
{
	settle_n(2);
	gd_mutex_lock(&chain_b); /* leak: mutex lock; stuck behind another */
}
MAIN(leak_chain_of_kinds)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(holds_a_receives, c.raw);
	gd_go_fn(holds_b_wants_a, c.raw);
	gd_go_fn(wants_b, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(3);
}

/* The same, and a sleeper has the channel: it may send. */
NOLEAK(chain_of_kinds_served)
MAIN(noleak_chain_of_kinds_served)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(holds_a_receives, c.raw);
	gd_go_fn(holds_b_wants_a, c.raw);
	gd_go_fn(wants_b, NULL);
	gd_go_fn(sleeps_with, c.raw);
	settle_n(3);
}

/* Mutex, group, rwmutex, cond, channel: each waits for what the next one would do. */
LEAK(chain_of_all_kinds)
struct all_kinds {
	gd_mutex m, cond_m;
	gd_rwmutex rw;
	gd_waitgroup w;
	gd_cond c;
	int_chan done;
	struct barrier step;
};
static void all_wants_done(void *arg)
{
	struct all_kinds *k = arg;

	gd_mutex_lock(&k->m);
	barrier_post(&k->step);
	gd_chan_recv(k->done, NULL); /* leak: chan receive; proven stuck: nothing */
	gd_mutex_unlock(&k->m);
}
static void all_wants_group(void *arg)
{
	struct all_kinds *k = arg;

	gd_rwmutex_rlock(&k->rw);
	barrier_post(&k->step);
	gd_waitgroup_wait(&k->w); /* leak: waitgroup wait; proven stuck: nothing; counter 1 */
	gd_chan_send(k->done, 1);
}
static void all_wants_cond(void *arg)
{
	struct all_kinds *k = arg;

	gd_mutex_lock(&k->cond_m);
	barrier_post(&k->step);
	gd_cond_wait(&k->c); /* leak: cond wait; proven stuck: nothing */
	gd_mutex_unlock(&k->cond_m);
	gd_waitgroup_done(&k->w);
}
static void all_wants_locks(void *arg)
{
	struct all_kinds *k = arg;

	barrier_await_go(&k->step, 3);
	settle_n(3);
	gd_rwmutex_lock(&k->rw); /* leak: rwmutex lock; proven stuck: nothing */
	gd_mutex_lock(&k->m);
	gd_cond_signal(&k->c);
}
MAIN(leak_chain_of_all_kinds)
{
	struct all_kinds *k = NEW(struct all_kinds);

	gd_cond_init(&k->c, &k->cond_m);
	gd_waitgroup_add(&k->w, 1);
	k->done = gd_chan_make(int_chan, 0);
	gd_go_fn(all_wants_done, k);
	gd_go_fn(all_wants_group, k);
	gd_go_fn(all_wants_cond, k);
	gd_go_fn(all_wants_locks, k);
	gd_go_fn(sleeps_with, NULL);
	settle_n(4);
}

/* The owner has ended. The lock has served as one before. */
LEAK(owner_ended)
static gd_mutex ended_m;
static gd_rwmutex ended_rw, ended_read;
static void ends_with_locks(void *unused)
{
	gd_mutex_lock(&ended_m);
	gd_rwmutex_lock(&ended_rw);
	gd_rwmutex_rlock(&ended_read);
}
static void wants_ended_mutex(void *unused)
{
	/* leak: mutex lock; stuck behind another: the mutex is held by goroutine .*has ended */
	gd_mutex_lock(&ended_m);
}
static void reads_ended(void *unused)
{
	/* leak: rwmutex rlock; stuck behind another: the rwmutex is held by .*has ended */
	gd_rwmutex_rlock(&ended_rw);
}
static void writes_ended(void *unused)
{
	/* leak: rwmutex lock; stuck behind another: the rwmutex is held by .*has ended; unlock */
	gd_rwmutex_lock(&ended_rw);
}
static void writes_read(void *unused)
{
	/* leak: rwmutex lock; stuck behind another: the rwmutex is held by .*has ended; 1 reader */
	gd_rwmutex_lock(&ended_read);
}
MAIN(leak_owner_ended)
{
	use(&ended_m);
	gd_rwmutex_lock(&ended_rw);
	gd_rwmutex_unlock(&ended_rw);
	gd_rwmutex_lock(&ended_read);
	gd_rwmutex_unlock(&ended_read);
	gd_go_fn(ends_with_locks, NULL);
	until_alive(1);
	gd_go_fn(wants_ended_mutex, NULL);
	gd_go_fn(reads_ended, NULL);
	gd_go_fn(writes_ended, NULL);
	gd_go_fn(writes_read, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(4);
}

/* gd_go_exit runs no gd_defer. */
LEAK(owner_exited)
static gd_mutex exited_m;
static void unlocks(void *m)
{
	gd_mutex_unlock(m);
}
static void exits_with_lock(void *unused)
{
	gd_mutex_lock(&exited_m);
	gd_defer(unlocks, &exited_m);
	gd_go_exit();
}
static void wants_exited(void *unused)
{
	gd_mutex_lock(&exited_m); /* leak: mutex lock; stuck behind another; missing unlock */
}
MAIN(leak_owner_exited)
{
	use(&exited_m);
	gd_go_fn(exits_with_lock, NULL);
	until_alive(1);
	gd_go_fn(wants_exited, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(1);
}

/* Reachable from nowhere, it is proven all the same; the owner says why. */
LEAK(owner_ended_on_heap)
static void ends_with(void *m)
{
	gd_mutex_lock(m);
}
static void wants_lost(void *m)
{
	gd_mutex_lock(m); /* leak: 2 mutex lock; proven stuck: the mutex is held by .*has ended */
}
MAIN(leak_owner_ended_on_heap)
{
	gd_mutex *m = NEW(gd_mutex);

	gd_go_fn(ends_with, m);
	until_alive(1);
	gd_go_fn(wants_lost, m);
	gd_go_fn(wants_lost, m);
	gd_go_fn(sleeps_with, NULL);
	settle_n(2);
}

/* A recursive read lock, by way of a mutex and of the writer between them. */
LEAK(reader_mutex_reader)
static gd_rwmutex rmr_rw;
static gd_mutex rmr_m;
static struct barrier rmr_met = BARRIER_FOR(2);
static void reads_wants_mutex(void *unused)
{
	gd_rwmutex_rlock(&rmr_rw);
	barrier_wait_go(&rmr_met);
	settle_n(1);
	gd_mutex_lock(&rmr_m); /* leak: mutex lock; proven stuck: the owners */
}
static void holds_mutex_reads(void *unused)
{
	gd_mutex_lock(&rmr_m);
	barrier_wait_go(&rmr_met);
	settle_n(2);
	gd_rwmutex_rlock(&rmr_rw); /* leak: rwmutex rlock; proven stuck: the owners */
}
static void writes_between(void *unused)
{
	barrier_await_go(&rmr_met, 2);
	gd_rwmutex_lock(&rmr_rw); /* leak: rwmutex lock; proven stuck: the owners */
}
MAIN(leak_reader_mutex_reader)
{
	gd_go_fn(reads_wants_mutex, NULL);
	gd_go_fn(holds_mutex_reads, NULL);
	gd_go_fn(writes_between, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(3);
}

/* Without the writer the second reader gets in, and all ends. */
NOLEAK(reader_mutex_reader_alone)
static void reads_with_mutex(void *unused)
{
	gd_mutex_lock(&rmr_m);
	barrier_wait_go(&rmr_met);
	gd_rwmutex_rlock(&rmr_rw);
	gd_rwmutex_runlock(&rmr_rw);
	gd_mutex_unlock(&rmr_m);
}
static void reads_then_mutex(void *unused)
{
	gd_rwmutex_rlock(&rmr_rw);
	barrier_wait_go(&rmr_met);
	gd_mutex_lock(&rmr_m);
	gd_mutex_unlock(&rmr_m);
	gd_rwmutex_runlock(&rmr_rw);
}
MAIN(noleak_reader_mutex_reader_alone)
{
	gd_go_fn(reads_then_mutex, NULL);
	gd_go_fn(reads_with_mutex, NULL);
	until_alive(1);
}

/* More read locks at a time than are recorded: of those nobody is called the owner. */
NOLEAK(many_read_locks)
static gd_rwmutex many_rw[12];
static void reads_many(void *unused)
{
	for (int i = 0; i < 12; i++)
		gd_rwmutex_rlock(&many_rw[i]);
	barrier_post(&reading);
	gd_sleep(HOUR);
	for (int i = 0; i < 12; i++)
		gd_rwmutex_runlock(&many_rw[i]);
}
static void writes_one(void *rw)
{
	gd_rwmutex_lock(rw);
	gd_rwmutex_unlock(rw);
}
MAIN(noleak_many_read_locks)
{
	gd_go_fn(reads_many, NULL);
	barrier_await_go(&reading, 1);
	for (int i = 0; i < 12; i++)
		gd_go_fn(writes_one, &many_rw[i]);
	settle_n(12);
}

/* The stuck one has only tried, or has given up before it stuck. */
NOLEAK(stuck_without_lock)
static gd_mutex free_m, busy_m;
static void holds_busy(void *unused)
{
	gd_mutex_lock(&busy_m);
	barrier_post(&reading);
	gd_sleep(HOUR);
	gd_mutex_unlock(&busy_m);
}
static void sticks_without(void *global)
{
	use(&free_m);
	CHECK(!gd_mutex_try_lock(&busy_m));
	gd_chan_recv((int_chan){ .raw = *(gd_chan **)global }, NULL);
}
static void wants_busy(void *unused)
{
	gd_mutex_lock(&busy_m);
	gd_mutex_unlock(&busy_m);
}
static gd_chan *waited_for;
MAIN(noleak_stuck_without_lock)
{
	int_chan c = gd_chan_make(int_chan, 0);

	waited_for = c.raw;
	gd_go_fn(holds_busy, NULL);
	barrier_await_go(&reading, 1);
	gd_go_fn(sticks_without, &waited_for);
	settle_n(1);
	gd_go_fn(wants_busy, NULL);
	use(&free_m);
	settle_n(2);
}

CONFORM_MAIN
