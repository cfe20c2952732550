/* link: gdetect_libc gdetect */
/*
 * handoff_test.c - calls that take their thread along: the P goes to others. And when calls go
 * straight to libc.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "runtime/hook/libc.h"
#include "tests/unit/libc/pairs.h"

static sem_t sem;
static pthread_t thread;
static pid_t child;
static int ends[2];

static void *read_on_thread(void *arg)
{
	char c;

	return read(ends[0], &c, 1) == 1 ? arg : NULL; /* a thread of the program's: libc's read */
}

static long call_join(int fd)
{
	void *result;

	return pthread_join(thread, &result) == 0 && result == &sem ? 0 : -1;
}

static long call_sem(int fd)
{
	return sem_wait(&sem);
}

static long call_waitpid(int fd)
{
	int status;

	return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7 ? 0 : -1;
}

static long call_lock(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLKW, &l);
}

static long call_flock(int fd)
{
	return flock(fd, LOCK_EX);
}

static void join(struct waiter *w)
{
	join_waiter(w);
	CHECK_EQ(w->result, 0);
}

static void start_calls(void *arg)
{
	char path[64];
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct waiter w;
	int one = memfd_create("locked", 0), two;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", one);
	two = open(path, O_RDWR); /* another description, which a lock belongs to */
	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(pthread_create(&thread, NULL, read_on_thread, &sem), 0);
	start_waiter(&w, call_join, 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	join(&w);

	CHECK_EQ(sem_init(&sem, 0, 0), 0);
	start_waiter(&w, call_sem, 0);
	CHECK_EQ(sem_post(&sem), 0);
	join(&w);

	child = fork();
	if (child == 0) {
		char c;
		_exit(read(ends[0], &c, 1) == 1 ? 7 : 1);
	}
	start_waiter(&w, call_waitpid, 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	join(&w);

	CHECK_EQ(fcntl(one, F_OFD_SETLK, &l), 0);
	start_waiter(&w, call_lock, two);
	l.l_type = F_UNLCK;
	CHECK_EQ(fcntl(one, F_OFD_SETLK, &l), 0);
	join(&w);

	CHECK_EQ(flock(one, LOCK_EX), 0);
	start_waiter(&w, call_flock, two);
	CHECK_EQ(flock(one, LOCK_UN), 0);
	join(&w);
}

CASE(the_p_is_free_meanwhile)
{
	on_one_p(start_calls);
}

/* Each name leads to our definition, in the table and in the process. */
CASE(every_call_is_interposed)
{
#define CALL(name)                                                                                 \
	CHECK(gd__libc_find(#name) != NULL && gd__libc_find(#name) == dlsym(RTLD_DEFAULT, #name));
#include "runtime/libc/calls.inc"
#undef CALL
	CHECK(gd__libc_find("printf") == NULL);
	CHECK(gd__libc_find("rea") == NULL);
	CHECK(gd__libc_find("reads") == NULL);
}

/* A handler on a stack of its own writes while the goroutine's code may be anywhere. */
static int file;

static void on_signal(int sig)
{
	CHECK_EQ(write(file, "s", 1), 1);
}

static void start_handler(void *arg)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	uint32_t tick;

	file = memfd_create("written", 0);
	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	tick = gd__load_relaxed(&gd__allp[0].syscalltick);
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(gd__load_relaxed(&gd__allp[0].syscalltick), tick);
	CHECK_EQ(write(file, "s", 1), 1); /* files: under gd_syscall */
	CHECK(gd__load_relaxed(&gd__allp[0].syscalltick) != tick);
}

CASE(a_handler_on_its_own_stack_goes_straight)
{
	on_one_p(start_handler);
}

UNIT_MAIN
