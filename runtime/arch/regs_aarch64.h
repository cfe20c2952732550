/* regs_aarch64.h - the registers of AArch64. Contract in regs.h. */
#ifndef GD_RUNTIME_ARCH_REGS_AARCH64_H
#define GD_RUNTIME_ARCH_REGS_AARCH64_H

/* x0 ... x30, sp */
#define GD__DWARF_REGS 32
#define GD__DWARF_FP   29
#define GD__DWARF_SP   31

#define GD__CALL_REGS 11
#define GD__CALL_REG_NUMBERS                                                                       \
	{                                                                                          \
		19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29                                         \
	}

static GD__ALWAYS_INLINE void gd__regs_capture(uint64_t *regs)
{
	__asm__ volatile("stp x19, x20, [%0, #152]\n\t"
			 "stp x21, x22, [%0, #168]\n\t"
			 "stp x23, x24, [%0, #184]\n\t"
			 "stp x25, x26, [%0, #200]\n\t"
			 "stp x27, x28, [%0, #216]\n\t"
			 "stp x29, x30, [%0, #232]\n\t"
			 "mov x9, sp\n\t"
			 "adr x10, 1f\n\t"
			 "stp x9, x10, [%0, #248]\n"
			 "1:"
			 :
			 : "r"(regs)
			 : "x9", "x10", "memory");
}

/* xpaclri, which works on the link register; a nop where addresses are not signed. */
static inline uintptr_t gd__code_address(uintptr_t pc)
{
	register uintptr_t link __asm__("x30") = pc;

	__asm__("hint #7" : "+r"(link));
	return link;
}

#endif
