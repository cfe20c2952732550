/*
 * go_class_wait.c - waits that no lock's owner explains: groups and conditions without a live
 * counterpart, selects, waits for oneself, main stuck while others live, a leak behind a poller.
 */
#include "tests/conformance/leak/go_class.h"

#include <stdlib.h>

static struct barrier ready, leave;

/* Overwrites what earlier calls left on the stack and in registers. */
static NOINLINE void forget(void)
{
	volatile char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = 0;
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
}

/* The worker counts itself down after it has waited for all, itself included. */
LEAK(group_waits_for_itself)
static void waits_then_done(void *w)
{
	gd_waitgroup_wait(w); /* leak: 3 waitgroup wait; proven stuck: nothing; counter 3 */
	gd_waitgroup_done(w);
}
MAIN(leak_group_waits_for_itself)
{
	gd_waitgroup *w = NEW(gd_waitgroup);

	gd_waitgroup_add(w, 3);
	for (int i = 0; i < 3; i++)
		gd_go_fn(waits_then_done, w);
	settle();
}

/* One of the workers leaves early without done. */
LEAK(group_without_done)
struct group_args {
	gd_waitgroup *w;
	bool early;
};
static void group(struct group_args *a)
{
	if (a->early)
		return;
	gd_waitgroup_done(a->w);
}
static void waits_for_workers(void *unused)
{
	gd_waitgroup w = { 0 };

	gd_waitgroup_add(&w, 4);
	for (int i = 0; i < 4; i++)
		gd_go(group, .w = &w, .early = i == 2);
	gd_waitgroup_wait(&w); /* leak: waitgroup wait; proven stuck; counter 1; on every way out */
}
MAIN(leak_group_without_done)
{
	gd_go_fn(waits_for_workers, NULL);
	until_alive(2);
	settle();
}

/* The one who would count down is stuck as well, and nobody else knows the group. */
LEAK(group_of_the_stuck)
struct stuck_group {
	gd_waitgroup w;
	int_chan c;
};
static void done_after_receive(void *arg)
{
	struct stuck_group *s = arg;

	gd_chan_recv(s->c, NULL); /* leak: chan receive; proven stuck: nothing */
	gd_waitgroup_done(&s->w);
}
static void sends_after_wait(void *arg)
{
	struct stuck_group *s = arg;

	gd_waitgroup_wait(&s->w); /* leak: waitgroup wait; proven stuck: nothing */
	gd_chan_send(s->c, 1);
}
MAIN(leak_group_of_the_stuck)
{
	struct stuck_group *s = NEW(struct stuck_group);

	s->c = gd_chan_make(int_chan, 0);
	gd_waitgroup_add(&s->w, 1);
	gd_go_fn(done_after_receive, s);
	gd_go_fn(sends_after_wait, s);
	settle();
}

/* Signalled once for two that wait, and the signaller has ended. */
LEAK(cond_signalled_once)
struct gate {
	gd_mutex m;
	gd_cond c;
	bool open;
	struct barrier waits;
};
static struct gate *make_gate(void)
{
	struct gate *g = NEW(struct gate);

	gd_cond_init(&g->c, &g->m);
	return g;
}
static void waits_at_gate(void *arg)
{
	struct gate *g = arg;

	gd_mutex_lock(&g->m);
	barrier_post(&g->waits);
	while (!g->open)
		gd_cond_wait(&g->c); /* leak: 2 cond wait; proven stuck: nothing; lost wake-up */
	gd_mutex_unlock(&g->m);
}
static void opens_for_one(void *arg)
{
	struct gate *g = arg;

	gd_mutex_lock(&g->m);
	g->open = true;
	gd_cond_signal(&g->c);
	gd_mutex_unlock(&g->m);
}
MAIN(leak_cond_signalled_once)
{
	struct gate *g = make_gate();

	for (int i = 0; i < 3; i++)
		gd_go_fn(waits_at_gate, g);
	barrier_await_go(&g->waits, 3);
	settle();
	gd_go_fn(opens_for_one, g);
	until_alive(3);
	settle();
}

/* The signal goes to the one who cannot use it: two kinds wait at one condition. */
LEAK(cond_wrong_waiter)
struct slot {
	gd_mutex m;
	gd_cond c;
	int items;
};
static void takes_item(void *arg)
{
	struct slot *s = arg;

	gd_mutex_lock(&s->m);
	while (s->items == 0)
		gd_cond_wait(&s->c); /* leak: cond wait; proven stuck */
	s->items--;
	gd_mutex_unlock(&s->m);
}
static void waits_for_many(void *arg)
{
	struct slot *s = arg;

	gd_mutex_lock(&s->m);
	while (s->items < 10)
		gd_cond_wait(&s->c); /* leak: cond wait; proven stuck */
	gd_mutex_unlock(&s->m);
}
static void puts_item(void *arg)
{
	struct slot *s = arg;

	gd_mutex_lock(&s->m);
	s->items++;
	gd_cond_signal(&s->c);
	gd_mutex_unlock(&s->m);
}
MAIN(leak_cond_wrong_waiter)
{
	struct slot *s = NEW(struct slot);

	gd_cond_init(&s->c, &s->m);
	gd_go_fn(waits_for_many, s);
	settle_n(1);
	gd_go_fn(takes_item, s);
	settle_n(2);
	gd_go_fn(puts_item, s);
	until_alive(3);
	settle();
}

