/*
 * cmd.h - the commands of gleak, one per file.
 */
#ifndef GD_TOOLS_GLEAK_CMD_H
#define GD_TOOLS_GLEAK_CMD_H

#include <stdbool.h>

#include "tools/util/status.h"

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* usage, options, examples */
	/* argv[0] is the command's name. Says what is wrong on stderr. */
	enum status (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command cmd_report, cmd_list, cmd_check, cmd_why, cmd_dump;

/* What getopt_long gave for something that is no option: says so. */
enum status usage_error(const struct command *c, char **argv, int result);
enum status usage_message(const struct command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* What is left of the command line is one core, or with --pid nothing. */
struct target;
enum status usage_target(const struct command *c, int argc, char **argv, struct target *t);
/* --help: prints the command's help. */
enum status usage_help(const struct command *c);

#endif
