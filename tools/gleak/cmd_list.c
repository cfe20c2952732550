/* cmd_list.c - gleak list: all goroutines of a dump. */
#include <getopt.h>
#include <stdio.h>

#include "tools/gleak/analyze.h"
#include "tools/gleak/shared.h"
#include "tools/report/report.h"
#include "tools/util/outfile.h"

static enum status list(const struct target *t, const char *const *exe, size_t nexe, bool all)
{
	struct analysis a;
	struct outfile out;
	enum status s = STATUS_CLEAN;

	if (!analyze(&a, t, exe, nexe, false))
		return STATUS_UNREADABLE;
	outfile_open(&out, NULL);
	report_list(out.f, &a.dump, all);
	if (!outfile_commit(&out) || !a.dump.complete)
		s = STATUS_UNREADABLE;
	analysis_release(&a);
	return s;
}

static enum status run(const struct command *self, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "all", no_argument, NULL, 'a' },
		{ "pid", required_argument, NULL, 'p' },
		{ 0 },
	};
	struct shared o = { 0 };
	enum status s;
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		all |= c == 'a';
		s = c == 'a' ? STATUS_CLEAN : shared_option(&o, self, argv, c);
		if (s != STATUS_CLEAN)
			return s;
	}
	s = usage_target(self, argc, argv, &o.target);
	return s == STATUS_CLEAN ? list(&o.target, o.exe, o.nexe, all) : s;
}

const struct command cmd_list = {
	.name = "list",
	.summary = "list the goroutines in a core with their stacks",
	.help = "Usage: gleak list [--all] [--exe PATH]... CORE | --pid PID\n"
		"\n"
		"Lists all goroutines: state or wait reason, age, stack, creator. Those with the\n"
		"same stack are shown together, with their number and ids.\n"
		"\n"
		"  --all       one by one\n"
		"  --pid PID   of a process that goes on\n"
		"  --exe PATH  where a binary or library of the core is to be found\n"
		"\n"
		"Exit code: 0 done, 2 usage, 3 core unreadable or incomplete.\n"
		"\n"
		"Examples:\n"
		"  gleak list core.1234\n"
		"  gleak list --all --exe build/server core.1234\n",
	.run = run,
};
