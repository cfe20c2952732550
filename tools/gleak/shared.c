/* shared.c - the options that several commands have. */
#include "tools/gleak/shared.h"

#include <getopt.h>
#include <string.h>

enum status shared_option(struct shared *o, const struct command *self, char **argv, int c)
{
	switch (c) {
	case 'e':
		if (o->nexe == EXE_MAX)
			return usage_message(self, "more than %d --exe", EXE_MAX);
		o->exe[o->nexe++] = optarg;
		return STATUS_CLEAN;
	case 'f':
		o->json = strcmp(optarg, "json") == 0;
		if (!o->json && strcmp(optarg, "text") != 0)
			return usage_message(self, "unknown format '%s'", optarg);
		return STATUS_CLEAN;
	case 'o':
		o->output = optarg;
		return STATUS_CLEAN;
	case 'p':
		if (!process_parse(optarg, &o->target.pid))
			return usage_message(self, "'%s' is no process id", optarg);
		return STATUS_CLEAN;
	default:
		return usage_error(self, argv, c);
	}
}
