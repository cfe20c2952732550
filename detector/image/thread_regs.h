/*
 * thread_regs.h - the registers of threads that nobody has stopped.
 *
 * A thread that sleeps in the kernel, or computes, outside of the runtime may have a pointer in a
 * register and nowhere else. A signal would show them, but ends many a system call with EINTR. So a
 * helper process that shares our memory traces the threads for some microseconds: the kernel
 * restarts what it interrupts so. Not what signal(7) excepts: threads in such calls are left alone.
 */
#ifndef GD_DETECTOR_IMAGE_THREAD_REGS_H
#define GD_DETECTOR_IMAGE_THREAD_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GD__TRACED_WORDS 96

struct gd__traced {
	int32_t tid;
	uint32_t n;                      /* words known; 0: it could not be traced */
	uint64_t word[GD__TRACED_WORDS]; /* general and vector registers */
};

/* Fills in t[0..n), whose tid is set; each of another thread of this process. May take some
 * milliseconds if a thread does not stop. Blocks signals meanwhile. */
void gd__threads_trace(struct gd__traced *t, size_t n);
/* Whether a thread in this system call goes on as if nothing had been. */
bool gd__traceable_call(long number);

#endif
