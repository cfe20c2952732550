/*
 * error.h - result codes. Functions return 0 (GD_OK), or a count, or one of these negative codes,
 * or GD_ERRNO(e).
 */
#ifndef GDETECT_ERROR_H
#define GDETECT_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GD_ERROR_LIST(X)                                                                           \
	X(GD_OK, 0, "no error")                                                                    \
	X(GD_EAGAIN, -1, "the operation would wait")                                               \
	X(GD_ECLOSED, -2, "closed (a channel: and empty)")                                         \
	X(GD_ETIMEDOUT, -3, "the deadline has passed")                                             \
	X(GD_ECANCELED, -4, "the context was cancelled")                                           \
	X(GD_ENOMEM, -5, "out of memory")                                                          \
	X(GD_EINVAL, -6, "invalid argument")                                                       \
	X(GD_EIO, -7, "input or output failed")                                                    \
	X(GD_EBUSY, -8, "already in progress")                                                     \
	X(GD_ENOHOST, -9, "no host or service of this name is known")                              \
	X(GD_ELEAKED, -10, "nobody can end this wait: it was proven to be a leak")                 \
	X(GD_EINCOMPLETE, -11, "incomplete: not all could be seen")

#define GD_ERROR_ENUM(name, value, text) name = (value),
enum gd_error { GD_ERROR_LIST(GD_ERROR_ENUM) };
#undef GD_ERROR_ENUM

/*
 * What the kernel said where no code above says it better: GD_ERRNO(ECONNRESET). gd_error_errno
 * gives the number back, 0 for a code that is none of these.
 */
#define GD_ERRNO(e) (-1000 - (e))
int gd_error_errno(int64_t code);

/* English text of a code; "unknown error" for a number that is none. Static storage. */
const char *gd_error_text(int64_t code);

#ifdef __cplusplus
}
#endif
#endif
