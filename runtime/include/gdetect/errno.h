/*
 * errno.h - errno that is looked up at each use.
 *
 * Each goroutine has an errno of its own: no call of this library changes it, however long it
 * waits. But libc's errno is the place of a thread, whose address compilers keep within
 * a function, also across a call after which the goroutine is on another thread:
 *
 *     errno = 0;                              the address is taken here, ...
 *     n = gd_syscall(read(fd, buf, size));
 *     if (n < 0 && errno == EINTR)            ... and used again: of the old thread
 *
 * A file that includes this header, at any place, has an errno that is right in such a function;
 * so has one that uses gd_errno() and gd_errno_set() of <gdetect/go.h>. Where errno is read
 * after a call and not touched before in the same function, libc's is right as well.
 */
#ifndef GDETECT_ERRNO_H
#define GDETECT_ERRNO_H

#include <errno.h>

#include <gdetect/go.h>

#undef errno
#define errno (*gd_errno_at())

#endif
