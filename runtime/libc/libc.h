/*
 * libc.h - what the files of this folder share.
 *
 * The interposers of libgdetect_libc: on a goroutine, a call that would block
 * its thread parks the goroutine, or gives the P away for the time. Anywhere
 * else they are libc's functions. docs/design/blocking.md has the table of
 * which call does what.
 */
#ifndef GD_RUNTIME_LIBC_LIBC_H
#define GD_RUNTIME_LIBC_LIBC_H

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <gdetect/go.h>

#include "runtime/base/compiler.h"
#include "runtime/base/next.h"

#define CALL(name) __typeof__(name) gd__libc_##name GD__HIDDEN;
#include "runtime/libc/calls.inc"
#undef CALL

/*
 * After the definition of gd__libc_name: it is also libc's name. Weak, so that a detector's
 * definition in the same link wins; that one asks gd__libc_find for its next.
 */
#define GD__PUBLISH(name) __asm__(".weak " #name "\n\t.set " #name ", gd__libc_" #name)

/* The definition of name after ours: libc's, or that of another library that interposes. */
void *gd__block_next(const char *name) GD__HIDDEN;
#define GD__NEXT(name) GD__NEXT_BY(name, gd__block_next(#name))

/*
 * The call may park: a goroutine runs user code on its own stack. Not so, and the call goes
 * straight to libc: on other threads, within gd_syscall, in a signal handler on a stack of its
 * own, while the world stands still, with option libc=0; and while the goroutine holds an OS lock,
 * because the next one on this thread might want it.
 */
bool gd__block_may_park(void) GD__HIDDEN;

/* GD__HAND_OFF(call): the P is free for others meanwhile, where that may be. */
#define GD__HAND_OFF(call) (gd__block_may_park() ? gd_syscall(call) : (call))

/* The wait of one call for one descriptor. fd and write are the caller's, the rest is zero. */
struct gd__block_wait {
	int fd;
	bool write;
	bool begun;
	uint32_t in_vain; /* times that it was ready, and the call said EAGAIN again */
	int64_t until;
	dev_t dev; /* what fd was when the wait began: its number may be given to another */
	ino_t ino;
};

enum { GD__BLOCK_AGAIN = 0, GD__BLOCK_REALLY = -1 };

/*
 * Parks until the call that said EAGAIN is worth repeating: GD__BLOCK_AGAIN. GD__BLOCK_REALLY:
 * readiness cannot be had, make the blocking call under gd_syscall. Else an errno for the
 * user: EAGAIN (the descriptor is non-blocking, or SO_RCVTIMEO, SO_SNDTIMEO has passed), EBADF.
 */
int gd__block_wait(struct gd__block_wait *w) GD__HIDDEN;
/* The same without asking for O_NONBLOCK and timeouts, until w->until. ETIMEDOUT. */
int gd__block_wait_until(struct gd__block_wait *w) GD__HIDDEN;

/* A deadline ns from the clock's time; GD__FOREVER if that is too far or ns is negative. */
int64_t gd__block_deadline(int64_t ns) GD__HIDDEN;

/* Sets errno, gives -1. */
static inline int gd__block_fail(int error)
{
	gd_errno_set(error);
	return -1;
}

/*
 * Bytes to or from a descriptor that is not a file: read, write, recv, send and theirs. The
 * result of the call. The message must have bytes to move.
 */
struct gd__block_transfer {
	int fd;
	bool write;
	bool socket;
	bool whole; /* goes on until all bytes are moved, the end or an error */
	int flags;  /* MSG_* of a socket's call */
	struct msghdr msg;
	size_t skip; /* of msg_iov[0]: done */
	size_t left;
};
ssize_t gd__block_move(struct gd__block_transfer *t) GD__HIDDEN;
size_t gd__block_bytes(const struct iovec *iov, size_t n) GD__HIDDEN;

/* Tests: as on kernels that know no RWF_NOWAIT for anything but files. */
extern bool gd__block_no_nowait GD__HIDDEN;

#endif
