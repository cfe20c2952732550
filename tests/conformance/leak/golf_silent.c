/*
 * golf_silent.c - correct programs of the kinds that GOLF keeps as controls. None may be reported.
 *
 * GOLF has 44, and where each is here (the fixed kernels: noleak_..._repaired of the kernel's own
 * file; the fixed patterns: patterns.c and go_patterns.c):
 *
 *     26 fixed kernels                KERNEL(...) of comm_*, mixed_*, resource_*
 *     channel range, contract,        patterns.c: closed, contract_kept, single_send,
 *       double send, early return,      early_return_with_room, n_cast_with_room,
 *       n-cast, timeout                 timeout_with_room
 *     contention                      golf_contention_100k here; contention in silent_locks.c
 *     creation                        golf_creation
 *     contended close                 golf_contended_close
 *     defer                           golf_defer_close, golf_defer_unlock
 *     bouncing callback               golf_bouncing_callback
 *     channel in closure              golf_closure
 *     signal                          golf_signalfd, golf_sigwait_thread, golf_self_pipe
 *     timer                           golf_timers; held_memory.c: timer_channel, after, ticker
 *     cond, mutex, waitgroup,         golf_turns, and silent_locks.c: cond, mutex_handed_over;
 *       no blocks                       silent.c: waitgroup; golf_no_blocks
 *
 * The rest of this file and golf_silent_c.c are of our own making: what C programs do to channels.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "tests/conformance/leak/held.h"

/* All count themselves in, wait for all, and each sends to one who then receives. */
NOLEAK(golf_contention_100k)
struct crowd {
	gd_waitgroup all;
	struct barrier gone;
};
struct member_args {
	struct crowd *crowd;
	int_chan c;
};
static void member(struct member_args *a)
{
	gd_waitgroup_done(&a->crowd->all);
	gd_chan_recv(a->c, NULL);
}
struct sender_args {
	struct crowd *crowd;
	int_chan c;
};
static void sender(struct sender_args *a)
{
	gd_waitgroup_wait(&a->crowd->all);
	gd_chan_send(a->c, 1);
}
MAIN(noleak_golf_contention_100k)
{
	struct crowd *crowd = NEW(struct crowd);

	gd_waitgroup_add(&crowd->all, 50000);
	for (int i = 0; i < 50000; i++) {
		int_chan c = gd_chan_make(int_chan, 1);

		gd_go(sender, .crowd = crowd, .c = c);
		gd_go(member, .crowd = crowd, .c = c);
	}
	CHECK_EQ(gd_leak_check(), 0);
}

/* The same, looked at again and again while it goes on. */
NOLEAK(golf_contention)
MAIN(noleak_golf_contention)
{
	struct crowd *crowd = NEW(struct crowd);

	gd_waitgroup_add(&crowd->all, 1000);
	for (int i = 0; i < 1000; i++) {
		int_chan c = gd_chan_make(int_chan, 1);

		gd_go(sender, .crowd = crowd, .c = c);
		gd_go(member, .crowd = crowd, .c = c);
		if (i % 50 == 0)
			CHECK_EQ(gd_leak_check(), 0);
	}
	until_alive(1);
}

/* Goroutines that make goroutines: main returns in the midst of it. */
NOLEAK(golf_creation)
struct pair_args {
	gd_waitgroup *w;
	int_chan c;
	int part;
};
static void pair(struct pair_args *a)
{
	if (a->part == 2) {
		gd_chan_recv(a->c, NULL);
	} else if (a->part == 1) {
		gd_waitgroup_done(a->w);
		gd_chan_send(a->c, 1);
	} else {
		int_chan c = gd_chan_make(int_chan, 0);

		gd_go(pair, .w = a->w, .c = c, .part = 1);
		gd_waitgroup_wait(a->w);
		gd_go(pair, .w = a->w, .c = c, .part = 2);
	}
}
static void creates(void *unused)
{
	gd_waitgroup *w = NEW(gd_waitgroup);

	gd_waitgroup_add(w, 2000);
	for (int i = 0; i < 2000; i++)
		gd_go(pair, .w = w, .part = 0);
}
MAIN(noleak_golf_creation)
{
	for (int i = 0; i < 5; i++)
		gd_go_fn(creates, NULL);
	CHECK_EQ(gd_leak_check(), 0);
	until_alive(1);
}

NOLEAK(golf_contended_close)
static void receives_one(void *arg)
{
	gd_chan_recv((int_chan){ .raw = arg }, NULL);
}
static void closes_on_many(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 20000; i++)
		gd_go_fn(receives_one, c.raw);
	gd_yield();
	gd_chan_close(c);
}
MAIN(noleak_golf_contended_close)
{
	gd_go_fn(closes_on_many, NULL);
	gd_yield();
	for (int i = 0; i < 4; i++)
		CHECK_EQ(gd_leak_check(), 0);
}

