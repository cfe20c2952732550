/* link: gdetect_detect gdetect */
/*
 * Stacks and symbols: of ourselves, of parked goroutines, with inlining, on
 * broken stacks, and without the libraries (GDETECT_OPTIONS in a child).
 */
#include <pthread.h>
#include <sys/mman.h>

#include <gdetect/gdetect.h>

#include "runtime/arch/ctx.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/traceback.h"
#include "tests/support/unit.h"

/* Keeps a call from becoming a jump, so that the caller has a frame. */
#define STAY __asm__ volatile("")

static uintptr_t pcs[GD__FRAMES_MAX];
static size_t npcs;

/* Position of function among the frames of pcs, inlined ones counted; -1 if absent. */
static int position(const char *function)
{
	struct gd__symbol s;
	int at = 0;

	for (size_t i = 0; i < npcs; i++)
		for (size_t depth = 0; gd__symbolize(pcs[i], true, depth, &s); depth++, at++)
			if (strcmp(s.function, function) == 0)
				return at;
	return -1;
}

__attribute__((noinline)) static void capture_here(void)
{
	npcs = gd__trace_self(pcs, GD__FRAMES_MAX, 0);
	STAY;
}

static inline __attribute__((always_inline)) void inlined_middle(void)
{
	capture_here();
	STAY;
}

__attribute__((noinline)) static void outer_function(void)
{
	inlined_middle();
	STAY;
}

CASE(own_stack_with_inlined_function)
{
	struct gd__symbol s;

	outer_function();
	CHECK_EQ(position("capture_here"), 0);
	CHECK_EQ(position("inlined_middle"), 1);
	CHECK_EQ(position("outer_function"), 2);
	CHECK(position("main") > 2);
	CHECK(gd__symbolize(pcs[1], true, 0, &s));
	CHECK_STR(strrchr(s.file, '/'), "/traceback_test.c");
	int line = s.line;

	CHECK(gd__symbolize(pcs[1], true, 1, &s));
	CHECK_EQ(s.line, line + 6); /* the call in outer_function */
	CHECK(!gd__symbolize(pcs[1], true, 2, &s));
	CHECK(!s.ours);
}

__attribute__((noinline)) static void skip_one(void)
{
	npcs = gd__trace_self(pcs, GD__FRAMES_MAX, 1);
	STAY;
}

__attribute__((noinline)) static void calls_skip_one(void)
{
	skip_one();
	STAY;
}

CASE(skip_leaves_out_callers)
{
	calls_skip_one();
	CHECK_EQ(position("skip_one"), -1);
	CHECK_EQ(position("calls_skip_one"), 0);
	CHECK_EQ(gd__trace_self(pcs, 0, 0), 0);
	CHECK_EQ(gd__trace_self(pcs, 1, 0), 1);
	CHECK_EQ(gd__trace_self(pcs, 8, 10000), 0);
}

__attribute__((noinline)) static void frames_here(void)
{
	uintptr_t lo, hi;

	gd__stack_bounds(&lo, &hi);
	npcs = gd__trace_frame_pointers(pcs, GD__FRAMES_MAX, __builtin_frame_address(0), lo, hi);
	STAY;
}

__attribute__((noinline)) static void calls_frames_here(void)
{
	frames_here();
	STAY;
}

CASE(frame_pointers)
{
	calls_frames_here();
	CHECK_EQ(position("calls_frames_here"), 0);
	CHECK(npcs >= 2);
}

CASE(frame_pointers_on_broken_frames)
{
	uintptr_t stack[64] = { 0 }, lo = (uintptr_t)stack, hi = (uintptr_t)(stack + 64);

	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, NULL, lo, hi), 0);
	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, stack, 0, 0), 0);
	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, (char *)stack + 1, lo, hi), 0);
	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, stack + 63, lo, hi), 0);
	stack[1] = 5;  /* a return address */
	stack[0] = lo; /* a loop */
	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, stack, lo, hi), 1);
	stack[0] = 16; /* outside */
	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, stack, lo, hi), 1);
	stack[0] = (uintptr_t)(stack + 62);
	stack[63] = 7;
	stack[62] = hi + 4096;
	CHECK_EQ(gd__trace_frame_pointers(pcs, 8, stack, lo, hi), 2);
	CHECK_EQ(pcs[1], 7);
	CHECK_EQ(gd__trace_frame_pointers(pcs, 1, stack, lo, hi), 1);
}

