/*
 * fmt.h - a formatter without malloc, stdio or locale, for reports and fatal errors.
 *
 * Understands %s %.*s %c %d %i %u %x %p %% with l, ll, z, a width, '-' and '0'.
 */
#ifndef GD_RUNTIME_BASE_FMT_H
#define GD_RUNTIME_BASE_FMT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/compiler.h"

/*
 * Collects text in buf and, when it is full or flushed, writes it to fd.
 * With fd -1 the text is cut at cap - 1; always NUL-terminated after gd__out_flush.
 */
struct gd__out {
	char *buf;
	size_t len, cap;
	int fd;
	/* Set after gd__out_init: once fd has taken nothing for so long, what follows is dropped.
	 */
	int64_t patience_ns; /* 0: waits for ever */
	bool stuck;
};

void gd__out_init(struct gd__out *o, char *buf, size_t cap, int fd);
void gd__out_bytes(struct gd__out *o, const char *s, size_t n);
void gd__out_str(struct gd__out *o, const char *s);
void gd__out_fmt(struct gd__out *o, const char *fmt, ...) GD__PRINTF(2, 3);
void gd__out_vfmt(struct gd__out *o, const char *fmt, va_list ap);
void gd__out_flush(struct gd__out *o);

/* Formats into buf, cut at n - 1. Returns the length written. */
size_t gd__fmt(char *buf, size_t n, const char *fmt, ...) GD__PRINTF(3, 4);

#endif