/* What will close is nothing but a deferred call in a frame that sleeps. */
NOLEAK(golf_defer_close)
static void defers_close(void *unused)
{
	gd_defer(closes, waited_for());

	gd_sleep(HOUR);
}
MAIN(noleak_golf_defer_close)
{
	gd_go_fn(defers_close, NULL);
	settle_n(1);
}

NOLEAK(golf_defer_unlock)
struct ledger {
	gd_mutex m;
	gd_rwmutex rw;
};
static void gives_mutex(void *m)
{
	gd_mutex_unlock(m);
}
static void gives_read(void *m)
{
	gd_rwmutex_runlock(m);
}
static void defers_unlock(void *arg)
{
	struct ledger *l = arg;

	gd_mutex_lock(&l->m);
	gd_defer(gives_mutex, &l->m);
	gd_rwmutex_rlock(&l->rw);
	gd_defer(gives_read, &l->rw);
	barrier_post(&ready);
	gd_sleep(HOUR);
}
static void locks_ledger(void *arg)
{
	gd_mutex_lock(&((struct ledger *)arg)->m);
}
static void writes_ledger(void *arg)
{
	gd_rwmutex_lock(&((struct ledger *)arg)->rw);
}
MAIN(noleak_golf_defer_unlock)
{
	struct ledger *l = NEW(struct ledger);

	gd_go_fn(defers_unlock, l);
	barrier_await_go(&ready, 1);
	gd_go_fn(locks_ledger, l);
	gd_go_fn(writes_ledger, l);
	settle_n(2);
}

/* Each hands the other a function that will hand it one back, for ever. */
NOLEAK(golf_bouncing_callback)
struct callback {
	void (*fn)(struct callback *);
	gd_chan *back;
};
typedef gd_chan_of(struct callback) callback_chan;
static void nothing(struct callback *c)
{
}
static void sends_back(struct callback *c)
{
	gd_chan_send((callback_chan){ .raw = c->back }, ((struct callback){ nothing, NULL }));
}
static void processes(void *arg)
{
	callback_chan events = { .raw = arg };

	gd_chan_range(events, e)
	{
		e.fn(&e);
		gd_chan_recv(gd_after(GD_MILLISECOND), NULL);
	}
}
static void makes_events(void *arg)
{
	callback_chan back = gd_chan_make(callback_chan, 0), events = { .raw = NULL };
	struct callback pending = { NULL, NULL }, called;

	for (;;)
		switch (gd_select(GD_RECV(back, &called), GD_SEND(events, pending),
				  GD_AFTER(GD_MILLISECOND))) {
		case 0:
			called.fn(&called);
			break;
		case 1:
			events.raw = NULL;
			break;
		default:
			pending = (struct callback){ sends_back, back.raw };
			events.raw = arg;
		}
}
MAIN(noleak_golf_bouncing_callback)
{
	for (int i = 0; i < 50; i++) {
		callback_chan events = gd_chan_make(callback_chan, 0);

		gd_go_fn(processes, events.raw);
		gd_go_fn(makes_events, events.raw);
	}
	for (int i = 0; i < 20; i++) {
		gd_sleep(GD_MILLISECOND);
		CHECK_EQ(gd_leak_check(), 0);
	}
}

/* A closure is a function and what it has caught; here the channel, two structs deep. */
NOLEAK(golf_closure)
struct closure {
	void (*call)(struct closure *);
	struct closure *inner;
	gd_chan *caught;
};
static void calls_inner(struct closure *c)
{
	c->inner->call(c->inner);
}
static void closes_caught(struct closure *c)
{
	gd_chan_close_raw(c->caught);
}
static void sleeps_then_calls(void *arg)
{
	struct closure *c = arg;

	gd_sleep(HOUR);
	c->call(c);
}
MAIN(noleak_golf_closure)
{
	struct closure *inner = NEW(struct closure), *outer = NEW(struct closure);

	*inner = (struct closure){ closes_caught, NULL, waited_for() };
	*outer = (struct closure){ calls_inner, inner, NULL };
	gd_go_fn(sleeps_then_calls, outer);
	settle_n(1);
}

/* Subscribers of a signal, whose only list is the stack of who reads the signals. */
struct subscribers {
	int fd;
	gd_chan *to[100];
};
static void subscribes(struct subscribers *s)
{
	for (int i = 0; i < 100; i++)
		s->to[i] = waited_for();
}
static void tells(struct subscribers *s)
{
	for (int i = 0; i < 100; i++)
		gd_chan_close_raw(s->to[i]);
}

