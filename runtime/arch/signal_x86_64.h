/* signal_x86_64.h - registers in a machine context of x86-64. Contract in signal.h. */
#ifndef GD_RUNTIME_ARCH_SIGNAL_X86_64_H
#define GD_RUNTIME_ARCH_SIGNAL_X86_64_H

/* Places by DWARF number. */
static const uint8_t gd__greg[GD__REGS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					    REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
					    REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };

#define GD__MCONTEXT_REG(mc, i) ((mc)->gregs[gd__greg[i]])

/* The legacy area is followed by what XSAVE adds, if the kernel says so in its reserved words. */
static inline uint64_t gd__signal_vectors(const ucontext_t *uc, uint64_t *end)
{
	const char *area = (const char *)uc->uc_mcontext.fpregs;
	uint32_t note[2];

	if (!area)
		return *end = 0;
	__builtin_memcpy(note, area + 464, sizeof(note)); /* magic, whole size */
	*end = (uintptr_t)area + (note[0] == 0x46505853 && note[1] < 16384 ? note[1] : 512);
	return (uintptr_t)area;
}

#endif
