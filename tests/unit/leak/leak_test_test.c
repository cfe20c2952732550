/*
 * leak_test_test.c - tests that leak, fail, hang and do neither, and what is expected of them. A
 * goroutine that is to be there is waited for by its own word, never by time.
 */
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "runtime/base/options.h"
#include "tests/support/unit.h"

static gd_chan *volatile global;
static gd_mutex lock;

static void send(void *arg)
{
	char v = 1;

	gd_chan_send_raw(arg, &v);
}

static void start_sender(void *c)
{
	gd_go_fn(send, c);
}

/* The sender's creator has ended by the time of the check: only the scope knows it. */
static int leaks_by_a_grandchild(void)
{
	gd_go_fn(start_sender, gd_chan_make_raw(1, 0, GD__SITE));
	return 0;
}

static int fails_and_leaks(void)
{
	leaks_by_a_grandchild();
	return 7;
}

static int fails(void)
{
	return -1;
}

static void passes(void)
{
}

static void gives_up(void)
{
	gd_go_exit();
}

static void *failed[5];

__attribute__((noinline)) static void jump_out(void)
{
	__builtin_longjmp(failed, 1);
}

/* The jump of a failed assertion, by what setjmp is made of. */
static int fails_by_a_jump(void)
{
	if (__builtin_setjmp(failed) != 0)
		return 1;
	leaks_by_a_grandchild();
	jump_out();
	return 0;
}

static int locks_twice(void)
{
	gd_mutex_lock(&lock);
	gd_mutex_lock(&lock);
	return 0;
}

static int waits_for_a_global(void)
{
	char v;

	global = gd_chan_make_raw(1, 0, GD__SITE);
	gd_chan_recv_raw(global, &v);
	return 0;
}

static int leaves_a_waiting_one(void)
{
	global = gd_chan_make_raw(1, 0, GD__SITE);
	gd_go_fn(send, global);
	return 0;
}

static void end_soon(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		gd_sleep(1000000);
}

static int leaves_some_that_end(void)
{
	for (int i = 0; i < 10; i++)
		gd_go_fn(end_soon, NULL);
	return 0;
}

static void wait_long(void *arg)
{
	(void)arg;
	gd_sleep(INT64_C(3600) * 1000000000);
}

static int leaks_by_a_timer(void)
{
	gd_after_func(1, wait_long, NULL);
	while (gd_go_count() < 3)
		gd_yield();
	return 0;
}

static void stay(void *arg)
{
	(void)arg;
	gd_go_background();
	wait_long(NULL);
}

static int leaves_a_daemon(void)
{
	gd_go_fn(stay, NULL);
	return 0;
}

