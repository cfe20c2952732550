/*
 * m.c - OS threads: how they are made, sleep, and are woken.
 */
#include "runtime/sched/m.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/cxx.h"
#include "runtime/sched/state.h"

_Static_assert(offsetof(struct gd__m, back) == 40, "ctx_x86_64.S knows it");

GD__TLS struct gd__m *gd__m_tls;

struct gd__m *gd__m_busy_begin(void)
{
	struct gd__m *m = gd__m_self();

	if (m)
		gd__count_signal(&m->busy, 1); /* read by this thread's signal handler */
	return m;
}

void gd__m_busy_end(struct gd__m *m)
{
	if (m)
		gd__count_signal(&m->busy, -1u); /* read by this thread's signal handler */
}

bool gd__m_sleep(struct gd__m *m, int64_t deadline)
{
	/* pairs with the store in gd__m_wake: next_p and spinning */
	while (gd__load_acquire(&m->note) == 0) {
		int64_t left = gd__clock_left(deadline);

		if (left == 0)
			return false;
		gd__os_futex_wait(&m->note, 0, left);
	}
	gd__store_relaxed(&m->note, 0); /* nobody wakes it again before it is idle again */
	gd__store_relaxed(&gd__sched.clock, gd__os_now()); /* sysmon may have slept, too */
	return true;
}

void gd__m_wake(struct gd__m *m)
{
	gd__store_release(&m->note, 1); /* pairs with the load in gd__m_sleep */
	gd__os_futex_wake(&m->note, 1);
}

static const struct gd__ctx *begin_schedule(struct gd__g *g)
{
	struct gd__m *m = gd__m_self();

	(void)g;
	gd__p_acquire(m, m->next_p);
	m->next_p = NULL;
	return gd__schedule();
}

static pthread_key_t end_key;

/*
 * A thread that runs goroutines never ends, but by pthread_exit or pthread_cancel in a goroutine.
 * This is its own stack, perhaps just where the scheduler's frames would begin.
 */
static void on_thread_end(void *arg)
{
	struct gd__m *m = arg;
	const struct gd__g *g = m->cur;

	if (!gd__m_self()) /* it has left the scheduler, in the child of a fork */
		return;
	m->system_depth = 1;
	gd__fatal("goroutine %lu (%s) has ended its thread: pthread_exit and pthread_cancel are "
		  "not for goroutines; gd_go_exit is",
		  g ? g->id : 0ul, g && g->name ? g->name : "?");
}

void gd__m_init(void)
{
	static bool done;

	if (!done && pthread_key_create(&end_key, on_thread_end) != 0)
		gd__fatal("no thread-specific key is left for the runtime");
	done = true;
}

static void *thread_main(void *arg)
{
	struct gd__m *m = arg;

	gd__m_tls = m;
	m->errno_at = &errno;
	m->eh = gd__cxx_thread_init();
	m->tid = gd__os_tid();
	/* Odd: xorshift never leaves 0. */
	m->random = ((uint32_t)gd__sched.seed * 0x9e3779b9u ^ (uint32_t)m->id * 2654435761u) | 1u;
	m->signal_mask = gd__os_signal_mask();
	gd__store_relaxed(&m->preempt_at, &gd__preempt_wanted); /* sysmon may see it late */
	gd__trap_thread_init(m);
	if (m->helper) {
		m->helper();
		gd__m_end(m);
		return NULL;
	}
	pthread_setspecific(end_key, m); /* without it pthread_exit ends in silence */
	/* Below all of this frame: a thread that ends comes back to it. */
	m->system_sp = ((uintptr_t)__builtin_frame_address(0) - 512) & ~(uintptr_t)15;
	gd__mcall(&m->home, m->system_sp, begin_schedule, NULL);
	pthread_setspecific(end_key, NULL);
	return NULL;
}

static void publish(struct gd__m *m)
{
	struct gd__m *head = gd__load_relaxed(&gd__sched.allm);

	do
		gd__store_relaxed(&m->all, head); /* published by the cas */
	while (!gd__cas_release(&gd__sched.allm, &head,
				m)); /* pairs with loads of allm: m's fields */
}

/*
 * The signals that a new thread starts with blocked. Sysmon: all but those of faults, so that the
 * program's handlers run on the program's threads. An M: as the program has it, but the stop of
 * the world and faults get through even where all is blocked, to leave signals to a sigwait.
 */
static void mask_for(const struct gd__m *m, sigset_t *mask)
{
	static const int needed[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGURG };

	sigfillset(mask);
	if (!m->helper)
		pthread_sigmask(SIG_SETMASK, NULL, mask);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		sigdelset(mask, needed[i]);
}

/*
 * A stack of our own: as large as the system would give, but never as small as a low
 * RLIMIT_STACK would make it (libdw runs on it). And its bounds are known without
 * pthread_getattr_np, which calls malloc: a thread that starts while the world is stopped must
 * not wait for a lock of a stopped one.
 */
#define STACK_LEAST ((size_t)1 << 20)