static void *check_bounds(void *arg)
{
	uintptr_t lo, hi, here = (uintptr_t)&lo;

	gd__stack_bounds(&lo, &hi);
	CHECK(lo < here && here < hi);
	return NULL;
}

CASE(bounds_of_threads)
{
	pthread_t t;

	check_bounds(NULL);
	CHECK_EQ(pthread_create(&t, NULL, check_bounds, NULL), 0);
	pthread_join(t, NULL);
}

/* A goroutine parks inside three calls; another looks at it. */
struct parked_args {
	gd_chan *c;
};

static inline __attribute__((always_inline)) void deepest(gd_chan *c)
{
	char v = 1;

	gd_chan_send_raw(c, &v);
	STAY;
}

__attribute__((noinline)) static void middle(gd_chan *c)
{
	volatile char large[3000] = { 0 };

	large[17] = 1;
	(void)large[18];
	deepest(c);
	STAY;
}

static void parked(struct parked_args *a)
{
	middle(a->c);
	STAY;
}

static bool find_goroutine(struct gd__runtime *rt, uint64_t id, struct gd__ginfo *g)
{
	bool broken;

	CHECK_EQ(gd__inspect_open(rt, &gd__mem_self, 0), GD__INSPECT_OK);
	for (uint64_t i = 0; i < rt->ngoroutines; i++)
		if (gd__inspect_goroutine(rt, i, g, &broken) && g->id == id)
			return true;
	return false;
}

static void look_at_parked(void *arg)
{
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);
	struct gd__runtime rt;
	struct gd__ginfo g;
	uintptr_t lo, hi;

	gd_go(parked, .c = c);
	do {
		gd_yield();
		CHECK(find_goroutine(&rt, 2, &g));
	} while (g.state != GD__GI_WAITING);
	gd__stack_bounds(&lo, &hi);
	CHECK(lo < (uintptr_t)&g && (uintptr_t)&g < hi);
	CHECK(hi - lo < ((uintptr_t)1 << 20)); /* the goroutine's, not the thread's */

	npcs = gd__trace_goroutine(&rt, &g, pcs, GD__FRAMES_MAX);
	CHECK(position("deepest") > 0);
	CHECK_EQ(position("middle"), position("deepest") + 1);
	CHECK_EQ(position("parked"), position("middle") + 1);
	size_t by_unwinding = npcs;

	npcs = gd__trace_context(pcs, GD__FRAMES_MAX, g.resume_pc, g.sp, g.bp, g.stack_lo,
				 g.stack_hi);
	CHECK_EQ(npcs, by_unwinding);
	outer_function(); /* on a goroutine's stack */
	CHECK_EQ(position("capture_here"), 0);
	CHECK_EQ(position("outer_function"), 2);
	CHECK(position("look_at_parked") > 2);
}

CASE(parked_goroutine)
{
	CHECK_EQ(gd_run(look_at_parked, NULL), 0);
	CHECK(position("deepest") == -1);
}

/* Contexts of noise: never a fault, never a frame outside of the stack. */
CASE(broken_contexts_do_not_fault)
{
	static uint64_t stack[512];
	uint64_t state = 12345;
	char *hole = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t lo = (uintptr_t)stack, hi = (uintptr_t)(stack + 512);
	const uintptr_t code[] = { (uintptr_t)gd__symbolize,
				   (uintptr_t)outer_function,
				   (uintptr_t)printf,
				   (uintptr_t)qsort,
				   (uintptr_t)gd__ctx_start,
				   (uintptr_t)hole,
				   0,
				   16 };

	for (int round = 0; round < 3000; round++) {
		uint64_t regs[16];

		for (size_t i = 0; i < 512 + 16; i++) {
			const uint64_t choice[] = { state >> 20, lo + (state >> 30) % sizeof(stack),
						    (uintptr_t)hole + (state >> 30) % 65536,
						    code[(state >> 33) % 8] + (state >> 40) % 64 };

			state = state * 6364136223846793005u + 1442695040888963407u;
			if (i < 512)
				stack[i] = choice[state >> 62];
			else
				regs[i - 512] = choice[state >> 62];
		}
		regs[7] = lo + (state >> 30) % sizeof(stack) / 8 * 8;
		gd__trace_regs(pcs, GD__FRAMES_MAX, regs,
			       code[(state >> 33) % 8] + (state >> 50) % 80, lo, hi);
	}
}

