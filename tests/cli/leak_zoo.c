/*
 * leak_zoo.c - one leak of each kind that reports tell apart: leak_zoo SHAPE [CORE].
 * With one P the order is fixed. Writes a core before it ends, if one is named.
 */
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

typedef gd_chan_of(int) int_chan;

static void rounds(void)
{
	for (int i = 0; i < 20; i++)
		gd_yield();
}

/* --- channels --- */

struct sends_args {
	int_chan c;
};
static void sends(struct sends_args *a)
{
	gd_chan_send(a->c, 1);
}

static NOINLINE void ncast(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	for (int i = 0; i < 3; i++)
		gd_go(sends, .c = c);
	gd_chan_recv(c, NULL);
}

static NOINLINE void early_return(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(sends, .c = c);
}

struct late_args {
	int_chan c;
	gd_signal_chan go;
};
static void late(struct late_args *a)
{
	gd_chan_recv(a->go, NULL);
	gd_chan_send(a->c, 1);
}

static NOINLINE void timeout(void)
{
	int_chan c = gd_chan_make(int_chan, 0);
	gd_signal_chan go = gd_chan_make(gd_signal_chan, 0);
	int v;

	gd_go(late, .c = c, .go = go);
	gd_select(GD_RECV(c, &v), GD_AFTER(GD_MICROSECOND));
	gd_chan_close(go);
}

struct twice_args {
	int_chan c;
};
static void twice(struct twice_args *a)
{
	gd_chan_send(a->c, -1);
	gd_chan_send(a->c, 1);
}

static NOINLINE void double_send(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(twice, .c = c);
	gd_chan_recv(c, NULL);
}

struct ranges_args {
	int_chan c;
};
static void ranges(struct ranges_args *a)
{
	gd_chan_range(a->c, v) if (v < 0) return;
}

static NOINLINE void no_close(void)
{
	int_chan c = gd_chan_make(int_chan, 4);

	gd_go(ranges, .c = c);
	gd_chan_send(c, 1);
	gd_chan_send(c, 2);
}

struct worker_args {
	int_chan work;
	gd_signal_chan stop;
};
static void worker(struct worker_args *a)
{
	int v;

	while (gd_select(GD_RECV(a->work, &v), GD_RECV(a->stop, NULL)) == 0)
		;
}

static NOINLINE void contract(void)
{
	int_chan work = gd_chan_make(int_chan, 0);
	gd_signal_chan stop = gd_chan_make(gd_signal_chan, 0);

	gd_go(worker, .work = work, .stop = stop);
	gd_chan_send(work, 1);
}

static void until_cancelled(void *ctx)
{
	gd_chan_recv(gd_context_done(ctx), NULL);
}

static NOINLINE void forgotten_cancel(void)
{
	gd_go_fn(until_cancelled, gd_context_with_cancel(gd_context_background()));
}

static NOINLINE void dropped(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(sends, .c = c);
	rounds();
	gd_chan_unref(c);
}

static NOINLINE void nil_channel(void)
{
	gd_go(sends, .c = (int_chan){ NULL });
}

/* --- locks --- */

struct registry {
	int entries;
	gd_mutex lock, log;
	gd_rwmutex table;
} registry;

static void locks_twice(void *unused)
{
	(void)unused;
	gd_mutex_lock(&registry.lock);
	gd_mutex_unlock(&registry.lock);
	gd_mutex_lock(&registry.lock);
	gd_mutex_lock(&registry.lock);
}

static NOINLINE void double_lock(void)
{
	gd_go_fn(locks_twice, NULL);
}

struct locks_in_order_args {
	gd_mutex *first, *second;
};
static void locks_in_order(struct locks_in_order_args *a)
{
	gd_mutex_lock(a->first);
	gd_yield();
	gd_mutex_lock(a->second);
}

static NOINLINE void abba(void)
{
	gd_go(locks_in_order, .first = &registry.lock, .second = &registry.log);
	gd_go(locks_in_order, .first = &registry.log, .second = &registry.lock);
}

static void reads_twice(void *unused)
{
	(void)unused;
	gd_rwmutex_rlock(&registry.table);
	rounds();
	gd_rwmutex_rlock(&registry.table);
}