/* The wake-up came before the wait: the state was not looked at under the mutex. */
LEAK(cond_lost_wakeup)
static void waits_blindly(void *arg)
{
	struct gate *g = arg;

	barrier_await_go(&g->waits, 1);
	gd_mutex_lock(&g->m);
	gd_cond_wait(&g->c); /* leak: cond wait; proven stuck; lost wake-up */
	gd_mutex_unlock(&g->m);
}
static void broadcasts_early(void *arg)
{
	struct gate *g = arg;

	gd_cond_broadcast(&g->c);
	barrier_post(&g->waits);
}
MAIN(leak_cond_lost_wakeup)
{
	struct gate *g = make_gate();

	gd_go_fn(waits_blindly, g);
	gd_go_fn(broadcasts_early, g);
	until_alive(2);
	settle();
}

/* All of its channels are lost; one of them is nil. */
LEAK(select_of_the_dead)
static void selects_dead(void *nil)
{
	int_chan a = gd_chan_make(int_chan, 0), b = gd_chan_make(int_chan, 3), n = { .raw = nil };

	/* leak: select; proven stuck: nothing that can still run reaches any of the channels */
	gd_select(GD_RECV(a, NULL), GD_SEND(n, 1), GD_RECV(b, NULL));
}
MAIN(leak_select_of_the_dead)
{
	gd_go_fn(selects_dead, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(1);
}

/* One of ten is in a global. */
NOLEAK(select_with_one_alive)
static int_chan select_alive;
static void selects_ten(void *unused)
{
	struct gd_case c[10];

	for (int i = 0; i < 10; i++) {
		int_chan lost = gd_chan_make(int_chan, 0);
		gd_chan *ch = i == 7 ? select_alive.raw : lost.raw;

		c[i] = (struct gd_case){ i % 2 ? GD_CASE_RECV : GD_CASE_SEND, ch, &c, NULL, 0 };
		c[i].elem = i % 2 ? NULL : &c;
	}
	gd_select_raw(c, 10);
}
MAIN(noleak_select_with_one_alive)
{
	select_alive = gd_chan_make(int_chan, 0);
	gd_go_fn(selects_ten, NULL);
	settle_n(1);
}

/* One that could be served, but only by the one who waits. */
LEAK(select_for_itself)
static void selects_both_ends(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_select(GD_RECV(c, NULL), GD_SEND(c, 1)); /* leak: select; proven stuck: nothing */
}
MAIN(leak_select_for_itself)
{
	gd_go_fn(selects_both_ends, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(1);
}

/* It would send after it has received: from itself. */
LEAK(serves_itself)
static void receives_then_sends(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_chan_recv(c, NULL); /* leak: chan receive; proven stuck: nothing */
	gd_chan_send(c, 1);
}
MAIN(leak_serves_itself)
{
	gd_go_fn(receives_then_sends, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(1);
}

/* A ring of channels: each would send what it has received. */
LEAK(ring_of_channels)
struct pass_args {
	int_chan in, out;
};
static void pass(struct pass_args *a)
{
	int v;

	gd_chan_recv(a->in, &v); /* leak: 64 chan receive; proven stuck: nothing */
	gd_chan_send(a->out, v);
}
static NOINLINE void start_ring(int n)
{
	int_chan first = gd_chan_make(int_chan, 0), in = first;

	for (int i = 0; i < n; i++) {
		int_chan out = i == n - 1 ? first : gd_chan_make(int_chan, 0);

		gd_go(pass, .in = in, .out = out);
		in = out;
	}
}
MAIN(leak_ring_of_channels)
{
	start_ring(64);
	gd_go_fn(sleeps_with, NULL);
	settle_n(64);
}

/*
 * Main waits for a helper that is lost, while others live: no all-asleep, and no end of main. The
 * check that somebody asks for names main.
 */
LEAK(main_stuck)
static void checks_for_main(void *arg)
{
	settle_n(1);
	CHECK_EQ(gd_leak_check(), 1);
	exit(0);
}
MAIN(leak_main_stuck)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(sleeps_with, NULL);
	gd_go_fn(checks_for_main, NULL);
	gd_chan_recv(c, NULL); /* leak: chan receive; proven stuck: nothing; goroutine: 1 */
}

/* Main in a cycle of locks with another. */
LEAK(main_in_cycle)
static gd_mutex main_a, main_b;
static struct barrier main_met = BARRIER_FOR(2);
static void takes_b_then_a(void *unused)
{
	gd_mutex_lock(&main_b);
	barrier_wait_go(&main_met);
	gd_mutex_lock(&main_a); /* leak: mutex lock; proven stuck: the owners */
}
static void exits_at_two(void *unused)
{
	settle_n(2);
	exit(0);
}
MAIN(leak_main_in_cycle)
{
	gd_go_fn(takes_b_then_a, NULL);
	gd_go_fn(exits_at_two, NULL);
	gd_mutex_lock(&main_a);
	barrier_wait_go(&main_met);
	gd_mutex_lock(&main_b); /* leak: mutex lock; proven stuck: the owners; goroutine: 1 */
}

/* Who polls may still send. It ends, and the next check tells. */
LEAK(behind_a_poller)
static void waits_for_poller(void *arg)
{
	/* leak: chan receive; proven stuck: nothing that can still run reaches the channel */
	gd_chan_recv((int_chan){ .raw = arg }, NULL);
}
static void polls(void *arg)
{
	int_chan c = { .raw = arg };

	barrier_post(&ready);
	while (barrier__load(&leave.count) == 0)
		gd_sleep(GD_MILLISECOND);
	__asm__ volatile("" : : "r"(c.raw) : "memory");
}
static NOINLINE void start_behind_poller(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(waits_for_poller, c.raw);
	gd_go_fn(polls, c.raw);
}
MAIN(leak_behind_a_poller)
{
	start_behind_poller();
	barrier_await_go(&ready, 1);
	settle_n(1);
	forget();
	for (int i = 0; i < 10; i++)
		CHECK_EQ(gd_leak_check(), 0);
	barrier_post(&leave);
	until_alive(2);
	forget();
	CHECK_EQ(gd_leak_check(), 1);
}

/* The same with one that spins on try_recv, and a select with a time limit. */
NOLEAK(behind_live_pollers)
static void tries(void *arg)
{
	int_chan c = { .raw = arg };

	barrier_post(&ready);
	while (gd_chan_try_recv(c, NULL) != GD_OK)
		gd_yield();
}
static void selects_with_limit(void *arg)
{
	int_chan c = { .raw = arg };

	barrier_post(&ready);
	while (gd_select(GD_RECV(c, NULL), GD_AFTER(GD_MILLISECOND)) == 1)
		;
}
static void waits_behind(void *arg)
{
	gd_chan_recv((int_chan){ .raw = arg }, NULL);
}
static NOINLINE void start_behind(void (*fn)(void *))
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(waits_behind, c.raw);
	gd_go_fn(fn, c.raw);
}
MAIN(noleak_behind_live_pollers)
{
	start_behind(tries);
	start_behind(selects_with_limit);
	barrier_await_go(&ready, 2);
	settle_n(2);
	forget();
	CHECK_EQ(gd_leak_check(), 0);
}

/* Nil channels in every operation. */
LEAK(nil_everywhere)
static void nil_range(void *nil)
{
	/* leak: chan receive (nil chan); proven stuck: it waits for nothing; nil channel */
	gd_chan_range((int_chan){ .raw = nil }, v) CHECK(v == 0);
}
static void nil_background(void *nil)
{
	/* leak: chan receive (nil chan); proven stuck */
	gd_chan_recv(gd_context_done(gd_context_background()), NULL);
	__asm__ volatile("" : : "r"(nil));
}
static void nil_selected(void *nil)
{
	int_chan n = { .raw = nil };

	/* leak: select; proven stuck: it waits for nothing that exists; looks like: nil channel */
	gd_select(GD_RECV(n, NULL), GD_RECV(n, NULL), GD_SEND(n, 1));
}
MAIN(leak_nil_everywhere)
{
	gd_go_fn(nil_range, NULL);
	gd_go_fn(nil_background, NULL);
	gd_go_fn(nil_selected, NULL);
	settle_n(3);
}

/* Those in a select of nil channels and a time limit, or a live channel, go on. */
NOLEAK(nil_with_a_way_out)
static void nil_with_limit(void *nil)
{
	int_chan n = { .raw = nil };

	gd_select(GD_RECV(n, NULL), GD_AFTER(HOUR));
}
static void nil_with_live(void *nil)
{
	int_chan n = { .raw = nil };

	gd_select(GD_RECV(n, NULL), GD_RECV(select_alive, NULL), GD_SEND(n, 1));
}
static void nil_until(void *nil)
{
	gd_chan_recv_until((int_chan){ .raw = nil }, NULL, gd_now() + HOUR);
}
MAIN(noleak_nil_with_a_way_out)
{
	select_alive = gd_chan_make(int_chan, 0);
	gd_go_fn(nil_with_limit, NULL);
	gd_go_fn(nil_with_live, NULL);
	gd_go_fn(nil_until, NULL);
	settle_n(3);
}

CONFORM_MAIN
