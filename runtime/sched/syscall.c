/*
 * syscall.c - system calls that may block, and the hand-over of their P.
 *
 * Entering only marks the P. Sysmon takes a P that stays marked (retake);
 * coming back, the goroutine first tries its old P, then an idle one, and
 * else goes to the global queue while its M sleeps.
 */
#include <gdetect/go.h>

#include "runtime/arch/ctx.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/cxx.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/state.h"
#include "runtime/sched/switch.h"

/* A P in a system call is retaken after this much if there is work, ... */
#define RETAKE_BUSY_NS 20000
/* ... and after this much in any case, so that timers and the poller are served. */
#define RETAKE_IDLE_NS 10000000

/* The caller's frames for tracebacks and stack scans while the thread is in the kernel. */
static void save_frames(struct gd__g *g, const uintptr_t *frame)
{
	for (int i = 0; i < GD__CALL_REGS; i++)
		g->call_regs[i] = frame[i];
	g->call_bp = frame[GD__CALL_REGS - 1];
	g->call_pc = gd__code_address(frame[GD__CALL_REGS]);
	g->call_sp = (uintptr_t)(frame + GD__CALL_REGS + 1);
}

void gd__syscall_enter(const uintptr_t *frame)
{
	struct gd__g *g = gd__self_or_die("gd_syscall");
	struct gd__m *m = g->m;
	struct gd__p *p = m->p;

	save_frames(g, frame);
	gd__g_set_status(g, GD__G_RUNNING, GD__G_SYSCALL);
	m->syscall_p = p;
	m->p = NULL;
	gd__add_relaxed(&p->syscalltick, 1);          /* sysmon compares it */
	gd__store_seq_cst(&p->status, GD__P_SYSCALL); /* pairs with the cas of retake and stw */
	if (gd__load_seq_cst(&gd__sched.stopping))    /* pairs with the store in gd__stw_stop */
		gd__stw_offer(p);
}

static bool take_old_p(struct gd__m *m)
{
	struct gd__p *p = m->syscall_p;
	uint32_t status = GD__P_SYSCALL;

	/* pairs with the cas of retake: the loser keeps off the P */
	if (!gd__cas_acq_rel(&p->status, &status, GD__P_RUNNING))
		return false;
	m->p = p;
	p->m = m; /* meanwhile another M may have had it, and left it in a system call of its own */
	return true;
}

static bool take_idle_p(struct gd__m *m)
{
	struct gd__p *p = NULL;

	if (gd__load_relaxed(&gd__sched.npidle) == 0) /* a hint */
		return false;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if (!gd__load_relaxed(&gd__sched.stopping)) /* stored under the lock */
		p = gd__p_idle_get();
	gd__unlock(&gd__sched.lock);
	if (!p)
		return false;
	gd__p_acquire(m, p);
	return true;
}

/* No P is free: the goroutine waits on the global queue, the thread among the idle ones. */
static const struct gd__ctx *wait_for_p(struct gd__g *g)
{
	gd__arrived();
	struct gd__m *m = gd__m_self();
	struct gd__p *p = NULL;

	gd__cxx_save(m, g);
	m->cur = NULL;
	g->m = NULL;
	gd__hook(go_switch, NULL);
	gd__g_set_status(g, GD__G_SYSCALL, GD__G_RUNNABLE);
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if (!gd__load_relaxed(&gd__sched.stopping)) /* stored under the lock */
		p = gd__p_idle_get();
	if (!p)
		gd__sched_global_put(g);
	gd__unlock(&gd__sched.lock);
	if (p) {
		gd__p_acquire(m, p);
		return gd__execute(m, g, false);
	}
	if (!m->locked_g)
		gd__stop_m(m);
	return gd__schedule();
}

static void leave(struct gd__m *m, struct gd__g *g)
{
	gd__leave_for_system(m);
	gd__mcall(&g->ctx, m->system_sp, wait_for_p, g);
	gd__arrived();
}

GD__NOINLINE void gd_syscall_exit(void)
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g = m ? m->cur : NULL;
	int saved_errno;
	bool got;

	/* relaxed: written by this thread in gd_syscall_enter */
	if (!g || gd__load_relaxed(&g->status) != GD__G_SYSCALL)
		gd__fatal("gd_syscall_exit without gd_syscall_enter");
	saved_errno = gd__errno_get();
	gd__count_signal(&m->busy, 1); /* as gd__m_busy_begin: P and M must agree */
	got = take_old_p(m) || take_idle_p(m);
	gd__count_signal(&m->busy, -1u);
	if (got)
		gd__g_set_status(g, GD__G_SYSCALL, GD__G_RUNNING);
	else
		leave(m, g);
	g->call_sp = 0;
	gd__safe_point(g);
	gd__errno_set(saved_errno);
}

void gd__hand_off(struct gd__p *p)
{
	bool work;
	int32_t zero = 0;

	gd__fork_wake();
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if (gd__load_relaxed(&gd__sched.stopping)) { /* stored under the lock */
		gd__stw_count_stopped(p);
		gd__unlock(&gd__sched.lock);
		return;
	}
	work = !gd__p_empty(p) || gd__sched.global.n > 0;
	/* Nobody looks for work and no P is idle: somebody should. */
	if (!work && (gd__load_relaxed(&gd__sched.npidle) > 0 || /* stored under the lock */
		      !gd__cas_seq_cst(&gd__sched.nmspinning, &zero, 1))) { /* pairs with go_idle */
		gd__p_idle_put(p);
		gd__unlock(&gd__sched.lock);
		gd__source_changed(gd__sources_deadline());
		return;
	}
	gd__unlock(&gd__sched.lock);
	gd__start_m(p, !work);
}

bool gd__retake_syscalls(int64_t now)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */
	bool retaken = false;

	for (uint32_t i = 0; i < n; i++) {
		struct gd__p *p = &gd__allp[i];
		uint32_t status = gd__load_acquire(&p->status); /* pairs with gd_syscall_enter */
		uint32_t tick =
			gd__load_relaxed(&p->syscalltick); /* a change of it is all we want */
		int64_t limit;

		if (status != GD__P_SYSCALL || tick != p->seen_syscall) {
			p->seen_syscall = tick;
			p->seen_syscall_at = now;
			continue;
		}
		/* relaxed: hints */
		limit = gd__p_empty(p) && gd__load_relaxed(&gd__sched.npidle) +
							  gd__load_relaxed(&gd__sched.nmspinning) >
						  0
				? RETAKE_IDLE_NS
				: RETAKE_BUSY_NS;
		if (now - p->seen_syscall_at < limit)
			continue;
		/* pairs with take_old_p: the loser keeps off the P */
		if (!gd__cas_acq_rel(&p->status, &status, GD__P_IDLE))
			continue;
		p->m = NULL;
		gd__add_relaxed(&p->syscalltick, 1);      /* sysmon compares it */
		gd__count_relaxed(&gd__sched.retakes, 1); /* only sysmon writes it */
		gd__hand_off(p);
		retaken = true;
	}
	return retaken;
}
