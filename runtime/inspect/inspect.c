/*
 * inspect.c - decoders of goroutines, threads and timers through struct gd__mem.
 *
 * A record is copied whole and then checked: lengths are bounded, pointers
 * are only ever used as addresses for the next read.
 */
#include "runtime/inspect/inspect.h"

#include <string.h>

#include <gdetect/time.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"
#include "runtime/sync/waitq.h"
#include "runtime/time/timers.h"

#define MAX_WAITS    65536u
#define MAX_MS       100000u
#define MAX_OVERFLOW 65536u

#define SETTLE_STEP_NS 20000

static bool read_self(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	(void)m;
	memcpy(buf, (const void *)(uintptr_t)addr, n);
	return true;
}

const struct gd__mem gd__mem_self = { read_self, NULL };

bool gd__inspect_text(const struct gd__mem *m, uint64_t addr, char *buf, size_t n)
{
	size_t len = 0;

	buf[0] = '\0';
	if (addr == 0)
		return false;
	while (len + 1 < n) {
		size_t part = GD__PAGE - (size_t)((addr + len) % GD__PAGE);
		char *end;

		part = part < n - 1 - len ? part : n - 1 - len;
		if (m == &gd__mem_self) /* a short text may end just before an unmapped page */
			part = strnlen((const char *)(uintptr_t)(addr + len), part) + 1 < part
				       ? strnlen((const char *)(uintptr_t)(addr + len), part) + 1
				       : part;
		if (!m->read(m, addr + len, buf + len, part)) {
			buf[0] = '\0';
			return false;
		}
		end = memchr(buf + len, '\0', part);
		if (end)
			return true;
		len += part;
	}
	buf[n - 1] = '\0';
	return true;
}

static enum gd__inspect_error check_anchor(struct gd__runtime *rt, const struct gd__anchor *a)
{
	memcpy(rt->build, a->build, sizeof(rt->build));
	rt->build[sizeof(rt->build) - 1] = '\0';
	if (memcmp(a->magic, gd__anchor.magic, sizeof(a->magic)) != 0)
		return GD__INSPECT_NO_ANCHOR;
	if (a->version != GD__ANCHOR_VERSION || a->size != sizeof(*a) ||
	    strcmp(rt->build, GD_VERSION) != 0)
		return GD__INSPECT_VERSION;
	if (a->gtab == 0)
		return GD__INSPECT_EMPTY;
	if (a->g_size != sizeof(struct gd__g))
		return GD__INSPECT_VERSION;
	return GD__INSPECT_OK;
}

static bool makes_sense(const struct gd__gtab_head *h)
{
	return gd__load_relaxed(&h->n) <= GD__G_ARENAS && /* of a private copy */
	       h->slot_size <= GD__SLOT_MAX;
}

enum gd__inspect_error gd__inspect_open(struct gd__runtime *rt, const struct gd__mem *mem,
					uint64_t addr)
{
	struct gd__anchor a;
	enum gd__inspect_error e;
	uint32_t ended = 0;
	struct gd__gtab_head head;
	struct gd__fork fork;
	struct {
		uint64_t frame;
		int32_t tid;
	} run = { 0, 0 };

	memset(rt, 0, sizeof(*rt));
	rt->mem = mem;
	rt->anchor = addr ? addr : (uintptr_t)&gd__anchor;
	if (!mem->read(mem, rt->anchor, &a, sizeof(a)))
		return GD__INSPECT_BROKEN;
	e = check_anchor(rt, &a);
	if (e != GD__INSPECT_OK)
		return e;
	if (!mem->read(mem, a.gtab, &head, sizeof(head)) || !makes_sense(&head) ||
	    !mem->read(mem, a.now, &rt->now_ns, sizeof(rt->now_ns)) ||
	    !mem->read(mem, a.ended, &ended, sizeof(ended)) ||
	    !mem->read(mem, a.fork, &fork, sizeof(fork)) ||
	    !mem->read(mem, a.main_id, &rt->main_id, sizeof(rt->main_id)) ||
	    !mem->read(mem, a.run_frame, &run, sizeof(run)))
		return GD__INSPECT_BROKEN;
	if (gd__load_relaxed(&head.n) == 0) /* of a private copy */
		return GD__INSPECT_EMPTY;
	rt->ngoroutines = (uint64_t)gd__load_relaxed(&head.n) * GD__G_ARENA;
	rt->gtab = a.gtab;
	rt->slot_size = head.slot_size;
	rt->ended = ended != 0;
	rt->gone = fork.gone;
	rt->survivor = fork.survivor;
	rt->lost = fork.lost;
	rt->run_frame = run.frame;
	rt->run_tid = run.tid;
	rt->heap_root = a.heap_root;
	rt->depot_root = a.depot_root;
	rt->reports_root = a.reports_root;
	rt->allm = a.allm;
	rt->timers = a.timers;
	if (mem == &gd__mem_self)
		rt->now_ns = gd__os_now();
	return GD__INSPECT_OK;
}

