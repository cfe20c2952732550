/*
 * ctx_aarch64.S - what of the context switch is no inline code, for AArch64, AAPCS64: where a
 * goroutine begins, a call on another stack, the entry of a system call.
 *
 * The landing pads of branch protection are written as hints (34: bti c, 36: bti j): nops on older
 * CPUs, and known to every assembler. Return addresses are not signed here: each lies in memory
 * for no longer than a call of our own.
 */
#if defined(__aarch64__)
	.text

/*
 * First code of a goroutine, see gd__ctx_prepare: [sp] is its entry function and [sp, 8] its
 * argument "seen". Unwinders end here.
 */
	.hidden	gd__ctx_start
	.globl	gd__ctx_start
	.type	gd__ctx_start, %function
	.p2align 4
gd__ctx_start:
	.cfi_startproc
	.cfi_undefined x30
	hint	#36
	ldr	x8, [sp]
	add	x0, sp, #8
	/* What another goroutine has left in them would be saved in frames here, and keep things alive. */
	mov	x19, xzr
	mov	x20, xzr
	mov	x21, xzr
	mov	x22, xzr
	mov	x23, xzr
	mov	x24, xzr
	mov	x25, xzr
	mov	x26, xzr
	mov	x27, xzr
	mov	x28, xzr
	blr	x8
	brk	#1
	.cfi_endproc
	.size	gd__ctx_start, . - gd__ctx_start

/* void gd__call_on(uintptr_t sp, void (*fn)(void *), void *arg) */
	.globl	gd__call_on
	.hidden	gd__call_on
	.type	gd__call_on, %function
	.p2align 4
gd__call_on:
	.cfi_startproc
	hint	#34
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	mov	x29, sp
	.cfi_def_cfa_register x29
	and	x0, x0, #-16
	mov	sp, x0
	mov	x0, x2
	blr	x1
	mov	sp, x29
	.cfi_def_cfa_register sp
	ldp	x29, x30, [sp], #16
	.cfi_restore x29
	.cfi_restore x30
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	gd__call_on, . - gd__call_on

/*
 * void gd_syscall_enter(void): calls gd__syscall_enter(frame), see ctx.h, with x19 ... x28, x29
 * and the return address on the stack. The last two are this function's frame record as well.
 */
	.globl	gd_syscall_enter
	.type	gd_syscall_enter, %function
	.p2align 4
gd_syscall_enter:
	.cfi_startproc
	hint	#34
	sub	sp, sp, #96
	.cfi_def_cfa_offset 96
	stp	x29, x30, [sp, #80]
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	add	x29, sp, #80
	mov	x0, sp
	bl	gd__syscall_enter
	ldp	x29, x30, [sp, #80]
	.cfi_restore x29
	.cfi_restore x30
	add	sp, sp, #96
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	gd_syscall_enter, . - gd_syscall_enter

#	ifdef __ARM_FEATURE_BTI_DEFAULT
	/* Says that all of the above may run with branch targets checked. */
	.pushsection .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5 /* name, content, NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000, 4, 1, 0 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */
	.popsection
#	endif
#endif
	.section .note.GNU-stack,"",%progbits
