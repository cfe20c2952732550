/*
 * kernel.h - a leak of a real project, told in several ways with one text.
 *
 *     KERNEL(moby_4395)             all up to the next such line
 *     static void helper_4395(void *arg)
 *     {
 *             gd_chan_send(...);    (beside it the comment "leak: chan send")
 *     }
 *     TEST(moby_4395)
 *     {
 *             int_chan c = gd_chan_make(int_chan, repaired ? 1 : 0);
 *             ...
 *     }
 *
 * As in Go, the test runs in a goroutine of its own, and main goes on beside it:
 *   leak_NAME             main waits until the rest is quiet, and returns
 *   leak_NAME_beside      so too, while others sleep again and again and wait for I/O
 *   noleak_NAME_repaired  `repaired` is set: the project's own repair and nothing else, and all
 *                         goroutines must end
 * CALLER_KERNEL: the test's own goroutine sticks; then there is as well
 *   stuck_NAME            main itself calls the test: all are asleep
 * HIDDEN_KERNEL: the same, but while the program goes on a global could serve it:
 *   stuck_NAME, noleak_NAME_missed, leak_NAME_at_end (with leak_level=end), noleak_NAME_repaired
 */
#ifndef GD_TESTS_CONFORMANCE_LEAK_KERNEL_H
#define GD_TESTS_CONFORMANCE_LEAK_KERNEL_H

#include <gdetect/io.h>

#include "tests/conformance/leak/leak_case.h"

static bool repaired; /* the mistake is not made */

static void kernel_sleeper(void *unused)
{
	not_counted[1] = gd__inspect_self();
	for (;;)
		gd_sleep(GD_MILLISECOND);
}

static void kernel_reader(void *arg)
{
	char c;

	not_counted[2] = gd__inspect_self();
	gd_fd_read(*(int *)arg, &c, 1);
}

static void kernel_start_others(void)
{
	static int ends[2];

	CHECK_EQ(gd_pipe(ends), GD_OK);
	gd_go_fn(kernel_sleeper, NULL);
	gd_go_fn(kernel_reader, ends);
	while (!not_counted[1] || !not_counted[2])
		gd_yield();
}

static void kernel_test(void *test)
{
	((void (*)(void))test)();
}

/* The test as a goroutine beside main, until nothing moves any more. */
static void kernel_run(void (*test)(void))
{
	size_t others;

	not_counted[0] = gd__inspect_self();
	timed_moves = true;
	gd_go_fn(kernel_test, (void *)test);
	do
		gd_yield();
	while (count_parked(&others) < others);
}

__attribute__((unused)) static void kernel_beside(void (*test)(void))
{
	kernel_start_others();
	kernel_run(test);
}

__attribute__((unused)) static void kernel_repaired(void (*test)(void))
{
	size_t others;

	repaired = true;
	kernel_run(test);
	count_parked(&others);
	CHECK_EQ(others, 0);
}

__attribute__((unused)) static void kernel_as_main(void (*test)(void))
{
	test();
}

#define KERNEL_CASE(case_, name, run_)                                                             \
	static void main_##case_(void)                                                             \
	{                                                                                          \
		run_(test_##name);                                                                 \
	}                                                                                          \
	static struct unit_case unit_case_##case_ = { #case_, main_##case_ };                      \
	static struct unit_case *const unit_ptr_##case_                                            \
		__attribute__((section("unit_cases"), used)) = &unit_case_##case_;

#define KERNEL(name)                                                                               \
	static void test_##name(void);                                                             \
	KERNEL_CASE(leak_##name, name, kernel_run)                                                 \
	KERNEL_CASE(leak_##name##_beside, name, kernel_beside)                                     \
	KERNEL_CASE(noleak_##name##_repaired, name, kernel_repaired)

#define CALLER_KERNEL(name)                                                                        \
	KERNEL(name)                                                                               \
	KERNEL_CASE(stuck_##name, name, kernel_as_main)

#define HIDDEN_KERNEL(name)                                                                        \
	static void test_##name(void);                                                             \
	KERNEL_CASE(noleak_##name##_missed, name, kernel_run)                                      \
	KERNEL_CASE(leak_##name##_at_end, name, kernel_run)                                        \
	KERNEL_CASE(noleak_##name##_repaired, name, kernel_repaired)                               \
	KERNEL_CASE(stuck_##name, name, kernel_as_main)

#define TEST(name) static NOINLINE void test_##name(void)

#endif
