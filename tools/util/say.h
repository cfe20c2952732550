/*
 * say.h - messages to the user on stderr.
 */
#ifndef GD_TOOLS_UTIL_SAY_H
#define GD_TOOLS_UTIL_SAY_H

#include <stdint.h>

/* "gleak: <text>", one line. Control characters of the text come out as '?'. */
void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The last of them, "" if there was none: for formats that have a place for it. */
const char *say_last(void);

/* A line that is rewritten in place, only if stderr is a terminal. */
void say_progress(const char *what, uint64_t done, uint64_t total);
void say_progress_end(void);

#endif
