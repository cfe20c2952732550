/* barrier_x86_64.h - the accesses and the system call of barrier.h for x86-64. */
#ifndef GD_TESTS_SUPPORT_BARRIER_X86_64_H
#define GD_TESTS_SUPPORT_BARRIER_X86_64_H

BARRIER__QUIET uint32_t barrier__load(const uint32_t *p)
{
	uint32_t v;

	__asm__ volatile("movl %1, %0" : "=r"(v) : "m"(*p) : "memory");
	return v;
}

/* The value before. */
BARRIER__QUIET uint32_t barrier__increment(uint32_t *p)
{
	uint32_t one = 1;

	__asm__ volatile("lock xaddl %0, %1" : "+r"(one), "+m"(*p) : : "memory");
	return one;
}

BARRIER__QUIET long barrier__futex(uint32_t *p, int op, uint32_t value)
{
	long result = SYS_futex;
	register const void *timeout __asm__("r10") = NULL;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(p), "S"(op | FUTEX_PRIVATE_FLAG), "d"(value), "r"(timeout)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
