/* check_test.c - a whole check: on made-up images what the result says, in this process what is
 * found. */
#include "tests/support/fake_image.h"
#include "tests/support/unit.h"

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>
#include <pthread.h>
#include <sys/mman.h>

#include "detector/leak/advice.h"
#include "detector/leak/check.h"
#include "detector/leak/explain.h"
#include "runtime/base/options.h"

static struct gd__arena arena;
static struct gd__leak_result result;
static struct gd__leak_options options;

static void run(struct fake *f)
{
	gd__arena_release(&arena);
	CHECK_EQ(gd__leak_check_image(&f->im, &options, &arena, &result), GD_OK);
	CHECK(result.ran);
}

CASE(strongest_first_then_by_id)
{
	struct fake *f = fake_make(16);
	uint64_t a = fake_go(f), b = fake_go(f), c = fake_go(f), lock = FAKE_DATA + 512;

	fake_object(f, lock, GD__OBJ_MUTEX)->owner_id = 99;
	fake_wait(f, a, GD__WAIT_MUTEX, lock);
	fake_wait(f, b, GD__WAIT_CHAN_SEND, fake_block(f, 6));
	fake_wait(f, c, GD__WAIT_CHAN_RECV_NIL, 0);
	run(f);
	CHECK_EQ(result.count, 3);
	CHECK_EQ(result.leaks[0].g.id, b);
	CHECK_EQ(result.leaks[1].g.id, c);
	CHECK_EQ(result.leaks[2].g.id, a);
	CHECK_EQ(result.by_verdict[GD__VERDICT_PROVEN], 2);
	CHECK_EQ(result.by_verdict[GD__VERDICT_OWNER_STUCK], 1);
	CHECK_EQ(result.goroutines, 3);
	CHECK(result.complete);
	fake_free(f);
}

CASE(alive_at_end_only_when_asked)
{
	struct fake *f = fake_make(16);
	uint64_t s, b, sys;

	fake_go(f); /* main, which has returned */
	s = fake_go(f);
	b = fake_go(f);
	sys = fake_go(f);
	fake_wait(f, s, GD__WAIT_SLEEP, 0);
	fake_g(f, b)->background = true;
	fake_g(f, sys)->system = true;
	f->im.rt.ended = true;
	run(f);
	CHECK_EQ(result.count, 0);
	options.at_end = true;
	run(f);
	CHECK_EQ(result.count, 1);
	CHECK_EQ(result.leaks[0].g.id, s);
	CHECK_EQ(result.leaks[0].verdict, GD__VERDICT_ALIVE_AT_END);
	options.at_end = false;
	fake_free(f);
}

CASE(background_is_judged_but_not_reported)
{
	struct fake *f = fake_make(16);
	uint64_t b = fake_go(f), w = fake_go(f), c = fake_block(f, 6);

	fake_g(f, b)->background = true;
	fake_wait(f, b, GD__WAIT_SELECT_NONE, 0);
	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	fake_poke(f, fake_stack(f, b, 0), c); /* only b knows it, and b never runs */
	run(f);
	CHECK_EQ(result.count, 1);
	CHECK_EQ(result.leaks[0].g.id, w);
	fake_free(f);
}

CASE(main_in_an_empty_select_is_meant_so)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 6);

	fake_wait(f, m, GD__WAIT_SELECT_NONE, 0);
	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	fake_poke(f, fake_stack(f, m, 0), c); /* and yet main never uses it */
	run(f);
	CHECK_EQ(result.count, 1);
	CHECK_EQ(result.leaks[0].g.id, w);
	options.all_asleep = true; /* nobody does the work that main waits for */
	run(f);
	CHECK_EQ(result.count, 2);
	options.all_asleep = false;
	fake_free(f);
}

CASE(retained_is_what_only_it_reaches)
{
	struct fake *f = fake_make(32);
	uint64_t m = fake_go(f), a = fake_go(f), b = fake_go(f);
	uint64_t own = fake_block(f, 10), deep = fake_block(f, 20), both = fake_block(f, 40);
	uint64_t under = fake_block(f, 8), live = fake_block(f, 50), used = 4 * FAKE_STACK_WORDS;

	fake_wait(f, a, GD__WAIT_CHAN_SEND_NIL, 0);
	fake_wait(f, b, GD__WAIT_CHAN_SEND_NIL, 0);
	fake_poke(f, fake_stack(f, m, 0), live);
	fake_poke(f, fake_stack(f, a, 0), own);
	fake_poke(f, own, deep);
	fake_poke(f, deep + 8, own); /* a cycle */
	fake_poke(f, deep, live);
	fake_poke(f, fake_stack(f, a, 1), both);
	fake_poke(f, fake_stack(f, b, 1), both);
	fake_poke(f, both, under); /* shared because what leads to it is */
	run(f);
	CHECK_EQ(result.count, 2);
	CHECK_EQ(result.leaks[0].retained.stack, used);
	CHECK_EQ(result.leaks[0].retained.heap, 80 + 160);
	CHECK_EQ(result.leaks[1].retained.stack, used);
	CHECK_EQ(result.leaks[1].retained.heap, 0);
	CHECK_EQ(result.leaks[0].retained.blocks, 2);
	CHECK_EQ(result.shared.heap, 320 + 64);
	CHECK_EQ(result.shared.blocks, 2);
	fake_free(f);
}