static void on_a_goroutine(void (*fn)(void *))
{
	gd__options.leak_at_exit = false;
	gd__options.exitcode = 0;
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

static void run_sequence(void *arg)
{
	(void)arg;
	CHECK_EQ(GD_LEAK_TEST(passes), GD_LEAK_TEST_OK);
	CHECK_EQ(GD_LEAK_TEST(fails), GD_LEAK_TEST_FAILED);
	CHECK_EQ(GD_LEAK_TEST(leaks_by_a_grandchild), GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(passes), GD_LEAK_TEST_OK); /* the leak of the one before stays */
	CHECK_EQ(GD_LEAK_TEST(fails_and_leaks), GD_LEAK_TEST_FAILED | GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(gives_up), GD_LEAK_TEST_FAILED);
	CHECK_EQ(GD_LEAK_TEST(fails_by_a_jump), GD_LEAK_TEST_FAILED | GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(leaves_some_that_end), GD_LEAK_TEST_OK);
	CHECK_EQ(GD_LEAK_TEST(leaves_a_daemon), GD_LEAK_TEST_OK);
}

CASE(each_test_answers_for_itself)
{
	on_a_goroutine(run_sequence);
}

static void run_stuck(void *arg)
{
	(void)arg;
	CHECK_EQ(GD_LEAK_TEST(locks_twice), GD_LEAK_TEST_STUCK | GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(waits_for_a_global), GD_LEAK_TEST_STUCK | GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(passes), GD_LEAK_TEST_OK);
}

CASE(a_test_that_hangs_is_given_up)
{
	on_a_goroutine(run_stuck);
}

static void release(void *arg)
{
	char v;

	(void)arg;
	while (!global)
		gd_sleep(1000000);
	gd_sleep(150000000); /* it must have been doubted by then */
	gd_chan_send_raw(global, &v);
}

static void run_slow(void *arg)
{
	(void)arg;
	gd_go_fn(release, NULL);
	CHECK_EQ(GD_LEAK_TEST(waits_for_a_global), GD_LEAK_TEST_OK);
}

CASE(a_test_that_somebody_will_wake_is_not_given_up)
{
	on_a_goroutine(run_slow);
}

static int plain(void *fn)
{
	return ((int (*)(void))fn)();
}

static void run_levels(void *arg)
{
	struct gd_leak_result r;
	struct gd_leak_opts o = { .level = GD_LEAK_OWNER, .result = &r };
	char v;

	(void)arg;
	CHECK_EQ(GD_LEAK_TEST(leaves_a_waiting_one), GD_LEAK_TEST_LEAKED);
	CHECK(gd_chan_recv_raw(global, &v));
	CHECK_EQ(gd_leak_test("w", plain, leaves_a_waiting_one, &o), GD_LEAK_TEST_OK);
	CHECK(r.ran && r.complete);
	CHECK_EQ(r.proven + r.owner_stuck + r.alive, 0);
	CHECK(gd_chan_recv_raw(global, &v));
	o = (struct gd_leak_opts){ .settle_ms = -1, .quiet = true, .result = &r };
	CHECK_EQ(gd_leak_test("e", plain, leaves_some_that_end, &o), GD_LEAK_TEST_LEAKED);
	CHECK_EQ(r.alive, 10);
	CHECK_EQ(GD_LEAK_TEST(leaks_by_a_timer), GD_LEAK_TEST_LEAKED);
}

CASE(alive_at_the_end_is_the_default_level)
{
	on_a_goroutine(run_levels);
}

struct parallel_args {
	gd_waitgroup *w;
	int i;
};

static void parallel(struct parallel_args *a)
{
	if (a->i % 2)
		CHECK_EQ(GD_LEAK_TEST(leaks_by_a_grandchild), GD_LEAK_TEST_LEAKED);
	else
		CHECK_EQ(GD_LEAK_TEST(leaves_some_that_end), GD_LEAK_TEST_OK);
	gd_waitgroup_done(a->w);
}

static void run_parallel(void *arg)
{
	static gd_waitgroup w;

	(void)arg;
	gd_waitgroup_add(&w, 8);
	for (int i = 0; i < 8; i++)
		gd_go(parallel, .w = &w, .i = i);
	gd_waitgroup_wait(&w);
}

CASE(parallel_tests_are_told_apart)
{
	on_a_goroutine(run_parallel);
}

static int expects_one(void)
{
	CHECK_EQ(gd_leak_expect("send", 1), GD_OK);
	return leaks_by_a_grandchild();
}

static int expects_one_too_many(void)
{
	CHECK_EQ(gd_leak_expect("send", 2), GD_OK);
	return leaks_by_a_grandchild();
}

static int expects_one_too_few(void)
{
	leaks_by_a_grandchild();
	return expects_one();
}

static int expects_what_is_not_there(void)
{
	CHECK_EQ(gd_leak_expect("send", 1), GD_OK);
	return 0;
}

/* The macro and the gd_go stand in one line. */
#define SEND_HERE(count)                                                                           \
	(gd_leak_expect("leak_test_test.c:" GD__STR(__LINE__), (count)),                           \
	 gd_go_fn(send, gd_chan_make_raw(1, 0, GD__SITE)))

static int expects_by_place(void)
{
	SEND_HERE(1);
	return 0;
}

static int expects_two_by_place(void)
{
	SEND_HERE(2);
	return 0;
}

/* What it expects is its own, and not of the test within it. */
static int expects_around_a_test(void)
{
	CHECK_EQ(gd_leak_expect("send", 1), GD_OK);
	CHECK_EQ(GD_LEAK_TEST(leaks_by_a_grandchild), GD_LEAK_TEST_LEAKED);
	return leaks_by_a_grandchild();
}

static void run_expect(void *arg)
{
	(void)arg;
	CHECK_EQ(GD_LEAK_TEST(expects_around_a_test), GD_LEAK_TEST_OK);
	CHECK_EQ(GD_LEAK_TEST(expects_one), GD_LEAK_TEST_OK);
	CHECK_EQ(GD_LEAK_TEST(leaks_by_a_grandchild), GD_LEAK_TEST_LEAKED); /* that was its own */
	CHECK_EQ(GD_LEAK_TEST(expects_one_too_many), GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(expects_one_too_few), GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(expects_what_is_not_there), GD_LEAK_TEST_LEAKED);
	CHECK_EQ(GD_LEAK_TEST(expects_by_place), GD_LEAK_TEST_OK);
	CHECK_EQ(GD_LEAK_TEST(expects_two_by_place), GD_LEAK_TEST_LEAKED);
	CHECK_EQ(gd_leak_expect("", 1), GD_EINVAL);
	CHECK_EQ(gd_leak_expect("send", 0), GD_EINVAL);
}

CASE(an_expected_leak_must_happen_and_no_more)
{
	on_a_goroutine(run_expect);
}

CASE(not_on_a_goroutine_it_is_not_run)
{
	CHECK_EQ(GD_LEAK_TEST(passes), GD_LEAK_TEST_NOT_CHECKED);
}

UNIT_MAIN