static bool make_stack(struct gd__m *m, const pthread_attr_t *attr)
{
	size_t size = 0;
	char *stack;

	if (m->stack_lo)
		return true;
	if (pthread_attr_getstacksize(attr, &size) != 0 || size < STACK_LEAST)
		size = STACK_LEAST;
	size = (size + GD__PAGE - 1) & ~(GD__PAGE - 1);
	stack = gd__os_reserve(size + GD__PAGE);
	if (!stack)
		return false;
	gd__os_nohuge(stack, size + GD__PAGE);
	/* Without the guard it still works: an overflow of it would be a bug of ours. */
	if (gd__os_protect_none(stack, GD__PAGE) != 0)
		gd__warn("no guard for the stack of a thread");
	m->stack_lo = (uintptr_t)stack + GD__PAGE;
	m->stack_hi = m->stack_lo + size;
	return true;
}

/* 0, EAGAIN (limit of threads) or ENOMEM. */
static int create(struct gd__m *m)
{
	pthread_attr_t attr;
	sigset_t mask, old;
	pthread_t thread;
	int r = pthread_attr_init(&attr);

	if (r != 0)
		return r;
	if (make_stack(m, &attr))
		r = pthread_attr_setstack(&attr, (void *)m->stack_lo, m->stack_hi - m->stack_lo);
	else
		r = ENOMEM;
	/* Not later by pthread_detach: it may have ended by then, and another have its stack. */
	if (r == 0)
		r = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (r == 0) {
		mask_for(m, &mask);
		pthread_sigmask(SIG_SETMASK, &mask, &old);
		gd__thread_internal = 1;
		r = pthread_create(&thread, &attr, thread_main, m);
		gd__thread_internal = 0;
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	pthread_attr_destroy(&attr);
	return r;
}

/*
 * Records without a thread, for the next one; linked through link. sched.lock. Of some the thread
 * never came; of others it ends, and until it is gone its stack is in use.
 */
static struct gd__m *spare;

static struct gd__m *take_spare(void) GD_REQUIRES(gd__sched.lock)
{
	for (struct gd__m **at = &spare; *at; at = &(*at)->link) {
		struct gd__m *m = *at;

		if (m->ended_tid != 0 && gd__os_tgkill(m->ended_tid, 0) == 0)
			continue;
		*at = m->link;
		m->ended_tid = 0;
		return m;
	}
	return NULL;
}

/* A record, already on the list of all Ms: one whose thread never came has tid 0. */
static struct gd__m *get_record(void)
{
	static _Atomic int32_t ids;
	struct gd__m *m;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	m = take_spare();
	gd__unlock(&gd__sched.lock);
	if (m)
		return m;
	m = gd__os_map(sizeof(*m));
	if (!m)
		return NULL;
	m->id = gd__add_relaxed(&ids, 1); /* a number */
	m->deadline = INT64_MAX;
	publish(m);
	return m;
}

static void put_back(struct gd__m *m)
{
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	m->link = spare;
	spare = m;
	gd__unlock(&gd__sched.lock);
}

void gd__m_leave(void)
{
	gd__m_tls = NULL;
}

/* Their stacks are used again; nothing of the user's is on them. There is one thread: no order. */
void gd__m_forget_others(struct gd__m *keep)
{
	spare = NULL;
	for (struct gd__m *m = gd__load_relaxed(&gd__sched.allm); m;
	     m = gd__load_relaxed(&m->all)) {
		if (m == keep) {
			m->tid = gd__os_tid(); /* that of the process now */
			m->link = NULL;
			continue;
		}
		m->cur = m->locked_g = NULL;
		m->ended_tid = 0;
		m->p = m->next_p = m->syscall_p = NULL;
		m->system_depth = 0;
		m->tid = 0;
		m->deadline = INT64_MAX;
		m->faulted = m->regs_own = false;
		gd__store_relaxed(&m->unlocking, NULL);
		gd__store_relaxed(&m->note, 0);
		gd__store_relaxed(&m->busy, 0);
		gd__store_relaxed(&m->stop, GD__M_GOING);
		m->link = spare;
		spare = m;
	}
	if (keep)
		gd__store_relaxed(&keep->stop, GD__M_GOING);
}

const struct gd__ctx *gd__m_end(struct gd__m *m)
{
	gd__trap_thread_end(m);
	m->ended_tid = m->tid;
	m->tid = 0;
	m->system_sp = 0;
	gd__store_relaxed(&m->preempt_at,
			  NULL); /* the stack stays mapped: a late store is harmless */
	gd__m_tls = NULL;
	put_back(m);
	return &m->home;
}

/* 0, EAGAIN (limit of threads) or ENOMEM. */
static int make(struct gd__p *p, bool spinning, void (*helper)(void))
{
	struct gd__m *m = get_record();
	int r;

	if (!m)
		return ENOMEM;
	m->next_p = p;
	m->spinning = spinning;
	m->helper = helper;
	r = create(m);
	if (r != 0)
		put_back(m);
	return r;
}

int gd__m_start(struct gd__p *p, bool spinning)
{
	return make(p, spinning, NULL);
}

void gd__m_start_helper(void (*fn)(void))
{
	if (make(NULL, false, fn) != 0)
		gd__fatal("cannot start the monitor thread");
}

bool gd__m_try_helper(void (*fn)(void))
{
	return make(NULL, false, fn) == 0;
}
