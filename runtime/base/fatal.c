/* fatal.c - messages of last resort. */
#include "runtime/base/fatal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <gdetect/error.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fmt.h"
#include "runtime/base/lock.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"

void (*gd__fatal_dump)(int fd);

/* The thread that dies; a second one waits for it, the same one in a dump stops dumping. */
static _Atomic int dying;

static void become_the_dying(void)
{
	int nobody = 0, me = gd__os_tid();

	if (gd__cas_acquire(&dying, &nobody, me)) { /* pairs with nothing: first one wins */
		gd__lock_any_order();
		return;
	}
	if (nobody == me)
		gd__os_exit(GD__EXIT_FATAL);
	for (;;)
		gd__os_nanosleep(INT64_C(1000000000));
}

void gd__fatal_forget(void)
{
	gd__store_relaxed(&dying, 0); /* there is one thread */
}

int64_t gd__dump_patience(void)
{
	return (int64_t)gd__options.dump_wait_ms * 1000000;
}

void gd__fatal(const char *fmt, ...)
{
	char buf[512];
	struct gd__out o;
	va_list ap;

	become_the_dying();
	gd__out_init(&o, buf, sizeof(buf), 2);
	o.patience_ns = gd__dump_patience();
	gd__out_str(&o, "fatal error: ");
	va_start(ap, fmt);
	gd__out_vfmt(&o, fmt, ap);
	va_end(ap);
	gd__out_str(&o, "\n");
	gd__out_flush(&o);
	if (gd__fatal_dump && !o.stuck)
		gd__fatal_dump(2);
	gd__os_exit(GD__EXIT_FATAL);
}

void gd__throw(const char *text)
{
	gd__os_write(2, "gdetect: internal error: ", 25);
	gd__os_write(2, text, strlen(text));
	gd__os_write(2, "\n", 1);
	abort();
}

void gd__warn(const char *fmt, ...)
{
	char buf[512];
	struct gd__out o;
	va_list ap;

	gd__out_init(&o, buf, sizeof(buf), 2);
	gd__out_str(&o, "gdetect: ");
	va_start(ap, fmt);
	gd__out_vfmt(&o, fmt, ap);
	va_end(ap);
	gd__out_str(&o, "\n");
	gd__out_flush(&o);
}

int gd_error_errno(int64_t code)
{
	int64_t e = -1000 - code;

	return e > 0 && e < 4096 ? (int)e : 0;
}

const char *gd_error_text(int64_t code)
{
	const char *of_errno;

#define CASE(name, value, text)                                                                    \
	case value:                                                                                \
		return text;
	switch (code) {
		GD_ERROR_LIST(CASE)
	default:
		of_errno = gd_error_errno(code) ? strerrordesc_np(gd_error_errno(code)) : NULL;
		return of_errno ? of_errno : "unknown error";
	}
#undef CASE
}
