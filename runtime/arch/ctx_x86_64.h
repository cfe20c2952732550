/*
 * ctx_x86_64.h - the context switch for x86-64, System V ABI. Contract in ctx.h.
 *
 * Everything but rsp and rbp is clobbered, so the compiler has nothing in a register across it.
 * rbp is 0 on the system stack: walks along frame pointers end there.
 */
#ifndef GD_RUNTIME_ARCH_CTX_X86_64_H
#define GD_RUNTIME_ARCH_CTX_X86_64_H

static GD__ALWAYS_INLINE void gd__mcall(struct gd__ctx *save, uintptr_t system_sp,
					const struct gd__ctx *(*fn)(struct gd__g *),
					struct gd__g *g)
{
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rsp, 0(%[save])\n\t"
			 "movq %%rbp, 8(%[save])\n\t"
			 "movq %%rax, 16(%[save])\n\t"
			 "movq %[sp], %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "callq *%[fn]\n\t"
			 "movq 0(%%rax), %%rsp\n\t"
			 "movq 8(%%rax), %%rbp\n\t"
			 "jmpq *16(%%rax)\n"
			 "1:\tendbr64"
			 : [save] "+S"(save), [sp] "+d"(system_sp), [fn] "+c"(fn), "+D"(g)
			 :
			 : "rax", "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc",
			   "memory");
}

#define GD__TLS_LOAD(out, symbol)                                                                  \
	__asm__ volatile("movq " #symbol "@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(out))

#define GD__BACK(entry, op)                                                                        \
	__asm__(".pushsection .text, \"ax\", @progbits\n\t"                                        \
		".globl " #entry "\n\t.hidden " #entry "\n\t.hidden " #op "\n\t"                   \
		".type " #entry ", @function\n\t.p2align 4\n" #entry ":\n\t"                       \
		".cfi_startproc\n\t"                                                               \
		"endbr64\n\t"                                                                      \
		"leaq " #op "(%rip), %rax\n\t"                                                     \
		"jmp gd__back\n\t"                                                                 \
		".cfi_endproc\n\t"                                                                 \
		".size " #entry ", . - " #entry "\n\t"                                             \
		".popsection")

#endif
