/*
 * cpu.h - what differs between CPUs below the scheduler: waiting in a loop, copying much.
 *
 * GD__STRING_LEAST: from so many bytes on gd__string_copy and gd__string_fill are the way to
 * copy and fill. SIZE_MAX: this CPU has nothing better than a loop.
 */
#ifndef GD_RUNTIME_BASE_CPU_H
#define GD_RUNTIME_BASE_CPU_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

static inline void gd__cpu_pause(void)
{
	__asm__ volatile("pause");
}

#	define GD__STRING_LEAST ((size_t)256)

/* Fast on every x86-64 since 2013. */
static inline void gd__string_copy(char *d, const char *s, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

static inline void gd__string_fill(char *d, int c, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
}

#elif defined(__aarch64__)

/* yield does nothing on most of them; isb waits for some 10 ns. */
static inline void gd__cpu_pause(void)
{
	__asm__ volatile("isb" : : : "memory");
}

#	define GD__STRING_LEAST SIZE_MAX

static inline void gd__string_copy(char *d, const char *s, size_t n)
{
	(void)d, (void)s, (void)n;
}

static inline void gd__string_fill(char *d, int c, size_t n)
{
	(void)d, (void)c, (void)n;
}

#endif

#endif
