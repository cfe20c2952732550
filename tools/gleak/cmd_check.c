/* cmd_check.c - gleak check: the gate. Nothing that was not looked at reads as clean. */
#include <getopt.h>
#include <stdio.h>

#include "tools/gleak/analyze.h"
#include "tools/gleak/cmd.h"
#include "tools/report/report.h"
#include "tools/util/say.h"

#define EXE_MAX 64

static enum status check(const char *core, const char *const *exe, size_t nexe)
{
	struct analysis a;
	enum status s = STATUS_CLEAN;

	if (!analyze(&a, core, exe, nexe, true))
		return STATUS_UNREADABLE;
	report_summary(stdout, &a.dump);
	if (dump_stuck(&a.dump) || a.dump.nraces)
		s = STATUS_FINDINGS;
	if (!a.dump.complete)
		s = STATUS_UNREADABLE;
	if (s == STATUS_CLEAN)
		printf("%s: nothing found\n", core);
	analysis_release(&a);
	return s;
}

static enum status run(const struct command *self, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ 0 },
	};
	const char *exe[EXE_MAX];
	enum status worst = STATUS_CLEAN;
	size_t nexe = 0;
	int c;

	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (c != 'e')
			return usage_error(self, argv, c);
		if (nexe == EXE_MAX)
			return usage_message(self, "more than %d --exe", EXE_MAX);
		exe[nexe++] = optarg;
	}
	if (optind == argc)
		return usage_message(self, "no core given");
	for (int i = optind; i < argc; i++)
		worst = status_worse(worst, check(argv[i], exe, nexe));
	if (fflush(stdout) != 0) {
		say_error("cannot write standard output");
		worst = STATUS_UNREADABLE;
	}
	return worst;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "gate: fail if cores hold leaks or races",
	.help = "Usage: gleak check [--exe PATH]... CORE...\n"
		"\n"
		"Checks each core and prints one line per finding. Goroutines that are merely\n"
		"still alive at the end are shown but do not fail the gate. All cores are looked\n"
		"at; the worst result counts.\n"
		"\n"
		"  --exe PATH  where a binary or library of the cores is to be found\n"
		"\n"
		"Exit code: 0 nothing found, 1 findings, 2 usage, 3 a core is unreadable or\n"
		"incomplete, whatever the others hold.\n"
		"\n"
		"Examples:\n"
		"  gleak check core.1234\n"
		"  gleak check cores/*.zst || exit 1\n",
	.run = run,
};
