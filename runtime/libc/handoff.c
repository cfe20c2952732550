/*
 * handoff.c - calls that no readiness tells of: files, locks of files, children, signals, threads.
 * The thread blocks, its P goes to others.
 *
 * Not here: pthread_mutex_lock and pthread_cond_wait. Their lock belongs to the thread, and after
 * a hand-off the goroutine may be on another.
 */
#include <stdarg.h>

#include "runtime/libc/libc.h"

/* A function of libc whose arguments go through as they are. */
#define HAND_OFF(type, name, params, args)                                                         \
	type gd__libc_##name params                                                                \
	{                                                                                          \
		return GD__HAND_OFF(GD__NEXT(name) args);                                          \
	}                                                                                          \
	GD__PUBLISH(name)

/* Files. */
HAND_OFF(ssize_t, pread, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at));
HAND_OFF(ssize_t, pread64, (int fd, void *buf, size_t n, off64_t at), (fd, buf, n, at));
HAND_OFF(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at));
HAND_OFF(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at));
HAND_OFF(ssize_t, preadv, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at));
HAND_OFF(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at));
HAND_OFF(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), (to, from, at, n));
HAND_OFF(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t n), (to, from, at, n));
HAND_OFF(ssize_t, splice,
	 (int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags),
	 (from, from_at, to, to_at, n, flags));
HAND_OFF(int, fsync, (int fd), (fd));
HAND_OFF(int, fdatasync, (int fd), (fd));
HAND_OFF(int, flock, (int fd, int how), (fd, how));
HAND_OFF(int, lockf, (int fd, int how, off_t n), (fd, how, n));
HAND_OFF(int, lockf64, (int fd, int how, off64_t n), (fd, how, n));

/* Many messages in one call. */
HAND_OFF(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *limit),
	 (fd, m, n, flags, limit));
HAND_OFF(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags));

/* Children. */
HAND_OFF(pid_t, wait, (int *status), (status));
HAND_OFF(pid_t, waitpid, (pid_t pid, int *status, int how), (pid, status, how));
HAND_OFF(pid_t, wait3, (int *status, int how, struct rusage *used), (status, how, used));
HAND_OFF(pid_t, wait4, (pid_t pid, int *status, int how, struct rusage *used),
	 (pid, status, how, used));
HAND_OFF(int, waitid, (idtype_t which, id_t id, siginfo_t *info, int how), (which, id, info, how));
HAND_OFF(int, system, (const char *command), (command));

/* Signals. */
HAND_OFF(int, pause, (void), ());
HAND_OFF(int, sigwait, (const sigset_t *set, int *sig), (set, sig));
HAND_OFF(int, sigwaitinfo, (const sigset_t *set, siginfo_t *info), (set, info));
HAND_OFF(int, sigtimedwait, (const sigset_t *set, siginfo_t *info, const struct timespec *limit),
	 (set, info, limit));

/* Threads. */
HAND_OFF(int, pthread_join, (pthread_t t, void **result), (t, result));
HAND_OFF(int, pthread_timedjoin_np, (pthread_t t, void **result, const struct timespec *until),
	 (t, result, until));
HAND_OFF(int, thrd_join, (thrd_t t, int *result), (t, result));
HAND_OFF(int, pthread_barrier_wait, (pthread_barrier_t * b), (b));
HAND_OFF(int, sem_wait, (sem_t * s), (s));
HAND_OFF(int, sem_timedwait, (sem_t * s, const struct timespec *until), (s, until));
HAND_OFF(int, sem_clockwait, (sem_t * s, clockid_t clock, const struct timespec *until),
	 (s, clock, until));

/* Of fcntl's many commands, those that wait for somebody's lock. */
static bool waits(int command)
{
	return command == F_SETLKW || command == F_OFD_SETLKW;
}

int gd__libc_fcntl(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *); /* whatever it is: one register */
	va_end(ap);
	if (!waits(command))
		return GD__NEXT(fcntl)(fd, command, arg);
	return GD__HAND_OFF(GD__NEXT(fcntl)(fd, command, arg));
}
GD__PUBLISH(fcntl);

int gd__libc_fcntl64(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return gd__libc_fcntl(fd, command, arg);
}
GD__PUBLISH(fcntl64);
