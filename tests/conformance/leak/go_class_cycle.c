/*
 * go_class_cycle.c - cycles through the owners of locks, wherever the locks lie: heap, globals, the
 * stack of a parked goroutine, thread-local storage, a mapping, the middle of other objects. All
 * are proven, also while others go on who have pointers to the locks.
 */
#include <sys/mman.h>

#include "tests/conformance/leak/go_class.h"

/* Who stays: it sleeps, and knows what there is to know. */
static void stays_with(void *p)
{
	gd_go_fn(sleeps_with, p);
}

LEAK(cycle_on_heap)
/* leak: 2 mutex lock; proven stuck: the owners of the locks wait for each other in a cycle */
TAKES_TWO(on_heap)
MAIN(leak_cycle_on_heap)
{
	void *locks[] = { NEW(gd_mutex), NEW(gd_mutex) };

	stays_with(locks[0]);
	ring(on_heap, locks, 2);
	settle_n(2);
}

LEAK(cycle_of_globals)
static gd_mutex global_a, global_b;
/* leak: 2 mutex lock; proven stuck: the owners; held by: goroutine; different orders */
TAKES_TWO(of_globals)
MAIN(leak_cycle_of_globals)
{
	void *locks[] = { &global_a, &global_b };

	stays_with(&global_b);
	ring(of_globals, locks, 2);
	settle_n(2);
}

/* The locks are a third's, who waits for the two on its own stack. */
LEAK(cycle_on_stack)
/* leak: 2 mutex lock; proven stuck: the owners */
TAKES_TWO(on_stack)
static void lends_stack(void *unused)
{
	gd_mutex a = { 0 }, b = { 0 };
	gd_waitgroup w = { 0 };
	void *locks[] = { &a, &b };

	gd_waitgroup_add(&w, 2);
	ring(on_stack, locks, 2);
	gd_waitgroup_wait(&w); /* leak: waitgroup wait; proven stuck: nothing that can still run */
}
MAIN(leak_cycle_on_stack)
{
	gd_go_fn(lends_stack, NULL);
	settle_n(3);
}

/* Their owner sleeps: it may still use the locks, and yet nobody can open them. */
LEAK(cycle_on_live_stack)
/* leak: 2 mutex lock; proven stuck: the owners */
TAKES_TWO(on_live_stack)
static void lends_and_sleeps(void *unused)
{
	gd_mutex a = { 0 }, b = { 0 };
	void *locks[] = { &a, &b };

	ring(on_live_stack, locks, 2);
	gd_sleep(HOUR);
	gd_mutex_lock(&a);
}
MAIN(leak_cycle_on_live_stack)
{
	gd_go_fn(lends_and_sleeps, NULL);
	settle_n(2);
}

/* Each has its own lock on its own stack. */
LEAK(cycle_on_own_stacks)
static gd_mutex *lent[2];
static struct barrier lent_met = BARRIER_FOR(2);
static void lends_own(void *arg)
{
	gd_mutex own = { 0 };
	bool second = arg != NULL;

	gd_mutex_lock(&own);
	lent[second] = &own;
	barrier_wait_go(&lent_met);
	gd_mutex_lock(lent[!second]); /* leak: 2 mutex lock; proven stuck: the owners */
}
MAIN(leak_cycle_on_own_stacks)
{
	gd_go_fn(lends_own, NULL);
	gd_go_fn(lends_own, &lent_met);
	settle_n(2);
}

LEAK(cycle_in_thread_locals)
static __thread gd_mutex local_a, local_b;
/* leak: 2 mutex lock; proven stuck: the owners */
TAKES_TWO(in_thread_locals)
MAIN(leak_cycle_in_thread_locals)
{
	void *locks[] = { &local_a, &local_b };

	stays_with(NULL);
	ring(in_thread_locals, locks, 2);
	settle_n(2);
}

/* In memory that nobody told of. */
LEAK(cycle_in_mapping)
/* leak: 2 mutex lock; proven stuck: the owners */
TAKES_TWO(in_mapping)
MAIN(leak_cycle_in_mapping)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	void *locks[] = { page + 4096 - 16, page + 40 }; /* one over the border of two pages */

	stays_with(page);
	ring(in_mapping, locks, 2);
	settle_n(2);
}

