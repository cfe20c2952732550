/*
 * start.c - gd_run: osinit, schedinit, newproc of main, the first M, sysmon; and gd_go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gdetect/error.h>
#include <gdetect/go.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/cxx.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/stack.h"
#include "runtime/sched/state.h"
#include "runtime/sched/switch.h"

/* Arguments and frame of the entry must leave most of the smallest stack to the user. */
#define MAX_ARGS 4096

/* Ids that a P takes at a time (Go's 16). */
#define GOID_BATCH 16

/* A goroutine that runs this long without a safe point makes gd_set_procs give up. */
#define RESIZE_LIMIT_NS INT64_C(10000000000)

static int wanted_procs; /* by gd_set_procs before gd_run */

static int default_procs(void)
{
	const char *text = getenv("GD_MAXPROCS");
	char *end;
	long n;

	if (text && *text) {
		n = strtol(text, &end, 10);
		if (*end == '\0' && n >= 1 && n <= GD_MAX_PROCS)
			return (int)n;
		gd__warn("GD_MAXPROCS=%s is not a number from 1 to %d; the number of CPUs is used",
			 text, GD_MAX_PROCS);
	}
	n = gd__os_cpus();
	return (int)(n > GD_MAX_PROCS ? GD_MAX_PROCS : n);
}

/* The Ps [from, to) come into being, idle. sched.lock held or nobody else runs. */
static void add_procs(uint32_t from, uint32_t to)
{
	for (uint32_t i = to; i > from; i--) {
		gd__allp[i - 1].id = (int)i - 1;
		gd__p_idle_put(&gd__allp[i - 1]);
	}
}

int gd_procs(void)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* a number, nothing hangs on it */

	return n > 0 ? (int)n : wanted_procs > 0 ? wanted_procs : default_procs();
}

/* Runnable goroutines of a P that goes away move to the global queue. World stopped. */
static void drain(struct gd__p *p)
{
	struct gd__g *g;
	bool inherit;

	/* World stopped. No slice is over here: gd__p_get would take the lock to end it. */
	gd__store_relaxed(&p->late_tick, gd__load_relaxed(&p->schedtick) - 1);
	while ((g = gd__p_get(p, &inherit)) != NULL)
		gd__sched_global_put(g);
	gd__store_relaxed(&p->status, GD__P_NONE); /* world stopped */
}

/* With the world stopped and this goroutine on a P that stays: number 0. */
static void resize(uint32_t n) GD_UNCHECKED
{
	uint32_t old = gd__load_relaxed(&gd__sched.procs); /* world stopped */
	struct gd__m *m = gd__m_self();

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if ((uint32_t)m->p->id >= n) {
		struct gd__p *p = gd__p_release(m);

		gd__p_acquire(m, &gd__allp[0]);
		gd__store_relaxed(&p->status, GD__P_STOPPED); /* world stopped */
	}
	for (uint32_t i = n; i < old; i++)
		drain(&gd__allp[i]);
	gd__store_relaxed(&gd__sched.procs, n); /* world stopped */
	if (n > old)
		add_procs(old, n);
	gd__unlock(&gd__sched.lock);
}

int gd_set_procs(int n)
{
	if (n < 1 || n > GD_MAX_PROCS)
		return GD_EINVAL;
	if (gd__load_relaxed(&gd__sched.procs) == 0) { /* not started: one thread */
		wanted_procs = n;
		return GD_OK;
	}
	gd__self_or_die("gd_set_procs");
	if (!gd__stw_stop(false, RESIZE_LIMIT_NS)) {
		gd__stw_start();
		return GD_EBUSY;
	}
	resize((uint32_t)n);
	gd__stw_start();
	return GD_OK;
}

static const struct gd__ctx *exit_commit(struct gd__g *g)
{
	gd__arrived();
	struct gd__m *m = gd__m_self();

	m->cur = NULL;
	g->m = NULL;
	gd__hook(go_switch, NULL);
	if (gd__unlikely(g->unguarded))
		gd__stack_check(g);
	gd__g_set_status(g, GD__G_RUNNING, GD__G_DEAD);
	if (!g->system)
		gd__count_relaxed(&m->p->alive, -1); /* only this M writes it */
	if (gd__unlikely(g->locked_m != NULL))
		return gd__locked_end(m, g);
	gd__g_end(m, g);
	return gd__schedule();
}

