/*
 * shared.h - the options that several commands have.
 */
#ifndef GD_TOOLS_GLEAK_SHARED_H
#define GD_TOOLS_GLEAK_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/gleak/cmd.h"
#include "tools/gleak/process.h"

#define EXE_MAX 64

/* All zero is the default. Texts are those of the command line. */
struct shared {
	const char *exe[EXE_MAX]; /* --exe */
	size_t nexe;
	bool json;            /* --format */
	const char *output;   /* -o, --output */
	struct target target; /* --pid */
};

/*
 * Takes what getopt_long gave: 'e', 'f', 'o' or 'p' with its value, of which a command declares
 * those that it has. Anything else is an error of usage.
 */
enum status shared_option(struct shared *o, const struct command *self, char **argv, int c);

#endif
