/*
 * interpose_wide.c - wide-character strings of libc: what each call reads and writes.
 *
 * The rules of interpose_str.c. A conversion counts as reading its source up to
 * and with the end, also when the room for the result ends sooner.
 */
#include "detector/race/interpose.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static size_t length(const wchar_t *s)
{
	return GD__REAL(wcslen)(s);
}

static void reads_text(const wchar_t *s, uintptr_t pc)
{
	if (gd__race_cur)
		gd__reads(s, (length(s) + 1) * sizeof(*s), pc);
}

size_t wcslen(const wchar_t *s)
{
	size_t n = length(s);

	gd__reads(s, (n + 1) * sizeof(*s), GD__RETURN_PC);
	return n;
}

static wchar_t *copy(wchar_t *dst, const wchar_t *src, size_t n, uintptr_t pc)
{
	gd__reads(src, n * sizeof(*src), pc);
	gd__writes(dst, n * sizeof(*dst), pc);
	return gd__memmove(dst, src, n * sizeof(*dst));
}

wchar_t *wcscpy(wchar_t *dst, const wchar_t *src)
{
	return copy(dst, src, length(src) + 1, GD__RETURN_PC);
}

wchar_t *wmemcpy(wchar_t *dst, const wchar_t *src, size_t n)
{
	return copy(dst, src, n, GD__RETURN_PC);
}

wchar_t *wmemmove(wchar_t *dst, const wchar_t *src, size_t n)
{
	return copy(dst, src, n, GD__RETURN_PC);
}

wchar_t *wmemset(wchar_t *dst, wchar_t c, size_t n)
{
	gd__writes(dst, n * sizeof(*dst), GD__RETURN_PC);
	return GD__REAL(wmemset)(dst, c, n);
}

/* Up to the first difference. */
int wcscmp(const wchar_t *a, const wchar_t *b)
{
	size_t i = 0;

	while (a[i] == b[i] && a[i] != L'\0')
		i++;
	gd__reads(a, (i + 1) * sizeof(*a), GD__RETURN_PC);
	gd__reads(b, (i + 1) * sizeof(*b), GD__RETURN_PC);
	return (a[i] > b[i]) - (a[i] < b[i]);
}

/* n characters of size bytes were stored, and the end if there was room for it. */
static size_t converted(const void *dst, size_t n, size_t room, size_t size, uintptr_t pc)
{
	if (dst && n != (size_t)-1)
		gd__writes(dst, (n < room ? n + 1 : n) * size, pc);
	return n;
}

size_t wcstombs(char *dst, const wchar_t *src, size_t room)
{
	reads_text(src, GD__RETURN_PC);
	return converted(dst, GD__REAL(wcstombs)(dst, src, room), room, sizeof(*dst),
			 GD__RETURN_PC);
}

size_t mbstowcs(wchar_t *dst, const char *src, size_t room)
{
	gd__reads(src, GD__REAL(strlen)(src) + 1, GD__RETURN_PC);
	return converted(dst, GD__REAL(mbstowcs)(dst, src, room), room, sizeof(*dst),
			 GD__RETURN_PC);
}
