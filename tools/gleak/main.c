/*
 * main.c - gleak: finds goroutine leaks in dumps of gdetect programs.
 *
 * Picks the command and is the only place where its result becomes an exit code.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/gleak/cmd.h"
#include "tools/util/pool.h"
#include "tools/util/say.h"

static const struct command *const commands[] = {
	&cmd_report, &cmd_list, &cmd_check, &cmd_why, &cmd_dump,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int exit_code(enum status s)
{
	switch (s) {
	case STATUS_CLEAN:
		return 0;
	case STATUS_FINDINGS:
		return 1;
	case STATUS_USAGE:
		return 2;
	case STATUS_UNREADABLE:
		break;
	}
	return 3;
}

__attribute__((noreturn)) static void no_memory(void)
{
	static const char text[] = "gleak: out of memory\n";

	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)written; /* the exit code says it too */
	_exit(exit_code(STATUS_UNREADABLE));
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_help(FILE *f)
{
	fputs("Usage: gleak COMMAND [OPTION]... [ARGUMENT]...\n"
	      "\n"
	      "Finds goroutine leaks, and shows recorded races, in cores of gdetect programs.\n"
	      "\n"
	      "Commands:\n",
	      f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help     show how to use a command\n"
	      "\n"
	      "  --help     this text\n"
	      "  --version  the version\n"
	      "\n"
	      "Exit code: 0 nothing found, 1 findings, 2 usage, 3 input unreadable or incomplete.\n"
	      "\n"
	      "Examples:\n"
	      "  gleak dump 1234 -o server.core\n"
	      "  gleak report server.core\n"
	      "  gleak help check\n",
	      f);
}

static enum status help(const char *name)
{
	const struct command *c = name ? find(name) : NULL;

	if (c)
		return usage_help(c);
	if (name && strcmp(name, "help") != 0) {
		say_error("unknown command '%s'; see gleak help", name);
		return STATUS_USAGE;
	}
	print_help(stdout);
	return STATUS_CLEAN;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static enum status dispatch(int argc, char **argv)
{
	if (argc < 2) {
		say_error("no command given; see gleak help");
		return STATUS_USAGE;
	}
	const char *name = argv[1];
	const struct command *c = find(name);

	if (c)
		return asks_for_help(argc - 1, argv + 1) ? usage_help(c)
							 : c->run(c, argc - 1, argv + 1);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return help(NULL);
	if (strcmp(name, "help") == 0)
		return help(argv[2]);
	if (strcmp(name, "--version") == 0) {
		puts("gleak " GD_VERSION);
		return STATUS_CLEAN;
	}
	say_error("unknown %s '%s'; see gleak help", name[0] == '-' ? "option" : "command", name);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	enum status s;

	pool_exhausted = no_memory;
	opterr = 0;
	/* Debug files come from this machine; asking servers is the user's choice. */
	unsetenv("DEBUGINFOD_URLS");
	/* A reader that goes away or a limit is an error of writing, no reason to die half-way. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	s = dispatch(argc, argv);
	if (fflush(stdout) != 0 && s < STATUS_UNREADABLE)
		s = STATUS_UNREADABLE;
	return exit_code(s);
}
