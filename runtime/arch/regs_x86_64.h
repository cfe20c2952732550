/* regs_x86_64.h - the registers of x86-64. Contract in regs.h. */
#ifndef GD_RUNTIME_ARCH_REGS_X86_64_H
#define GD_RUNTIME_ARCH_REGS_X86_64_H

/* rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15 */
#define GD__DWARF_REGS 16
#define GD__DWARF_FP   6
#define GD__DWARF_SP   7

#define GD__CALL_REGS 6
#define GD__CALL_REG_NUMBERS                                                                       \
	{                                                                                          \
		15, 14, 13, 12, 3, 6                                                               \
	}

static GD__ALWAYS_INLINE void gd__regs_capture(uint64_t *regs)
{
	__asm__ volatile("movq %%rbx, 24(%0)\n\t"
			 "movq %%rbp, 48(%0)\n\t"
			 "movq %%rsp, 56(%0)\n\t"
			 "movq %%r12, 96(%0)\n\t"
			 "movq %%r13, 104(%0)\n\t"
			 "movq %%r14, 112(%0)\n\t"
			 "movq %%r15, 120(%0)\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, 128(%0)\n"
			 "1:"
			 :
			 : "r"(regs)
			 : "rax", "memory");
}

static inline uintptr_t gd__code_address(uintptr_t pc)
{
	return pc;
}

#endif
