/* signal_x86_64.h - registers in a machine context of x86-64. Contract in signal.h. */
#ifndef GD_RUNTIME_ARCH_SIGNAL_X86_64_H
#define GD_RUNTIME_ARCH_SIGNAL_X86_64_H

/* Places by DWARF number. */
static const uint8_t gd__greg[GD__REGS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					    REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
					    REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };

#define GD__MCONTEXT_REG(mc, i) ((mc)->gregs[gd__greg[i]])

#endif
