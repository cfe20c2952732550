/*
 * debug.h - what the runtime is doing, as numbers. As text: gd_stacks in go.h, SIGQUIT, and
 * GDETECT_OPTIONS=schedtrace=ms, with :scheddetail=1 for each P, M and goroutine. In gdb:
 * gdetect-gdb.
 */
#ifndef GDETECT_DEBUG_H
#define GDETECT_DEBUG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A snapshot. The numbers are read one after the other while the program goes on, so they need
 * not add up to the last one. New ones come at the end.
 */
struct gd_stats {
	/* Goroutines that have started and not ended, and what they do. */
	uint64_t goroutines;
	uint64_t runnable, running, waiting, syscall;
	uint64_t created; /* since the start, the runtime's own included */

	uint64_t procs, procs_idle;
	uint64_t threads; /* that run goroutines or might; with the idle and the spinning ones */
	uint64_t threads_idle, threads_spinning;
	uint64_t queue_global, queue_local; /* runnable ones by queue: all Ps', and theirs */

	/* Since the start. */
	uint64_t switches; /* goroutines run from a queue; hand-overs in a time slice not counted */
	uint64_t steals;   /* goroutines that a P took from another's queue */
	uint64_t syscalls; /* by gd_syscall */
	uint64_t retakes;  /* Ps taken from a system call that took long */
	uint64_t preemptions; /* time slices that the monitor asked to end */

	uint64_t timers;     /* pending, sleeps included */
	uint64_t io_waiting; /* goroutines that wait for a descriptor */

	uint64_t stacks, stacks_free; /* ever made; of those, without a goroutine */
	uint64_t stacks_reserved;     /* bytes of address space; memory is used as touched */

	uint64_t stops, stop_last_ns, stop_max_ns; /* of the world, with its way there and back */
};

/*
 * Fills *stats, which has size bytes: sizeof(*stats), also when the library is of another version:
 * what it does not know is 0. Before gd_run all is 0. Stops nothing and takes about ten
 * microseconds, however many goroutines there are. Callable from any thread, not from a signal
 * handler.
 */
void gd_stats(struct gd_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif
#endif
