/*
 * golf_missed.c - the five shapes that GOLF and Go document as missed: channel, mutex, rwmutex and
 * group in a global that nobody will use again, and what lies on the stack of one who runs. The
 * owner of a lock proves two of them here. The others are misses on purpose, each with its reason;
 * leak_level=end tells of them as alive.
 */
#include "tests/conformance/leak/go_class.h"

/* Main holds it and has returned: found, by its owner. GOLF's shape: the global is a pointer. */
LEAK(golf_global_mutex)
static gd_mutex *mutex;
static void locks_mutex(void *unused)
{
	/* leak: mutex lock; stuck behind another: the mutex is held by goroutine 1, .*ended */
	gd_mutex_lock(mutex);
}
MAIN(leak_golf_global_mutex)
{
	mutex = NEW(gd_mutex);
	gd_mutex_lock(mutex);
	gd_go_fn(locks_mutex, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(1);
}

/* The mutex itself is the global, and nothing else can run that might unlock it. */
LEAK(golf_global_mutex_itself)
static gd_mutex mutex_itself;
static void locks_itself(void *unused)
{
	gd_mutex_lock(&mutex_itself); /* leak: mutex lock; stuck behind another; has ended */
}
MAIN(leak_golf_global_mutex_itself)
{
	gd_mutex_lock(&mutex_itself);
	gd_go_fn(locks_itself, NULL);
	settle();
}

/* It has been unlocked before: it is a lock and no signal, and who sleeps does not matter. */
LEAK(golf_global_mutex_used)
static void locks_used(void *unused)
{
	gd_mutex_lock(&mutex_itself); /* leak: mutex lock; stuck behind another; has ended */
}
MAIN(leak_golf_global_mutex_used)
{
	gd_mutex_lock(&mutex_itself);
	gd_mutex_unlock(&mutex_itself);
	gd_mutex_lock(&mutex_itself);
	gd_go_fn(locks_used, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(1);
}

/* While main goes on it may unlock. */
NOLEAK(golf_global_mutex_held_by_main)
static void locks_of_main(void *unused)
{
	gd_mutex_lock(&mutex_itself);
	gd_mutex_unlock(&mutex_itself);
}
MAIN(noleak_golf_global_mutex_held_by_main)
{
	gd_mutex_lock(&mutex_itself);
	gd_go_fn(locks_of_main, NULL);
	settle();
	CHECK_EQ(gd_leak_check(), 0);
	gd_mutex_unlock(&mutex_itself);
	until_alive(1);
}

/*
 * known miss: the mutex is a global, locked for the first time, and a goroutine lives that could
 * be meant to unlock it: a signal looks the same. Alive at the end.
 */
LEAK(golf_global_mutex_first)
/* options: leak_level=end */
static void locks_first(void *unused)
{
	gd_mutex_lock(&mutex_itself); /* leak: mutex lock; still alive */
}
static void sleeps_on(void *unused)
{
	gd_sleep(HOUR); /* leak: sleep; still alive */
}
MAIN(leak_golf_global_mutex_first)
{
	gd_mutex_lock(&mutex_itself);
	gd_go_fn(locks_first, NULL);
	gd_go_fn(sleeps_on, NULL);
	settle_n(1);
}

/* Read by main, which has returned; to be written by another. Found. */
LEAK(golf_global_rwmutex)
static gd_rwmutex *rwmutex;
static void writes_rwmutex(void *unused)
{
	gd_rwmutex_lock(rwmutex); /* leak: rwmutex lock; stuck behind another; 1 reader */
}
static void reads_rwmutex(void *unused)
{
	gd_rwmutex_rlock(rwmutex); /* leak: rwmutex rlock; stuck behind another; held up by */
}
MAIN(leak_golf_global_rwmutex)
{
	rwmutex = NEW(gd_rwmutex);
	gd_rwmutex_rlock(rwmutex);
	gd_go_fn(writes_rwmutex, NULL);
	settle();
	gd_go_fn(reads_rwmutex, NULL);
	gd_go_fn(sleeps_with, NULL);
	settle_n(2);
}

/* known miss: anybody may send to a channel in a global; it has no owner. Alive at the end. */
LEAK(golf_global_chan)
/* options: leak_level=end */
static int_chan channel;
static void receives_channel(void *unused)
{
	gd_chan_recv(channel, NULL); /* leak: chan receive; still alive: it is still there */
}
MAIN(leak_golf_global_chan)
{
	channel = gd_chan_make(int_chan, 0);
	gd_go_fn(receives_channel, NULL);
	settle();
}

/* The same told of by default: nothing. */
NOLEAK(golf_global_chan_by_default)
static void receives_global(void *unused)
{
	gd_chan_recv(channel, NULL);
}
MAIN(noleak_golf_global_chan_by_default)
{
	channel = gd_chan_make(int_chan, 0);
	gd_go_fn(receives_global, NULL);
	settle();
	CHECK_EQ(gd_leak_check(), 0);
}

/* Who overwrites the global loses what was in it. */
LEAK(golf_global_chan_lost)
static void receives_lost(void *arg)
{
	gd_chan_recv((int_chan){ .raw = arg }, NULL); /* leak: chan receive; proven stuck */
}
MAIN(leak_golf_global_chan_lost)
{
	channel = gd_chan_make(int_chan, 0);
	gd_go_fn(receives_lost, channel.raw);
	settle();
	channel = gd_chan_make(int_chan, 0);
}

/* known miss: anybody may count down a group in a global; who has added is no owner. */
LEAK(golf_global_waitgroup)
/* options: leak_level=end */
static gd_waitgroup *group;
static void waits_for_group(void *unused)
{
	gd_waitgroup_wait(group); /* leak: waitgroup wait; still alive; counter 1 */
}
MAIN(leak_golf_global_waitgroup)
{
	group = NEW(gd_waitgroup);
	gd_waitgroup_add(group, 1);
	gd_go_fn(waits_for_group, NULL);
	settle();
}

/*
 * known miss: a goroutine that runs on has the channel on its stack and will not use it. What a
 * frame means to do with a word in it is not in the image. Alive at the end.
 */
LEAK(golf_resource_on_stack)
/* options: leak_level=end */
static struct barrier spins;
static void receives_of_spinner(void *arg)
{
	gd_chan_recv((int_chan){ .raw = arg }, NULL); /* leak: chan receive; still alive */
}
static void spins_with(void *arg)
{
	barrier_post(&spins);
	__asm__ volatile("1: jmp 1b" : : "r"(arg)); /* leak: not waiting; still alive */
}
MAIN(leak_golf_resource_on_stack)
{
	int_chan c = gd_chan_make(int_chan, 0);

	CHECK_EQ(gd_set_procs(2), GD_OK);
	gd_go_fn(receives_of_spinner, c.raw);
	settle();
	gd_go_fn(spins_with, c.raw);
	barrier_await_go(&spins, 1);
}

/* A lock on the stack of one who runs on: its owner has stuck, and that is found. */
LEAK(golf_lock_on_stack)
static void sticks_with_lock(void *m)
{
	gd_mutex_lock(m);
	gd_select_none(); /* leak: select (no cases); proven stuck */
}
static void wants_lock(void *m)
{
	gd_mutex_lock(m); /* leak: mutex lock; stuck behind another: the mutex is held up by */
}
static void lends_lock(void *unused)
{
	gd_mutex m = { 0 };

	gd_go_fn(sticks_with_lock, &m);
	settle_n(1);
	gd_go_fn(wants_lock, &m);
	gd_sleep(HOUR);
	gd_mutex_lock(&m);
}
MAIN(leak_golf_lock_on_stack)
{
	gd_go_fn(lends_lock, NULL);
	settle_n(2);
}

CONFORM_MAIN
