/*
 * traceback.c - stacks of our own process as addresses.
 *
 * The precise way is libunwind (unwind.c). It runs on the thread's big stack,
 * from registers that are captured here, because a goroutine's stack may have
 * no room for it. Hot paths follow frame pointers and call nothing.
 */
#include "runtime/inspect/traceback.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/arch/ctx.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/memo.h"
#include "runtime/inspect/symbolize.h"
#include "runtime/inspect/unwind.h"
#include "runtime/sched/m.h"
#include "runtime/sched/sched.h"

#define DEFAULT_MAIN_STACK ((uintptr_t)8 << 20)
#define LARGEST_MAIN_STACK ((uintptr_t)1 << 30)

/* The stack pointer at the start of the process, from the dynamic loader. */
extern void *__libc_stack_end;

/* Bounds of a thread that is not the runtime's. Asked for once. */
static GD__TLS struct {
	bool asked;
	uintptr_t lo, hi;
} thread_stack;

/*
 * pthread_getattr_np of the main thread reads a file through malloc, which may be
 * what calls us. Its stack grows: only the upper end is exact.
 */
static void main_stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
	struct rlimit limit;
	uintptr_t size = DEFAULT_MAIN_STACK;

	if (getrlimit(RLIMIT_STACK, &limit) == 0)
		size = limit.rlim_cur < LARGEST_MAIN_STACK ? limit.rlim_cur : LARGEST_MAIN_STACK;
	*hi = ((uintptr_t)__libc_stack_end + GD__PAGE) & ~(GD__PAGE - 1);
	*lo = *hi - size;
}

static void other_stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
	pthread_attr_t attr;
	void *at = NULL;
	size_t n = 0;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	pthread_attr_getstack(&attr, &at, &n);
	pthread_attr_destroy(&attr);
	*lo = (uintptr_t)at;
	*hi = (uintptr_t)at + n;
}

static GD__NOINLINE void thread_bounds(uintptr_t *lo, uintptr_t *hi)
{
	if (!thread_stack.asked) {
		thread_stack.asked = true; /* a malloc in here gets an empty range */
		if (gd__os_tid() == gd__os_pid())
			main_stack_bounds(&thread_stack.lo, &thread_stack.hi);
		else
			other_stack_bounds(&thread_stack.lo, &thread_stack.hi);
	}
	*lo = thread_stack.lo;
	*hi = thread_stack.hi;
}

void gd__stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
	const struct gd__m *m = gd__m_self();

	if (m == NULL) {
		thread_bounds(lo, hi);
	} else if (m->cur != NULL && m->system_depth == 0) {
		*lo = m->cur->stack_lo;
		*hi = m->cur->stack_hi;
	} else {
		*lo = m->stack_lo;
		*hi = m->stack_hi;
	}
}

size_t gd__trace_frame_pointers(uintptr_t *pcs, size_t max, const void *frame, uintptr_t lo,
				uintptr_t hi)
{
	uintptr_t at = (uintptr_t)frame;
	size_t n = 0;

	if (hi < 2 * sizeof(uintptr_t))
		return 0;
	/* A frame is two words, the caller's frame and the return address; callers lie higher. */
	while (n < max && at >= lo && at <= hi - 2 * sizeof(uintptr_t) &&
	       at % sizeof(uintptr_t) == 0) {
		const uintptr_t *f = (const uintptr_t *)at;

		if (f[1] == 0)
			break;
		pcs[n++] = gd__code_address(f[1]);
		if (f[0] <= at)
			break;
		at = f[0];
	}
	return n;
}

struct walk {
	struct gd__unwind_regs regs;
	bool exact; /* its pc is an instruction about to run, not a return address */
	uintptr_t lo, hi;
	uintptr_t *pcs;
	size_t max, n;
	struct gd__unwind_log *log; /* or NULL */
};

/* Without libunwind: what frame pointers give. */
static size_t walk_frames(const struct walk *w)
{
	uintptr_t bp = w->regs.r[GD__DWARF_FP];
	size_t n = 0;

	if (w->max > 0)
		w->pcs[n++] = w->regs.r[GD__DWARF_PC];
	return n + gd__trace_frame_pointers(w->pcs + n, w->max - n, (const void *)bp, w->lo, w->hi);
}

static void walk(void *arg)
{
	struct walk *w = arg;

	if (gd__unwind_load())
		w->n = gd__unwind(&w->regs, w->exact, w->lo, w->hi, w->pcs, w->max, w->log);
	else
		w->n = walk_frames(w);
}

/* NOLINTNEXTLINE(readability-function-size): three registers and the bounds */
/* NOLINTNEXTLINE(readability-function-size): what a signal handler has, without a struct. */
size_t gd__trace_context(uintptr_t *pcs, size_t max, uintptr_t pc, uintptr_t sp, uintptr_t bp,
			 uintptr_t lo, uintptr_t hi)
{
	struct walk w = { .exact = true, .lo = lo, .hi = hi, .pcs = pcs, .max = max };

	w.regs.r[GD__DWARF_SP] = sp;
	w.regs.r[GD__DWARF_FP] = bp;
	w.regs.r[GD__DWARF_PC] = pc;
	gd__on_system_stack(walk, &w);
	return w.n;
}

size_t gd__trace_regs(uintptr_t *pcs, size_t max, const uint64_t *regs, uintptr_t pc, uintptr_t lo,
		      uintptr_t hi)
{
	struct walk w = { .exact = true, .lo = lo, .hi = hi, .pcs = pcs, .max = max };

	memcpy(w.regs.r, regs, GD__DWARF_REGS * sizeof(*regs));
	w.regs.r[GD__DWARF_PC] = pc;
	gd__on_system_stack(walk, &w);
	return w.n;
}

