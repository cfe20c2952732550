/*
 * next.h - the function whose place an interposer has taken, found once.
 */
#ifndef GD_RUNTIME_BASE_NEXT_H
#define GD_RUNTIME_BASE_NEXT_H

#include "runtime/base/atomic.h"

/*
 * GD__NEXT_BY(read, find)(fd, buf, n): calls what find("read") gave at the first use. Works in any
 * thread at any time after the dynamic loader has relocated us; find never gives NULL.
 */
#define GD__NEXT_BY(fn, ...)                                                                       \
	__extension__({                                                                            \
		static _Atomic(__typeof__(&(fn))) gd__next_fn; /* same value from every thread */  \
		__typeof__(&(fn)) gd__f = gd__load_relaxed(&gd__next_fn);                          \
		if (__builtin_expect(gd__f == NULL, 0)) {                                          \
			gd__f = (__typeof__(&(fn)))(__VA_ARGS__);                                  \
			gd__store_relaxed(&gd__next_fn, gd__f);                                    \
		}                                                                                  \
		gd__f;                                                                             \
	})

#endif
