/*
 * sync.h - mutex, rwmutex, waitgroup, once, cond, pool for goroutines.
 *
 * The objects live in the caller's memory and are ready when all zero; there
 * is nothing to release. Do not copy one that is in use. The waiting calls
 * park the goroutine, never the thread, and must be made on a goroutine.
 * Callable from any thread: waitgroup add and done, cond init, signal and broadcast, pool. The
 * locks have an owner, so even try_lock and unlock are for goroutines only, and so are once and the
 * waits.
 * What waits and returns an int returns GD_OK; it need not be looked at but by a goroutine that has
 * called gd_go_recoverable: there it may be GD_ELEAKED, and then the lock is not held.
 */
#ifndef GDETECT_SYNC_H
#define GDETECT_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The fields belong to the runtime. */
typedef struct gd_mutex {
	uint32_t state_;
	uint32_t lock_;
	uint64_t owner_;
	void *first_, *last_;
	const void *owner_pc_;
} gd_mutex;

/* Not recursive. May be unlocked by another goroutine than the one that locked it. */
int gd_mutex_lock(gd_mutex *m);
bool gd_mutex_try_lock(gd_mutex *m);
/* Unlock of an unlocked mutex is a fatal error. Never parks. */
void gd_mutex_unlock(gd_mutex *m);

typedef struct gd_rwmutex {
	uint32_t lock_;
	int32_t readers_;
	uint64_t writer_;
	void *first_, *last_;
	const void *writer_pc_;
	char release_[4];
	uint32_t shared_;
} gd_rwmutex;

/* A waiting writer holds back new readers, so a goroutine must not rlock twice. */
int gd_rwmutex_rlock(gd_rwmutex *m);
bool gd_rwmutex_try_rlock(gd_rwmutex *m);
void gd_rwmutex_runlock(gd_rwmutex *m);
int gd_rwmutex_lock(gd_rwmutex *m);
bool gd_rwmutex_try_lock(gd_rwmutex *m);
void gd_rwmutex_unlock(gd_rwmutex *m);

typedef struct gd_waitgroup {
	uint32_t lock_;
	char access_[4];
	int32_t count_; /* count_ and waiters_ change together, as one word */
	uint32_t waiters_;
	void *first_, *last_;
	uint64_t add_id_, done_id_; /* for reports: a latest add and done, 0: never */
	const void *add_pc_, *done_pc_;
} __attribute__((aligned(8))) gd_waitgroup;

/* Adds n, which may be negative. A negative counter is a fatal error. Never parks. */
void gd_waitgroup_add(gd_waitgroup *w, int n);
void gd_waitgroup_done(gd_waitgroup *w);
/* Parks until the counter is zero. GD_OK or GD_ELEAKED, see above. */
int gd_waitgroup_wait(gd_waitgroup *w);

typedef struct gd_once {
	uint32_t done_;
	gd_mutex mutex_;
} gd_once;

/* Calls fn(arg) the first time; all callers return after it has returned. */
void gd_once_do(gd_once *o, void (*fn)(void *), void *arg);

typedef struct gd_cond {
	gd_mutex *mutex;
	uint32_t lock_;
	void *first_, *last_;
	uint64_t signal_id_; /* for reports: the last signal or broadcast, 0: never */
	const void *signal_pc_;
} gd_cond;

void gd_cond_init(gd_cond *c, gd_mutex *m);
/* The caller holds the mutex; it is released while parked and held again on return, also with
 * GD_ELEAKED: see above. */
int gd_cond_wait(gd_cond *c);
void gd_cond_signal(gd_cond *c);
void gd_cond_broadcast(gd_cond *c);

/* A free list of objects, as sync.Pool: what was put may be had again, or be gone. */
typedef struct gd_pool {
	uint32_t lock_;
	void **items_;
	size_t len_, cap_;
	void *(*make)(void); /* called by get when the pool is empty; NULL: get returns NULL */
} gd_pool;

void *gd_pool_get(gd_pool *p);
/* The pool owns item from here on; using it afterwards is a race. */
void gd_pool_put(gd_pool *p, void *item);
/* Hands every item to drop (NULL: free) and releases the pool's memory. */
void gd_pool_release(gd_pool *p, void (*drop)(void *));

#ifdef __cplusplus
}
#endif
#endif