static void copy_held(struct gd__ginfo *out, const struct gd__g *g)
{
	for (int i = 0; i < GD__HELD_MAX; i++) {
		if (!g->held[i].lock)
			continue;
		out->held[out->nheld].lock = (uintptr_t)g->held[i].lock;
		out->held[out->nheld++].pc = (uintptr_t)g->held[i].pc;
	}
	out->held_incomplete = g->held_lost > 0;
}

static void copy_create(struct gd__ginfo *out, const struct gd__g *g)
{
	while (out->ncreate < GD__GI_FRAMES && g->create_pc[out->ncreate]) {
		out->create_pc[out->ncreate] = g->create_pc[out->ncreate];
		out->ncreate++;
	}
}

static enum gd__ginfo_state state_of(uint32_t status)
{
	static const enum gd__ginfo_state states[] = {
		[GD__G_RUNNABLE] = GD__GI_RUNNABLE, [GD__G_RUNNING] = GD__GI_RUNNING,
		[GD__G_SYSCALL] = GD__GI_SYSCALL,   [GD__G_WAITING] = GD__GI_WAITING,
		[GD__G_DEAD] = GD__GI_DEAD,
	};

	return states[status];
}

/* Where the goroutine's frames are: saved context, or the kernel entry of its system call. */
static void copy_context(struct gd__ginfo *out, const struct gd__g *g)
{
	if (out->state == GD__GI_SYSCALL || (out->state == GD__GI_RUNNING && g->call_sp)) {
		out->sp = g->call_sp;
		out->resume_pc = g->call_pc;
		out->bp = g->call_bp;
		memcpy(out->call_regs, g->call_regs, sizeof(out->call_regs));
	} else if (out->state == GD__GI_RUNNABLE || out->state == GD__GI_WAITING) {
		out->sp = g->ctx.sp;
		out->bp = g->ctx.bp;
		out->resume_pc = g->ctx.pc;
	}
	/* A little below: an overflow, caught in the guard. */
	if (out->sp && (out->sp + MAX_OVERFLOW < out->stack_lo || out->sp >= out->stack_hi))
		out->sp = out->resume_pc = 0;
}

