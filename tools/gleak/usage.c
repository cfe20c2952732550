/* usage.c - what to say to a command line that makes no sense. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/gleak/cmd.h"
#include "tools/gleak/process.h"
#include "tools/util/say.h"

enum status usage_error(const struct command *c, char **argv, int result)
{
	char shown[3] = { '-', (char)optopt, 0 };
	/* A bad long option leaves optopt 0, or its value: then the word itself is to be shown. */
	bool is_long = optind > 0 && argv[optind - 1] && strncmp(argv[optind - 1], "--", 2) == 0;
	const char *option = is_long ? argv[optind - 1] : shown;

	if (result == ':')
		return usage_message(c, "option '%s' needs a value", option);
	return usage_message(c, "unknown option '%s'", option);
}

enum status usage_message(const struct command *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_error("%s: %s; see gleak help %s", c->name, text, c->name);
	return STATUS_USAGE;
}

enum status usage_target(const struct command *c, int argc, char **argv, struct target *t)
{
	if (t->pid)
		return optind == argc ? STATUS_CLEAN : usage_message(c, "a core and --pid");
	if (optind == argc)
		return usage_message(c, "no core given, and no --pid");
	if (optind + 1 != argc)
		return usage_message(c, "more than one core");
	t->core = argv[optind];
	return STATUS_CLEAN;
}

enum status usage_help(const struct command *c)
{
	fputs(c->help, stdout);
	return STATUS_CLEAN;
}