static struct {
	int before;
	int array[50];
} a_variable;

CASE(variables_have_names)
{
	char name[64];
	uint64_t base, size;
	int local;

	CHECK(gd__symbolize_data((uintptr_t)&a_variable.array[7], name, sizeof(name), &base,
				 &size));
	CHECK_STR(name, "a_variable");
	CHECK_EQ(base, (uintptr_t)&a_variable);
	CHECK_EQ(size, sizeof(a_variable));
	CHECK(!gd__symbolize_data((uintptr_t)&local, name, sizeof(name), &base, &size));
	CHECK(!gd__symbolize_data((uintptr_t)outer_function, name, sizeof(name), &base, &size));
}

CASE(unknown_code_has_no_name)
{
	struct gd__symbol s;

	CHECK(gd__symbolize(0x1000, true, 0, &s));
	CHECK_STR(s.function, "");
	CHECK_STR(s.module, "");
	CHECK(!gd__symbolize(0x1000, true, 1, &s));
}

/* Several threads ask at once: libdw must not notice. */
static void *ask_often(void *arg)
{
	struct gd__symbol s;

	for (uintptr_t i = 0; i < 3000; i++) {
		CHECK(gd__symbolize((uintptr_t)outer_function + i % 8, false, 0, &s));
		CHECK(s.function[0] != '\0');
	}
	return NULL;
}

CASE(many_threads_symbolize)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, ask_often, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void print_dump(void *arg)
{
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);
	struct gd__runtime rt;
	struct gd__ginfo g;

	gd_go(parked, .c = c);
	do {
		gd_yield();
		CHECK(find_goroutine(&rt, 2, &g));
	} while (g.state != GD__GI_WAITING);
	gd_stacks(1);
	STAY;
}

/* Not run by itself in a way that matters: the cases below start it with options. */
CASE(dump)
{
	CHECK_EQ(gd_run(print_dump, NULL), 0);
}

/* Standard output of this program's case `dump` with these options. */
static const char *dump_with(const char *options)
{
	static char text[16384];
	char command[400], exe[256];
	size_t n = 0, r;
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[len > 0 ? len : 0] = '\0';
	snprintf(command, sizeof(command), "GDETECT_OPTIONS=%s %s dump", options, exe);
	FILE *f = popen(command, "r");

	while ((r = fread(text + n, 1, sizeof(text) - 1 - n, f)) > 0)
		n += r;
	text[n] = '\0';
	CHECK_EQ(pclose(f), 0);
	return text;
}

CASE(dump_has_gos_layout)
{
	const char *text = dump_with("");

	CHECK_EQ(strncmp(text, "goroutine 1 [running]:\nprint_dump(...)\n\t", 40), 0);
	CHECK_HAS(text, "\n\ngoroutine 2 [chan send]:\ndeepest(...)\n\t");
	CHECK_HAS(text, "\nmiddle(...)\n\t");
	CHECK_HAS(text, "\nparked(...)\n\t");
	CHECK_HAS(text, "/traceback_test.c:");
	CHECK_HAS(text, "\ncreated by print_dump in goroutine 1\n\t");
	CHECK(strstr(text, "gd_chan_send_raw") == NULL);
	CHECK(strstr(text, "could not be loaded") == NULL);
}

CASE(dump_without_libdw)
{
	const char *text = dump_with("symbolize=0");

	CHECK_HAS(text, "libdw.so.1 could not be loaded or is switched off");
	CHECK_HAS(text, "goroutine 2 [chan send");
	CHECK_HAS(text, "\n?"
			"?(...)\n\t");
	CHECK_HAS(text, "+0x");
	CHECK_HAS(text, "created by ?? in goroutine 1\n\t");
}

CASE(dump_without_libunwind)
{
	const char *text = dump_with("unwind=0");

	CHECK_HAS(text, "libunwind.so.8 could not be loaded or is switched off");
	CHECK_HAS(text, "goroutine 2 [chan send]:\ndeepest(...)\n\t");
	CHECK_HAS(text, "\nparked(...)\n\t");
}

UNIT_MAIN
