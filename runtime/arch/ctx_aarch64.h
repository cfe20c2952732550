/*
 * ctx_aarch64.h - the context switch for AArch64, AAPCS64. Contract in ctx.h.
 *
 * Everything but sp and x29 is clobbered, so the compiler has nothing in a register across it.
 * x29 is 0 on the system stack: walks along frame pointers end there. "hint 36" is bti j: a nop
 * where the CPU or the build has no branch protection. Signed return addresses stay in frames,
 * whose stack pointers do not change.
 */
#ifndef GD_RUNTIME_ARCH_CTX_AARCH64_H
#define GD_RUNTIME_ARCH_CTX_AARCH64_H

/* Predicate registers, where the compiler may use them. */
#ifdef __ARM_FEATURE_SVE
#	define GD__CTX_CLOBBER_SVE                                                                \
		, "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", \
			"p13", "p14", "p15"
#else
#	define GD__CTX_CLOBBER_SVE
#endif

static GD__ALWAYS_INLINE void gd__mcall(struct gd__ctx *save, uintptr_t system_sp,
					const struct gd__ctx *(*fn)(struct gd__g *),
					struct gd__g *g)
{
	register struct gd__g *arg __asm__("x0") = g;
	register struct gd__ctx *from __asm__("x1") = save;
	register uintptr_t sp __asm__("x2") = system_sp;
	register const struct gd__ctx *(*to)(struct gd__g *)__asm__("x3") = fn;

	__asm__ volatile("adr x4, 1f\n\t"
			 "mov x5, sp\n\t"
			 "stp x5, x29, [%[from]]\n\t"
			 "str x4, [%[from], #16]\n\t"
			 "mov sp, %[sp]\n\t"
			 "mov x29, xzr\n\t"
			 "blr %[to]\n\t"
			 "ldp x5, x29, [x0]\n\t"
			 "ldr x4, [x0, #16]\n\t"
			 "mov sp, x5\n\t"
			 "br x4\n"
			 "1:\thint #36"
			 : "+r"(arg), [from] "+r"(from), [sp] "+r"(sp), [to] "+r"(to)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24",
			   "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5",
			   "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
			   "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
			   "v27", "v28", "v29", "v30", "v31", "cc", "memory" GD__CTX_CLOBBER_SVE);
}

#define GD__TLS_LOAD(out, symbol)                                                                  \
	do {                                                                                       \
		uintptr_t gd__offset;                                                              \
		__asm__ volatile("adrp %1, :gottprel:" #symbol "\n\t"                              \
				 "ldr %1, [%1, #:gottprel_lo12:" #symbol "]\n\t"                   \
				 "mrs %0, tpidr_el0\n\t"                                           \
				 "ldr %0, [%0, %1]"                                                \
				 : "=&r"(out), "=&r"(gd__offset));                                 \
	} while (0)

/* The entry is op: an indirect jump to a return address is not allowed where BTI is on. */
#define GD__BACK(entry, op)                                                                        \
	__asm__(".pushsection .text, \"ax\", %progbits\n\t"                                        \
		".globl " #entry "\n\t.hidden " #entry "\n\t.hidden " #op "\n\t"                   \
		".type " #entry ", %function\n\t"                                                  \
		".set " #entry ", " #op "\n\t"                                                     \
		".popsection")

#endif
