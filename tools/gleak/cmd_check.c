/* cmd_check.c - gleak check: the gate. Nothing that was not looked at reads as clean. */
#include <getopt.h>
#include <stdio.h>

#include "tools/gleak/analyze.h"
#include "tools/gleak/cmd.h"
#include "tools/report/report.h"
#include "tools/util/say.h"

#define EXE_MAX  64
#define PIDS_MAX 64

static enum status check(const struct target *t, const char *const *exe, size_t nexe)
{
	struct analysis a;
	enum status s = STATUS_CLEAN;

	if (!analyze(&a, t, exe, nexe, true))
		return STATUS_UNREADABLE;
	report_summary(stdout, &a.dump);
	if (dump_stuck(&a.dump) || a.dump.nraces)
		s = STATUS_FINDINGS;
	if (!a.dump.complete)
		s = STATUS_UNREADABLE;
	if (s == STATUS_CLEAN)
		printf("%s: nothing found\n", a.dump.path);
	analysis_release(&a);
	return s;
}

static enum status run(const struct command *self, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "pid", required_argument, NULL, 'p' },
		{ 0 },
	};
	const char *exe[EXE_MAX];
	struct target process[PIDS_MAX];
	enum status worst = STATUS_CLEAN;
	size_t nexe = 0, npids = 0;
	int c;

	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (c != 'e' && c != 'p')
			return usage_error(self, argv, c);
		if (nexe == EXE_MAX || npids == PIDS_MAX)
			return usage_message(self, "more than %d --exe or --pid", EXE_MAX);
		if (c == 'e')
			exe[nexe++] = optarg;
		else if (!process_parse(optarg, &process[npids++].pid))
			return usage_message(self, "'%s' is no process id", optarg);
	}
	if (optind == argc && npids == 0)
		return usage_message(self, "no core given, and no --pid");
	for (size_t i = 0; i < npids; i++)
		worst = status_worse(worst, check(&process[i], exe, nexe));
	for (int i = optind; i < argc; i++)
		worst = status_worse(worst, check(&(struct target){ .core = argv[i] }, exe, nexe));
	if (fflush(stdout) != 0) {
		say_error("cannot write standard output");
		worst = STATUS_UNREADABLE;
	}
	return worst;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "gate: fail if cores hold leaks or races",
	.help = "Usage: gleak check [--exe PATH]... [--pid PID]... CORE...\n"
		"\n"
		"Checks each core and prints one line per finding. Goroutines that are merely\n"
		"still alive at the end are shown but do not fail the gate. All cores are looked\n"
		"at; the worst result counts.\n"
		"\n"
		"  --pid PID   a process that goes on: it is stopped while its memory is copied\n"
		"  --exe PATH  where a binary or library of the cores is to be found\n"
		"\n"
		"Exit code: 0 nothing found, 1 findings, 2 usage, 3 a core or process is "
		"unreadable\n"
		"or incomplete, whatever the others hold.\n"
		"\n"
		"Examples:\n"
		"  gleak check core.1234\n"
		"  gleak check --pid $(pidof server)\n"
		"  gleak check cores/*.zst || exit 1\n",
	.run = run,
};
