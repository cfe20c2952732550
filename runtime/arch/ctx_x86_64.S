/*
 * ctx_x86_64.S - context switch for x86-64, System V ABI.
 *
 * A saved context is a stack with, from its pointer upwards:
 *     r15 r14 r13 r12 rbx rbp return-address
 * gd__gogo leaves by an indirect jump, not by ret: the return stack of the
 * CPU would mispredict every switch (7 ns against 2, measured 2026).
 */
	.text

/* void gd__mcall(ctx *save, uintptr_t system_sp, void (*fn)(g *), g *g) */
	.globl	gd__mcall
	.hidden	gd__mcall
	.type	gd__mcall, @function
	.p2align 4
gd__mcall:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	/* The scheduler's stack ends here for an unwinder. */
	.cfi_undefined rip
	movq	%rcx, %rdi
	xorl	%ebp, %ebp
	callq	*%rdx
	ud2
	.cfi_endproc
	.size	gd__mcall, . - gd__mcall

/* void gd__gogo(const ctx *to) */
	.globl	gd__gogo
	.hidden	gd__gogo
	.type	gd__gogo, @function
	.globl	gd__ctx_resume
	.hidden	gd__ctx_resume
	.p2align 4
gd__gogo:
	.cfi_startproc
	endbr64
	movq	(%rdi), %rsp
	/* From here on the frame is that of the context, as gd__mcall left it. */
	.cfi_def_cfa rsp, 56
	.cfi_offset rip, -8
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
gd__ctx_resume:
	movq	0(%rsp), %r15
	movq	8(%rsp), %r14
	movq	16(%rsp), %r13
	movq	24(%rsp), %r12
	movq	32(%rsp), %rbx
	movq	40(%rsp), %rbp
	movq	48(%rsp), %rcx
	addq	$56, %rsp
	.cfi_def_cfa rsp, 0
	.cfi_register rip, rcx
	.cfi_same_value rbp
	.cfi_same_value rbx
	.cfi_same_value r12
	.cfi_same_value r13
	.cfi_same_value r14
	.cfi_same_value r15
	jmpq	*%rcx
	.cfi_endproc
	.size	gd__gogo, . - gd__gogo

/*
 * First code of a goroutine: rbx holds its entry function, and r12 what entry will use. That has
 * been seen on the stack so far, and is no callee's to save. Unwinders end here.
 */
	.hidden	gd__ctx_start
	.globl	gd__ctx_start
	.type	gd__ctx_start, @function
	.p2align 4
gd__ctx_start:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	xorl	%ebp, %ebp
	xorl	%r12d, %r12d
	callq	*%rbx
	ud2
	.cfi_endproc
	.size	gd__ctx_start, . - gd__ctx_start

/* void gd__ctx_prepare(ctx *c, uintptr_t hi, void (*entry)(void), void *arg) */
	.globl	gd__ctx_prepare
	.hidden	gd__ctx_prepare
	.type	gd__ctx_prepare, @function
	.p2align 4
gd__ctx_prepare:
	.cfi_startproc
	endbr64
	andq	$-16, %rsi
	leaq	-72(%rsi), %rax
	xorl	%r8d, %r8d
	movq	%r8, 0(%rax)
	movq	%r8, 8(%rax)
	movq	%r8, 16(%rax)
	movq	%rcx, 24(%rax)
	movq	%rdx, 32(%rax)
	movq	%r8, 40(%rax)
	leaq	gd__ctx_start(%rip), %rdx
	movq	%rdx, 48(%rax)
	movq	%r8, 56(%rax)
	movq	%r8, 64(%rax)
	movq	%rax, (%rdi)
	ret
	.cfi_endproc
	.size	gd__ctx_prepare, . - gd__ctx_prepare

/* void gd__call_on(uintptr_t sp, void (*fn)(void *), void *arg) */
	.globl	gd__call_on
	.hidden	gd__call_on
	.type	gd__call_on, @function
	.p2align 4
gd__call_on:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	andq	$-16, %rdi
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	callq	*%rsi
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	gd__call_on, . - gd__call_on

/*
 * void gd_syscall_enter(void): calls gd__syscall_enter(frame) with all callee-saved registers on
 * the stack as the caller has them: r15 r14 r13 r12 rbx rbp return-address from frame[1] on.
 */
	.globl	gd_syscall_enter
	.type	gd_syscall_enter, @function
	.p2align 4
gd_syscall_enter:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	movq	%rsp, %rdi
	callq	gd__syscall_enter
	leave
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	gd_syscall_enter, . - gd_syscall_enter

	.section .note.GNU-stack,"",@progbits
