/*
 * golf_silent_c.c - correct programs of C's own kinds: what knows the channel, or serves it, is in
 * containers of libc, unions, tagged pointers, jumped-over frames, callbacks, thread-locals of a
 * locked thread, pools, contexts. None may be reported.
 */
#include <alloca.h>
#include <pthread.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "tests/conformance/leak/held.h"

/* Nobody is reported although n wait. */
static NOINLINE void silent(size_t n)
{
	settle_n(n);
	CHECK_EQ(gd_leak_check(), 0);
}

/* A table with open addressing, names as keys, grown by realloc, channels inside its entries. */
NOLEAK(golf_hash_table)
struct name_entry {
	char key[11];
	unsigned used : 1, gone : 2;
	struct {
		short kind;
		gd_chan *to;
	} value;
};
struct table {
	size_t cap, n;
	struct name_entry *entry;
};
struct table *names; /* not static: without a reader it would not be stored to */
static void put(struct table *t, int key, gd_chan *to)
{
	size_t at = (size_t)key * 2654435761u % t->cap;

	while (t->entry[at].used)
		at = (at + 1) % t->cap;
	t->entry[at].used = 1;
	t->entry[at].value.to = to;
	snprintf(t->entry[at].key, sizeof(t->entry[at].key), "%d", key);
	t->n++;
}
MAIN(noleak_golf_hash_table)
{
	names = NEW(struct table);
	names->cap = 64;
	names->entry = fresh(names->cap * sizeof(struct name_entry));
	for (int i = 0; i < 50; i++)
		put(names, i, waited_for());
	names->cap = 1024;
	names->entry = realloc(names->entry, names->cap * sizeof(struct name_entry));
	silent(50);
}

/* Trees and tables that libc makes, of its own nodes. */
NOLEAK(golf_libc_containers)
static void *tree;
static int by_address(const void *a, const void *b)
{
	return a < b ? -1 : a > b;
}
MAIN(noleak_golf_libc_containers)
{
	static char keys[32][8];

	CHECK(hcreate(100) != 0);
	for (int i = 0; i < 32; i++) {
		CHECK(tsearch(waited_for(), &tree, by_address) != NULL);
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		CHECK(hsearch((ENTRY){ keys[i], waited_for() }, ENTER) != NULL);
	}
	silent(64);
}

/* One of several things in one word. */
NOLEAK(golf_union)
union thing {
	double number;
	char text[16];
	gd_chan *c;
};
union thing *things;
MAIN(noleak_golf_union)
{
	things = fresh(10 * sizeof(*things));
	things[3].number = 0.5;
	things[9].c = waited_for();
	silent(1);
}

/* A stack without locks: the low bits of a link count, the head is a global. */
NOLEAK(golf_lock_free_stack)
struct link {
	uintptr_t next; /* with a tag in the low four bits */
	gd_chan *c;
};
_Atomic uintptr_t head;
static void push(struct link *l, unsigned tag)
{
	uintptr_t old = atomic_load(&head);

	do
		l->next = old;
	while (!atomic_compare_exchange_weak(&head, &old, (uintptr_t)l | (tag & 15)));
}
MAIN(noleak_golf_lock_free_stack)
{
	for (unsigned i = 0; i < 100; i++) {
		struct link *l = NEW(struct link);

		l->c = waited_for();
		push(l, i);
	}
	silent(100);
}

/* What links the list is in the middle of its things. */
NOLEAK(golf_embedded_list)
struct ring {
	struct ring *next, *prev;
};
struct job {
	gd_chan *done;
	long pad[5];
	struct ring ring;
};
static struct ring jobs = { &jobs, &jobs };
MAIN(noleak_golf_embedded_list)
{
	for (int i = 0; i < 100; i++) {
		struct job *j = NEW(struct job);

		j->done = waited_for();
		j->ring = (struct ring){ &jobs, jobs.prev };
		jobs.prev->next = &j->ring;
		jobs.prev = &j->ring;
	}
	silent(100);
}

/* Waits in the middle of a sort, called by libc; who answers is in the sorted array alone. */
NOLEAK(golf_qsort_callback)
static int asks(const void *a, const void *b)
{
	static int compared;

	if (++compared == 5) {
		barrier_post(&ready);
		gd_sleep(HOUR);
	}
	return by_address(*(void *const *)a, *(void *const *)b);
}
static void sorts(void *unused)
{
	gd_chan **array = alloca(64 * sizeof(*array));

	for (int i = 0; i < 64; i++)
		array[i] = waited_for();
	qsort(array, 64, sizeof(*array), asks);
	for (int i = 0; i < 64; i++)
		gd_chan_close_raw(array[i]);
}
MAIN(noleak_golf_qsort_callback)
{
	gd_go_fn(sorts, NULL);
	barrier_await_go(&ready, 1);
	silent(64);
}

