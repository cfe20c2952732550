/*
 * oslock.h - for those who interpose the lock functions of the OS threads: which locks are held.
 *
 * A goroutine that waits, gives way or ends with such a lock held is reported, and so is one that
 * unlocks on another thread than it locked. Once per place. Callable anywhere; on a thread that
 * runs no goroutine, or with the option os_locks=0, nothing happens.
 */
#ifndef GD_RUNTIME_INSPECT_OSLOCK_H
#define GD_RUNTIME_INSPECT_OSLOCK_H

#include <stdint.h>

/* After a successful lock; what: its kind in reports, static text. pc: the caller's return address.
 */
void gd__oslock_acquired(const void *lock, const char *what, uintptr_t pc);
/* Before the unlock, also that of a condition's wait. */
void gd__oslock_released(const void *lock);
/* Where the reports go, asked at each; stderr if never set. At start-up. */
void gd__oslock_output(int (*fd)(void));

#endif
