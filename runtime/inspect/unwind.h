/*
 * unwind.h - libunwind, loaded when first needed.
 */
#ifndef GD_RUNTIME_INSPECT_UNWIND_H
#define GD_RUNTIME_INSPECT_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers in DWARF order; those that are not known are 0. */
#define GD__DWARF_RBX 3
#define GD__DWARF_RBP 6
#define GD__DWARF_RSP 7
struct gd__unwind_regs {
	uintptr_t r[16];
	uintptr_t pc;
};

/*
 * The state of the calling function, as seen at this very place. A macro: a
 * call would change what is to be captured. Only what a callee keeps is needed.
 */
#define gd__unwind_capture(regs)                                                                   \
	__asm__ volatile("movq %%rbx, 24(%0)\n\t"                                                  \
			 "movq %%rbp, 48(%0)\n\t"                                                  \
			 "movq %%rsp, 56(%0)\n\t"                                                  \
			 "movq %%r12, 96(%0)\n\t"                                                  \
			 "movq %%r13, 104(%0)\n\t"                                                 \
			 "movq %%r14, 112(%0)\n\t"                                                 \
			 "movq %%r15, 120(%0)\n\t"                                                 \
			 "leaq 1f(%%rip), %%rax\n\t"                                               \
			 "movq %%rax, 128(%0)\n"                                                   \
			 "1:"                                                                      \
			 :                                                                         \
			 : "r"(regs)                                                               \
			 : "rax", "memory")

/* Loads libunwind if that was not tried yet. Calls dlopen: not under a stopped world. */
bool gd__unwind_load(void);

/*
 * Frames from regs outward while the stack pointer stays in [lo, hi) and rises.
 * pcs[0] is regs->pc. exact: that is an instruction about to run. Needs a big stack.
 */
size_t gd__unwind(const struct gd__unwind_regs *regs, bool exact, uintptr_t lo, uintptr_t hi,
		  uintptr_t *pcs, size_t max);

#endif
