/* signal_aarch64.h - registers in a machine context of AArch64. Contract in signal.h. */
#ifndef GD_RUNTIME_ARCH_SIGNAL_AARCH64_H
#define GD_RUNTIME_ARCH_SIGNAL_AARCH64_H

#define GD__MCONTEXT_REG(mc, i)                                                                    \
	(*((i) < GD__DWARF_SP    ? &(mc)->regs[(i) % GD__DWARF_SP]                                 \
	   : (i) == GD__DWARF_SP ? &(mc)->sp                                                       \
				 : &(mc)->pc))

/* All extended state, whatever records there are. */
static inline uint64_t gd__signal_vectors(const ucontext_t *uc, uint64_t *end)
{
	*end = (uintptr_t)(&uc->uc_mcontext + 1);
	return (uintptr_t)uc->uc_mcontext.__reserved;
}

#endif