/* In an array in a struct in a block, after a bit-field and what else moves it to an odd place. */
LEAK(cycle_inside_objects)
struct account {
	char name[13];
	unsigned closed : 1, frozen : 3;
	union {
		gd_rwmutex rw;
		gd_mutex m;
	} lock;
	char tail[3];
};
struct bank {
	short id;
	struct account account[7];
};
/* leak: 2 mutex lock; proven stuck: the owners */
TAKES_TWO(inside_objects)
MAIN(leak_cycle_inside_objects)
{
	struct bank *b = NEW(struct bank);
	void *locks[] = { &b->account[6].lock.m, &b->account[1].lock.m };

	stays_with(b);
	ring(inside_objects, locks, 2);
	settle_n(2);
}

/* Three parties, and no two locks of the same kind of memory. */
LEAK(cycle_of_three)
static gd_mutex three_global;
/* leak: 3 mutex lock; proven stuck: the owners */
TAKES_TWO(of_three)
static void lends_third(void *unused)
{
	gd_mutex on_stack = { 0 };
	void *locks[] = { &three_global, NEW(gd_mutex), &on_stack };

	ring(of_three, locks, 3);
	gd_sleep(HOUR);
	gd_mutex_lock(&on_stack);
}
MAIN(leak_cycle_of_three)
{
	gd_go_fn(lends_third, NULL);
	settle_n(3);
}

/* Philosophers. */
LEAK(cycle_of_many)
static gd_mutex forks[500];
/* leak: 500 mutex lock; proven stuck: the owners */
TAKES_TWO(of_many)
MAIN(leak_cycle_of_many)
{
	static void *locks[500];

	for (int i = 0; i < 500; i++)
		locks[i] = &forks[i];
	stays_with(locks);
	ring(of_many, locks, 500);
	settle_n(500);
}

/* Who waits for one of the cycle is not in it: behind a proven one it is stuck for good. */
LEAK(cycle_with_tail)
static gd_mutex tail_a, tail_b, tail_c;
/* leak: 2 mutex lock; proven stuck: the owners */
TAKES_TWO(with_tail)
static void first_of_tail(void *unused)
{
	gd_mutex_lock(&tail_c);
	gd_mutex_lock(&tail_a); /* leak: mutex lock; stuck behind another; held up by goroutine */
}
static void last_of_tail(void *unused)
{
	gd_mutex_lock(&tail_c); /* leak: 3 mutex lock; stuck behind another; held up by goroutine */
}
MAIN(leak_cycle_with_tail)
{
	void *locks[] = { &tail_a, &tail_b };

	stays_with(NULL);
	ring(with_tail, locks, 2);
	settle_n(2);
	gd_go_fn(first_of_tail, NULL);
	settle_n(3);
	for (int i = 0; i < 3; i++)
		gd_go_fn(last_of_tail, NULL);
	settle_n(6);
}

/* Two cycles with one lock between them would be one; these have none. */
LEAK(cycles_apart)
static gd_mutex apart[4];
/* leak: 4 mutex lock; proven stuck: the owners */
TAKES_TWO(apart_from_each_other)
MAIN(leak_cycles_apart)
{
	void *one[] = { &apart[0], &apart[1] }, *two[] = { &apart[2], &apart[3] };

	stays_with(NULL);
	ring(apart_from_each_other, one, 2);
	ring(apart_from_each_other, two, 2);
	settle_n(4);
}

LEAK(cycle_of_writers)
static gd_rwmutex written[2];
/* leak: 2 rwmutex lock; proven stuck: the owners; different orders */
TAKES(of_writers, gd_rwmutex_lock, gd_rwmutex_lock)
MAIN(leak_cycle_of_writers)
{
	void *locks[] = { &written[0], &written[1] };

	stays_with(NULL);
	ring(of_writers, locks, 2);
	settle_n(2);
}

/* Each reads one and would write the other. */
LEAK(cycle_of_upgrades)
static gd_rwmutex upgraded[2];
/* leak: 2 rwmutex lock; proven stuck: the owners; wait for each other */
TAKES(of_upgrades, gd_rwmutex_rlock, gd_rwmutex_lock)
MAIN(leak_cycle_of_upgrades)
{
	void *locks[] = { &upgraded[0], &upgraded[1] };

	stays_with(NULL);
	ring(of_upgrades, locks, 2);
	settle_n(2);
}

/* Each writes one and would read the other. */
LEAK(cycle_of_downgrades)
static gd_rwmutex downgraded[2];
/* leak: 2 rwmutex rlock; proven stuck: the owners */
TAKES(of_downgrades, gd_rwmutex_lock, gd_rwmutex_rlock)
MAIN(leak_cycle_of_downgrades)
{
	void *locks[] = { &downgraded[0], &downgraded[1] };

	stays_with(NULL);
	ring(of_downgrades, locks, 2);
	settle_n(2);
}

