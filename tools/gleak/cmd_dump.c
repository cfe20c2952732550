/* cmd_dump.c - gleak dump: an ELF core of a process that goes on. */
#include <getopt.h>
#include <stddef.h>

#include "tools/gleak/cmd.h"
#include "tools/gleak/process.h"

static enum status run(const struct command *self, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	const char *output = NULL;
	int32_t pid;
	int c;

	while ((c = getopt_long(argc, argv, ":o:", longs, NULL)) != -1) {
		if (c != 'o')
			return usage_error(self, argv, c);
		output = optarg;
	}
	if (optind + 1 != argc)
		return usage_message(self, optind == argc ? "no process id given"
							  : "more than one process id");
	if (!output || !*output)
		return usage_message(self, "no -o FILE given");
	if (!process_parse(argv[optind], &pid))
		return usage_message(self, "'%s' is no process id", argv[optind]);
	return process_dump(pid, output, NULL) ? STATUS_CLEAN : STATUS_UNREADABLE;
}

const struct command cmd_dump = {
	.name = "dump",
	.summary = "write a core of a running program, which goes on",
	.help = "Usage: gleak dump PID -o FILE\n"
		"\n"
		"Stops the process for the time of writing, writes an ELF core that gleak and\n"
		"gdb can read, and lets the process go on. The file is sparse; it appears only\n"
		"when it is whole, and an older one of that name stays until then.\n"
		"\n"
		"  -o, --output FILE  the core to write\n"
		"\n"
		"Exit code: 0 done, 2 usage, 3 the process cannot be read or the file not "
		"written.\n"
		"\n"
		"Examples:\n"
		"  gleak dump 1234 -o server.core && gleak report server.core\n"
		"  gleak dump $(pidof server) -o /var/tmp/server.core\n",
	.run = run,
};
