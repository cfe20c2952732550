/*
 * stw.c - stop the world.
 *
 * First by asking: every P stops at its next scheduling step; idle Ps and
 * those in system calls are taken. A thread that stays in user code is
 * stopped where it is, by a signal whose handler saves the registers and
 * waits. The stopper may then read every goroutine's stack, but must not
 * take a lock that a stopped thread could hold (malloc, libc, channels).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "runtime/arch/signal.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/state.h"

#define STOP_SIGNAL SIGURG
/* A stop by asking alone is usually done in some 10 us; then signals help. */
#define ASK_NS    2000000
#define SIGNAL_NS 1000000
/*
 * A stopped thread may hold a lock (malloc's) that one needs who has yet to stop: a thread that is
 * being made, a goroutine that makes one. So now and then all are let go for a moment.
 */
#define LET_GO_NS 50000000

static struct gd__lock lock; /* rank STW: one stop at a time */
static struct sigaction old_action;

void gd__stw_count_stopped(struct gd__p *p)
{
	gd__store_relaxed(&p->status, GD__P_STOPPED); /* published by the lock */
	if (--gd__sched.stop_wait == 0) {
		gd__add_seq_cst(&gd__sched.stop_note, 1); /* pairs with the wait in wait_stopped */
		gd__os_futex_wake(&gd__sched.stop_note, 1);
	}
}

void gd__stw_offer(struct gd__p *p)
{
	struct gd__m *m;
	uint32_t status = GD__P_SYSCALL;

	if (gd__fork_wake())
		return;
	m = gd__m_busy_begin();

	/* pairs with take_old_p in syscall.c: the loser keeps off the P */
	if (gd__cas_acq_rel(&p->status, &status, GD__P_IDLE)) {
		p->m = NULL;
		gd__hand_off(p); /* the world may go on by now: it has goroutines in its queue */
	}
	gd__m_busy_end(m);
}

void gd__stw_wait(struct gd__m *m)
{
	struct gd__p *p;

	if (gd__fork_wake())
		return;
	if (m->spinning) {
		m->spinning = false;
		gd__add_seq_cst(&gd__sched.nmspinning, -1); /* pairs with the cas in gd__wake_p */
	}
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	if (!gd__load_relaxed(&gd__sched.stopping)) { /* stored under the lock */
		gd__unlock(&gd__sched.lock);
		return;
	}
	p = gd__p_release(m);
	gd__stw_count_stopped(p);
	gd__unlock(&gd__sched.lock);
	gd__stop_m(m);
}

/* Takes what nobody runs. sched.lock held. */
static void take_resting_ps(const struct gd__p *own)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */
	struct gd__p *p;

	while ((p = gd__p_idle_get()) != NULL)
		gd__stw_count_stopped(p);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t status = GD__P_SYSCALL;

		/* pairs with take_old_p in syscall.c: the loser keeps off the P */
		if (&gd__allp[i] != own &&
		    gd__cas_acq_rel(&gd__allp[i].status, &status, GD__P_IDLE)) {
			gd__allp[i].m = NULL;
			gd__stw_count_stopped(&gd__allp[i]);
		}
	}
}

static void save_registers(struct gd__m *m, const ucontext_t *uc)
{
	for (unsigned i = 0; i < GD__REGS; i++)
		m->regs[i] = gd__signal_reg(uc, i);
	m->vec_lo = gd__signal_vectors(uc, &m->vec_hi);
}

/*
 * Whether the thread of m, which runs uc, may be stopped right here. In the scheduler it stops by
 * itself, and when it is busy it must come out first. The stack pointer has the last word: m->cur
 * is set some instructions before the switch to its stack and cleared some after the switch away,
 * and registers saved in between would say nothing of the goroutine's stack. Nor would those of a
 * signal handler of the program on another stack. A faulted goroutine has left its own record.
 */
static bool may_stop(const struct gd__m *m, const ucontext_t *uc)
{
	uintptr_t sp = gd__signal_reg(uc, GD__DWARF_SP);
	const struct gd__g *g = m->cur;

	if (!g || m->system_depth > 0 || gd__load_relaxed(&m->busy) > 0) /* own thread */
		return false;
	return m->faulted || (sp >= g->stack_lo && sp < g->stack_hi);
}

