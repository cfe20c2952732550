/*
 * time.h - clock, sleep, timers, tickers. Times are nanoseconds of the monotonic clock.
 *
 * Callable from any thread, but for gd_sleep. In the child of a fork timers with a channel and
 * tickers go on; one of gd_after_func is stopped, it fires in the parent (gd_timer_reset sets it).
 */
#ifndef GDETECT_TIME_H
#define GDETECT_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include <gdetect/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GD_NANOSECOND  INT64_C(1)
#define GD_MICROSECOND INT64_C(1000)
#define GD_MILLISECOND INT64_C(1000000)
#define GD_SECOND      INT64_C(1000000000)

typedef gd_chan_of(int64_t) gd_time_chan;
typedef struct gd_timer gd_timer;
typedef struct gd_ticker gd_ticker;

/* The clock that deadlines are measured by. Starts anywhere, never goes back. */
int64_t gd_now(void);
/* Parks for at least ns nanoseconds; 0 or less only yields. */
void gd_sleep(int64_t ns);

/* After ns, runs fn(arg) in a goroutine of its own. */
#define gd_after_func(ns, fn, arg) gd_after_func_raw((ns), (fn), (arg), #fn, GD__SITE)
gd_timer *gd_after_func_raw(int64_t ns, void (*fn)(void *), void *arg, const char *name,
			    const char *site);
/* A timer whose channel gets the time after ns. */
#define gd_timer_make(ns) gd_timer_make_raw((ns), GD__SITE)
gd_timer *gd_timer_make_raw(int64_t ns, const char *site);
/* The timer's channel, capacity 1; nil for gd_after_func. Owned by the timer. */
gd_time_chan gd_timer_chan(gd_timer *t);
/*
 * Stop: true if the timer was pending and will not fire. Reset: fire ns from now; the result
 * is what stop would have returned. As in Go 1.23 a value of the earlier setting is not
 * received after stop or reset has returned. Neither parks.
 */
bool gd_timer_stop(gd_timer *t);
bool gd_timer_reset(gd_timer *t, int64_t ns);
/* Stops it and frees it with its channel. NULL is allowed. */
void gd_timer_free(gd_timer *t);

/* A channel that gets the time once, after ns; the runtime frees its timer. Drop it with unref. */
#define gd_after(ns) gd_after_raw((ns), GD__SITE)
gd_time_chan gd_after_raw(int64_t ns, const char *site);

/* Sends the time every ns (> 0, else a fatal error), dropping ticks for a slow receiver. */
#define gd_ticker_make(ns) gd_ticker_make_raw((ns), GD__SITE)
gd_ticker *gd_ticker_make_raw(int64_t ns, const char *site);
gd_time_chan gd_ticker_chan(gd_ticker *t);
void gd_ticker_stop(gd_ticker *t);
void gd_ticker_reset(gd_ticker *t, int64_t ns);
void gd_ticker_free(gd_ticker *t);

#ifdef __cplusplus
}
#endif
#endif
