/*
 * go_class_place.c - primitives of every kind in every kind of memory, none of them initialised by
 * a call where zeroes will do. What nobody can reach is proven; what lies where anybody can get at
 * it is alive at the end, unless the owner of a lock proves more.
 */
#include <sys/mman.h>

#include "tests/conformance/leak/go_class.h"

/* One of each kind, amid other data. */
struct everything {
	char name[5];
	gd_waitgroup group;
	unsigned flag : 1;
	gd_mutex mutex;
	char c;
	gd_rwmutex rw;
	gd_cond cond;
	short s;
	gd_mutex cond_mutex;
	gd_once once;
};

/*
 * FIVE(name): on one line, five functions that wait for something of the everything that is their
 * argument: group, condition (its mutex set where needed), and locks that they hold themselves.
 */
#define FIVE(name)                                                                                 \
	static void name##_group(void *p)                                                          \
	{                                                                                          \
		gd_waitgroup_wait(&((struct everything *)p)->group);                               \
		barrier_post(&never);                                                              \
	}                                                                                          \
	static void name##_cond(void *p)                                                           \
	{                                                                                          \
		struct everything *e = p;                                                          \
		gd_mutex_lock(&e->cond_mutex);                                                     \
		gd_cond_wait(&e->cond);                                                            \
		barrier_post(&never);                                                              \
	}                                                                                          \
	static void name##_mutex(void *p)                                                          \
	{                                                                                          \
		gd_mutex_lock(&((struct everything *)p)->mutex);                                   \
		gd_mutex_lock(&((struct everything *)p)->mutex);                                   \
		barrier_post(&never);                                                              \
	}                                                                                          \
	static void name##_rw(void *p)                                                             \
	{                                                                                          \
		gd_rwmutex_rlock(&((struct everything *)p)->rw);                                   \
		gd_rwmutex_lock(&((struct everything *)p)->rw);                                    \
		barrier_post(&never);                                                              \
	}                                                                                          \
	static void name##_in_once(void *p)                                                        \
	{                                                                                          \
		gd_once_do(&((struct everything *)p)->once, name##_in_once, p);                    \
		barrier_post(&never);                                                              \
	}                                                                                          \
	static void (*const name[])(void *) = { name##_group, name##_cond, name##_mutex,           \
						name##_rw, name##_in_once };

static struct barrier never;

static NOINLINE void start_five(void (*const *fn)(void *), struct everything *e)
{
	e->cond.mutex = &e->cond_mutex;
	gd_waitgroup_add(&e->group, 1);
	for (int i = 0; i < 5; i++)
		gd_go_fn(fn[i], e);
}

LEAK(place_heap)
/* leak: waitgroup wait; proven stuck: nothing that can still run reaches the waitgroup */
/* leak: cond wait; proven stuck: nothing that can still run reaches the condition */
/* leak: 2 mutex lock; proven stuck: it waits for a lock that it holds itself; double lock */
/* leak: rwmutex lock; proven stuck: it waits for a lock that it holds itself */
FIVE(heap)
MAIN(leak_place_heap)
{
	start_five(heap, NEW(struct everything));
	settle();
}

/* In the middle of a big block. */
LEAK(place_inside_block)
/* leak: waitgroup wait; proven stuck: nothing */
/* leak: cond wait; proven stuck: nothing */
/* leak: 2 mutex lock; proven stuck: it waits for a lock that it holds itself */
/* leak: rwmutex lock; proven stuck: it waits for a lock that it holds itself */
FIVE(inside_block)
MAIN(leak_place_inside_block)
{
	char *block = fresh(1 << 20);

	start_five(inside_block, (void *)(block + 700 * 1024 + 8));
	settle();
}

/* On the stack of one who waits for good. */
LEAK(place_parked_stack)
/* leak: waitgroup wait; proven stuck: nothing */
/* leak: cond wait; proven stuck: nothing */
/* leak: 2 mutex lock; proven stuck: it waits for a lock that it holds itself */
/* leak: rwmutex lock; proven stuck: it waits for a lock that it holds itself */
FIVE(parked_stack)
static void lends_parked(void *unused)
{
	struct everything e = { 0 };
	gd_waitgroup w = { 0 };

	start_five(parked_stack, &e);
	gd_waitgroup_add(&w, 1);
	gd_waitgroup_wait(&w); /* leak: waitgroup wait; proven stuck: nothing */
	CHECK_EQ(e.c, 0);
}
MAIN(leak_place_parked_stack)
{
	gd_go_fn(lends_parked, NULL);
	settle_n(6);
}

/*
 * On the stack of one who will run again. Group and condition may be served; the locks may be, too:
 * whoever has the stack might unlock them. Known miss, as with GOLF's resource on a stack.
 */
LEAK(place_live_stack)
/* options: leak_level=end */
/* leak: waitgroup wait; still alive: it is still there at the end */
/* leak: cond wait; still alive */
/* leak: 2 mutex lock; still alive */
/* leak: rwmutex lock; still alive */
FIVE(live_stack)
static void lends_live(void *unused)
{
	struct everything e = { 0 };

	start_five(live_stack, &e);
	gd_sleep(HOUR); /* leak: sleep; still alive */
	CHECK_EQ(e.c, 0);
}
MAIN(leak_place_live_stack)
{
	gd_go_fn(lends_live, NULL);
	settle_n(5);
}

/* In a global anybody may do anything, as long as the lock was never given up before. */
LEAK(place_global)
/* options: leak_level=end */
static struct everything global_everything;
/* leak: waitgroup wait; still alive */
/* leak: cond wait; still alive */
/* leak: 2 mutex lock; still alive */
/* leak: rwmutex lock; still alive */
FIVE(global)
MAIN(leak_place_global)
{
	start_five(global, &global_everything);
	settle();
}

/* The locks have been given up before, so they are locks: proven, whoever else may run. */
LEAK(place_used_global)
/* options: leak_level=end */
static struct everything used_everything;
/* leak: waitgroup wait; still alive */
/* leak: cond wait; still alive */
/* leak: 2 mutex lock; proven stuck: it waits for a lock that it holds itself; double lock */
/* leak: rwmutex lock; proven stuck: it waits for a lock that it holds itself */
FIVE(used_global)
static void once_mutex_used(gd_once *o)
{
	gd_mutex_lock(&o->mutex_);
	gd_mutex_unlock(&o->mutex_);
}
MAIN(leak_place_used_global)
{
	struct everything *e = &used_everything;

	gd_mutex_lock(&e->mutex);
	gd_mutex_unlock(&e->mutex);
	gd_rwmutex_lock(&e->rw);
	gd_rwmutex_unlock(&e->rw);
	once_mutex_used(&e->once);
	start_five(used_global, e);
	settle();
}

/* In thread-local storage of a thread that goes on. */
LEAK(place_thread_local)
/* options: leak_level=end */
static __thread struct everything local_everything;
/* leak: waitgroup wait; still alive */
/* leak: cond wait; still alive */
/* leak: 2 mutex lock; still alive */
/* leak: rwmutex lock; still alive */
FIVE(thread_local_)
MAIN(leak_place_thread_local)
{
	start_five(thread_local_, &local_everything);
	settle();
}

/* In a mapping of the program's own: what is in there, and who knows it, cannot be told. */
LEAK(place_mapping)
/* options: leak_level=end */
/* leak: waitgroup wait; still alive */
/* leak: cond wait; still alive */
/* leak: 2 mutex lock; still alive */
/* leak: rwmutex lock; still alive */
FIVE(mapping)
MAIN(leak_place_mapping)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	start_five(mapping, (void *)(page + 4096 - 48)); /* over the border of two pages */
	settle();
}

/* The handle, not the channel, lies in each place; nobody who runs reads it. */
LEAK(place_of_handles)
union handle {
	int_chan c;
	double number;
};
struct holder {
	char name[3];
	unsigned flag : 2;
	union handle h;
};
static void receives_held(void *arg)
{
	struct holder on_stack = { .h.c = *(int_chan *)arg }, *on_heap = NEW(struct holder);

	*on_heap = on_stack;
	free(arg);
	gd_chan_recv(on_heap->h.c, NULL); /* leak: 3 chan receive; proven stuck: nothing */
	CHECK_EQ(on_stack.flag, 0);
}
MAIN(leak_place_of_handles)
{
	for (int i = 0; i < 3; i++) {
		int_chan *c = NEW(int_chan);

		*c = gd_chan_make(int_chan, (size_t)i);
		gd_go_fn(receives_held, c);
	}
	settle();
}

/* On the stack of one who waits for a channel that a global knows: it may go on. */
NOLEAK(place_stack_of_a_waiter)
int_chan place_known;
static void waits_for_place(void *w)
{
	gd_waitgroup_wait(w);
}
static void lends_and_waits(void *unused)
{
	gd_waitgroup w = { 0 };

	gd_waitgroup_add(&w, 1);
	gd_go_fn(waits_for_place, &w);
	gd_chan_recv(place_known, NULL);
	gd_waitgroup_done(&w);
}
MAIN(noleak_place_stack_of_a_waiter)
{
	place_known = gd_chan_make(int_chan, 0);
	gd_go_fn(lends_and_waits, NULL);
	settle_n(2);
}

CONFORM_MAIN