static void on_stop_signal(int sig, siginfo_t *info, void *context)
{
	struct gd__m *m = gd__m_self();
	uint32_t asked = GD__M_ASKED;

	if (!m || gd__load_acquire(&m->stop) != GD__M_ASKED) { /* pairs with ask_by_signal */
		if (old_action.sa_flags & SA_SIGINFO)
			old_action.sa_sigaction(sig, info, context);
		else if (old_action.sa_handler != SIG_IGN && old_action.sa_handler != SIG_DFL)
			old_action.sa_handler(sig);
		return;
	}
	if (!may_stop(m, context))
		return;
	save_registers(m, context);
	if (!gd__cas_acq_rel(&m->stop, &asked, GD__M_STOPPED)) /* pairs with wait_stopped: regs */
		return;
	gd__add_seq_cst(&gd__sched.stop_note, 1); /* pairs with the wait in wait_stopped */
	gd__os_futex_wake(&gd__sched.stop_note, 1);
	while (gd__load_acquire(&m->stop) == GD__M_STOPPED) /* pairs with gd__stw_release_threads */
		gd__os_futex_wait(&m->stop, GD__M_STOPPED, -1);
}

/* Ps that neither stopped nor have their thread stopped by a signal. sched.lock held. */
static int still_going(const struct gd__p *own, bool ask)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */
	int going = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct gd__p *p = &gd__allp[i];
		struct gd__m *m = p->m;

		if (p == own ||
		    gd__load_acquire(&p->status) == GD__P_STOPPED) /* pairs with count_stopped */
			continue;
		if (m && gd__load_acquire(&m->stop) == GD__M_STOPPED) /* pairs with the handler */
			continue;
		going++;
		if (ask && m && m->tid) {
			gd__store_release(&m->stop, GD__M_ASKED); /* pairs with the handler */
			gd__os_tgkill(m->tid, STOP_SIGNAL);
		}
	}
	return going;
}

void gd__stw_release_threads(void)
{
	/* pairs with publish in m.c: the list */
	for (struct gd__m *m = gd__load_acquire(&gd__sched.allm); m;
	     m = gd__load_relaxed(&m->all)) { /* set before publication */
		/* pairs with the handler */
		if (gd__swap_acq_rel(&m->stop, GD__M_GOING) == GD__M_STOPPED)
			gd__os_futex_wake(&m->stop, 1);
	}
}

static bool wait_stopped(const struct gd__p *own, bool by_signal, int64_t limit_ns)
{
	int64_t start = gd__os_now(), signalled = start + ASK_NS - SIGNAL_NS, let_go = start;

	for (;;) {
		uint32_t note =
			gd__load_seq_cst(&gd__sched.stop_note); /* pairs with count_stopped */
		int64_t now = gd__os_now();
		bool ask = by_signal && now - signalled >= SIGNAL_NS;
		int going;

		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		take_resting_ps(own);
		going = still_going(own, ask);
		gd__unlock(&gd__sched.lock);
		if (going == 0)
			return true;
		if (now - start > limit_ns)
			return false;
		if (ask)
			signalled = now;
		if (by_signal && now - let_go > LET_GO_NS && now - start < limit_ns / 2) {
			gd__stw_release_threads();
			let_go = now;
		}
		gd__preempt_all();
		gd__os_futex_wait(&gd__sched.stop_note, note, SIGNAL_NS / 10);
	}
}

/* The caller holds lock. */
static bool stop_locked(bool by_signal, int64_t limit_ns) GD_UNCHECKED
{
	struct gd__m *m = gd__m_self();
	struct gd__p *own = m ? m->p : NULL;

	gd__m_busy_begin(); /* no signal handler may fork here: see prepare_world in fork.c */
	gd__fork_wake();
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__store_seq_cst(&gd__sched.stopping, 1); /* pairs with gd_syscall_enter, find_runnable */
	gd__sched.stop_from = gd__os_now();
	gd__sched.stop_wait = (int32_t)gd__load_relaxed(&gd__sched.procs) - (own != NULL);
	take_resting_ps(own);
	gd__unlock(&gd__sched.lock);
	return wait_stopped(own, by_signal, limit_ns);
}

