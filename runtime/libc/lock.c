/*
 * lock.c - the locks of OS threads: who holds them is noted for the report of goroutines that wait
 * with one held, and so that blocking calls do not park then.
 *
 * They wait as libc's do, with their thread and its P: the lock belongs to the thread, and after a
 * wait of another kind the goroutine might be on another. A condition's wait is left alone:
 * the goroutine that gives its mutex up for the time runs nothing meanwhile.
 */
#include <errno.h>

#include "runtime/inspect/oslock.h"
#include "runtime/libc/libc.h"

/* A robust mutex whose owner died is held nevertheless. thrd_success is 0 as well. */
static int locked(const void *lock, const char *what, int result, void *pc)
{
	if (result == 0 || result == EOWNERDEAD)
		gd__oslock_acquired(lock, what, (uintptr_t)pc);
	return result;
}

#define LOCK(what, name, params, lock, args)                                                       \
	__typeof__(name) gd__libc_##name GD__HIDDEN;                                               \
	int gd__libc_##name params                                                                 \
	{                                                                                          \
		return locked((const void *)(lock), what, GD__NEXT(name) args,                     \
			      __builtin_return_address(0));                                        \
	}                                                                                          \
	GD__PUBLISH(name)

#define UNLOCK(name, params, lock)                                                                 \
	__typeof__(name) gd__libc_##name GD__HIDDEN;                                               \
	int gd__libc_##name params                                                                 \
	{                                                                                          \
		gd__oslock_released((const void *)(lock));                                         \
		return GD__NEXT(name)(lock);                                                       \
	}                                                                                          \
	GD__PUBLISH(name)

#define MUTEX(name, params, args) LOCK("pthread_mutex", name, params, m, args)
MUTEX(pthread_mutex_lock, (pthread_mutex_t * m), (m));
MUTEX(pthread_mutex_trylock, (pthread_mutex_t * m), (m));
MUTEX(pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *until), (m, until));
MUTEX(pthread_mutex_clocklock, (pthread_mutex_t * m, clockid_t clock, const struct timespec *until),
      (m, clock, until));
UNLOCK(pthread_mutex_unlock, (pthread_mutex_t * m), m);

#define SPIN(name, params, args) LOCK("pthread_spinlock", name, params, l, args)
SPIN(pthread_spin_lock, (pthread_spinlock_t * l), (l));
SPIN(pthread_spin_trylock, (pthread_spinlock_t * l), (l));
UNLOCK(pthread_spin_unlock, (pthread_spinlock_t * l), l);

#define RWLOCK(name, params, args) LOCK("pthread_rwlock", name, params, l, args)
RWLOCK(pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l));
RWLOCK(pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), (l));
RWLOCK(pthread_rwlock_timedrdlock, (pthread_rwlock_t * l, const struct timespec *until),
       (l, until));
RWLOCK(pthread_rwlock_clockrdlock,
       (pthread_rwlock_t * l, clockid_t clock, const struct timespec *until), (l, clock, until));
RWLOCK(pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l));
RWLOCK(pthread_rwlock_trywrlock, (pthread_rwlock_t * l), (l));
RWLOCK(pthread_rwlock_timedwrlock, (pthread_rwlock_t * l, const struct timespec *until),
       (l, until));
RWLOCK(pthread_rwlock_clockwrlock,
       (pthread_rwlock_t * l, clockid_t clock, const struct timespec *until), (l, clock, until));
UNLOCK(pthread_rwlock_unlock, (pthread_rwlock_t * l), l);

#define MTX(name, params, args) LOCK("mtx", name, params, m, args)
MTX(mtx_lock, (mtx_t * m), (m));
MTX(mtx_trylock, (mtx_t * m), (m));
MTX(mtx_timedlock, (mtx_t * m, const struct timespec *until), (m, until));
UNLOCK(mtx_unlock, (mtx_t * m), m);
