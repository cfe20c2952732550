/*
 * ctx_x86_64.S - what of the context switch is no inline code, for x86-64, System V ABI: where a
 * goroutine begins, a call on another stack, the entry of a system call.
 */
#if defined(__x86_64__)
	.text

/*
 * First code of a goroutine, see gd__ctx_prepare: 0(%rsp) is its entry function and 8(%rsp) its
 * argument "seen". Unwinders end here.
 */
	.hidden	gd__ctx_start
	.globl	gd__ctx_start
	.type	gd__ctx_start, @function
	.p2align 4
gd__ctx_start:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq	(%rsp), %rax
	leaq	8(%rsp), %rdi
	/* What another goroutine has left in them would be saved in frames here, and keep things alive. */
	xorl	%ebx, %ebx
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	callq	*%rax
	ud2
	.cfi_endproc
	.size	gd__ctx_start, . - gd__ctx_start

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
 * void gd_syscall_enter(void): calls gd__syscall_enter(frame), see ctx.h, with r15 r14 r13 r12
 * rbx rbp and the return address on the stack.
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
	leaq	8(%rsp), %rdi
	callq	gd__syscall_enter
	leave
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	gd_syscall_enter, . - gd_syscall_enter
#endif

	.section .note.GNU-stack,"",@progbits
