/* cmd_dump.c - gleak dump: an ELF core of a process that goes on. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "detector/image/core_writer.h"
#include "detector/image/image_live.h"
#include "tools/gleak/cmd.h"
#include "tools/util/say.h"

static void progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	say_progress("writing the dump", done, total);
}

/* The runtime's clock. */
static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum status write_dump(struct gd__live *live, const char *path)
{
	struct gd__core_source src = {
		.pid = live->pid,
		.threads = live->threads,
		.nthreads = live->n,
		.patch_value = now(),
		.progress = progress,
	};
	const char *doing;

	if (!gd__live_anchor(live, &src.patch_addr)) {
		say_error("process %d runs no program with gdetect", live->pid);
		return STATUS_UNREADABLE;
	}
	int r = gd__core_write(&src, path, &doing);

	say_progress_end();
	if (r == 0)
		return STATUS_CLEAN;
	if (r == -EWOULDBLOCK)
		say_error("another dump to %s is under way", path);
	else if (r == -EINVAL)
		say_error("cannot replace %s: not a regular file", path);
	else
		say_error("cannot %s %s: %s", doing, path, strerror(-r));
	return STATUS_UNREADABLE;
}

static enum status dump(int32_t pid, const char *path)
{
	struct gd__live live;
	int r = gd__live_stop(&live, pid);

	if (r == -ESRCH) {
		say_error("there is no process %d", pid);
		return STATUS_UNREADABLE;
	}
	if (r == -EPERM || r == -EACCES) {
		say_error("not allowed to stop process %d: it belongs to somebody else, is being "
			  "debugged, or ptrace is restricted (kernel.yama.ptrace_scope)",
			  pid);
		return STATUS_UNREADABLE;
	}
	if (r) {
		say_error("cannot stop process %d: %s", pid, strerror(-r));
		return STATUS_UNREADABLE;
	}
	enum status s = write_dump(&live, path);

	gd__live_release(&live);
	return s;
}

static enum status run(const struct command *self, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	const char *output = NULL;
	char *end;
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
	errno = 0;
	long pid = strtol(argv[optind], &end, 10);

	if (*end || end == argv[optind] || errno || pid <= 0 || pid > INT32_MAX)
		return usage_message(self, "'%s' is no process id", argv[optind]);
	return dump((int32_t)pid, output);
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
