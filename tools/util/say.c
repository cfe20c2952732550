/* say.c - messages to the user on stderr. */
#include "tools/util/say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static bool progress_shown;
static char last[1024];

const char *say_last(void)
{
	return last;
}

void say_error(const char *fmt, ...)
{
	char *text = last;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(last), fmt, ap);
	va_end(ap);
	/* Paths and names out of a dump are not to drive the terminal. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	say_progress_end();
	fprintf(stderr, "gleak: %s\n", text);
}

void say_progress(const char *what, uint64_t done, uint64_t total)
{
	static int shown = -1;
	int percent = total ? (int)(done * 100.0 / (double)total) : 100;

	if (percent == shown || !isatty(STDERR_FILENO))
		return;
	shown = percent;
	progress_shown = true;
	fprintf(stderr, "\rgleak: %s: %3d %%", what, percent);
	fflush(stderr);
}

void say_progress_end(void)
{
	if (progress_shown)
		fprintf(stderr, "\r\033[K");
	progress_shown = false;
}