static void end_self(void)
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g = m->cur;

	if (gd__oslock_any(g))
		gd__oslock_leaves(g, GD__OSLOCK_ENDS, 0);
	gd__hook(go_end, g->hook_ctx);
	gd__leave_for_system(m);
	gd__mcall(&g->ctx, m->system_sp, exit_commit, g);
	__builtin_unreachable();
}

/* Below gd_run's frame, which a child may need as it is now: see gd__fork_end_main. */
static const struct gd__ctx *start_and_wait(struct gd__g *g)
{
	(void)g;
	gd__sysmon_start(); /* first: checkdead counts it among the threads that are ours */
	gd__start_m(NULL, false);
	while (gd__load_acquire(&gd__sched.ended) == 0) /* pairs with end_main: what main did */
		gd__os_futex_wait(&gd__sched.ended, 0, -1);
	return &gd__sched.run_ctx;
}

/* Until main has ended. A function of its own, so that its frame is a small one. */
static GD__NOINLINE void run_main(void)
{
	uintptr_t below = ((uintptr_t)__builtin_frame_address(0) - 512) & ~(uintptr_t)15;

	gd__mcall(&gd__sched.run_ctx, below, start_and_wait, NULL);
}

/* Main's function has returned: gd_run returns; this thread only waits. */
static void end_main(void)
{
	gd__oslock_flush();
	if (gd__watch && gd__watch->main_done)
		gd__watch->main_done();
	gd__hook(release, gd__m_self()->cur->hook_ctx, &gd__sched.ended);
	gd__store_release(&gd__sched.ended, 1); /* pairs with gd_run: what main did */
	gd__os_futex_wake(&gd__sched.ended, 1);
	gd__stw_stop(false, 0); /* who does not stop goes on until the process ends */
	gd__stw_start(); /* main has ended: lets the next one stop it, nothing else goes on */
	if (gd__fork.survivor != 0)
		gd__fork_end_main();
	for (;;)
		gd__os_nanosleep(INT64_C(1000000000) * 3600);
}

static void go_entry(void **seen)
{
	gd__arrived();
	struct gd__g *g = gd__m_self()->cur;
	void *arg = g->arg;

	/* In a register before it goes from the stack: a check may stop this thread in between. */
	__asm__ volatile("" : "+r"(arg) : : "memory");
	*seen = NULL;
	g->fn(arg);
	if (g->id == gd__sched.main_id)
		end_main();
	end_self();
}

void gd_go_exit(void)
{
	struct gd__g *g = gd__self_or_die("gd_go_exit");

	if (g->id == gd__sched.main_id)
		gd__fatal("gd_go_exit called on the main goroutine");
	end_self();
	__builtin_unreachable();
}

/* Return addresses of the creator, by frame pointers: exact where the wrapper compiled. */
static void creation_stack(struct gd__g *g, const struct gd__g *parent, uintptr_t site_pc)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	uint32_t n = 0;

	while (parent && (uintptr_t)frame >= parent->stack_lo &&
	       (uintptr_t)(frame + 2) <= parent->stack_hi && n < GD__CREATE_FRAMES) {
		const uintptr_t *up = (const uintptr_t *)frame[0];

		uintptr_t pc = gd__code_address(frame[1]);

		if (n > 0 || pc == site_pc)
			g->create_pc[n++] = pc;
		if (up <= frame || ((uintptr_t)up & 7))
			break;
		frame = up;
	}
	if (n == 0)
		g->create_pc[n++] = site_pc;
	if (n < GD__CREATE_FRAMES)
		g->create_pc[n] = 0;
}

/* Frames hold no longer run of zeros than this, mostly: only a large array that was not used. */
#define WIPE_GAP 256

/*
 * For the leak detector: what an ended goroutine left behind on this stack would look like a
 * pointer held by the new one, and hide a leak. Everything below the deepest frame is zero, as it
 * was when the stack was fresh or wiped last; only how deep that was, between parks, is not known.
 * So this goes down to where it was seen, and on until nothing has been there for WIPE_GAP bytes.
 */