/* Jumps out of frames that knew others; what the first frame knows is still good. */
NOLEAK(golf_longjmp)
static jmp_buf *where_to;
static bool found_it = true;
static NOINLINE void goes_deep(int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	if (depth > 0)
		goes_deep(depth - 1);
	else if (found_it)
		longjmp(*where_to, 1);
	room[1] = room[0];
}
static void jumps(void *unused)
{
	gd_chan *volatile c = waited_for();
	jmp_buf env;

	where_to = &env;
	if (setjmp(env) == 0)
		goes_deep(20);
	hold(c);
	gd_chan_close_raw(c);
}
MAIN(noleak_golf_longjmp)
{
	gd_go_fn(jumps, NULL);
	silent(1);
}

/* A goroutine that keeps its thread keeps what is the thread's. */
NOLEAK(golf_locked_thread)
static __thread gd_chan *of_thread;
static pthread_key_t key;
static void keeps_thread(void *unused)
{
	gd_lock_os_thread();
	of_thread = waited_for();
	CHECK_EQ(pthread_setspecific(key, waited_for()), 0);
	gd_sleep(HOUR);
	gd_chan_close_raw(of_thread);
	gd_chan_close_raw(pthread_getspecific(key));
}
MAIN(noleak_golf_locked_thread)
{
	CHECK_EQ(pthread_key_create(&key, NULL), 0);
	for (int i = 0; i < 3; i++)
		gd_go_fn(keeps_thread, NULL);
	silent(6);
}

/* Who is in the pool may be had again. */
NOLEAK(golf_pool)
static gd_pool pool;
struct session {
	char buf[100];
	gd_chan *c;
};
MAIN(noleak_golf_pool)
{
	for (int i = 0; i < 40; i++) {
		struct session *s = NEW(struct session);

		s->c = waited_for();
		gd_pool_put(&pool, s);
	}
	silent(40);
}

/* Only the value of a context leads there, by way of its children. */
NOLEAK(golf_context_value)
static const char value_key;
static void keeps_context(void *ctx)
{
	gd_sleep(HOUR);
	gd_chan_close_raw(gd_context_value(ctx, &value_key));
}
MAIN(noleak_golf_context_value)
{
	gd_context *ctx = gd_context_with_value(gd_context_background(), &value_key, waited_for());

	for (int i = 0; i < 5; i++)
		ctx = gd_context_with_value(ctx, &ctx, NULL);
	gd_go_fn(keeps_context, gd_context_with_cancel(ctx));
	silent(1);
}

/* A function that comes later starts the next one, and that one closes. */
NOLEAK(golf_after_func_chain)
static void starts_next(void *c)
{
	gd_after_func(HOUR, closes, c);
	barrier_post(&ready);
}
MAIN(noleak_golf_after_func_chain)
{
	gd_after_func(GD_MILLISECOND, starts_next, waited_for());
	barrier_await_go(&ready, 1);
	until_alive(2);
	silent(1);
}

/* A channel whose values are channels of channels. */
NOLEAK(golf_channels_in_channels)
typedef gd_chan_of(gd_chan *) chans;
chans outermost;
MAIN(noleak_golf_channels_in_channels)
{
	outermost = gd_chan_make(chans, 4);
	for (int i = 0; i < 4; i++) {
		chans middle = gd_chan_make(chans, 4);

		for (int k = 0; k < 4; k++)
			gd_chan_send(middle, waited_for());
		gd_chan_send(outermost, middle.raw);
	}
	silent(16);
}

/* A thread of the program's own on a stack of the program's own. */
NOLEAK(golf_thread_on_own_stack)
static void *keeps_on_stack(void *arg)
{
	gd_chan *volatile c = *(gd_chan **)arg;

	*(gd_chan **)arg = NULL;
	barrier_post(&ready);
	pause();
	return c;
}
MAIN(noleak_golf_thread_on_own_stack)
{
	size_t size = 1 << 20;
	void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static gd_chan *slot;
	pthread_attr_t a;
	pthread_t t;

	CHECK(stack != MAP_FAILED);
	slot = waited_for();
	CHECK_EQ(pthread_attr_init(&a), 0);
	CHECK_EQ(pthread_attr_setstack(&a, stack, size), 0);
	CHECK_EQ(pthread_create(&t, &a, keeps_on_stack, &slot), 0);
	barrier_await_go(&ready, 1);
	silent(1);
}

