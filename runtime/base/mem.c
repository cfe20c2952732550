/*
 * mem.c - memcpy and friends that no interposer sees.
 *
 * Small sizes by two overlapping moves, large ones by the CPU's string instructions where it
 * has good ones, or else by plain loops.
 */
#define GD__KEEP_LIBC_MEM
#include "runtime/base/mem.h"

#include <stdint.h>

#include "runtime/base/cpu.h"

typedef uint64_t __attribute__((aligned(1), may_alias)) word8;
typedef uint32_t __attribute__((aligned(1), may_alias)) word4;
typedef uint16_t __attribute__((aligned(1), may_alias)) word2;

/* Loads everything before it stores anything, so it serves memmove as well. n <= 16. */
static void move_small(char *d, const char *s, size_t n)
{
	if (n >= 8) {
		uint64_t a = *(const word8 *)s, b = *(const word8 *)(s + n - 8);
		*(word8 *)d = a;
		*(word8 *)(d + n - 8) = b;
	} else if (n >= 4) {
		uint32_t a = *(const word4 *)s, b = *(const word4 *)(s + n - 4);
		*(word4 *)d = a;
		*(word4 *)(d + n - 4) = b;
	} else if (n >= 2) {
		uint16_t a = *(const word2 *)s, b = *(const word2 *)(s + n - 2);
		*(word2 *)d = a;
		*(word2 *)(d + n - 2) = b;
	} else if (n == 1) {
		*d = *s;
	}
}

/*
 * In each loop: without it compilers recognise the loop and replace it by a
 * call of the very function it is in (clang 14 at -O2 does).
 */
#define OPAQUE(p) __asm__ volatile("" : "+r"(p))

static void copy_forward(char *d, const char *s, size_t n)
{
	if (n >= GD__STRING_LEAST) {
		gd__string_copy(d, s, n);
		return;
	}
	for (; n >= 8; n -= 8, d += 8, s += 8) {
		OPAQUE(d);
		*(word8 *)d = *(const word8 *)s;
	}
	for (; n > 0; n--) {
		OPAQUE(d);
		*d++ = *s++;
	}
}

static void copy_backward(char *d, const char *s, size_t n)
{
	for (; n >= 8; n -= 8) {
		OPAQUE(d);
		*(word8 *)(d + n - 8) = *(const word8 *)(s + n - 8);
	}
	for (; n > 0; n--) {
		OPAQUE(d);
		d[n - 1] = s[n - 1];
	}
}

void *gd__memcpy(void *dst, const void *src, size_t n)
{
	if (n <= 16)
		move_small(dst, src, n);
	else
		copy_forward(dst, src, n);
	return dst;
}

void *gd__memmove(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (n <= 16)
		move_small(d, s, n);
	else if ((uintptr_t)d - (uintptr_t)s >= n)
		copy_forward(d, s, n);
	else
		copy_backward(d, s, n);
	return dst;
}

void *gd__memset(void *dst, int c, size_t n)
{
	char *d = dst;
	uint64_t w = 0x0101010101010101u * (unsigned char)c;

	if (n >= GD__STRING_LEAST) {
		gd__string_fill(d, c, n);
		return dst;
	}
	for (; n >= 8; n -= 8, d += 8) {
		OPAQUE(d);
		*(word8 *)d = w;
	}
	for (; n > 0; n--) {
		OPAQUE(d);
		*d++ = (char)c;
	}
	return dst;
}

int gd__memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0 && *x == *y; n--, x++, y++)
		;
	return n == 0 ? 0 : *x - *y;
}
