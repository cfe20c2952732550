/*
 * m.c - OS threads. The one place that knows which M a thread is.
 *
 * The thread-local is read by a function that is never inlined: compilers
 * keep the address of a thread-local across a context switch, and the
 * goroutine may go on elsewhere.
 */
#include "runtime/sched/m.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/state.h"

static GD__TLS struct gd__m *self;

GD__NOINLINE struct gd__m *gd__m_self(void)
{
	struct gd__m *m = self;

	__asm__ volatile("" : "+r"(m)); /* not a pure function: call it again */
	return m;
}

/* Reads the thread-local itself: one call in the path of every operation. */
GD__NOINLINE struct gd__g *gd__self(void)
{
	struct gd__m *m = self;

	__asm__ volatile("" : "+r"(m)); /* as above */
	return m && m->system_depth == 0 ? m->cur : NULL;
}

GD__NOINLINE int gd__errno_get(void)
{
	__asm__ volatile("");
	return errno;
}

GD__NOINLINE void gd__errno_set(int value)
{
	__asm__ volatile("");
	errno = value;
}

bool gd__m_sleep(struct gd__m *m, int64_t deadline)
{
	/* pairs with the store in gd__m_wake: next_p and spinning */
	while (gd__load_acquire(&m->note) == 0) {
		int64_t left = deadline == INT64_MAX ? -1 : deadline - gd__os_now();

		if (deadline != INT64_MAX && left <= 0)
			return false;
		gd__os_futex_wait(&m->note, 0, left);
	}
	gd__store_relaxed(&m->note, 0); /* nobody wakes it again before it is idle again */
	return true;
}

void gd__m_wake(struct gd__m *m)
{
	gd__store_release(&m->note, 1); /* pairs with the load in gd__m_sleep */
	gd__os_futex_wake(&m->note, 1);
}

static void find_stack(struct gd__m *m)
{
	pthread_attr_t attr;
	void *lo = NULL;
	size_t n = 0;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	pthread_attr_getstack(&attr, &lo, &n);
	pthread_attr_destroy(&attr);
	m->stack_lo = (uintptr_t)lo;
	m->stack_hi = (uintptr_t)lo + n;
}

static void begin_schedule(struct gd__g *g)
{
	struct gd__m *m = gd__m_self();

	(void)g;
	gd__p_acquire(m, m->next_p);
	m->next_p = NULL;
	gd__schedule();
}

/* What a new thread is to do; on the heap of the starter until the thread has taken it. */
struct start {
	struct gd__m *m;
	void (*helper)(void);
};

static void *thread_main(void *arg)
{
	struct gd__m *m = ((struct start *)arg)->m;
	void (*helper)(void) = ((struct start *)arg)->helper;
	struct gd__ctx never;

	gd__os_unmap(arg, GD__PAGE);
	self = m;
	m->tid = gd__os_tid();
	find_stack(m);
	m->random = (uint32_t)(gd__sched.seed * 0x9e3779b9u) ^ (uint32_t)(m->id * 2654435761u) ^ 1u;
	gd__trap_thread_init();
	if (helper) {
		helper();
		return NULL;
	}
	m->system_sp = ((uintptr_t)__builtin_frame_address(0) - 512) & ~(uintptr_t)15;
	gd__mcall(&never, m->system_sp, begin_schedule, NULL);
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

/* New threads start with all signals blocked but those of faults and our own. */
static int create(struct start *s)
{
	sigset_t all, old;
	pthread_t thread;
	int r;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGURG);
	sigdelset(&all, SIGPROF);
	if (!s->helper)
		pthread_sigmask(SIG_SETMASK, NULL, &all); /* Ms: as the program has it */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	gd__thread_internal = 1;
	r = pthread_create(&thread, NULL, thread_main, s);
	gd__thread_internal = 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_detach(thread);
	return r;
}

/* 0, EAGAIN (limit of threads) or ENOMEM. */
static int make(struct gd__p *p, bool spinning, void (*helper)(void))
{
	static _Atomic int32_t ids;
	struct gd__m *m = gd__os_map(sizeof(*m));
	struct start *s = gd__os_map(GD__PAGE);

	if (!m || !s)
		return ENOMEM;
	*s = (struct start){ m, helper };
	m->id = gd__add_relaxed(&ids, 1);
	m->next_p = p;
	m->spinning = spinning;
	m->deadline = INT64_MAX;
	publish(m); /* a record whose thread never came has tid 0 */
	return create(s);
}

bool gd__m_start(struct gd__p *p, bool spinning)
{
	int r = make(p, spinning, NULL);

	if (r == 0)
		return true;
	/* With another M alive the program goes on, with less of it at the same time. */
	if (gd__sched.nm <= 1)
		gd__fatal("cannot start a thread: %s",
			  r == EAGAIN ? "the limit of threads is reached" : "out of memory");
	return false;
}

void gd__m_start_helper(void (*fn)(void))
{
	if (make(NULL, false, fn) != 0)
		gd__fatal("cannot start the monitor thread");
}
