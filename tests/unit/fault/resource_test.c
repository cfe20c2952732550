/* link: gdetect */
/*
 * resource_test.c - no more threads, no memory from the heap: what the runtime gets from libc.
 */
#include <dlfcn.h>
#include <pthread.h>

#include "tests/unit/fault/fault.h"

static struct {
	int first, last; /* these fail; 0: none */
} threads, blocks;

static int (*start_thread)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* Takes the place of libc's. */
int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	int n = fault_shared ? atomic_fetch_add(&fault_shared->calls, threads.last != 0) + 1 : 0;

	return n >= threads.first && n <= threads.last ? EAGAIN : start_thread(t, attr, fn, arg);
}

extern void *__libc_calloc(size_t n, size_t size); /* NOLINT: libc's name */

void *calloc(size_t n, size_t size)
{
	int i = fault_shared ? atomic_fetch_add(&fault_shared->calls, blocks.last != 0) + 1 : 0;

	if (i == 0 || i < blocks.first || i > blocks.last)
		return __libc_calloc(n, size);
	errno = ENOMEM;
	return NULL;
}

static void share(void)
{
	*(void **)&start_thread = dlsym(RTLD_NEXT, "pthread_create");
	CHECK(start_thread);
	fault_share();
}

static void each_thread(int limit, bool ever_since)
{
	share();
	for (int n = 1; n <= limit; n++) {
		char how[64];

		threads.first = n;
		threads.last = ever_since ? INT32_MAX : n;
		snprintf(how, sizeof(how), "thread %d%s is refused", n,
			 ever_since ? " and all later" : "");
		fault_run(FAULT_EXPLAINS, how);
		if (atomic_load(&fault_shared->calls) < n)
			return;
	}
}

CASE(thread_once)
{
	each_thread(8, false);
}

CASE(threads_for_ever)
{
	each_thread(4, true);
}

CASE(calloc_once)
{
	share();
	for (int n = 1; n <= 24; n++) {
		char how[64];

		blocks.first = blocks.last = n;
		snprintf(how, sizeof(how), "calloc %d is refused", n);
		fault_run(FAULT_EXPLAINS, how);
		if (atomic_load(&fault_shared->calls) < n)
			return;
	}
}

UNIT_MAIN