static void writes(void *unused)
{
	(void)unused;
	gd_rwmutex_lock(&registry.table);
}

static NOINLINE void recursive_read(void)
{
	gd_go_fn(reads_twice, NULL);
	gd_yield();
	gd_go_fn(writes, NULL);
}

struct account {
	int balance;
	gd_mutex lock;
};
struct account_args {
	struct account *account;
	int_chan c;
};
static void forgets_unlock(struct account_args *a)
{
	gd_mutex_lock(&a->account->lock);
}

static void locks(struct account_args *a)
{
	gd_mutex_lock(&a->account->lock);
	gd_mutex_unlock(&a->account->lock);
}

static void sends_locked(struct account_args *a)
{
	gd_mutex_lock(&a->account->lock);
	gd_chan_send(a->c, 1);
	gd_mutex_unlock(&a->account->lock);
}

#define forgets_unlock_args account_args
#define locks_args          account_args
#define sends_locked_args   account_args

static NOINLINE void missing_unlock(void)
{
	struct account *a = calloc(1, sizeof(*a));

	gd_go(forgets_unlock, .account = a);
	rounds();
	gd_go(locks, .account = a);
}

static NOINLINE void held_across_send(void)
{
	struct account *a = calloc(1, sizeof(*a));
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(sends_locked, .account = a, .c = c);
	rounds();
	gd_go(locks, .account = a);
}

/* --- groups and conditions --- */

static void waits(void *group)
{
	gd_waitgroup_add(group, 2);
	gd_waitgroup_done(group);
	gd_waitgroup_wait(group);
}

static NOINLINE void never_done(void)
{
	gd_go_fn(waits, calloc(1, sizeof(gd_waitgroup)));
}

static void waits_for_news(void *unused)
{
	gd_mutex lock = { 0 };
	gd_cond news;

	(void)unused;
	gd_cond_init(&news, &lock);
	gd_cond_signal(&news);
	gd_mutex_lock(&lock);
	gd_cond_wait(&news);
}

static NOINLINE void lost_wakeup(void)
{
	gd_go_fn(waits_for_news, NULL);
}

/* --- no leaks: what keeps them --- */

struct job {
	int priority;
	int_chan result;
	struct job *next;
};
struct queue {
	const char *name;
	struct job *jobs[4];
} queue;

static NOINLINE void kept(void)
{
	struct job *first = calloc(1, sizeof(*first));
	int_chan c = gd_chan_make(int_chan, 0);

	queue.jobs[2] = first;
	first->next = calloc(1, sizeof(*first));
	first->next->result = gd_chan_make(int_chan, 0);
	gd_go(sends, .c = first->next->result);
	gd_go(sends, .c = c);
	gd_after_func(GD_SECOND * 3600, free, c.raw);
	gd_mutex_lock(&registry.lock);
	gd_go(locks_in_order, .first = &registry.lock, .second = &registry.log);
}

static const struct shape {
	const char *name;
	void (*run)(void);
} shapes[] = {
	{ "ncast", ncast },
	{ "early_return", early_return },
	{ "timeout", timeout },
	{ "double_send", double_send },
	{ "no_close", no_close },
	{ "contract", contract },
	{ "forgotten_cancel", forgotten_cancel },
	{ "dropped", dropped },
	{ "nil_channel", nil_channel },
	{ "double_lock", double_lock },
	{ "abba", abba },
	{ "recursive_read", recursive_read },
	{ "missing_unlock", missing_unlock },
	{ "held_across_send", held_across_send },
	{ "never_done", never_done },
	{ "lost_wakeup", lost_wakeup },
	{ "kept", kept },
};

static void start(void *arg)
{
	char **argv = arg;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strcmp(argv[1], shapes[i].name) == 0)
			shapes[i].run();
	rounds();
	if (argv[2] && gd_dump(argv[2]) != 0)
		exit(3);
	if (argv[2] && argv[3])
		printf("%d\n", gd_leak_why(strtoull(argv[3], NULL, 10)));
}

int main(int argc, char **argv)
{
	return argc > 1 ? gd_run(start, argv) : 2;
}