CASE(incomplete_says_so_even_without_leaks)
{
	struct fake *f = fake_make(16);

	fake_go(f);
	f->im.has_heap = false;
	run(f);
	CHECK_EQ(result.count, 0);
	CHECK(!result.complete);
	CHECK_HAS(result.why, "heap");
	f->im.has_heap = true;
	f->im.truncated = true;
	snprintf(f->im.missing, sizeof(f->im.missing), "12 stacks are cut off");
	run(f);
	CHECK(!result.complete);
	CHECK_STR(result.why, "12 stacks are cut off");
	fake_free(f);
}

static const char *pattern(struct fake *f, size_t i)
{
	run(f);
	CHECK(result.count > i);
	const char *p = gd__advice(&result.leaks[i], NULL).pattern;

	return p ? p : "";
}

CASE(known_mistakes_are_named)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), c = fake_block(f, 6);

	fake_wait(f, w, GD__WAIT_CHAN_SEND, c);
	struct gd__oinfo *o = fake_object(f, c, GD__OBJ_CHAN);

	CHECK_STR(pattern(f, 0), "send without receiver");
	o->last_recv_id = 1;
	CHECK_STR(pattern(f, 0), "abandoned sender");
	fake_g(f, w)->reason = GD__WAIT_CHAN_RECV;
	CHECK_STR(pattern(f, 0), "forgotten cancel or close");
	o->elem_size = 4;
	CHECK_STR(pattern(f, 0), "receive without sender");
	o->last_send_id = 7;
	CHECK_HAS(pattern(f, 0), "missing close");
	o->refs = 0;
	CHECK_STR(pattern(f, 0), "channel dropped too early");
	fake_free(f);
}

CASE(object_and_verdict_in_words)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), c = fake_block(f, 6);
	char text[256];
	struct gd__out o;

	fake_wait(f, w, GD__WAIT_CHAN_SEND, c);
	struct gd__oinfo *info = fake_object(f, c, GD__OBJ_CHAN);

	info->elem_size = 4;
	snprintf(info->site, sizeof(info->site), "first.c:12");
	run(f);
	gd__out_init(&o, text, sizeof(text), -1);
	gd__explain_verdict(&o, &result.leaks[0]);
	gd__out_flush(&o);
	CHECK_STR(text, "proven stuck: nothing that can still run reaches the channel");
	gd__out_init(&o, text, sizeof(text), -1);
	gd__explain_object(&o, NULL, &result.leaks[0], 0, NULL);
	gd__out_flush(&o);
	CHECK_STR(text, "channel of capacity 0, element size 4, made at first.c:12");
	fake_free(f);
}

/* --- in this process --- */

typedef gd_chan_of(int) int_chan;

struct chan_args {
	int_chan c;
	gd_mutex *m;
};
#define chan_recv_args chan_args
#define chan_send_args chan_args
#define sleeper_args   chan_args
#define twice_args     chan_args

static void chan_recv(struct chan_args *a)
{
	gd_chan_recv(a->c, NULL);
}

static void chan_send(struct chan_args *a)
{
	gd_chan_send(a->c, 1);
}

static void sleeper(struct chan_args *a)
{
	gd_sleep(1000 * GD_SECOND);
	gd_chan_recv(a->c, NULL);
}

static void twice(struct chan_args *a)
{
	gd_mutex_lock(a->m);
	gd_mutex_lock(a->m);
}

/* All goroutines but the caller have parked: each has had its turn more than once. */
static void let_others_park(void)
{
	for (int i = 0; i < 100; i++)
		gd_yield();
}

