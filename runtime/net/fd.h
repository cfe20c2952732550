/*
 * fd.h - calls on descriptors: the loop of system call and wait, shared by fd.c and socket.c.
 */
#ifndef GD_RUNTIME_NET_FD_H
#define GD_RUNTIME_NET_FD_H

#include "runtime/hook/hook.h"
#include "runtime/net/netpoll.h"

/* In a public function: the place that called it. */
#define GD__IO_PC ((uintptr_t)__builtin_return_address(0))

/* A system call of number nr; its first argument is the descriptor. */
struct gd__io_call {
	long nr, a, b, c, d, e;
};

/* The call on the descriptor of u, repeated until it says something else than EAGAIN: its result,
 * or a code. May park. */
int64_t gd__io_perform(const struct gd__pd_use *u, const struct gd__io_call *call, int64_t until);
/* gd__pd_end, and gives way if the goroutine is asked to. */
void gd__io_end(const struct gd__pd_use *u);
/* Takes the turn, performs, and gives it back. */
int64_t gd__io(int fd, enum gd__pd_dir dir, const struct gd__io_call *call, int64_t until);

/* The call, once: the kernel's result. */
long gd__io_once(int fd, const struct gd__io_call *call);
/*
 * The same, of which the kernel would tell this thread by SIGPIPE that nobody reads: the
 * signal is taken back, unless there was one already. The kernel's result.
 */
long gd__io_quietly(int fd, const struct gd__io_call *call);

/* Both are owned from here on; or closed, and the code says why. */
int gd__io_open_both(const int fds[2], enum gd__pd_kind kind);
/* Closes fd, of which nothing was opened here. */
void gd__io_close_raw(int fd);

/* For the race detector: what a call of the current goroutine means to others. */
void gd__io_tell(enum gd__hook_io what, int fd, const void *addr, unsigned len);

#endif