bool gd__inspect_goroutine(const struct gd__runtime *rt, uint64_t i, struct gd__ginfo *out,
			   bool *broken)
{
	const struct gd__mem *m = rt->mem;
	struct gd__arena arena;
	uint32_t status;
	struct gd__m on;
	struct gd__g g;

	*broken = true;
	memset(out, 0, sizeof(*out));
	if (i >= rt->ngoroutines ||
	    !m->read(m,
		     rt->gtab + offsetof(struct gd__gtab, arena) + i / GD__G_ARENA * sizeof(arena),
		     &arena, sizeof(arena)))
		return false;
	if (i % GD__G_ARENA >= gd__load_relaxed(&arena.used)) { /* of a private copy */
		*broken = false;
		return false;
	}
	out->record = gd__g_address((uintptr_t)arena.base, rt->slot_size, i % GD__G_ARENA);
	/* A record that was handed out has a sequence number: else its memory was lost. */
	if (!m->read(m, out->record, &g, sizeof(g)) || gd__load_relaxed(&g.seq) == 0)
		return false;
	status = gd__load_relaxed(&g.status); /* of a private copy */
	if (status > GD__G_DEAD)
		return false;
	*broken = false;
	if (status == GD__G_FREE || status == GD__G_DEAD)
		return false;
	if (g.id <= rt->gone && g.id != rt->survivor) /* of the parent process */
		return false;
	out->id = g.id;
	out->parent_id = g.parent_id;
	out->state = state_of(status);
	/* Served, and stopped before its waker said ready: see sync/waitq.h. */
	if (status == GD__G_WAITING && g.wake_waiter != NULL)
		out->state = GD__GI_RUNNABLE;
	out->reason = out->state == GD__GI_WAITING ? g.wait_reason : 0;
	out->background = g.background;
	out->system = g.system;
	out->timed = g.wait_timed != 0;
	out->locked = g.thread_locks > 0;
	out->since_ns = g.since;
	out->stack_lo = g.stack_lo;
	out->stack_hi = g.stack_hi;
	out->entry = (uintptr_t)g.fn;
	out->parks = g.parks;
	out->scope = g.scope;
	out->nwaits = g.nwaits < MAX_WAITS ? g.nwaits : MAX_WAITS;
	out->waits = (uintptr_t)g.waits;
	out->wait_stride = g.wait_stride;
	gd__inspect_text(m, (uintptr_t)g.name, out->name, sizeof(out->name));
	gd__inspect_text(m, (uintptr_t)g.site, out->site, sizeof(out->site));
	copy_create(out, &g);
	copy_held(out, &g);
	copy_context(out, &g);
	if (g.m && m->read(m, (uintptr_t)g.m, &on, sizeof(on)))
		out->tid = on.tid;
	return true;
}

bool gd__inspect_wait(const struct gd__runtime *rt, const struct gd__ginfo *g, uint32_t i,
		      struct gd__winfo *w)
{
	uint64_t at = g->waits + (uint64_t)i * g->wait_stride;
	struct gd__waiter waiter;
	struct gd__wait wait;

	if (i >= g->nwaits || !rt->mem->read(rt->mem, at, &wait, sizeof(wait)))
		return false;
	*w = (struct gd__winfo){ (uintptr_t)wait.obj, wait.kind, wait.op, 0 };
	if (g->wait_stride == sizeof(waiter) && rt->mem->read(rt->mem, at, &waiter, sizeof(waiter)))
		w->pc = waiter.pc;
	return wait.kind != GD__OBJ_NONE; /* zeros: a core without the waiter's stack */
}

bool gd__inspect_thread(const struct gd__runtime *rt, uint64_t i, struct gd__tinfo *t)
{
	const struct gd__mem *mem = rt->mem;
	uint64_t at = 0;
	struct gd__m m;
	struct gd__g g;

	memset(t, 0, sizeof(*t));
	if (i > MAX_MS || !mem->read(mem, rt->allm, &at, sizeof(at)))
		return false;
	for (; at; at = (uintptr_t)gd__load_relaxed(&m.all)) { /* of a private copy */
		if (!mem->read(mem, at, &m, sizeof(m)))
			return false;
		if (i-- == 0)
			break;
	}
	if (!at)
		return false;
	t->tid = m.tid;
	t->stack_lo = m.stack_lo;
	t->stack_hi = m.stack_hi;
	if (m.cur && mem->read(mem, (uintptr_t)m.cur, &g, sizeof(g)))
		t->goid = g.id;
	/* of a private copy; regs were written before the state */
	if (gd__load_relaxed(&m.stop) == GD__M_STOPPED || m.regs_own) {
		memcpy(t->regs, m.regs, sizeof(t->regs));
		t->sp = m.regs[GD__DWARF_SP];
		t->pc = m.regs[GD__DWARF_PC];
	}
	if (gd__load_relaxed(&m.stop) == GD__M_STOPPED) { /* as above */
		t->vec_lo = m.vec_lo;
		t->vec_hi = m.vec_hi;
	}
	return true;
}

