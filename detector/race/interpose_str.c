/*
 * interpose_str.c - the string functions of libc: what each reads and writes.
 *
 * Only bytes that decide the result count as read: a comparison ends at the
 * first difference, a search with what it found.
 */
#include "detector/race/interpose.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static size_t length(const char *s)
{
	return GD__REAL(strlen)(s);
}

static size_t length_within(const char *s, size_t max)
{
	return GD__REAL(strnlen)(s, max);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t strlen(const char *s)
{
	size_t n = length(s);

	gd__reads(s, n + 1, GD__RETURN_PC);
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = length_within(s, max);

	gd__reads(s, least(n + 1, max), GD__RETURN_PC);
	return n;
}

static unsigned char same_case(char c)
{
	return (unsigned char)tolower((unsigned char)c);
}

static unsigned char as_is(char c)
{
	return (unsigned char)c;
}

/* The first difference within max bytes, after both were read up to it. */
static int compare(const char *a, const char *b, size_t max, unsigned char (*fold)(char),
		   uintptr_t pc)
{
	size_t i = 0;

	while (i < max && fold(a[i]) == fold(b[i]) && a[i] != '\0')
		i++;
	gd__reads(a, least(i + 1, max), pc);
	gd__reads(b, least(i + 1, max), pc);
	return i < max ? fold(a[i]) - fold(b[i]) : 0;
}

int strcmp(const char *a, const char *b)
{
	if (!gd__race_cur)
		return GD__REAL(strcmp)(a, b);
	return compare(a, b, SIZE_MAX, as_is, GD__RETURN_PC);
}

int strncmp(const char *a, const char *b, size_t n)
{
	if (!gd__race_cur)
		return GD__REAL(strncmp)(a, b, n);
	return compare(a, b, n, as_is, GD__RETURN_PC);
}

int strcasecmp(const char *a, const char *b)
{
	return compare(a, b, SIZE_MAX, same_case, GD__RETURN_PC);
}

int strncasecmp(const char *a, const char *b, size_t n)
{
	return compare(a, b, n, same_case, GD__RETURN_PC);
}

/* Copies n bytes, of which the last may be the NUL. */
static void copy(char *dst, const char *src, size_t n, uintptr_t pc)
{
	gd__reads(src, n, pc);
	gd__writes(dst, n, pc);
	gd__memcpy(dst, src, n);
}

char *strcpy(char *dst, const char *src)
{
	copy(dst, src, length(src) + 1, GD__RETURN_PC);
	return dst;
}

char *stpcpy(char *dst, const char *src)
{
	size_t n = length(src);

	copy(dst, src, n + 1, GD__RETURN_PC);
	return dst + n;
}

static size_t copy_padded(char *dst, const char *src, size_t n, uintptr_t pc)
{
	size_t len = length_within(src, n);

	gd__reads(src, least(len + 1, n), pc);
	gd__writes(dst, n, pc);
	gd__memcpy(dst, src, len);
	gd__memset(dst + len, 0, n - len);
	return len;
}

char *strncpy(char *dst, const char *src, size_t n)
{
	copy_padded(dst, src, n, GD__RETURN_PC);
	return dst;
}

char *stpncpy(char *dst, const char *src, size_t n)
{
	return dst + copy_padded(dst, src, n, GD__RETURN_PC);
}

char *strcat(char *dst, const char *src)
{
	size_t at = length(dst);

	gd__reads(dst, at + 1, GD__RETURN_PC);
	copy(dst + at, src, length(src) + 1, GD__RETURN_PC);
	return dst;
}

char *strncat(char *dst, const char *src, size_t n)
{
	size_t at = length(dst), len = length_within(src, n);

	gd__reads(dst, at + 1, GD__RETURN_PC);
	copy(dst + at, src, len, GD__RETURN_PC);
	gd__writes(dst + at + len, 1, GD__RETURN_PC);
	dst[at + len] = '\0';
	return dst;
}

/* A search that stops at what it finds. */
static char *found(const char *s, char *at, uintptr_t pc)
{
	gd__reads(s, (at ? (size_t)(at - s) : length(s)) + 1, pc);
	return at;
}

char *strchr(const char *s, int c)
{
	return found(s, GD__REAL(strchr)(s, c), GD__RETURN_PC);
}

char *strchrnul(const char *s, int c)
{
	return found(s, GD__REAL(strchrnul)(s, c), GD__RETURN_PC);
}

char *strpbrk(const char *s, const char *accept)
{
	gd__reads(accept, length(accept) + 1, GD__RETURN_PC);
	return found(s, GD__REAL(strpbrk)(s, accept), GD__RETURN_PC);
}

/* These read to the end. */
static void whole(const char *s, uintptr_t pc)
{
	if (gd__race_cur)
		gd__reads(s, length(s) + 1, pc);
}

char *strrchr(const char *s, int c)
{
	whole(s, GD__RETURN_PC);
	return GD__REAL(strrchr)(s, c);
}

char *strstr(const char *s, const char *part)
{
	whole(s, GD__RETURN_PC);
	whole(part, GD__RETURN_PC);
	return GD__REAL(strstr)(s, part);
}

char *strcasestr(const char *s, const char *part)
{
	whole(s, GD__RETURN_PC);
	whole(part, GD__RETURN_PC);
	return GD__REAL(strcasestr)(s, part);
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = GD__REAL(strspn)(s, accept);

	whole(accept, GD__RETURN_PC);
	gd__reads(s, n + 1, GD__RETURN_PC);
	return n;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = GD__REAL(strcspn)(s, reject);

	whole(reject, GD__RETURN_PC);
	gd__reads(s, n + 1, GD__RETURN_PC);
	return n;
}

/* The copy is fresh memory of the caller: our malloc has stamped it as written by him. */
char *strdup(const char *s)
{
	whole(s, GD__RETURN_PC);
	return GD__REAL(strdup)(s);
}

char *strndup(const char *s, size_t n)
{
	gd__reads(s, least(length_within(s, n) + 1, n), GD__RETURN_PC);
	return GD__REAL(strndup)(s, n);
}

/* Formatted text is written to buf; arguments of %s are not followed. */
static int printed(char *buf, size_t room, int len, uintptr_t pc)
{
	if (len >= 0 && room > 0)
		gd__writes(buf, least((size_t)len + 1, room), pc);
	return len;
}

int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
{
	return printed(buf, n, GD__REAL(vsnprintf)(buf, n, fmt, ap), GD__RETURN_PC);
}

int snprintf(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int len = GD__REAL(vsnprintf)(buf, n, fmt, ap);

	va_end(ap);
	return printed(buf, n, len, GD__RETURN_PC);
}

int vsprintf(char *buf, const char *fmt, va_list ap)
{
	return printed(buf, SIZE_MAX, GD__REAL(vsprintf)(buf, fmt, ap), GD__RETURN_PC);
}

int sprintf(char *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int len = GD__REAL(vsprintf)(buf, fmt, ap);

	va_end(ap);
	return printed(buf, SIZE_MAX, len, GD__RETURN_PC);
}
