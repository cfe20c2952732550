/*
 * go_micro.c - the 15 smallest shapes of Go's suite as they stand there: the check is asked for
 * while main lives on, and each is beside its repaired twin, so that the one is told from the
 * other.
 *
 * What micro.c has at the end of main is here on demand. Go's list: NilRecv, NilSend,
 * SelectNoCases, SelectNoCasesMain, ChanRecv, ChanSend, Select, WaitGroup, MutexStack, MutexHeap,
 * RWMutexRLock, RWMutexLock, Cond, Mixed, NoLeakGlobal.
 */
#include "tests/conformance/leak/leak_case.h"

#include <stdlib.h>

/* The guilty one and its twin, started by a function of its own: nothing stays on main's stack. */
static NOINLINE void start(void (*fn)(void *), void *arg, int n)
{
	for (int i = 0; i < n; i++)
		gd_go_fn(fn, arg);
}

/* Overwrites what earlier calls left on the stack and in registers. */
static NOINLINE void forget(void)
{
	volatile char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = 0;
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
}

/* n are found, after all others have ended. */
static void found(size_t n)
{
	until_alive(n + 1);
	settle();
	forget();
	CHECK_EQ(gd_leak_check(), (int)n);
}

LEAK(go_nil_recv)
static void nil_recv(void *nil)
{
	int_chan c = { .raw = nil };

	gd_chan_recv(c, NULL); /* leak: chan receive (nil chan); proven stuck */
}
static void made_recv(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 1);

	gd_chan_send(c, 1);
	nil_recv(c.raw);
}
MAIN(leak_go_nil_recv)
{
	start(nil_recv, NULL, 1);
	start(made_recv, NULL, 1);
	found(1);
}

LEAK(go_nil_send)
static void nil_send(void *nil)
{
	int_chan c = { .raw = nil };

	gd_chan_send(c, 1); /* leak: chan send (nil chan); proven stuck */
}
static void made_send(void *unused)
{
	nil_send(gd_chan_make(int_chan, 1).raw);
}
MAIN(leak_go_nil_send)
{
	start(nil_send, NULL, 1);
	start(made_send, NULL, 1);
	found(1);
}

LEAK(go_select_no_cases)
static void select_no_cases(void *unused)
{
	gd_select_raw(NULL, 0); /* leak: 2 select (no cases); proven stuck; empty select */
}
static void select_default(void *unused)
{
	CHECK_EQ(gd_select(GD_DEFAULT), 0);
}
MAIN(leak_go_select_no_cases)
{
	start(select_no_cases, NULL, 2);
	start(select_default, NULL, 1);
	found(2);
}

/* Main itself stands in an empty select, and is not to be named; what only it knows is lost. */
LEAK(go_select_no_cases_main)
static void recv_of_main(void *c)
{
	gd_chan_recv((int_chan){ .raw = c }, NULL); /* leak: chan receive; proven stuck: nothing */
}
static void checks_and_exits(void *unused)
{
	settle_n(2);
	CHECK_EQ(gd_leak_check(), 1);
	exit(0);
}
MAIN(leak_go_select_no_cases_main)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(recv_of_main, c.raw);
	gd_go_fn(checks_and_exits, NULL);
	gd_select_none();
}

NOLEAK(go_select_no_cases_main_alone)
static void finds_none_and_exits(void *unused)
{
	settle_n(1);
	CHECK_EQ(gd_leak_check(), 0);
	exit(0);
}
MAIN(noleak_go_select_no_cases_main_alone)
{
	gd_go_fn(finds_none_and_exits, NULL);
	gd_select_none();
}

LEAK(go_chan_recv)
static void chan_recv(void *arg)
{
	bool closed = arg != NULL;
	int_chan c = gd_chan_make(int_chan, 0);

	if (closed)
		gd_chan_close(c);
	gd_chan_recv(c, NULL); /* leak: chan receive; proven stuck; receive without sender */
}
MAIN(leak_go_chan_recv)
{
	start(chan_recv, NULL, 1);
	start(chan_recv, "closed", 1);
	found(1);
}

LEAK(go_chan_send)
static void chan_send(void *arg)
{
	int_chan c = gd_chan_make(int_chan, arg ? 1 : 0);

	gd_chan_send(c, 1); /* leak: chan send; proven stuck; send without receiver */
}
MAIN(leak_go_chan_send)
{
	start(chan_send, NULL, 1);
	start(chan_send, "room", 1);
	found(1);
}

LEAK(go_select)
static void select_two(void *arg)
{
	int_chan a = gd_chan_make(int_chan, arg ? 1 : 0), b = gd_chan_make(int_chan, 0);

	gd_select(GD_SEND(a, 1), GD_RECV(b, NULL)); /* leak: select; proven stuck; a way out */
}
MAIN(leak_go_select)
{
	start(select_two, NULL, 1);
	start(select_two, "room", 1);
	found(1);
}

LEAK(go_waitgroup)
static void waitgroup(void *arg)
{
	gd_waitgroup w = { 0 };

	gd_waitgroup_add(&w, 1);
	if (arg)
		gd_waitgroup_done(&w);
	gd_waitgroup_wait(&w); /* leak: waitgroup wait; proven stuck; never reaches zero */
}
MAIN(leak_go_waitgroup)
{
	start(waitgroup, NULL, 1);
	start(waitgroup, "done", 1);
	found(1);
}