bool gd__inspect_timer(const struct gd__runtime *rt, uint64_t i, uint64_t root[2])
{
	const struct gd__mem *mem = rt->mem;
	struct gd__timers h;
	struct gd__timer t;
	uint64_t at = 0;

	for (uint64_t p = 0; p < GD__P_MAX; p++) {
		if (!mem->read(mem, rt->timers + p * sizeof(h), &h, sizeof(h)))
			return false;
		if (i >= h.n) {
			i -= h.n;
			continue;
		}
		if (!mem->read(mem, (uintptr_t)h.at + i * sizeof(at), &at, sizeof(at)) ||
		    !mem->read(mem, at, &t, sizeof(t)))
			return false;
		root[0] = (uintptr_t)t.arg;
		root[1] = (uintptr_t)t.root;
		return true;
	}
	return false;
}

const char *gd__obj_text(uint16_t kind)
{
	static const char *const texts[] = { "nothing", "chan",      "mutex",
					     "rwmutex", "waitgroup", "cond" };

	return kind < sizeof(texts) / sizeof(texts[0]) ? texts[kind] : "unknown object";
}

bool gd__inspect_unmoved(const struct gd__ginfo *old)
{
	const struct gd__g *g = (const struct gd__g *)(uintptr_t)old->record; /* never unmapped */

	/* relaxed: whoever wakes it changes this first, and it was true in the stopped world */
	return old->state == GD__GI_WAITING && gd__load_relaxed(&g->status) == GD__G_WAITING &&
	       g->wake_waiter == NULL && g->id == old->id && g->parks == old->parks &&
	       g->ctx.sp == old->sp;
}

/* A look without stopping anything: statuses are single words that may be old at once. */
static bool others_can_run(const struct gd__g *self)
{
	uint32_t n = gd__load_acquire(&gd__gtab.head.n); /* pairs with grow in g.c: the arenas */

	for (uint32_t i = 0; i < n; i++) {
		const struct gd__arena *a = &gd__gtab.arena[i];
		/* pairs with take_fresh in g.c: the records */
		uint32_t used = gd__load_acquire(&a->used);

		for (uint32_t k = 0; k < used; k++) {
			const struct gd__g *g = (const struct gd__g *)gd__g_address(
				(uintptr_t)a->base, gd__gtab.head.slot_size, k);
			uint32_t status = gd__load_relaxed(&g->status); /* see above */

			if (g != self && !gd__fork_is_gone(g->id) &&
			    (status == GD__G_RUNNABLE || status == GD__G_RUNNING))
				return true;
		}
	}
	return false;
}

void gd__inspect_settle(int64_t limit_ns)
{
	const struct gd__g *self = gd__self();
	int64_t start = gd__os_now();

	while (self && others_can_run(self) && gd__os_now() - start < limit_ns)
		gd_sleep(SETTLE_STEP_NS);
}

bool gd__inspect_stop(void)
{
	bool whole = gd__stw_stop(true, GD__STW_LIMIT_NS);

	gd__store_relaxed(&gd__sched.clock, gd__os_now());
	return whole;
}

void gd__inspect_start(void)
{
	gd__stw_start();
}

uint64_t gd__inspect_self(void)
{
	struct gd__m *m = gd__m_self();

	return m && m->cur ? m->cur->id : 0;
}

static void (*helper)(void); /* written before its thread starts */

static void run_helper(void)
{
	gd__sysmon_count_helper(1);
	helper();
	gd__sysmon_count_helper(-1);
}

bool gd__inspect_helper(void (*fn)(void))
{
	helper = fn;
	return gd__m_try_helper(run_helper);
}

bool gd__thread_is_runtime(void)
{
	return gd__m_self() != NULL;
}

/* The registers are those of this function, which its caller's frames follow. */
GD__NOINLINE void gd__inspect_on_system_stack(void (*fn)(void *), void *arg)
{
	struct gd__m *m = gd__m_self();

	if (!m || !m->cur || m->system_depth > 0) {
		fn(arg);
		return;
	}
	memset(m->regs, 0, sizeof(m->regs));
	gd__regs_capture(m->regs);
	m->regs_own = true;
	gd__on_system_stack(fn, arg);
	m->regs_own = false;
}
