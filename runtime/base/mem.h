/*
 * mem.h - memcpy and friends of our own.
 *
 * The race detector interposes libc's memory functions to see the user's
 * accesses; ours must not be seen. This header is included before anything
 * else in every file of runtime/ and detector/ (compiler option -include): it
 * renames the calls, also those the compiler makes up, in the assembler.
 */
#ifndef GD_RUNTIME_BASE_MEM_H
#define GD_RUNTIME_BASE_MEM_H

#ifndef __ASSEMBLER__
#	include <stddef.h>

void *gd__memcpy(void *dst, const void *src, size_t n);
void *gd__memmove(void *dst, const void *src, size_t n);
void *gd__memset(void *dst, int c, size_t n);
int gd__memcmp(const void *a, const void *b, size_t n);

#	ifndef GD__KEEP_LIBC_MEM
__asm__(".set memcpy, gd__memcpy\n\t"
	".set memmove, gd__memmove\n\t"
	".set memset, gd__memset\n\t"
	".set memcmp, gd__memcmp");
#	endif
#endif

#endif
