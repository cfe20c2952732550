/* link: gdetect */
/* pages_aarch64_test.c - kernels with larger pages: what the runtime maps is a multiple of them. */
#include <signal.h>

#include <gdetect/go.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/stack.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static size_t page;

static int deep(int n)
{
	volatile char frame[1024];

	frame[0] = (char)n;
	return n == 0 ? frame[0] : deep(n - 1) + frame[0];
}

static void too_deep(void *arg)
{
	(void)arg;
	deep(1 << 20);
}

static uintptr_t lows[3];

static void note_stack(void *arg)
{
	*(uintptr_t *)arg = gd__self()->stack_lo;
	CHECK(deep(64) != 1); /* 64 KiB are there */
}

static void start(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		gd_go_fn(note_stack, &lows[i]);
		gd_go_fn(note_stack, &lows[i]);
	}
	while (!lows[0] || !lows[1] || !lows[2])
		gd_yield();
	CHECK_EQ(gd__stack_size() % page, 0);
	for (int i = 0; i < 3; i++) /* the kernel would give arenas at multiples of its pages */
		CHECK_EQ((gd__self()->stack_lo - lows[i]) % page, 0);
}

static void run_with(size_t size)
{
	gd__os_page = page = size;
	CHECK_EQ(gd_run(start, NULL), 0);
}

CASE(pages_of_16_kib)
{
	run_with(16384);
}

CASE(pages_of_64_kib)
{
	run_with(65536);
}

static void overflow(void)
{
	gd__os_page = 65536;
	gd_run(too_deep, NULL);
}

CASE(an_overflow_meets_the_guard)
{
	struct child c;

	child_run(&c, overflow);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "fatal error: stack overflow");
}

UNIT_MAIN
