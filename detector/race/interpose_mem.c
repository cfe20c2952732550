/*
 * interpose_mem.c - memcpy and its family, as the user and foreign libraries call them.
 *
 * Compiled with GD__KEEP_LIBC_MEM: this file defines the names that
 * runtime/base/mem.h renames everywhere else. The work is done by our own functions.
 */
#include "detector/race/interpose.h"

#include <string.h>

#include "runtime/base/fatal.h"

/* What _FORTIFY_SOURCE makes of the calls. */
void *__memcpy_chk(void *dst, const void *src, size_t n, size_t room);
void *__memmove_chk(void *dst, const void *src, size_t n, size_t room);
void *__memset_chk(void *dst, int c, size_t n, size_t room);
void *__mempcpy_chk(void *dst, const void *src, size_t n, size_t room);

static void *copy(void *dst, const void *src, size_t n, uintptr_t pc)
{
	gd__reads(src, n, pc);
	gd__writes(dst, n, pc);
	return gd__memcpy(dst, src, n);
}

static void *move(void *dst, const void *src, size_t n, uintptr_t pc)
{
	gd__reads(src, n, pc);
	gd__writes(dst, n, pc);
	return gd__memmove(dst, src, n);
}

static void *set(void *dst, int c, size_t n, uintptr_t pc)
{
	gd__writes(dst, n, pc);
	return gd__memset(dst, c, n);
}

static void check_room(size_t n, size_t room)
{
	if (n > room)
		gd__fatal("buffer overflow: %zu bytes into an object of %zu", n, room);
}

void *memcpy(void *dst, const void *src, size_t n)
{
	return copy(dst, src, n, GD__RETURN_PC);
}

void *memmove(void *dst, const void *src, size_t n)
{
	return move(dst, src, n, GD__RETURN_PC);
}

void *memset(void *dst, int c, size_t n)
{
	return set(dst, c, n, GD__RETURN_PC);
}

void *mempcpy(void *dst, const void *src, size_t n)
{
	return (char *)copy(dst, src, n, GD__RETURN_PC) + n;
}

void *__memcpy_chk(void *dst, const void *src, size_t n, size_t room)
{
	check_room(n, room);
	return copy(dst, src, n, GD__RETURN_PC);
}

void *__memmove_chk(void *dst, const void *src, size_t n, size_t room)
{
	check_room(n, room);
	return move(dst, src, n, GD__RETURN_PC);
}

void *__memset_chk(void *dst, int c, size_t n, size_t room)
{
	check_room(n, room);
	return set(dst, c, n, GD__RETURN_PC);
}

void *__mempcpy_chk(void *dst, const void *src, size_t n, size_t room)
{
	check_room(n, room);
	return (char *)copy(dst, src, n, GD__RETURN_PC) + n;
}

/* All n bytes count as read, wherever the first difference is: the result may depend on them. */
static int compare(const void *a, const void *b, size_t n, uintptr_t pc)
{
	gd__reads(a, n, pc);
	gd__reads(b, n, pc);
	return gd__memcmp(a, b, n);
}

int memcmp(const void *a, const void *b, size_t n)
{
	return compare(a, b, n, GD__RETURN_PC);
}

int bcmp(const void *a, const void *b, size_t n)
{
	return compare(a, b, n, GD__RETURN_PC);
}

void bcopy(const void *src, void *dst, size_t n)
{
	move(dst, src, n, GD__RETURN_PC);
}

void bzero(void *dst, size_t n)
{
	set(dst, 0, n, GD__RETURN_PC);
}

/* Read up to and with what was found. */
void *memchr(const void *s, int c, size_t n)
{
	char *at = GD__REAL(memchr)(s, c, n);

	gd__reads(s, at ? (size_t)(at - (const char *)s) + 1 : n, GD__RETURN_PC);
	return at;
}

void *memrchr(const void *s, int c, size_t n)
{
	char *at = GD__REAL(memrchr)(s, c, n);
	size_t skipped = at ? (size_t)(at - (const char *)s) : 0;

	gd__reads((const char *)s + skipped, n - skipped, GD__RETURN_PC);
	return at;
}

void *memmem(const void *s, size_t n, const void *part, size_t m)
{
	gd__reads(s, n, GD__RETURN_PC);
	gd__reads(part, m, GD__RETURN_PC);
	return GD__REAL(memmem)(s, n, part, m);
}
