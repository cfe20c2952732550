/*
 * interpose_pthread.c - ends of threads, and locks: pthread_mutex, spin, rwlock, C11's mtx.
 *
 * Order matters: a lock is acquired after the real call and released before
 * it, so that a clock on an object is only touched by who holds it.
 */
#include "detector/race/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include "detector/race/events.h"
#include "detector/race/locks.h"

int pthread_join(pthread_t t, void **result)
{
	void *token = gd__thread_token(t);
	int r = GD__REAL(pthread_join)(t, result);

	if (r == 0)
		gd__race_thread_joined(token);
	return r;
}

int pthread_tryjoin_np(pthread_t t, void **result)
{
	void *token = gd__thread_token(t);
	int r = GD__REAL(pthread_tryjoin_np)(t, result);

	if (r == 0)
		gd__race_thread_joined(token);
	return r;
}

int pthread_timedjoin_np(pthread_t t, void **result, const struct timespec *until)
{
	void *token = gd__thread_token(t);
	int r = GD__REAL(pthread_timedjoin_np)(t, result, until);

	if (r == 0)
		gd__race_thread_joined(token);
	return r;
}

int pthread_detach(pthread_t t)
{
	gd__race_thread_detached(gd__thread_token(t));
	return GD__REAL(pthread_detach)(t);
}

int thrd_join(thrd_t t, int *result)
{
	void *token = gd__thread_token(t);
	int r = GD__REAL(thrd_join)(t, result);

	if (r == thrd_success)
		gd__race_thread_joined(token);
	return r;
}

int thrd_detach(thrd_t t)
{
	gd__race_thread_detached(gd__thread_token(t));
	return GD__REAL(thrd_detach)(t);
}

/* r: result of a call that locks. A robust mutex whose owner died is held nevertheless. */
static int locked(void *m, const char *what, int r, uintptr_t pc)
{
	if (r != 0 && r != EOWNERDEAD)
		return r;
	gd__locked(m, pc);
	gd__thread_locked(m, what, pc);
	return r;
}

static int locked_alone(void *l, int r, uintptr_t pc)
{
	if (r != 0)
		return r;
	gd__locked_rw(l, true, pc);
	gd__thread_locked(l, "pthread_rwlock", pc);
	return r;
}

static int locked_shared(void *l, int r, uintptr_t pc)
{
	if (r != 0)
		return r;
	gd__locked_rw(l, false, pc);
	gd__thread_locked(l, "pthread_rwlock", pc);
	return r;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	return locked(m, "pthread_mutex", GD__REAL(pthread_mutex_lock)(m), GD__RETURN_PC);
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	return locked(m, "pthread_mutex", GD__REAL(pthread_mutex_trylock)(m), GD__RETURN_PC);
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
	return locked(m, "pthread_mutex", GD__REAL(pthread_mutex_timedlock)(m, until),
		      GD__RETURN_PC);
}

int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *until)
{
	return locked(m, "pthread_mutex", GD__REAL(pthread_mutex_clocklock)(m, clock, until),
		      GD__RETURN_PC);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	gd__thread_unlocking(m);
	gd__unlocking(m, GD__RETURN_PC);
	return GD__REAL(pthread_mutex_unlock)(m);
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
	gd__lock_gone(m);
	return GD__REAL(pthread_mutex_destroy)(m);
}

int pthread_spin_lock(pthread_spinlock_t *l)
{
	return locked((void *)l, "pthread_spinlock", GD__REAL(pthread_spin_lock)(l), GD__RETURN_PC);
}

int pthread_spin_trylock(pthread_spinlock_t *l)
{
	return locked((void *)l, "pthread_spinlock", GD__REAL(pthread_spin_trylock)(l),
		      GD__RETURN_PC);
}

int pthread_spin_unlock(pthread_spinlock_t *l)
{
	gd__thread_unlocking((void *)l);
	gd__unlocking((void *)l, GD__RETURN_PC);
	return GD__REAL(pthread_spin_unlock)(l);
}

int pthread_spin_destroy(pthread_spinlock_t *l)
{
	gd__lock_gone((void *)l);
	return GD__REAL(pthread_spin_destroy)(l);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	return locked_shared(l, GD__REAL(pthread_rwlock_rdlock)(l), GD__RETURN_PC);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	return locked_shared(l, GD__REAL(pthread_rwlock_tryrdlock)(l), GD__RETURN_PC);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const struct timespec *until)
{
	return locked_shared(l, GD__REAL(pthread_rwlock_timedrdlock)(l, until), GD__RETURN_PC);
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
	return locked_shared(l, GD__REAL(pthread_rwlock_clockrdlock)(l, clock, until),
			     GD__RETURN_PC);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return locked_alone(l, GD__REAL(pthread_rwlock_wrlock)(l), GD__RETURN_PC);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	return locked_alone(l, GD__REAL(pthread_rwlock_trywrlock)(l), GD__RETURN_PC);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const struct timespec *until)
{
	return locked_alone(l, GD__REAL(pthread_rwlock_timedwrlock)(l, until), GD__RETURN_PC);
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
	return locked_alone(l, GD__REAL(pthread_rwlock_clockwrlock)(l, clock, until),
			    GD__RETURN_PC);
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	gd__thread_unlocking(l);
	gd__unlocking_rw(l, GD__RETURN_PC);
	return GD__REAL(pthread_rwlock_unlock)(l);
}

int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
	gd__lock_gone(l);
	return GD__REAL(pthread_rwlock_destroy)(l);
}

int mtx_lock(mtx_t *m)
{
	return locked(m, "mtx", GD__REAL(mtx_lock)(m), GD__RETURN_PC);
}

int mtx_trylock(mtx_t *m)
{
	return locked(m, "mtx", GD__REAL(mtx_trylock)(m), GD__RETURN_PC);
}

int mtx_timedlock(mtx_t *m, const struct timespec *until)
{
	return locked(m, "mtx", GD__REAL(mtx_timedlock)(m, until), GD__RETURN_PC);
}

int mtx_unlock(mtx_t *m)
{
	gd__thread_unlocking(m);
	gd__unlocking(m, GD__RETURN_PC);
	return GD__REAL(mtx_unlock)(m);
}

void mtx_destroy(mtx_t *m)
{
	gd__lock_gone(m);
	GD__REAL(mtx_destroy)(m);
}
_Static_assert(thrd_success == 0, "one test serves both families of calls");
