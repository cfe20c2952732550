/*
 * signal.h - the registers that the kernel hands to a signal handler, by their DWARF numbers.
 *
 * signal_<cpu>.h has GD__MCONTEXT_REG(mc, i): register i (GD__DWARF_PC: the pc) in a machine
 * context, as an lvalue. libunwind's contexts have the same fields. And gd__signal_vectors(uc,
 * &end): where the vector registers were put, 0 if nowhere.
 */
#ifndef GD_RUNTIME_ARCH_SIGNAL_H
#define GD_RUNTIME_ARCH_SIGNAL_H

#include <stdint.h>
#include <ucontext.h>

#include "runtime/arch/regs.h"

#if defined(__x86_64__)
#	include "runtime/arch/signal_x86_64.h"
#elif defined(__aarch64__)
#	include "runtime/arch/signal_aarch64.h"
#endif

static inline uintptr_t gd__signal_reg(const ucontext_t *uc, unsigned i)
{
	return (uintptr_t)GD__MCONTEXT_REG(&uc->uc_mcontext, i);
}

#endif