bool gd__stw_stop(bool by_signal, int64_t limit_ns) GD_UNCHECKED
{
	while (!gd__lock_try(&lock, GD__RANK_STW)) {
		struct gd__m *m = gd__m_self();

		if (m && m->p)
			gd__yield(); /* the one that stops the world waits for this P */
		else
			gd__os_nanosleep(100000);
	}
	return stop_locked(by_signal, limit_ns);
}

bool gd__stw_try_stop(bool by_signal, int64_t limit_ns) GD_UNCHECKED
{
	if (!gd__lock_try(&lock, GD__RANK_STW))
		return false;
	stop_locked(by_signal, limit_ns);
	return true;
}

/* What both ways out of a stopped world do last. */
static void let_others_stop(void) GD_UNCHECKED
{
	gd__unlock(&lock);
	gd__m_busy_end(gd__m_self());
}

bool gd__stw_stop_m(struct gd__m *m, int64_t limit_ns) GD_UNCHECKED
{
	int64_t end = gd__os_now() + limit_ns;
	uint32_t asked = GD__M_ASKED;

	if (!gd__lock_try(&lock, GD__RANK_STW))
		return false;
	gd__m_busy_begin();                       /* as in stop_locked */
	gd__store_release(&m->stop, GD__M_ASKED); /* pairs with the handler */
	gd__os_tgkill(m->tid, STOP_SIGNAL);
	while (gd__load_acquire(&m->stop) == GD__M_ASKED && /* pairs with the handler: regs */
	       gd__os_now() < end)
		gd__os_nanosleep(SIGNAL_NS / 10);
	if (!gd__cas_acq_rel(&m->stop, &asked, GD__M_GOING)) /* pairs with the handler */
		return true;
	gd__unlock(&lock);
	gd__m_busy_end(gd__m_self());
	return false;
}

void gd__stw_start_m(struct gd__m *m)
{
	gd__store_release(&m->stop, GD__M_GOING); /* pairs with the handler */
	gd__os_futex_wake(&m->stop, 1);
	let_others_stop();
}

void gd__stw_abandon(void)
{
	let_others_stop();
}

/* sched.lock held. */
static void count_stop(void)
{
	int64_t ns = gd__os_now() - gd__sched.stop_from;

	gd__sched.stops++;
	gd__sched.stop_last_ns = ns;
	if (ns > gd__sched.stop_max_ns)
		gd__sched.stop_max_ns = ns;
}

void gd__stw_start(void) GD_UNCHECKED
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */
	struct gd__p *busy = NULL;

	/* When main has returned the world stays as it is; the process ends soon. */
	if (gd__load_acquire(&gd__sched.ended)) { /* pairs with end_main */
		gd__stw_release_threads();
		let_others_stop();
		return;
	}
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__store_seq_cst(&gd__sched.stopping, 0); /* pairs with gd_syscall_enter */
	count_stop();
	for (uint32_t i = 0; i < n; i++) {
		struct gd__p *p = &gd__allp[i];

		if (gd__load_relaxed(&p->status) != GD__P_STOPPED) /* stored under the lock */
			continue;
		if (gd__p_empty(p)) {
			gd__p_idle_put(p);
			continue;
		}
		/* On its way to an M: for the next stop it is going until that M has stopped. */
		gd__store_relaxed(&p->status, GD__P_IDLE); /* lock held */
		p->link = busy;
		busy = p;
	}
	gd__unlock(&gd__sched.lock);
	gd__stw_release_threads();
	while (busy) {
		struct gd__p *p = busy;

		busy = p->link;
		gd__start_m(p, false);
	}
	/* Not before all are handed on: the next to stop might stop this thread halfway. */
	let_others_stop();
	gd__wake_p(); /* for the global queue and the timers */
}

void gd__stw_init(void)
{
	static bool done;
	struct sigaction action;

	if (done)
		return;
	done = true;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_stop_signal;
	action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
	sigfillset(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGSEGV);
	if (sigaction(STOP_SIGNAL, &action, &old_action) != 0)
		gd__warn("cannot install the handler of SIGURG: %d", errno);
}
