/*
 * regs.h - a CPU's registers as unwinders and detectors look at them: by DWARF number, then the pc.
 *
 * For each CPU regs_<cpu>.h has
 *   GD__DWARF_REGS   how many there are, the stack pointer included
 *   GD__DWARF_SP, GD__DWARF_FP   stack pointer and frame pointer
 *   GD__CALL_REGS, GD__CALL_REG_NUMBERS   those that a callee preserves, in the order in which
 *       gd_syscall_enter stores them; the frame pointer is the last
 *   gd__regs_capture(regs)   the preserved ones, sp and pc of the calling function, into
 *       uint64_t regs[GD__REGS]; the others are left alone. A macro or inlined: a call would
 *       change what is to be captured.
 *   gd__code_address(pc)   a return address as found in a frame, without a signature
 */
#ifndef GD_RUNTIME_ARCH_REGS_H
#define GD_RUNTIME_ARCH_REGS_H

#include <stdint.h>

#include "runtime/base/compiler.h"

#if defined(__x86_64__)
#	include "runtime/arch/regs_x86_64.h"
#elif defined(__aarch64__)
#	include "runtime/arch/regs_aarch64.h"
#else
#	error "the registers of this CPU are not known"
#endif

/* The pc stands behind the others. */
#define GD__DWARF_PC GD__DWARF_REGS
#define GD__REGS     (GD__DWARF_REGS + 1)

#endif
