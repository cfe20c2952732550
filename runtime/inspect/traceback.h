/*
 * traceback.h - stacks of our own process as addresses, and addresses as text.
 *
 * Stacks are unwound by libunwind and symbolised by libdw, both loaded with
 * dlopen when the first report needs them: a program that uses only the
 * runtime links with libc alone. Without them: frame pointers and raw
 * addresses, and the report says so. Not for hot paths, not for signal handlers.
 */
#ifndef GD_RUNTIME_INSPECT_TRACEBACK_H
#define GD_RUNTIME_INSPECT_TRACEBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/fmt.h"

#define GD__FRAMES_MAX 64

struct gd__ginfo;
struct gd__memo;
struct gd__runtime;

/* Stack of the caller, innermost first; skip leaves out that many frames of ours. */
size_t gd__trace_self(uintptr_t *pcs, size_t max, size_t skip);
/* Stack that continues at pc with sp (and bp, 0 if unknown), inside [lo, hi). */
size_t gd__trace_context(uintptr_t *pcs, size_t max, uintptr_t pc, uintptr_t sp, uintptr_t bp,
			 uintptr_t lo, uintptr_t hi);
/* The same with all GD__DWARF_REGS registers (DWARF order) of a context that was interrupted at pc.
 */
size_t gd__trace_regs(uintptr_t *pcs, size_t max, const uint64_t *regs, uintptr_t pc, uintptr_t lo,
		      uintptr_t hi);
/*
 * Stack of a goroutine of our own process: parked, runnable, in a system call, stopped by the
 * stopped world, or the caller of gd__inspect_on_system_stack. 0 if it runs. All of pcs count
 * as return addresses (an interrupted pc is given as pc + 1).
 */
size_t gd__trace_goroutine(const struct gd__runtime *rt, const struct gd__ginfo *g, uintptr_t *pcs,
			   size_t max);
/* The same with at most GD__FRAMES_MAX frames, faster where the memo knows such a stack. */
size_t gd__trace_again(struct gd__memo *memo, const struct gd__runtime *rt,
		       const struct gd__ginfo *g, uintptr_t pcs[GD__FRAMES_MAX]);
/*
 * Loads libunwind and libdw. To be called before the world is stopped where the stop may hit
 * threads inside malloc or the loader. Returns what is missing: "libdw.so.1", ... or NULL.
 */
const char *gd__trace_prepare(void);

/*
 * Takes the stacks of running goroutines while their threads are stopped, for a dump that is
 * printed after they have been let go (they may hold locks that printing needs). At most
 * GD__KEPT_MAX. Only one dump at a time.
 */
#define GD__KEPT_MAX 64
void gd__trace_keep_running(void);
void gd__trace_drop_kept(void);
/* Cheap walk of frame pointers for hot paths; bounds are those of the current stack. */
size_t gd__trace_frame_pointers(uintptr_t *pcs, size_t max, const void *frame, uintptr_t lo,
				uintptr_t hi);
/* Bounds of the stack the caller runs on (goroutine or thread); empty if they are not known. */
void gd__stack_bounds(uintptr_t *lo, uintptr_t *hi);

struct gd__symbol {
	char function[128]; /* "" if unknown */
	char file[192];     /* base path as in the debug information, "" if unknown */
	int line;           /* 0 if unknown */
	char module[96];    /* file name of the binary or library */
	uint64_t offset;    /* of pc in the module */
	bool ours;          /* a frame of the runtime or the detectors */
};
/* pc is a return address except for frame 0 of an interrupted or racing context: is_return
 * looks up pc - 1. inline_depth 0.. walks the inlined functions; false when there is no more. */
bool gd__symbolize(uintptr_t pc, bool is_return, size_t inline_depth, struct gd__symbol *s);
/* A global variable that holds addr. false if none is known. */
bool gd__symbolize_data(uintptr_t addr, char *name, size_t n, uint64_t *base, uint64_t *size);

/* Go's layout: "function(...)" newline, tab, "file:line" or "module+0x1f". Leaves out the
 * runtime's own innermost and outermost frames unless all are. pcs are return addresses. */
void gd__print_stack(struct gd__out *o, const uintptr_t *pcs, size_t n);

/* One line for each library that is missing and what the stacks lack because of it. */
void gd__print_missing(struct gd__out *o);

/* One goroutine of a dump, with the n frames of its stack; 0: it runs and was not stopped. */
void gd__print_goroutine(struct gd__out *o, const struct gd__runtime *rt, const struct gd__ginfo *g,
			 const uintptr_t *pcs, size_t n);
/*
 * The dump of SIGQUIT and of fatal errors: the caller (goroutine or thread) first, then all
 * goroutines. World stopped, or nobody else runs. On the system stack.
 */
void gd__print_goroutines(struct gd__out *o);

#endif