static void wipe_stack(struct gd__g *g)
{
	typedef long long __attribute__((vector_size(16), may_alias)) two_words;
	const uintptr_t least = g->stack_lo + WIPE_GAP;
	uintptr_t at = g->stack_hi, stop = at - WIPE_GAP;

	stop = stop < g->stack_low ? stop : g->stack_low;
	stop = stop > least ? stop : least;
	while (at > stop) {
		two_words *line = (two_words *)(at -= 64);
		two_words any = line[0] | line[1] | line[2] | line[3];

		if ((any[0] | any[1]) == 0)
			continue;
		line[0] = line[1] = line[2] = line[3] = (two_words){ 0, 0 };
		if (stop > at - WIPE_GAP)
			stop = at - WIPE_GAP > least ? at - WIPE_GAP : least;
	}
}

/* The arguments go to the top of the new stack, the first frame below them. */
static void prepare_stack(struct gd__g *g, const struct gd__spawn *s)
{
	uintptr_t top = g->stack_hi;

	gd__stack_fresh(g);
	if (g->stack_low != 0) { /* somebody had this stack before */
		gd__hook(reset, (void *)g->stack_lo, g->stack_hi - g->stack_lo);
		if (gd__watch)
			wipe_stack(g);
	}
	g->stack_low = g->stack_hi;
	g->arg = s->arg;
	if (s->args) {
		top = (top - s->size) & ~(uintptr_t)63;
		memcpy((void *)top, s->args, s->size);
		g->arg = (void *)top;
	}
	gd__ctx_prepare(&g->ctx, top, go_entry, g->arg);
}

/* Ids go to the Ps in batches. */
static uint64_t next_id(struct gd__p *p)
{
	if (gd__unlikely(p->goid == p->goid_end)) {
		p->goid = gd__add_relaxed(&gd__sched.goid, GOID_BATCH) + 1; /* a number */
		p->goid_end = p->goid + GOID_BATCH;
	}
	return p->goid++;
}

static void fill(struct gd__g *g, const struct gd__spawn *s, struct gd__g *parent, struct gd__p *p)
{
	gd__count_relaxed(&g->seq, 1); /* readers compare it, nothing else */
	g->id = next_id(p);
	g->parent_id = parent ? parent->id : 0;
	g->scope = parent ? parent->scope : s->scope;
	g->fn = s->fn;
	g->name = s->name;
	g->site = s->site;
	g->since = 0;
	g->nwaits = 0;
	g->waits = NULL;
	g->background = false;
	g->system = s->system;
	g->wait_timed = 0;
	g->call_sp = 0;
	g->eh = (struct gd__eh){ 0 };
	if (gd__unlikely(g->oslocks != NULL))
		g->oslocks->n = 0;
	g->held_lost = 0;
	g->recoverable = false;
	g->recovered = 0;
	for (int i = 0; i < GD__HELD_MAX; i++) /* the one before may have ended with some */
		g->held[i].lock = NULL;
	prepare_stack(g, s);
	creation_stack(g, parent, s->site_pc);
	g->hook_ctx = NULL;
	if (gd__hooks) {
		g->hook_ctx = gd__hooks->go_start(parent ? parent->hook_ctx : NULL, g->id,
						  (uintptr_t)s->fn, s->site_pc);
		if (s->after)
			gd__hooks->acquire(g->hook_ctx, s->after);
	}
	gd__g_set_status(g, GD__G_FREE, GD__G_RUNNABLE);
	if (!s->system)
		gd__count_relaxed(&p->alive, 1); /* only this M writes it */
}

int gd__spawn(const struct gd__spawn *s)
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g;

	if (s->size > MAX_ARGS)
		gd__fatal("gd_go(%s): arguments of %lu bytes, at most %d", s->name,
			  (unsigned long)s->size, MAX_ARGS);
	gd__m_busy_begin(); /* a stop signal waits for a whole record */
	g = gd__g_get(m->p);
	if (g)
		fill(g, s, gd__self(), m->p);
	gd__m_busy_end(m);
	if (!g)
		return GD_ENOMEM;
	gd__p_put(m->p, g, true);
	gd__wake_p();
	return GD_OK;
}

static int go(const struct gd__spawn *s)
{
	gd__self_or_die("gd_go");
	if (!s->fn)
		gd__fatal("gd_go of a NULL function");
	return gd__spawn(s);
}

