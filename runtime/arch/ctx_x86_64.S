/*
 * ctx_x86_64.S - what of the context switch is no inline code, for x86-64, System V ABI: where a
 * goroutine begins, a call on another stack, the entry of a system call, the way back from a park.
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

/*
 * Calls the function at rax with the arguments as they are, and returns as it does: the common
 * part of what GD__BACK defines. 40(M) is gd__m.back, see m.c. Nothing checks the target of the
 * jump (notrack): it is a return address.
 */
	.globl	gd__back
	.hidden	gd__back
	.type	gd__back, @function
	.p2align 5
gd__back:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	movq	gd__m_tls@gottpoff(%rip), %r10
	movq	%fs:(%r10), %r10
	movq	8(%rbp), %r11
	movq	%r11, 40(%r10)
	callq	*%rax
	popq	%rbp
	.cfi_def_cfa rsp, 8
	.cfi_restore rbp
	/* Perhaps on another thread. */
	movq	gd__m_tls@gottpoff(%rip), %r10
	movq	%fs:(%r10), %r10
	movq	(%rsp), %rcx
	cmpq	%rcx, 40(%r10)
	jne	1f
	ret
1:	addq	$8, %rsp
	.cfi_def_cfa_offset 0
	.cfi_register rip, rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	gd__back, . - gd__back
#endif

	.section .note.GNU-stack,"",@progbits