/* A mutex and an rwmutex. */
LEAK(cycle_of_kinds)
static gd_mutex kinds_m;
static gd_rwmutex kinds_rw;
/* leak: rwmutex lock; proven stuck: the owners */
TAKES(mutex_then_rw, gd_mutex_lock, gd_rwmutex_lock)
/* leak: mutex lock; proven stuck: the owners */
TAKES(rw_then_mutex, gd_rwmutex_rlock, gd_mutex_lock)
MAIN(leak_cycle_of_kinds)
{
	static struct barrier met = BARRIER_FOR(2);
	static struct two_locks t[] = { { &kinds_m, &kinds_rw, &met },
					{ &kinds_rw, &kinds_m, &met } };

	stays_with(NULL);
	gd_go_fn(mutex_then_rw, &t[0]);
	gd_go_fn(rw_then_mutex, &t[1]);
	settle_n(2);
}

/* What a once runs calls another once, whose function calls the first. */
LEAK(cycle_of_onces)
static gd_once once_a, once_b;
static struct barrier in_once = BARRIER_FOR(2);
static void nothing(void *unused)
{
}
static void calls_other(void *other)
{
	barrier_wait_go(&in_once);
	gd_once_do(other, nothing, NULL); /* leak: 2 mutex lock; proven stuck: the owners */
}
static void begins_a(void *unused)
{
	gd_once_do(&once_a, calls_other, &once_b);
}
static void begins_b(void *unused)
{
	gd_once_do(&once_b, calls_other, &once_a);
}
MAIN(leak_cycle_of_onces)
{
	stays_with(NULL);
	gd_go_fn(begins_a, NULL);
	gd_go_fn(begins_b, NULL);
	settle_n(2);
}

/* The condition's mutex is the one that a woken waiter wants back. */
LEAK(cycle_through_cond)
static gd_mutex cond_m, cond_other;
static gd_cond cond_c;
static struct barrier cond_waits;
static void waits_with_other(void *unused)
{
	gd_mutex_lock(&cond_other);
	gd_mutex_lock(&cond_m);
	barrier_post(&cond_waits);
	gd_cond_wait(&cond_c); /* leak: mutex lock; proven stuck: the owners */
}
static void wakes_and_wants(void *unused)
{
	barrier_await_go(&cond_waits, 1);
	settle_n(1);
	gd_mutex_lock(&cond_m);
	gd_cond_signal(&cond_c);
	gd_mutex_lock(&cond_other); /* leak: mutex lock; proven stuck: the owners */
}
MAIN(leak_cycle_through_cond)
{
	gd_cond_init(&cond_c, &cond_m);
	stays_with(NULL);
	gd_go_fn(waits_with_other, NULL);
	gd_go_fn(wakes_and_wants, NULL);
	settle_n(2);
}

/* One of the locks is wanted with try only: nobody waits for it. */
NOLEAK(cycle_with_try)
static gd_mutex try_a, try_b;
static struct barrier try_met = BARRIER_FOR(2);
static void tries(void *unused)
{
	gd_mutex_lock(&try_a);
	barrier_wait_go(&try_met);
	CHECK(!gd_mutex_try_lock(&try_b));
	gd_sleep(HOUR);
	gd_mutex_unlock(&try_a);
}
static void waits_for_try(void *unused)
{
	gd_mutex_lock(&try_b);
	barrier_wait_go(&try_met);
	gd_mutex_lock(&try_a);
}
MAIN(noleak_cycle_with_try)
{
	gd_go_fn(tries, NULL);
	gd_go_fn(waits_for_try, NULL);
	settle_n(1);
}

/* A long way round without a cycle: the last of them sleeps. */
NOLEAK(line_of_locks)
static gd_mutex line[100];
static struct barrier line_met = BARRIER_FOR(100);
static void in_line(void *arg)
{
	gd_mutex *own = arg;

	gd_mutex_lock(own);
	barrier_wait_go(&line_met);
	if (own == &line[99])
		gd_sleep(HOUR);
	gd_mutex_lock(own + 1);
	gd_mutex_unlock(own + 1);
	gd_mutex_unlock(own);
}
MAIN(noleak_line_of_locks)
{
	for (int i = 0; i < 100; i++)
		gd_go_fn(in_line, &line[i]);
	settle_n(99);
}

CONFORM_MAIN