int gd_go_try_raw(void (*fn)(void *), const void *args, size_t size, const char *name,
		  const char *site)
{
	return go(&(struct gd__spawn){ .fn = fn,
				       .args = args,
				       .size = size,
				       .name = name,
				       .site = site,
				       .site_pc = (uintptr_t)__builtin_return_address(0) });
}

static void no_memory(void)
{
	gd__fatal("gd_go: out of memory for a goroutine stack");
}

void gd_go_raw(void (*fn)(void *), const void *args, size_t size, const char *name,
	       const char *site)
{
	if (go(&(struct gd__spawn){ .fn = fn,
				    .args = args,
				    .size = size,
				    .name = name,
				    .site = site,
				    .site_pc = (uintptr_t)__builtin_return_address(0) }) != 0)
		no_memory();
}

void gd_go_fn_raw(void (*fn)(void *), void *arg, const char *name, const char *site)
{
	if (go(&(struct gd__spawn){ .fn = fn,
				    .arg = arg,
				    .name = name,
				    .site = site,
				    .site_pc = (uintptr_t)__builtin_return_address(0) }) != 0)
		no_memory();
}

void gd_go_name(const char *name)
{
	gd__self_or_die("gd_go_name")->name = name;
}

void gd_go_background(void)
{
	gd__self_or_die("gd_go_background")->background = true;
}

uint64_t gd_go_id(void)
{
	struct gd__g *g = gd__self();

	return g ? g->id : 0;
}

size_t gd_go_count(void)
{
	return (size_t)gd__sched_alive();
}

void gd_yield(void)
{
	gd__self_or_die("gd_yield");
	gd__yield();
}

/* Everything that must be there before the first goroutine. */
static void sched_init(void)
{
	gd__options_init();
	gd__sched.seed = gd__options.seed ? (uint64_t)gd__options.seed : gd__os_random();
	gd__sched.started_at = gd__os_now();
	gd__store_relaxed(&gd__sched.clock, gd__sched.started_at); /* one thread */
	gd__stack_init();
	gd__g_init();
	gd__trap_init();
	gd__cxx_init();
	gd__m_init();
	gd__stw_init();
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__store_relaxed(&gd__sched.procs, (uint32_t)gd_procs()); /* one thread */
	add_procs(0, gd__load_relaxed(&gd__sched.procs));
	gd__unlock(&gd__sched.lock);
}

/* The main goroutine is made before there is an M to hold a P, so by hand. */
static int spawn_main(void (*start)(void *), void *arg)
{
	struct gd__spawn s = { .fn = start,
			       .arg = arg,
			       .name = "main",
			       .site_pc = (uintptr_t)__builtin_return_address(0) };
	struct gd__g *g = gd__g_get(&gd__allp[0]);

	if (!g)
		return GD_ENOMEM;
	fill(g, &s, NULL, &gd__allp[0]);
	gd__sched.main_id = g->id;
	gd__sched.run_waits = true;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched_global_put(g);
	gd__unlock(&gd__sched.lock);
	return GD_OK;
}

/*
 * A static link takes only the objects that something names. The dump of fatal errors and the
 * anchor for outside readers install themselves in constructors: this names them without a
 * call upward.
 */
extern struct gd__anchor gd__anchor;
static const struct gd__anchor *const anchor_is_linked __attribute__((used)) = &gd__anchor;

int gd_run(void (*start)(void *arg), void *arg)
{
	/* pairs with itself: one caller goes on */
	if (gd__swap_acq_rel(&gd__sched.started, 1) != 0)
		gd__fatal("gd_run called twice");
	if (!start)
		gd__fatal("gd_run of a NULL function");
	/* The caller's registers lie in or just below this frame, where who looks for pointers
	 * finds them, and not somewhere in the scheduler's. */
	__builtin_unwind_init();
	gd__sched.run_frame = (uintptr_t)__builtin_frame_address(0);
	gd__sched.run_tid = gd__os_tid();
	sched_init();
	if (spawn_main(start, arg) != GD_OK)
		return GD_ENOMEM;
	run_main();
	gd__hook(acquire, NULL, &gd__sched.ended); /* the caller sees what main's goroutine did */
	return GD_OK;
}