LEAK(go_mutex_stack)
static void mutex_stack(void *arg)
{
	gd_mutex m = { 0 };

	gd_mutex_lock(&m);
	if (arg)
		gd_mutex_unlock(&m);
	gd_mutex_lock(&m); /* leak: 1000 mutex lock; proven stuck; double lock */
}
MAIN(leak_go_mutex_stack)
{
	start(mutex_stack, NULL, 1000);
	start(mutex_stack, "unlock", 1000);
	found(1000);
}

LEAK(go_mutex_heap)
static void mutex_heap(void *m)
{
	gd_mutex_lock(m);
	gd_mutex_lock(m); /* leak: 1000 mutex lock; proven stuck; double lock */
}
static void unlocked_heap(void *m)
{
	gd_mutex_lock(m);
	gd_mutex_unlock(m);
	gd_mutex_lock(m);
}
static void starts_mutex_heap(void *arg)
{
	gd_go_fn(arg ? unlocked_heap : mutex_heap, NEW(gd_mutex));
}
MAIN(leak_go_mutex_heap)
{
	start(starts_mutex_heap, NULL, 1000);
	start(starts_mutex_heap, "unlock", 1000);
	found(1000);
}

LEAK(go_rwmutex_rlock)
static void rwmutex_rlock(void *arg)
{
	gd_rwmutex *m = NEW(gd_rwmutex);

	if (arg)
		gd_rwmutex_rlock(m);
	else
		gd_rwmutex_lock(m);
	gd_rwmutex_rlock(m); /* leak: rwmutex rlock; proven stuck; that it holds itself */
}
MAIN(leak_go_rwmutex_rlock)
{
	start(rwmutex_rlock, NULL, 1);
	start(rwmutex_rlock, "read", 1);
	found(1);
}

LEAK(go_rwmutex_lock)
static void rwmutex_lock(void *arg)
{
	gd_rwmutex *m = NEW(gd_rwmutex);

	gd_rwmutex_lock(m);
	if (arg)
		gd_rwmutex_unlock(m);
	gd_rwmutex_lock(m); /* leak: rwmutex lock; proven stuck; that it holds itself */
}
MAIN(leak_go_rwmutex_lock)
{
	start(rwmutex_lock, NULL, 1);
	start(rwmutex_lock, "unlock", 1);
	found(1);
}

LEAK(go_cond)
struct event {
	gd_mutex m;
	gd_cond c;
	bool happened;
};
static void happens(void *arg)
{
	struct event *e = arg;

	gd_mutex_lock(&e->m);
	e->happened = true;
	gd_cond_broadcast(&e->c);
	gd_mutex_unlock(&e->m);
}
static void cond(void *arg)
{
	struct event *e = NEW(struct event);

	gd_cond_init(&e->c, &e->m);
	gd_mutex_lock(&e->m);
	if (arg)
		gd_go_fn(happens, e);
	while (!e->happened)
		gd_cond_wait(&e->c); /* leak: cond wait; proven stuck; lost wake-up */
	gd_mutex_unlock(&e->m);
}
MAIN(leak_go_cond)
{
	start(cond, NULL, 1);
	start(cond, "happens", 1);
	found(1);
}

LEAK(go_mixed)
struct mixed {
	int_chan c;
	gd_waitgroup *w;
};
static void mixed_sends(void *arg)
{
	struct mixed *m = arg;

	gd_chan_send(m->c, 1); /* leak: chan send; proven stuck */
	gd_waitgroup_done(m->w);
}
static void mixed(void *arg)
{
	gd_waitgroup w = { 0 };
	struct mixed *m = NEW(struct mixed);

	*m = (struct mixed){ gd_chan_make(int_chan, arg ? 1 : 0), &w };
	gd_waitgroup_add(&w, 1);
	gd_go_fn(mixed_sends, m);
	gd_waitgroup_wait(&w); /* leak: waitgroup wait; proven stuck */
	gd_chan_recv(m->c, NULL);
}
MAIN(leak_go_mixed)
{
	start(mixed, NULL, 1);
	start(mixed, "room", 1);
	found(2);
}

/* Go's control: what a global knows may be used. At the end it is alive, for who asks. */
NOLEAK(go_no_leak_global)
static int_chan global_chan;
static void recv_global(void *unused)
{
	gd_chan_recv(global_chan, NULL);
}
MAIN(noleak_go_no_leak_global)
{
	global_chan = gd_chan_make(int_chan, 0);
	gd_go_fn(recv_global, NULL);
	settle();
	CHECK_EQ(gd_leak_check(), 0);
}

LEAK(go_global_at_end)
/* options: leak_level=end */
static void recv_global_to_end(void *unused)
{
	gd_chan_recv(global_chan, NULL); /* leak: chan receive; still alive: it is still there */
}
MAIN(leak_go_global_at_end)
{
	global_chan = gd_chan_make(int_chan, 0);
	gd_go_fn(recv_global_to_end, NULL);
	settle();
	CHECK_EQ(gd_leak_check(), 0);
}

CONFORM_MAIN