/* Frames that held a channel are gone when it returns, and their stack is overwritten. */
__attribute__((noinline)) static void in_frames_of_its_own(void (*fn)(void))
{
	char room[4096];

	fn();
	memset(room, 0, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
}

__attribute__((noinline)) static void wipe_stack(void)
{
	char room[16384];

	memset(room, 0, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
}

static void in_process(void (*start)(void *))
{
	/* This program's own exit code stays. */
	gd__options.leak_at_exit = false;
	gd__options.exitcode = 0;
	gd_set_procs(1);
	CHECK_EQ(gd_run(start, NULL), 0);
}

__attribute__((noinline)) static void leak_three(void)
{
	int_chan c = gd_chan_make(int_chan, 0);
	int got;

	for (int i = 0; i < 4; i++)
		gd_go(chan_send, .c = c);
	gd_chan_recv(c, &got);
	let_others_park();
}

static void start_leaking(void *arg)
{
	in_frames_of_its_own(leak_three);
	wipe_stack();
	CHECK_EQ(gd_leak_check(), 3);
	CHECK_EQ(gd_leak_check(), 3); /* the second one finds the same */
}

CASE(self_abandoned_senders)
{
	in_process(start_leaking);
}

static void start_holding(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(chan_recv, .c = c);
	let_others_park();
	CHECK_EQ(gd_leak_check(), 0);
	gd_chan_send(c, 1); /* the channel was live until here */
}

CASE(self_channel_in_use_is_no_leak)
{
	in_process(start_holding);
}

__attribute__((noinline)) static void share_with_sleeper(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go(sleeper, .c = c);
	gd_go(chan_send, .c = c);
	let_others_park();
}

static void start_sleeper(void *arg)
{
	in_frames_of_its_own(share_with_sleeper);
	wipe_stack();
	CHECK_EQ(gd_leak_check(), 0);
}

CASE(self_sleeper_will_serve_it)
{
	in_process(start_sleeper);
}

static gd_mutex global_mutex;

static void start_double_lock(void *arg)
{
	gd_go(twice, .m = &global_mutex);
	let_others_park();
	CHECK_EQ(gd_leak_check(), 1);
}

CASE(self_double_lock_of_a_global)
{
	in_process(start_double_lock);
}

/* The only pointer is in the user's own mapping, or in a heap block, or in a freed one. */
static void **volatile box;

__attribute__((noinline)) static void put_in_box(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	box[3] = c.raw;
	gd_go(chan_recv, .c = c);
	let_others_park();
}

static void start_boxed(void *arg)
{
	box = malloc(64);
	in_frames_of_its_own(put_in_box);
	wipe_stack();
	CHECK_EQ(gd_leak_check(), 0);
	free(box);
	CHECK_EQ(gd_leak_check(), 1);
}

CASE(self_heap_block_keeps_until_freed)
{
	in_process(start_boxed);
}

static void *volatile word;

static void start_interior(void *arg)
{
	box = malloc(64);
	in_frames_of_its_own(put_in_box);
	wipe_stack();
	word = (char *)box[3] + 1;
	free(box);
	CHECK_EQ(gd_leak_check(), 0);
	/* Disguised it is no pointer; a range that holds it plainly can be registered. */
	word = (void *)~(uintptr_t)word;
	CHECK_EQ(gd_leak_check(), 1);
}

CASE(self_interior_pointer_counts)
{
	in_process(start_interior);
}

static void start_root(void *arg)
{
	box = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	in_frames_of_its_own(put_in_box);
	wipe_stack();
	CHECK_EQ(gd_leak_check(), 0); /* the program's own mapping may hold anything */
	gd_leak_remove_root(box);
	CHECK_EQ(gd_leak_check(), 1);
	gd_leak_add_root(box, 4096);
	CHECK_EQ(gd_leak_check(), 0);
	gd_leak_remove_root(box);
	CHECK_EQ(gd_leak_check(), 1);
}

CASE(self_registered_range)
{
	in_process(start_root);
}

static void *holds_channel(void *arg)
{
	pthread_barrier_t *b = ((void **)arg)[0];
	void *volatile chan = ((void **)arg)[1];

	((void **)arg)[1] = NULL;
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	return chan;
}

static pthread_barrier_t barrier;
static pthread_t thread;

__attribute__((noinline)) static void give_to_thread(void)
{
	static void *args[2];
	int_chan c = gd_chan_make(int_chan, 0);

	args[0] = &barrier;
	args[1] = c.raw;
	gd_go(chan_recv, .c = c);
	let_others_park();
	CHECK_EQ(pthread_create(&thread, NULL, holds_channel, args), 0);
	pthread_barrier_wait(&barrier);
}

static void start_thread(void *arg)
{
	CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
	in_frames_of_its_own(give_to_thread);
	wipe_stack();
	CHECK_EQ(gd_leak_check(), 0);
	pthread_barrier_wait(&barrier);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	wipe_stack();
	CHECK_EQ(gd_leak_check(), 1);
}

CASE(self_foreign_thread_keeps_it)
{
	in_process(start_thread);
}

CASE(self_without_a_runtime_is_an_error)
{
	CHECK(gd_leak_check() < 0);
}

UNIT_MAIN
