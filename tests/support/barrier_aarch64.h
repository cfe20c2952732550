/* barrier_aarch64.h - the accesses and the system call of barrier.h for AArch64. */
#ifndef GD_TESTS_SUPPORT_BARRIER_AARCH64_H
#define GD_TESTS_SUPPORT_BARRIER_AARCH64_H

BARRIER__QUIET uint32_t barrier__load(const uint32_t *p)
{
	uint32_t v;

	__asm__ volatile("ldar %w0, %1" : "=r"(v) : "Q"(*p) : "memory");
	return v;
}

/* The value before. */
BARRIER__QUIET uint32_t barrier__increment(uint32_t *p)
{
	uint32_t was, now, failed;

	__asm__ volatile("1:\tldaxr %w0, %3\n\t"
			 "add %w1, %w0, #1\n\t"
			 "stlxr %w2, %w1, %3\n\t"
			 "cbnz %w2, 1b"
			 : "=&r"(was), "=&r"(now), "=&r"(failed), "+Q"(*p)
			 :
			 : "memory");
	return was;
}

BARRIER__QUIET long barrier__futex(uint32_t *p, int op, uint32_t value)
{
	register long number __asm__("x8") = SYS_futex;
	register long word __asm__("x0") = (long)p;
	register long what __asm__("x1") = op | FUTEX_PRIVATE_FLAG;
	register long limit __asm__("x2") = value;
	register const void *timeout __asm__("x3") = NULL;

	__asm__ volatile("svc #0"
			 : "+r"(word)
			 : "r"(number), "r"(what), "r"(limit), "r"(timeout)
			 : "memory");
	return word;
}

#endif
