/*
 * image_core.h - the image of a core file.
 */
#ifndef GD_DETECTOR_IMAGE_IMAGE_CORE_H
#define GD_DETECTOR_IMAGE_IMAGE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/image/image.h"
#include "detector/image/image_core_file.h"
#include "detector/image/image_core_modules.h"

/* Words outside of the dumped memory that hold pointers: registers, timers. */
struct gd__core_words {
	uint64_t *word;
	size_t n, cap;
};

struct gd__core {
	struct gd__image im; /* priv points to this struct */
	struct gd__corefile file;
	struct gd__modules modules;
	struct gd__mem mem;
	struct gd__ginfo *g;
	size_t broken;               /* goroutine records that could not be read */
	size_t lost_stacks;          /* parked goroutines whose stack is not in the core */
	uint64_t *fs_base;           /* per thread of the file, 0 if unknown */
	struct gd__core_words words; /* registers of threads, of system calls, words of timers */
	size_t timers_at;            /* where in words those of timers begin */
	int64_t now_ns;              /* not before any time in the dump */
};

/*
 * Opens a core and the runtime in it. exe: see gd__modules_open. NULL on
 * failure: error is one line that goes on after the path ("is not an ELF file").
 */
struct gd__core *gd__core_open(const char *path, const char *const *exe, size_t nexe,
			       char error[GD__CORE_TEXT]);
void gd__core_close(struct gd__core *c);

/* g runs or is in a system call: a thread's registers tell more than what g has saved itself. */
bool gd__core_on_thread(const struct gd__ginfo *g);
/*
 * The thread of the file that runs goroutine g: its stack pointer lies in g's
 * stack. NULL if there is none, or if it is on another stack just now.
 */
const struct gd__core_thread *gd__core_thread_of(const struct gd__core *c,
						 const struct gd__ginfo *g);

/* image_core_roots.c */
bool gd__core_roots_prepare(struct gd__core *c);
void gd__core_roots(struct gd__image *im,
		    void (*visit)(void *arg, enum gd__root_kind kind, struct gd__range r),
		    void *arg);
/* A view of the words, which have addresses that no process has. */
const void *gd__core_words_view(const struct gd__core *c, uint64_t addr, size_t n, size_t *got);

#endif
