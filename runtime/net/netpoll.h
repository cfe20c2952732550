/*
 * netpoll.h - goroutines that wait until a descriptor is ready.
 *
 * There is one record per descriptor number, made when the number is first
 * seen and never unmapped, so a late event may always look at it. What the
 * number means changes: each open or close of it begins a new generation, and
 * every event, wait and call carries the generation it belongs to.
 *
 * A record serves two kinds of callers. The gd_fd_* functions (fd.c) own the
 * descriptor: it is non-blocking, is put into the poller once, edge-triggered,
 * and its close goes through gd__pd_close. gd__netpoll_wait_fd serves anybody
 * else's descriptor, and trusts nothing from one wait to the next.
 */
#ifndef GD_RUNTIME_NET_NETPOLL_H
#define GD_RUNTIME_NET_NETPOLL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/lock.h"
#include "runtime/sync/waitq.h"
#include "runtime/time/timer.h"

/* Deadlines: clock times; GD__FOREVER and GD__NO_WAIT of sync/waitq.h. */

enum gd__pd_dir { GD__PD_READ, GD__PD_WRITE };

/* What a descriptor is, as far as it matters for how it is read and written. */
enum gd__pd_kind {
	GD__PD_STREAM, /* devices, eventfds and the rest: read and write */
	GD__PD_SOCKET, /* written with MSG_NOSIGNAL */
	GD__PD_TCP,    /* as it, and a read that got less than it asked for has emptied it */
	GD__PD_PIPE,   /* a write may raise SIGPIPE */
	GD__PD_FILE    /* never waits in the poller: calls run under gd_syscall */
};

/* The right to use one direction of a descriptor, between begin and end. */
struct gd__pd_use {
	struct gd__pd *pd;
	struct gd__g *g;
	int fd;
	uint32_t seq; /* generation */
	enum gd__pd_dir dir;
	enum gd__pd_kind kind;
};

/*
 * fd, just made by the kernel or handed over by the user, is owned from here on; it is
 * non-blocking. Whoever waits for what had this number before gets GD_ECLOSED. GD_OK, GD_ENOMEM,
 * or GD_ERRNO(EMFILE) for a number too high.
 */
int gd__pd_open(int fd, enum gd__pd_kind kind);
/*
 * No new use begins, those in progress end with GD_ECLOSED; parks until they have. Then fd is
 * nobody's: the caller closes it. GD_ECLOSED if fd is not owned.
 */
int gd__pd_close(int fd);

/*
 * Takes the direction, after those who came before; one goroutine has it at a time. GD_OK;
 * GD_ECLOSED: fd is not owned, or is being closed; GD_ETIMEDOUT: its deadline, or until, has
 * passed. May park.
 */
int gd__pd_begin(struct gd__pd_use *u, int fd, enum gd__pd_dir dir, int64_t until);
/*
 * Parks until the direction may be ready: the call that said EAGAIN is to be repeated. GD_OK,
 * GD_ECLOSED, GD_ETIMEDOUT, or the code of what the poller said (GD_ENOMEM, GD_ERRNO(ENOSPC)).
 */
int gd__pd_wait(const struct gd__pd_use *u, int64_t until);
void gd__pd_end(const struct gd__pd_use *u);
/* Before the system call: what happened before it, its result will tell. */
void gd__pd_call(const struct gd__pd_use *u);
/*
 * A read of a GD__PD_TCP got less than it asked for: there is nothing more, and an event will tell
 * when there is. Until then gd__pd_is_drained: a call may wait first.
 */
void gd__pd_drained(const struct gd__pd_use *u);
bool gd__pd_is_drained(const struct gd__pd_use *u);
/* Whether the deadline set for the direction has passed: GD_OK or GD_ETIMEDOUT. */
int gd__pd_expired(const struct gd__pd_use *u);

/* From here on, also for who waits: when, or GD__FOREVER. GD_OK or GD_ECLOSED. */
int gd__pd_set_deadline(int fd, enum gd__pd_dir dir, int64_t when);
/* What edges of the race detector are told by: the record. NULL: never seen. */
const void *gd__pd_of(int fd);

/*
 * Parks the calling goroutine until fd, anybody's descriptor in any mode, may be read or written
 * (end of file and errors count as both). A look at it is the first thing done, so it returns at
 * once if fd is ready. It may also return without being so, and others may be quicker: the
 * caller's next call must be able to take EAGAIN, or to block. Those who wait for the same
 * direction of one descriptor take turns. GD_OK; GD_ETIMEDOUT; GD_ECLOSED: gd__netpoll_closed was
 * called, or the number given to another descriptor; GD_ERRNO(EPERM): never waits, like a file;
 * GD_ERRNO(EBADF), GD_ENOMEM and what else epoll says.
 */
int gd__netpoll_wait_fd(int fd, bool write, int64_t until);
/*
 * For who sees a close(2), any thread: before it, the generation; after it, when nobody can begin
 * to wait for what fd was, closed wakes who does. If meanwhile gd__pd_open was given the
 * number, nothing happens. Others who already wait for what has the number by then are woken, too.
 */
uint32_t gd__netpoll_generation(int fd);
void gd__netpoll_closed(int fd, uint32_t generation);

/* The code for a negative errno. */
int gd__errno_code(long r);

/* The system's side. Functions give 0 or a negative errno. */
struct gd__poll_event {
	uint64_t data;
	bool read, write;
	bool ending; /* end of stream, error, or urgent data */
};

struct gd__poll_ops {
	/* Called once, before all others. */
	int (*open)(void);
	/*
	 * From here on each change of fd to readable or writable is one event with data, and so is
	 * its present state. fd may have been added before, with other data. again: it probably
	 * was. -EPERM: fd cannot wait.
	 */
	int (*add)(int fd, uint64_t data, bool again);
	/*
	 * Up to GD__POLL_BATCH events; waits for the first until the clock reads until (INT64_MIN:
	 * not at all, INT64_MAX: for ever) or an interrupt. Errors are none: 0 events.
	 */
	int (*wait)(struct gd__poll_event *e, int64_t until);
	void (*interrupt)(void);
	/* In the child of a fork: nothing of it is shared with the parent any more; open comes
	 * next. */
	void (*forget)(void);
};

#define GD__POLL_BATCH 256

/* Tests set theirs before the first descriptor; else epoll. */
extern const struct gd__poll_ops *gd__poll_ops;
extern const struct gd__poll_ops gd__poll_epoll;

#endif
