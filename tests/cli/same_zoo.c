/*
 * same_zoo.c - one state, told by the program itself in two ways and left for others to look at:
 * same_zoo SHAPE CORE. Prints "HOW ID VERDICT EVIDENCE" for each goroutine that a check names,
 * "ran HOW COMPLETE" after it, and "ready PID"; at the end of its input it aborts.
 *
 * A thread beside the runtime asks: a goroutine that asks for a check is not counted among those
 * who might yet unlock a lock, and whoever looks from outside knows of no such goroutine.
 */
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef gd_chan_of(int) int_chan;

static gd_mutex mutex_a, mutex_b, mutex_c, flag;
static gd_rwmutex rw;
static gd_waitgroup group;
static int_chan global;
static void *volatile kept; /* a root of its own for what must stay in use */
static gd_waitgroup there;

/* A goroutine's function over one channel, or over nothing. */
#define ON_CHANNEL(fn)                                                                             \
	struct fn##_args {                                                                         \
		int_chan c;                                                                        \
	};                                                                                         \
	static void fn(struct fn##_args *a)
#define ALONE(fn)                                                                                  \
	struct fn##_args {                                                                         \
		int unused;                                                                        \
	};                                                                                         \
	static void fn(struct fn##_args *a)

struct locks_both_args {
	gd_mutex *first, *second;
	gd_waitgroup *both;
};

ON_CHANNEL(sends)
{
	gd_chan_send(a->c, 1);
}

ON_CHANNEL(receives)
{
	gd_chan_recv(a->c, NULL);
}

static void locks_both(struct locks_both_args *a)
{
	gd_mutex_lock(a->first);
	gd_waitgroup_done(a->both);
	gd_waitgroup_wait(a->both);
	gd_mutex_lock(a->second);
}

ALONE(locks_twice)
{
	gd_mutex_lock(&mutex_c);
	gd_mutex_unlock(&mutex_c); /* a lock, then, and no signal to somebody */
	gd_mutex_lock(&mutex_c);
	gd_waitgroup_done(&there);
	gd_mutex_lock(&mutex_c);
}

/* Anybody might unlock it, once. */
ALONE(locks_a_flag)
{
	gd_mutex_lock(&flag);
	gd_waitgroup_done(&there);
	gd_mutex_lock(&flag);
}

ALONE(locks_c)
{
	gd_mutex_lock(&mutex_c);
}

ALONE(reads_twice)
{
	gd_rwmutex_rlock(&rw);
	gd_waitgroup_done(&there);
	while (gd_rwmutex_try_rlock(&rw)) { /* until the writer waits */
		gd_rwmutex_runlock(&rw);
		gd_yield();
	}
	gd_rwmutex_rlock(&rw);
}

ALONE(writes)
{
	gd_rwmutex_lock(&rw);
}

ALONE(waits_for_group)
{
	gd_waitgroup_wait(&group);
}

ON_CHANNEL(selects)
{
	int_chan other = gd_chan_make(int_chan, 0);
	int v;

	gd_select(GD_RECV(a->c, &v), GD_RECV(other, &v));
}

ALONE(selects_nothing)
{
	gd_select_none();
}

ALONE(sleeps)
{
	gd_sleep(3600 * GD_SECOND);
}

/* Waits for one whose only other reference is on its own stack, and so on. */
ON_CHANNEL(links)
{
	int_chan next = gd_chan_make(int_chan, 0);

	gd_go(receives, .c = next);
	gd_chan_recv(a->c, NULL);
	gd_chan_send(next, 1);
}

static NOINLINE void channels(void)
{
	for (int i = 0; i < 3; i++)
		gd_go(sends, .c = gd_chan_make(int_chan, 0));
	gd_go(selects, .c = gd_chan_make(int_chan, 0));
	gd_go(selects_nothing);
	gd_go(receives, .c = { 0 });
	gd_go(links, .c = gd_chan_make(int_chan, 0));
}

static NOINLINE void locks(void)
{
	static gd_waitgroup both;

	gd_waitgroup_add(&both, 2);
	gd_go(locks_both, &mutex_a, &mutex_b, &both);
	gd_go(locks_both, &mutex_b, &mutex_a, &both);
	gd_waitgroup_add(&there, 1);
	gd_go(locks_twice);
	gd_waitgroup_wait(&there);
	for (int i = 0; i < 2; i++)
		gd_go(locks_c);
	gd_waitgroup_add(&there, 1);
	gd_go(reads_twice);
	gd_waitgroup_wait(&there);
	gd_go(writes);
}

/* Nobody here is a leak. */
static NOINLINE void in_use(void)
{
	int_chan *in_heap = malloc(sizeof(*in_heap));

	global = gd_chan_make(int_chan, 0);
	*in_heap = gd_chan_make(int_chan, 0);
	kept = in_heap;
	gd_waitgroup_add(&there, 1);
	gd_go(locks_a_flag);
	gd_waitgroup_wait(&there);
	gd_go(receives, .c = global);
	gd_go(selects, .c = global);
	gd_go(links, .c = *in_heap);
	gd_go(sleeps);
	gd_waitgroup_add(&group, 1);
	gd_go(waits_for_group);
}

static NOINLINE void all(void)
{
	in_use();
	channels();
	locks();
}

static const struct {
	const char *name;
	void (*make)(void);
} shapes[] = { { "channels", channels }, { "locks", locks }, { "in_use", in_use }, { "all", all } };

/* What the shape's functions have left below the caller's frame. */
static NOINLINE void wipe(void)
{
	volatile char stack[16384];

	memset((char *)stack, 0, sizeof(stack));
	__asm__ volatile("" : : "r"(stack) : "memory");
}

static void print(void *how, const struct gd_leak_found *f)
{
	printf("%s %lu %s %s\n", (const char *)how, (unsigned long)f->goroutine, f->verdict_text,
	       f->evidence);
}

static NOINLINE void ask(const char *how, bool forked)
{
	struct gd_leak_result r;

	gd_leak_check(.quiet = true, .forked = forked, .result = &r, .each = print,
		      .arg = (void *)how);
	printf("ran %s %d\n", how, r.ran && r.complete);
}

static void *asks(void *core)
{
	ask("self", false);
	ask("forked", true);
	if (gd_dump(core) != GD_OK)
		abort();
	printf("ready %d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}

static void start(void *arg)
{
	char **argv = arg;
	pthread_t asker;
	char c;

	for (size_t i = 0; i < COUNT(shapes); i++)
		if (strcmp(shapes[i].name, argv[1]) == 0)
			shapes[i].make();
	wipe();
	gd_leak_check(.quiet = true, .settle_ms = 2000);
	if (pthread_create(&asker, NULL, asks, argv[2]) != 0)
		abort();
	while (gd_syscall(read(STDIN_FILENO, &c, 1)) > 0) {
	}
	abort();
}

int main(int argc, char **argv)
{
	return argc == 3 ? gd_run(start, argv) : 2;
}
