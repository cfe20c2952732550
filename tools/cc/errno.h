/*
 * errno.h - libc's, with an errno that is looked up at each use.
 *
 * gdetect-cc puts this folder before the system's. With blocking calls that park, any of
 * them may come back on another thread; and libc promises compilers that the place of errno never
 * changes, so that a loop around read() may look at the errno of the thread it was on
 * a round before. The function named here gives no such promise.
 */
#pragma GCC system_header
#include_next <errno.h>

#ifdef errno
#	ifdef __cplusplus
extern "C" {
#	endif
int *gd_errno_at(void);
#	ifdef __cplusplus
}
#	endif
#	undef errno
#	define errno (*gd_errno_at())
#endif