GD__NOINLINE size_t gd__trace_self(uintptr_t *pcs, size_t max, size_t skip)
{
	uintptr_t all[GD__FRAMES_MAX + 16];
	struct walk w = { .pcs = all, .max = sizeof(all) / sizeof(*all) };

	gd__stack_bounds(&w.lo, &w.hi);
	gd__regs_capture(w.regs.r);
	gd__on_system_stack(walk, &w);
	skip++; /* this function */
	if (w.n <= skip)
		return 0;
	size_t n = w.n - skip < max ? w.n - skip : max;

	memcpy(pcs, all + skip, n * sizeof(*pcs));
	return n;
}

/* Stacks of running goroutines that were taken while their threads were stopped. */
static struct kept {
	uint64_t id;
	size_t n;
	uintptr_t pcs[GD__FRAMES_MAX];
} kept[GD__KEPT_MAX];
static size_t nkept;

static const struct kept *find_kept(uint64_t id)
{
	for (size_t i = 0; i < nkept; i++)
		if (kept[i].id == id)
			return &kept[i];
	return NULL;
}

/* The running goroutine's thread was stopped, or it has saved its registers itself. */
static size_t trace_running(const struct gd__runtime *rt, const struct gd__ginfo *g, uintptr_t *pcs,
			    size_t max)
{
	const struct kept *k = find_kept(g->id);
	struct gd__tinfo t;

	if (k) {
		size_t n = k->n < max ? k->n : max;

		memcpy(pcs, k->pcs, n * sizeof(*pcs));
		return n;
	}
	for (uint64_t i = 0; gd__inspect_thread(rt, i, &t); i++) {
		if (t.goid != g->id || t.pc == 0)
			continue;
		size_t n = gd__trace_regs(pcs, max, t.regs, t.pc, g->stack_lo, g->stack_hi);

		if (n > 0)
			pcs[0]++; /* an interrupted instruction */
		return n;
	}
	return 0;
}

/* From its saved context, by the memo if that knows one like it. */
static size_t trace_saved(struct gd__memo *memo, const struct gd__ginfo *g, uintptr_t *pcs)
{
	struct gd__memo_start s = { g->resume_pc, g->sp, g->bp, g->stack_hi };
	struct walk w = { .exact = true,
			  .lo = g->stack_lo,
			  .hi = g->stack_hi,
			  .pcs = pcs,
			  .max = GD__FRAMES_MAX,
			  .log = gd__memo_log(memo) };
	size_t n = gd__memo_find_walk(memo, &s, pcs);

	if (n > 0)
		return n;
	w.regs.r[GD__DWARF_SP] = g->sp;
	w.regs.r[GD__DWARF_FP] = g->bp;
	w.regs.r[GD__DWARF_PC] = g->resume_pc;
	gd__on_system_stack(walk, &w);
	gd__memo_keep_walk(memo, &s, pcs, w.n);
	return w.n;
}

/* It has not run yet and stands where every goroutine starts: names its own function. */
static void name_start(const struct gd__ginfo *g, uintptr_t *pcs, size_t n)
{
	if (n > 0 && pcs[n - 1] == (uintptr_t)gd__ctx_start)
		pcs[n - 1] = g->entry + 1;
}

size_t gd__trace_again(struct gd__memo *memo, const struct gd__runtime *rt,
		       const struct gd__ginfo *g, uintptr_t pcs[GD__FRAMES_MAX])
{
	bool saved = g->state == GD__GI_WAITING || g->state == GD__GI_RUNNABLE;

	if (memo == NULL || !saved || g->sp < g->stack_lo || g->sp >= g->stack_hi)
		return gd__trace_goroutine(rt, g, pcs, GD__FRAMES_MAX);
	size_t n = trace_saved(memo, g, pcs);

	name_start(g, pcs, n);
	return n;
}

size_t gd__trace_goroutine(const struct gd__runtime *rt, const struct gd__ginfo *g, uintptr_t *pcs,
			   size_t max)
{
	uint64_t regs[GD__DWARF_REGS] = { 0 };

	if (g->sp == 0)
		return trace_running(rt, g, pcs, max);
	regs[GD__DWARF_SP] = g->sp;
	regs[GD__DWARF_FP] = g->bp;
	if (g->state == GD__GI_SYSCALL) {
		static const uint8_t number[] = GD__CALL_REG_NUMBERS;

		for (size_t i = 0; i < sizeof(number); i++)
			regs[number[i]] = g->call_regs[i];
	}
	/* After an overflow the innermost frame lies in the guard; what it saved lies above. */
	size_t n = gd__trace_regs(pcs, max, regs, g->resume_pc,
				  g->sp < g->stack_lo ? g->sp : g->stack_lo, g->stack_hi);

	name_start(g, pcs, n);
	return n;
}

void gd__trace_keep_running(void)
{
	struct gd__runtime rt;
	struct gd__ginfo g;
	bool broken;

	nkept = 0;
	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		return;
	for (uint64_t i = 0; i < rt.ngoroutines && nkept < GD__KEPT_MAX; i++) {
		struct kept *k = &kept[nkept];

		if (!gd__inspect_goroutine(&rt, i, &g, &broken) || g.state != GD__GI_RUNNING)
			continue;
		k->n = gd__trace_goroutine(&rt, &g, k->pcs, GD__FRAMES_MAX);
		k->id = g.id;
		nkept += k->n > 0;
	}
}

void gd__trace_drop_kept(void)
{
	nkept = 0;
}

static void load(void *arg)
{
	*(const char **)arg = gd__unwind_load() ? NULL : "libunwind.so.8";
}

const char *gd__trace_prepare(void)
{
	const char *missing = NULL, *dw = gd__symbolize_prepare();

	gd__on_system_stack(load, &missing);
	return missing ? missing : dw;
}
