/* link: gdetect */
/* ctx_test.c - what a goroutine has in registers survives switches, and can be seen by others. */
#include "runtime/arch/ctx.h"

#include <gdetect/chan.h>
#include <gdetect/go.h>

#include "runtime/arch/regs.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/traceback.h"
#include "runtime/sched/sched.h"
#include "tests/support/unit.h"

#define NEAR 4096

/* More values than there are registers that a callee preserves, of both kinds. */
static void hold_values(uint64_t seed)
{
	uint64_t a = seed + 1, b = seed + 2, c = seed + 3, d = seed + 4, e = seed + 5, f = seed + 6;
	uint64_t h = seed + 7, i = seed + 8, j = seed + 9, k = seed + 10, l = seed + 11;
	double p = (double)seed + 0.25, q = p + 1, r = p + 2, s = p + 3, t = p + 4, u = p + 5;
	double v = p + 6, w = p + 7, x = p + 8;

	for (int n = 0; n < 200; n++) {
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
		__asm__ volatile("" : "+r"(h), "+r"(i), "+r"(j), "+r"(k), "+r"(l));
		gd_yield();
		p += 1, q += 1, r += 1, s += 1, t += 1, u += 1, v += 1, w += 1, x += 1;
	}
	CHECK_EQ(a + b + c + d + e + f + h + i + j + k + l, 11 * seed + 66);
	CHECK(p + q + r + s + t + u + v + w + x == 9 * ((double)seed + 200.25) + 36);
}

static _Atomic int left;

static void holder(void *arg)
{
	hold_values((uint64_t)(uintptr_t)arg);
	left--;
}

static void start_holders(void *arg)
{
	(void)arg;
	for (uintptr_t i = 1; i <= 10; i++) {
		left++;
		gd_go_fn(holder, (void *)(i * 1000));
	}
	while (left > 0)
		gd_yield();
}

CASE(values_survive_switches_on_one_p)
{
	gd_set_procs(1);
	CHECK_EQ(gd_run(start_holders, NULL), 0);
}

CASE(values_survive_switches_between_threads)
{
	gd_set_procs(4);
	CHECK_EQ(gd_run(start_holders, NULL), 0);
}

