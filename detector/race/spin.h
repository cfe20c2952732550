/*
 * spin.h - a lock of one word for the race detector's own tables.
 *
 * Held for some hundred instructions, never across a call into the runtime, so
 * it has no rank: no other lock is taken under it but the leaf locks that
 * allocation takes. A waiter that spins in vain sleeps for a moment, because the
 * holder's thread may have lost its processor.
 */
#ifndef GD_DETECTOR_RACE_SPIN_H
#define GD_DETECTOR_RACE_SPIN_H

#include <stdint.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"

#define GD__SPIN_TRIES    200
#define GD__SPIN_SLEEP_NS 20000

/* All zero is a free lock. */
struct GD_CAPABILITY("spin") gd__spin {
	_Atomic uint32_t held;
};

static inline void gd__spin_pause(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause");
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline void gd__spin_lock(struct gd__spin *s) GD_ACQUIRE(*s) GD_UNCHECKED
{
	/* pairs with the store in spin_unlock: what the last holder wrote */
	while (gd__swap_acquire(&s->held, 1) != 0) {
		for (int tries = 0; gd__load_relaxed(&s->held) != 0; tries++) {
			if (tries < GD__SPIN_TRIES)
				gd__spin_pause();
			else
				gd__os_nanosleep(GD__SPIN_SLEEP_NS);
		}
	}
}

static inline void gd__spin_unlock(struct gd__spin *s) GD_RELEASE(*s) GD_UNCHECKED
{
	gd__store_release(&s->held, 0); /* pairs with the swap in spin_lock */
}

#endif
