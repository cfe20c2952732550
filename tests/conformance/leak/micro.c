/* micro.c - one goroutine stuck in each way there is, with nothing around it. */
#include "tests/conformance/leak/leak_case.h"

LEAK(nil_receive)
static void nil_receiver(void *unused)
{
	int_chan c = { .raw = unused };

	gd_chan_recv(c, NULL); /* leak: chan receive (nil chan); looks like: nil channel */
}
MAIN(leak_nil_receive)
{
	gd_go_fn(nil_receiver, NULL);
	settle();
}

LEAK(nil_send)
static void nil_sender(void *unused)
{
	int_chan c = { .raw = unused };

	gd_chan_send(c, 1); /* leak: chan send (nil chan); looks like: nil channel */
}
MAIN(leak_nil_send)
{
	gd_go_fn(nil_sender, NULL);
	settle();
}

LEAK(nil_select)
static void nil_selects(void *unused)
{
	int_chan c = { .raw = unused };

	gd_select(GD_SEND(c, 1), GD_RECV(c, NULL)); /* leak: select; nil channel */
}
MAIN(leak_nil_select)
{
	gd_go_fn(nil_selects, NULL);
	settle();
}

LEAK(select_none)
static void selects_none(void *unused)
{
	gd_select_none(); /* leak: select (no cases); looks like: empty select */
}
MAIN(leak_select_none)
{
	gd_go_fn(selects_none, NULL);
	settle();
}

LEAK(receive)
struct receives_args {
	int_chan c;
};
static void receives(struct receives_args *a)
{
	gd_chan_recv(a->c, NULL); /* leak: chan receive; nothing that can still run reaches */
}
MAIN(leak_receive)
{
	gd_go(receives, .c = gd_chan_make(int_chan, 0));
	settle();
}

LEAK(send)
struct sends_args {
	int_chan c;
};
static void sends(struct sends_args *a)
{
	gd_chan_send(a->c, 1); /* leak: chan send; looks like: send without receiver */
}
MAIN(leak_send)
{
	gd_go(sends, .c = gd_chan_make(int_chan, 0));
	settle();
}

LEAK(select)
struct selects_args {
	int_chan a, b;
};
static void selects(struct selects_args *s)
{
	gd_select(GD_RECV(s->a, NULL), GD_SEND(s->b, 1)); /* leak: select; any of the channels */
}
MAIN(leak_select)
{
	gd_go(selects, .a = gd_chan_make(int_chan, 0), .b = gd_chan_make(int_chan, 0));
	settle();
}

LEAK(waitgroup)
static void waits_group(void *unused)
{
	gd_waitgroup *w = NEW(gd_waitgroup);

	gd_waitgroup_add(w, 1);
	gd_waitgroup_wait(w); /* leak: waitgroup wait; counter 1 */
}
MAIN(leak_waitgroup)
{
	gd_go_fn(waits_group, NULL);
	settle();
}

LEAK(waitgroup_on_stack)
static void waits_stack_group(void *unused)
{
	gd_waitgroup w = { 0 };

	gd_waitgroup_add(&w, 2);
	gd_waitgroup_wait(&w); /* leak: waitgroup wait; counter 2 */
}
MAIN(leak_waitgroup_on_stack)
{
	gd_go_fn(waits_stack_group, NULL);
	settle();
}

LEAK(mutex_on_stack)
static void locks_stack(void *unused)
{
	gd_mutex m = { 0 };

	gd_mutex_lock(&m);
	gd_mutex_lock(&m); /* leak: mutex lock; looks like: double lock */
}
MAIN(leak_mutex_on_stack)
{
	gd_go_fn(locks_stack, NULL);
	settle();
}

LEAK(mutex_on_heap)
static void locks_heap(void *unused)
{
	gd_mutex *m = NEW(gd_mutex);

	gd_mutex_lock(m);
	gd_mutex_lock(m); /* leak: mutex lock; a lock that it holds itself */
}
MAIN(leak_mutex_on_heap)
{
	gd_go_fn(locks_heap, NULL);
	settle();
}

