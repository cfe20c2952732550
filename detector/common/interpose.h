/*
 * interpose.h - taking the place of libc functions, and who else wants to know of it.
 *
 * Who defines which symbol (one definition each, or the link fails):
 *   detector/common  the malloc family (interpose_malloc.c), operator new (interpose_new.c),
 *                    pthread_create (interpose_thread.c), mmap (interpose_map.c)
 *   detector/race    all others: pthread_join, pthread_mutex_*, memcpy, read, ...
 * A detector that wants to see allocations and threads installs a table here
 * instead of defining the symbols again.
 */
#ifndef GD_DETECTOR_COMMON_INTERPOSE_H
#define GD_DETECTOR_COMMON_INTERPOSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/compiler.h"
#include "runtime/base/next.h"

/*
 * The next definition of name after ours: that of libgdetect_libc, of another library which
 * interposes too, or libc's. Dies with a message if there is none. May call malloc,
 * so ask once and keep the answer. version: e.g. "GLIBC_2.3.2", or NULL for
 * the default; of pthread_cond_* a plain look-up finds the oldest.
 */
void *gd__real_find(const char *name, const char *version);

/*
 * GD__REAL(read)(fd, buf, n): the real read, found at its first use. Works in
 * any thread at any time after the dynamic loader has relocated us.
 */
#define GD__REAL(fn)                  GD__REAL_VERSION(fn, NULL)
#define GD__REAL_VERSION(fn, version) GD__NEXT_BY(fn, gd__real_find(#fn, version))

/*
 * Events of the user's heap. Called on the thread and stack of the caller, no
 * lock held; must not allocate from the user's heap. pc: return address of the
 * user's call. p is what the user sees, n >= 0 the bytes asked for.
 */
struct gd__heap_events {
	/* [p, p+n) is fresh memory of the caller. Before anybody else can know p. */
	void (*alloc)(void *p, size_t n, uintptr_t pc);
	/* [p, p+n) is about to be given back: from here on, any use of it is a bug. */
	void (*free)(void *p, size_t n, uintptr_t pc);
	/*
	 * Around the work of jemalloc: its own locks and memset calls are not the program's. enter
	 * gives what leave takes. Both or neither.
	 */
	void *(*enter)(void);
	void (*leave)(void *state);
};
/* realloc is alloc + free, or, in place, one of both for the tail that comes or goes. */

/*
 * While on, fresh blocks are zero. For libraries that we load to look at the program: what they
 * leave unwritten of a block that it has freed would still hold its pointers.
 */
void gd__heap_zero(bool on);
/* The program has given p to call, but p is not the start of a live block: says all that is known.
 */
GD__NORETURN void gd__heap_die_not_live(const char *call, const void *p);

/*
 * Events of threads started by pthread_create, but those of the runtime
 * itself (its Ms). token is the listener's; it is never looked at.
 */
struct gd__thread_events {
	/* On the creating thread, before there is a new one. pc: the call of pthread_create. */
	void *(*create)(uintptr_t pc, uintptr_t entry);
	/* pthread_create failed: nobody will start with token. */
	void (*failed)(void *token);
	/* On the new thread, before user code. */
	void (*start)(void *token);
	/*
	 * On the ending thread, after user code: return, pthread_exit and cancellation. Destructors
	 * of pthread_key_create may still run after it (it is itself one, of the last round).
	 */
	void (*end)(void *token);
};

/* Memory of the program's own mmap, mremap and munmap. On the thread of the caller. */
struct gd__map_events {
	/* [p, p+n) is fresh. Before anybody else can know p. */
	void (*mapped)(void *p, size_t n);
	/* [p, p+n) is about to go, or has moved elsewhere. */
	void (*unmapping)(void *p, size_t n);
};

/* Install at start-up, before a second thread exists. NULL: nobody. At most one table each. */
void gd__heap_events_install(const struct gd__heap_events *e);
void gd__map_events_install(const struct gd__map_events *e);
void gd__thread_events_install(const struct gd__thread_events *e);

/*
 * Token of a thread that pthread_create returned; NULL if unknown. For joins:
 * ask before the real pthread_join, because afterwards t may name a new thread.
 */
void *gd__thread_token(pthread_t t);

/* The calling thread was made by the runtime or is unknown to us: false. */
bool gd__thread_is_foreign(void);

/*
 * A thread that is not the runtime's: the leak detector stops and scans them.
 * Walk with i = 0, 1, ...; false when there are no more. Call it with the
 * world stopped; threads may come and go meanwhile, a slot that is empty gives tid 0.
 */
struct gd__thread_info {
	int32_t tid;
	uintptr_t stack_lo, stack_hi;
};
bool gd__thread_walk(size_t i, struct gd__thread_info *t);

#endif
