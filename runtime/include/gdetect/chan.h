/*
 * chan.h - channels.
 *
 * typedef gd_chan_of(int) int_chan;
 * int_chan c = gd_chan_make(int_chan, 8);
 *
 * A typed handle is a union of the untyped pointer and a pointer that carries
 * the element type; it costs nothing and is passed by value. A handle whose
 * raw is NULL is the nil channel: send and receive on it wait for ever.
 * Handles are reference-counted: make gives one reference.
 * All calls that may wait must be made on a goroutine, else they are a fatal error that says so.
 * Callable from any thread: make, ref, unref, try_send, try_recv, close, len, cap.
 */
#ifndef GDETECT_CHAN_H
#define GDETECT_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gdetect/go.h>

/* Element of channels that only signal: no storage. */
__extension__ typedef struct gd_unit {
	__extension__ char nothing[0];
} gd_unit;

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gd_chan gd_chan;

#define gd_chan_of(T)                                                                              \
	union {                                                                                    \
		gd_chan *raw;                                                                      \
		T *ty;                                                                             \
	}

typedef gd_chan_of(gd_unit) gd_signal_chan;

/* Makes a channel for cap elements (0: unbuffered). Never NULL: no memory is a fatal error. */
#define gd_chan_make(chan_type, cap)                                                               \
	__extension__({                                                                            \
		chan_type gd__c;                                                                   \
		gd__c.raw = gd_chan_make_raw(sizeof(*gd__c.ty), (cap), GD__SITE);                  \
		gd__c;                                                                             \
	})

/* An element type that does not convert is an error, not a warning. In C++ it always is. */
#if defined(__cplusplus)
#	define GD__STRICT_BEGIN
#	define GD__STRICT_END
#else
#	if defined(__clang__)
#		define GD__STRICT_MORE
#	else
#		define GD__STRICT_MORE _Pragma("GCC diagnostic error \"-Wdiscarded-qualifiers\"")
#	endif
#	define GD__STRICT_BEGIN                                                                   \
		_Pragma("GCC diagnostic push")                                                     \
			_Pragma("GCC diagnostic error \"-Wint-conversion\"")                       \
				_Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"")   \
					_Pragma("GCC diagnostic error \"-Wpointer-sign\"")         \
						GD__STRICT_MORE
#	define GD__STRICT_END _Pragma("GCC diagnostic pop")
#endif

#define gd__elem(c) __typeof__(*(c).ty)

/* Sends v; parks until it is received or buffered. On a closed channel: fatal error.
 * GD_OK, or in a goroutine that has asked for it GD_ELEAKED: see gd_go_recoverable. */
#define gd_chan_send(c, v)                                                                         \
	__extension__({                                                                            \
		GD__STRICT_BEGIN                                                                   \
		gd__elem(c) gd__v = (v);                                                           \
		GD__STRICT_END                                                                     \
		gd_chan_send_raw((c).raw, &gd__v);                                                 \
	})
/* Receives into *out (NULL: drop it). false when the channel is closed and empty (*out zeroed).
 * In a goroutine that has called gd_go_recoverable also when nobody can ever send: *out is zeroed,
 * but for a nil channel, and gd_go_recovered tells. */
#define gd_chan_recv(c, out)                                                                       \
	__extension__({                                                                            \
		GD__STRICT_BEGIN                                                                   \
		gd__elem(c) *gd__p = (out);                                                        \
		GD__STRICT_END                                                                     \
		gd_chan_recv_raw((c).raw, gd__p);                                                  \
	})
/* Never parks. GD_OK or GD_EAGAIN. */
#define gd_chan_try_send(c, v)                                                                     \
	__extension__({                                                                            \
		GD__STRICT_BEGIN                                                                   \
		gd__elem(c) gd__v = (v);                                                           \
		GD__STRICT_END                                                                     \
		gd_chan_try_send_raw((c).raw, &gd__v);                                             \
	})
/* Never parks. GD_OK, GD_EAGAIN or GD_ECLOSED. */
#define gd_chan_try_recv(c, out)                                                                   \
	__extension__({                                                                            \
		GD__STRICT_BEGIN                                                                   \
		gd__elem(c) *gd__p = (out);                                                        \
		GD__STRICT_END                                                                     \
		gd_chan_try_recv_raw((c).raw, gd__p);                                              \
	})
/* deadline: a gd_now() value in ns; INT64_MAX: none. GD_OK or GD_ETIMEDOUT; without a deadline
 * GD_ELEAKED, as gd_chan_send. */
#define gd_chan_send_until(c, v, deadline)                                                         \
	__extension__({                                                                            \
		GD__STRICT_BEGIN                                                                   \
		gd__elem(c) gd__v = (v);                                                           \
		GD__STRICT_END                                                                     \
		gd_chan_send_until_raw((c).raw, &gd__v, (deadline));                               \
	})
/* GD_OK, GD_ETIMEDOUT or GD_ECLOSED; without a deadline GD_ELEAKED, as gd_chan_recv. */
#define gd_chan_recv_until(c, out, deadline)                                                       \
	__extension__({                                                                            \
		GD__STRICT_BEGIN                                                                   \
		gd__elem(c) *gd__p = (out);                                                        \
		GD__STRICT_END                                                                     \
		gd_chan_recv_until_raw((c).raw, gd__p, (deadline));                                \
	})
/* gd_chan_range(c, v) { ... }: the block runs for each value until c is closed and empty. */
#define gd_chan_range(c, v) for (gd__elem(c) v; gd_chan_recv_raw((c).raw, &v);)

/* Closes: waiting and later receivers get false. Closing a closed or nil channel: fatal error. */
#define gd_chan_close(c) gd_chan_close_raw((c).raw)
/* Elements buffered at this moment; 0 for nil. */
#define gd_chan_len(c) gd_chan_len_raw((c).raw)
#define gd_chan_cap(c) gd_chan_cap_raw((c).raw)
/* Takes and drops a reference. The last one frees the channel; waiters left on it are leaked. */
#define gd_chan_ref(c)   ((void)gd_chan_ref_raw((c).raw))
#define gd_chan_unref(c) gd_chan_unref_raw((c).raw)

/* The untyped core. elem points to elem_size readable (send) or writable (recv) bytes. */
gd_chan *gd_chan_make_raw(size_t elem_size, size_t cap, const char *site);
gd_chan *gd_chan_ref_raw(gd_chan *c);
void gd_chan_unref_raw(gd_chan *c);
int gd_chan_send_raw(gd_chan *c, const void *elem);
bool gd_chan_recv_raw(gd_chan *c, void *elem);
int gd_chan_try_send_raw(gd_chan *c, const void *elem);
int gd_chan_try_recv_raw(gd_chan *c, void *elem);
int gd_chan_send_until_raw(gd_chan *c, const void *elem, int64_t deadline);
int gd_chan_recv_until_raw(gd_chan *c, void *elem, int64_t deadline);
void gd_chan_close_raw(gd_chan *c);
size_t gd_chan_len_raw(gd_chan *c);
size_t gd_chan_cap_raw(gd_chan *c);

#ifdef __cplusplus
}
#endif
#endif