LEAK(cond)
static void waits_cond(void *unused)
{
	gd_mutex *m = NEW(gd_mutex);
	gd_cond *c = NEW(gd_cond);

	gd_cond_init(c, m);
	gd_mutex_lock(m);
	gd_cond_wait(c); /* leak: cond wait; looks like: lost wake-up */
}
MAIN(leak_cond)
{
	gd_go_fn(waits_cond, NULL);
	settle();
}

LEAK(rlock)
static void rlocks(void *unused)
{
	gd_rwmutex *m = NEW(gd_rwmutex);

	gd_rwmutex_lock(m);
	gd_rwmutex_rlock(m); /* leak: rwmutex rlock */
}
MAIN(leak_rlock)
{
	gd_go_fn(rlocks, NULL);
	settle();
}

LEAK(rwmutex_lock)
static void upgrades(void *unused)
{
	gd_rwmutex *m = NEW(gd_rwmutex);

	gd_rwmutex_rlock(m);
	gd_rwmutex_lock(m); /* leak: rwmutex lock; lock while holding the read lock */
}
MAIN(leak_rwmutex_lock)
{
	gd_go_fn(upgrades, NULL);
	settle();
}

LEAK(mixed)
struct mixed {
	int_chan c;
	gd_waitgroup w;
};
static void mixed_worker(void *arg)
{
	struct mixed *m = arg;

	gd_chan_send(m->c, 1); /* leak: chan send */
	gd_waitgroup_done(&m->w);
}
static void mixed_parent(void *unused)
{
	struct mixed *m = NEW(struct mixed);

	m->c = gd_chan_make(int_chan, 0);
	gd_waitgroup_add(&m->w, 1);
	gd_go_fn(mixed_worker, m);
	gd_waitgroup_wait(&m->w); /* leak: waitgroup wait */
	gd_chan_recv(m->c, NULL);
}
MAIN(leak_mixed)
{
	gd_go_fn(mixed_parent, NULL);
	until_alive(3);
	settle();
}

/* Somebody might use it. Known, and on purpose: no intent is guessed. */
NOLEAK(global_channel)
int_chan global_channel;
static void receives_global(void *unused)
{
	gd_chan_recv(global_channel, NULL);
}
MAIN(noleak_global_channel)
{
	global_channel = gd_chan_make(int_chan, 0);
	gd_go_fn(receives_global, NULL);
	settle();
}

NOLEAK(global_waitgroup)
gd_waitgroup global_group;
static void waits_global(void *unused)
{
	gd_waitgroup_wait(&global_group);
}
MAIN(noleak_global_waitgroup)
{
	gd_waitgroup_add(&global_group, 1);
	gd_go_fn(waits_global, NULL);
	settle();
}

/* A lock has an owner: here the global proves nothing for it. */
LEAK(global_mutex_twice)
gd_mutex global_mutex;
static void locks_global_twice(void *unused)
{
	gd_mutex_lock(&global_mutex);
	gd_mutex_lock(&global_mutex); /* leak: mutex lock; a lock that it holds itself */
}
MAIN(leak_global_mutex_twice)
{
	gd_go_fn(locks_global_twice, NULL);
	settle();
}

LEAK(global_mutex_owner_ended)
gd_mutex ended_mutex;
static void locks_and_ends(void *unused)
{
	gd_mutex_lock(&ended_mutex);
}
static void locks_after(void *unused)
{
	gd_mutex_lock(&ended_mutex); /* leak: mutex lock; looks like: missing unlock */
}
MAIN(leak_global_mutex_owner_ended)
{
	gd_go_fn(locks_and_ends, NULL);
	until_alive(1);
	gd_go_fn(locks_after, NULL);
	settle();
}

STUCK(main_select_none)
MAIN(stuck_main_select_none)
{
	gd_select_none(); /* leak: select (no cases) */
}

/* Main stands in select for ever, others work on; at the check nothing but main is stuck. */
NOLEAK(main_background)
static void works(void *out)
{
	int_chan c = { .raw = out };

	gd_chan_send(c, 1);
}
static void stands(void *unused)
{
	gd_go_background();
	gd_select_none();
}
MAIN(noleak_main_background)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(stands, NULL);
	gd_go_fn(works, c.raw);
	gd_chan_recv(c, NULL);
	until_alive(2);
	settle();
}

CONFORM_MAIN