/* An operation that gives way, as one of the runtime's that parks. */
uint64_t weigh(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
uint64_t weigh_back(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

uint64_t weigh(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	gd_yield();
	return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f;
}

GD__BACK(weigh_back, weigh);

/* Three places to come back to: goroutines that take turns are now at one and the same, now not. */
static void weigher(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (uint64_t n = 0; n < 300; n++) {
		uint64_t a = seed * n;

		CHECK_EQ(weigh_back(a, 2, 3, 4, 5, 6), a + 654320);
		if ((n + seed) % 3 == 0)
			CHECK_EQ(weigh_back(a, 1, 1, 1, 1, 1), a + 111110);
		if ((n + seed) % 5 == 0)
			CHECK_EQ(weigh_back(6, 5, 4, 3, 2, a), 100000 * a + 23456);
	}
	left--;
}

static void start_weighers(void *arg)
{
	(void)arg;
	for (uintptr_t i = 1; i <= 10; i++) {
		left++;
		gd_go_fn(weigher, (void *)i);
	}
	while (left > 0)
		gd_yield();
}

CASE(each_comes_back_to_its_own_caller_on_one_p)
{
	gd_set_procs(1);
	CHECK_EQ(gd_run(start_weighers, NULL), 0);
}

CASE(each_comes_back_to_its_own_caller_between_threads)
{
	gd_set_procs(4);
	CHECK_EQ(gd_run(start_weighers, NULL), 0);
}

static uintptr_t stack_of_parked[GD__FRAMES_MAX];
static size_t nstack_of_parked;

static bool look_at_stack(struct gd__g *g, void *arg)
{
	(void)arg;
	nstack_of_parked = gd__trace_context(stack_of_parked, GD__FRAMES_MAX, g->ctx.pc, g->ctx.sp,
					     g->ctx.bp, g->stack_lo, g->stack_hi);
	return false; /* goes on at once */
}

uint64_t park_and_look(void);
uint64_t park_and_look_back(void);

uint64_t park_and_look(void)
{
	gd__park(&(struct gd__park){ .reason = GD__WAIT_SLEEP, .commit = look_at_stack });
	return 0;
}

GD__BACK(park_and_look_back, park_and_look);

__attribute__((noinline)) static void parks(void *arg)
{
	(void)arg;
	CHECK_EQ(park_and_look_back(), 0);
	__asm__ volatile("");
}

/* The entry is no hole in the stack. */
CASE(a_stack_goes_on_behind_the_way_back)
{
	bool found = false;

	gd__trace_prepare();
	CHECK_EQ(gd_run(parks, NULL), 0);
	for (size_t i = 0; i < nstack_of_parked; i++)
		found |= stack_of_parked[i] - (uintptr_t)parks < NEAR;
	CHECK(found);
}

__attribute__((noinline)) static void capture_here(void)
{
	uint64_t regs[GD__REGS] = { 0 };
	volatile char here;

	gd__regs_capture(regs);
	CHECK(regs[GD__DWARF_PC] - (uintptr_t)capture_here < NEAR);
	CHECK((uintptr_t)&here - regs[GD__DWARF_SP] < NEAR);
	CHECK_EQ(regs[GD__DWARF_FP], (uintptr_t)__builtin_frame_address(0));
}

CASE(capture_sees_its_caller)
{
	capture_here();
}

CASE(a_frame_leads_to_its_caller)
{
	const uintptr_t *frame = __builtin_frame_address(0);

	CHECK_EQ(gd__code_address(frame[1]), (uintptr_t)__builtin_return_address(0));
}

#define MARK 0x5eed5eed

/* gd_syscall_enter with MARK in a register that a callee preserves: number MARKED. */
#if defined(__x86_64__)
#	define MARKED 13
__attribute__((noinline)) static void enter_marked(void)
{
	__asm__ volatile("subq $128, %%rsp\n\t"
			 "movq %0, %%r13\n\t"
			 "call gd_syscall_enter\n\t"
			 "addq $128, %%rsp"
			 :
			 : "i"(MARK)
			 : "r13", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			   "memory", "cc");
}
#elif defined(__aarch64__)
#	define MARKED 23
__attribute__((noinline)) static void enter_marked(void)
{
	register uint64_t mark __asm__("x23") = MARK;

	__asm__ volatile("bl gd_syscall_enter"
			 : "+r"(mark)
			 :
			 : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			   "x12", "x13", "x14", "x15", "x16", "x17", "x30", "memory", "cc");
}
#endif

static void start_system_call(void *arg)
{
	static const uint8_t numbers[] = GD__CALL_REG_NUMBERS;
	struct gd__g *g = gd__self();
	int found = 0;

	(void)arg;
	enter_marked();
	for (int i = 0; i < GD__CALL_REGS; i++)
		found += numbers[i] == MARKED && g->call_regs[i] == MARK;
	CHECK_EQ(found, 1);
	CHECK_EQ(g->call_bp, g->call_regs[GD__CALL_REGS - 1]);
	CHECK(g->call_pc - (uintptr_t)enter_marked < NEAR);
	CHECK((uintptr_t)__builtin_frame_address(0) - g->call_sp < NEAR);
	gd_syscall_exit();
}

CASE(a_system_call_shows_the_callers_registers)
{
	CHECK_EQ(gd_run(start_system_call, NULL), 0);
}

static int stay; /* after a call: it is no tail call, so the frame is there */

__attribute__((noinline)) static void park_here(gd_chan *never)
{
	gd_chan_recv_raw(never, NULL);
	stay++;
}

__attribute__((noinline)) static void parks_below(void *arg)
{
	park_here(arg);
	stay++;
}

static bool inside(uintptr_t pc, void *function)
{
	return pc - (uintptr_t)function < 256;
}

static void start_parked(void *arg)
{
	gd_chan *never = gd_chan_make_raw(0, 0, "here");
	uintptr_t pcs[GD__FRAMES_MAX];
	struct gd__runtime rt;
	struct gd__ginfo g;
	size_t n = 0, at = 0;
	bool broken;

	(void)arg;
	gd_set_procs(1);
	gd_go_fn(parks_below, never);
	gd_yield();
	gd__trace_prepare();
	CHECK(gd__inspect_stop());
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
	for (uint64_t i = 0; i < rt.ngoroutines; i++)
		if (gd__inspect_goroutine(&rt, i, &g, &broken) && g.id == 2)
			n = gd__trace_goroutine(&rt, &g, pcs, GD__FRAMES_MAX);
	gd__inspect_start();
	while (at < n && !inside(pcs[at], park_here))
		at++;
	CHECK(at + 1 < n);
	CHECK(inside(pcs[at + 1], parks_below));
	CHECK(at > 0 && n < at + 6); /* some frames of ours, and an end where it began */
}

CASE(the_frames_of_a_parked_goroutine_are_found)
{
	CHECK_EQ(gd_run(start_parked, NULL), 0);
}

UNIT_MAIN
