/*
 * interpose_sync.c - conditions, barriers, semaphores and once, of pthreads and C11.
 */
#include "detector/race/interpose.h"

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <time.h>

#include "detector/race/locks.h"
#include "runtime/hook/hook.h"

/* pthread_cond_t changed in this version; a plain look-up may find the older functions. */
#define COND_VERSION "GLIBC_2.3.2"

/*
 * A wait gives the mutex up and takes it again, also when the thread is
 * cancelled in it: then the user's clean-up handlers run with the mutex held.
 */
struct waiting {
	void *mutex;
	uintptr_t pc;
};

static void wait_ends(void *arg)
{
	const struct waiting *w = arg;

	gd__locked(w->mutex, w->pc);
	gd__thread_locked(w->mutex, "pthread_mutex", w->pc);
}

#define WAIT(m, call)                                                                              \
	struct waiting w = { (m), GD__RETURN_PC };                                                 \
	int r;                                                                                     \
	gd__thread_unlocking(m);                                                                   \
	gd__unlocking((m), w.pc);                                                                  \
	pthread_cleanup_push(wait_ends, &w);                                                       \
	r = (call);                                                                                \
	pthread_cleanup_pop(1);                                                                    \
	return r

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	WAIT(m, GD__REAL_VERSION(pthread_cond_wait, COND_VERSION)(c, m));
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
	WAIT(m, GD__REAL_VERSION(pthread_cond_timedwait, COND_VERSION)(c, m, until));
}

int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
			   const struct timespec *until)
{
	WAIT(m, GD__REAL(pthread_cond_clockwait)(c, m, clock, until));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	WAIT(m, GD__REAL(cnd_wait)(c, m));
}

int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
	WAIT(m, GD__REAL(cnd_timedwait)(c, m, until));
}

/* Signalling is no edge: what orders the two sides is the mutex. */

int pthread_barrier_wait(pthread_barrier_t *b)
{
	gd__edge_to(b);
	int r = GD__REAL(pthread_barrier_wait)(b);

	if (r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD)
		gd__edge_from(b);
	return r;
}

int pthread_barrier_destroy(pthread_barrier_t *b)
{
	gd__edge_gone(b);
	return GD__REAL(pthread_barrier_destroy)(b);
}

int sem_post(sem_t *s)
{
	gd__edge_to(s);
	return GD__REAL(sem_post)(s);
}

static int taken(sem_t *s, int r)
{
	if (r == 0)
		gd__edge_from(s);
	return r;
}

int sem_wait(sem_t *s)
{
	return taken(s, GD__REAL(sem_wait)(s));
}

int sem_trywait(sem_t *s)
{
	return taken(s, GD__REAL(sem_trywait)(s));
}

int sem_timedwait(sem_t *s, const struct timespec *until)
{
	return taken(s, GD__REAL(sem_timedwait)(s, until));
}

int sem_clockwait(sem_t *s, clockid_t clock, const struct timespec *until)
{
	return taken(s, GD__REAL(sem_clockwait)(s, clock, until));
}

int sem_destroy(sem_t *s)
{
	gd__edge_gone(s);
	return GD__REAL(sem_destroy)(s);
}

/*
 * Who runs the function must release before the others are let go, which is
 * inside of the real call: so the real call gets a function of ours. The stack of
 * calls in progress (a once function may use another once) hangs on the thread.
 */
struct once_call {
	void (*fn)(void);
	const void *control;
	struct once_call *outer;
};
static GD__TLS struct once_call *once_current;

static void once_run(void)
{
	struct once_call *c = once_current;

	c->fn();
	gd__edge_to(c->control);
}

#define ONCE(control, fn, call)                                                                    \
	struct once_call c = { (fn), (control), once_current };                                    \
	once_current = &c;                                                                         \
	gd__preempt_hold(1); /* others would wait for it in libc, with their Ps */                 \
	call;                                                                                      \
	gd__preempt_hold(-1);                                                                      \
	once_current = c.outer;                                                                    \
	gd__edge_from(control)

int pthread_once(pthread_once_t *control, void (*fn)(void))
{
	int r;

	ONCE(control, fn, r = GD__REAL(pthread_once)(control, once_run));
	return r;
}

void call_once(once_flag *control, void (*fn)(void))
{
	ONCE(control, fn, GD__REAL(call_once)(control, once_run));
}