NOLEAK(golf_signalfd)
static void reads_signals(void *unused)
{
	struct subscribers s;
	struct signalfd_siginfo info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	s.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	CHECK_EQ(gd_fd_adopt(s.fd), GD_OK);
	subscribes(&s);
	CHECK_EQ(gd_fd_read(s.fd, &info, sizeof(info)), (int64_t)sizeof(info));
	tells(&s);
}
MAIN(noleak_golf_signalfd)
{
	gd_go_fn(reads_signals, NULL);
	settle_n(100);
	CHECK_EQ(gd_leak_check(), 0);
}

NOLEAK(golf_sigwait_thread)
static void *waits_for_signal(void *arg)
{
	struct subscribers s = *(struct subscribers *)arg;
	sigset_t set;
	int number;

	memset(arg, 0, sizeof(s));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	barrier_post(&ready);
	CHECK_EQ(sigwait(&set, &number), 0);
	tells(&s);
	return NULL;
}
MAIN(noleak_golf_sigwait_thread)
{
	struct subscribers *s = NEW(struct subscribers);
	pthread_t t;

	subscribes(s);
	settle_n(100);
	CHECK_EQ(pthread_create(&t, NULL, waits_for_signal, s), 0);
	barrier_await_go(&ready, 1);
	free(s);
	CHECK_EQ(gd_leak_check(), 0);
}

/* A handler writes to a pipe; the reader of the pipe sends. */
NOLEAK(golf_self_pipe)
static int self_pipe[2];
static void on_signal(int number)
{
	char c = (char)number;
	int saved = errno;

	while (write(self_pipe[1], &c, 1) < 0 && errno == EINTR)
		;
	errno = saved;
}
static void reads_pipe(void *unused)
{
	struct subscribers s;
	char c;

	subscribes(&s);
	while (gd_fd_read(self_pipe[0], &c, 1) == 1 && c != SIGUSR2)
		barrier_post(&ready);
	tells(&s);
	barrier_post(&ready);
}
MAIN(noleak_golf_self_pipe)
{
	CHECK_EQ(gd_pipe(self_pipe), GD_OK);
	CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
	CHECK(signal(SIGUSR2, on_signal) != SIG_ERR);
	gd_go_fn(reads_pipe, NULL);
	settle_n(100);
	raise(SIGUSR1);
	barrier_await_go(&ready, 1);
	CHECK_EQ(gd_leak_check(), 0);
	raise(SIGUSR2);
	barrier_await_go(&ready, 2);
	until_alive(1);
}

/* A thousand wait for timers, ten others for timers that come meanwhile. */
NOLEAK(golf_timers)
static void waits_an_hour(void *unused)
{
	gd_chan_recv(gd_after(HOUR), NULL);
}
struct soon_args {
	gd_waitgroup *w;
	int i;
};
static void soon(struct soon_args *a)
{
	gd_chan_recv(gd_after(a->i * GD_MILLISECOND), NULL);
	CHECK_EQ(gd_leak_check(), 0);
	gd_waitgroup_done(a->w);
}
MAIN(noleak_golf_timers)
{
	gd_waitgroup w = { 0 };

	gd_waitgroup_add(&w, 10);
	for (int i = 0; i < 1000; i++)
		gd_go_fn(waits_an_hour, NULL);
	for (int i = 0; i < 10; i++)
		gd_go(soon, .w = &w, .i = i);
	gd_waitgroup_wait(&w);
}

/* Two at one table, in turn, by a mutex and a condition each; one thinks long. */
NOLEAK(golf_turns)
struct table {
	gd_mutex m;
	gd_cond turn[2];
	int whose, rounds;
};
struct player_args {
	struct table *t;
	int me;
};
static void player(struct player_args *a)
{
	struct table *t = a->t;

	for (;;) {
		gd_mutex_lock(&t->m);
		while (t->whose != a->me)
			gd_cond_wait(&t->turn[a->me]);
		if (++t->rounds == 1001)
			barrier_post(&ready);
		if (t->rounds > 1000)
			gd_sleep(HOUR);
		t->whose = !a->me;
		gd_cond_signal(&t->turn[!a->me]);
		gd_mutex_unlock(&t->m);
	}
}
MAIN(noleak_golf_turns)
{
	struct table *t = NEW(struct table);

	for (int i = 0; i < 2; i++)
		gd_cond_init(&t->turn[i], &t->m);
	gd_go(player, .t = t, .me = 0);
	gd_go(player, .t = t, .me = 1);
	barrier_await_go(&ready, 1);
	settle_n(1);
}

NOLEAK(golf_no_blocks)
static void runs_through(void *unused)
{
}
MAIN(noleak_golf_no_blocks)
{
	for (int i = 0; i < 1000; i++)
		gd_go_fn(runs_through, NULL);
	CHECK_EQ(gd_leak_check(), 0);
}

CONFORM_MAIN