/* The system's resolver, on a thread's stack, between one who waits and what it waits for. */
NOLEAK(golf_resolver)
static void resolves(void *unused)
{
	gd_chan *c = waited_for();
	struct gd_addr a[4];

	for (;;) {
		CHECK(gd_resolve("127.0.0.1:80", a, 4) > 0);
		gd_resolve("localhost:80", a, 4);
		barrier_post(&ready);
		__asm__ volatile("" : : "r"(c) : "memory");
	}
}
MAIN(noleak_golf_resolver)
{
	gd_go_fn(resolves, NULL);
	settle_n(1);
	for (uint32_t i = 1; i <= 10; i++) {
		barrier_await_go(&ready, i);
		CHECK_EQ(gd_leak_check(), 0);
	}
}

/* It waits for a connection, and its workers for it. */
NOLEAK(golf_accept)
static void accepts(void *arg)
{
	gd_chan *work = waited_for();
	int fd = gd_tcp_listen("127.0.0.1:0");

	CHECK(fd >= 0);
	if (gd_fd_accept(fd) >= 0)
		gd_chan_close_raw(work);
}
MAIN(noleak_golf_accept)
{
	gd_go_fn(accepts, NULL);
	silent(1);
}

/* Subscribers in a broker's table, the broker in a select with them all. */
NOLEAK(golf_broker)
struct broker {
	int_chan publish;
	gd_signal_chan quit;
	int_chan to[20];
	size_t n;
};
static void listens(void *arg)
{
	gd_chan_range((int_chan){ .raw = arg }, v) CHECK(v > 0);
}
static void brokers(void *arg)
{
	struct broker *b = arg;
	int v;

	while (gd_select(GD_RECV(b->publish, &v), GD_RECV(b->quit, NULL)) == 0)
		for (size_t i = 0; i < b->n; i++)
			gd_chan_send(b->to[i], v);
	for (size_t i = 0; i < b->n; i++)
		gd_chan_close(b->to[i]);
}
static void publishes(void *arg)
{
	struct broker *b = arg;

	for (int i = 1; i <= 10; i++)
		gd_chan_send(b->publish, i);
	barrier_post(&ready);
	gd_sleep(HOUR);
	gd_chan_close(b->quit);
}
MAIN(noleak_golf_broker)
{
	struct broker *b = NEW(struct broker);

	b->publish = gd_chan_make(int_chan, 0);
	b->quit = gd_chan_make(gd_signal_chan, 0);
	for (b->n = 0; b->n < 20; b->n++) {
		b->to[b->n] = gd_chan_make(int_chan, 1);
		gd_go_fn(listens, b->to[b->n].raw);
	}
	gd_go_fn(brokers, b);
	gd_go_fn(publishes, b);
	barrier_await_go(&ready, 1);
	silent(21);
}

/* Ticks are tokens; those who take them wait for the ticker's goroutine, who waits for ticks. */
NOLEAK(golf_rate_limiter)
struct limiter {
	gd_ticker *ticks;
	int_chan tokens;
};
static void limits(void *arg)
{
	struct limiter *l = arg;

	for (;;) {
		gd_chan_recv(gd_ticker_chan(l->ticks), NULL);
		gd_chan_try_send(l->tokens, 1);
	}
}
static void is_limited(void *arg)
{
	gd_chan_recv(((struct limiter *)arg)->tokens, NULL);
}
MAIN(noleak_golf_rate_limiter)
{
	struct limiter *l = NEW(struct limiter);

	*l = (struct limiter){ gd_ticker_make(HOUR), gd_chan_make(int_chan, 3) };
	gd_go_fn(limits, l);
	for (int i = 0; i < 10; i++)
		gd_go_fn(is_limited, l);
	silent(11);
}

/* A global first locked by one, to be unlocked by the function of a timer: no pointer says so. */
NOLEAK(golf_timer_unlocks_global)
static gd_mutex by_timer;
static void unlocks_global(void *unused)
{
	gd_mutex_unlock(&by_timer);
}
static void waits_for_timer(void *unused)
{
	gd_mutex_lock(&by_timer);
	gd_mutex_lock(&by_timer);
}
MAIN(noleak_golf_timer_unlocks_global)
{
	gd_after_func(HOUR, unlocks_global, NULL);
	gd_go_fn(waits_for_timer, NULL);
	silent(1);
}

/* Waits for a child of fork, told by a pipe that the child alone writes to. */
NOLEAK(golf_child_process)
static void waits_for_child(void *arg)
{
	gd_chan *c = waited_for();
	char byte;

	if (gd_fd_read(((int *)arg)[0], &byte, 1) == 1)
		gd_chan_close_raw(c);
}
MAIN(noleak_golf_child_process)
{
	static int p[2];

	CHECK_EQ(gd_pipe(p), GD_OK);
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	gd_go_fn(waits_for_child, p);
	silent(1);
	kill(child, SIGKILL);
}

CONFORM_MAIN
