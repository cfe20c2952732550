/* cmd_report.c - gleak report: all that a dump says. */
#include <getopt.h>
#include <stdio.h>

#include "tools/gleak/analyze.h"
#include "tools/gleak/shared.h"
#include "tools/report/report.h"
#include "tools/util/outfile.h"
#include "tools/util/say.h"

static enum status parse(const struct command *self, int argc, char **argv, struct shared *o)
{
	static const struct option longs[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "pid", required_argument, NULL, 'p' },
		{ 0 },
	};
	enum status s;
	int c;

	while ((c = getopt_long(argc, argv, ":o:", longs, NULL)) != -1) {
		s = shared_option(o, self, argv, c);
		if (s != STATUS_CLEAN)
			return s;
	}
	return usage_target(self, argc, argv, &o->target);
}

static enum status write_report(const struct shared *o, const struct dump *d)
{
	struct outfile out;

	if (!outfile_open(&out, o->output))
		return STATUS_UNREADABLE;
	if (o->json)
		report_json(out.f, d);
	else
		report_text(out.f, d);
	if (!outfile_commit(&out))
		return STATUS_UNREADABLE;
	if (!d->complete)
		return STATUS_UNREADABLE;
	return dump_stuck(d) || d->nraces ? STATUS_FINDINGS : STATUS_CLEAN;
}

/* A reader of JSON finds a report, too: one that says that nothing was looked at. */
static enum status write_failure(const struct shared *o)
{
	struct dump none = { .path = o->target.core, .program = "", .why_not = say_last() };
	char name[32];

	if (o->target.pid) {
		snprintf(name, sizeof(name), "process %d", o->target.pid);
		none.path = name;
	}
	return write_report(o, &none);
}

static enum status run(const struct command *self, int argc, char **argv)
{
	struct shared o = { 0 };
	struct analysis a;
	enum status s = parse(self, argc, argv, &o);

	if (s != STATUS_CLEAN)
		return s;
	if (!analyze(&a, &o.target, o.exe, o.nexe, true))
		return o.json ? write_failure(&o) : STATUS_UNREADABLE;
	s = write_report(&o, &a.dump);
	analysis_release(&a);
	return s;
}

const struct command cmd_report = {
	.name = "report",
	.summary = "explain the leaks and races in a core",
	.help = "Usage: gleak report [--exe PATH]... [--format text|json] [-o FILE]\n"
		"                    CORE | --pid PID\n"
		"\n"
		"Reads an ELF core of a gdetect program (written by the kernel, by gdb's gcore,\n"
		"by gd_dump() or by gleak dump; .gz and .zst too), finds the goroutines that can\n"
		"never run again and says why, and lists the races that were recorded.\n"
		"\n"
		"  --pid PID        of a process that goes on: it is stopped while its memory is\n"
		"                   copied\n"
		"  --exe PATH       where a binary or library of the core is to be found; by\n"
		"                   file name, else it stands for the executable. May repeat.\n"
		"  --format FORMAT  text (the default) or json (schema gdetect-report/1)\n"
		"  -o, --output FILE  write there instead of standard output; the file appears\n"
		"                   only when it is whole\n"
		"\n"
		"Exit code: 0 nothing found, 1 findings, 2 usage, 3 core unreadable or "
		"incomplete.\n"
		"\n"
		"Examples:\n"
		"  gleak report core.1234\n"
		"  gleak report --pid $(pidof server)\n"
		"  gleak report --exe build/server --format json -o leaks.json core.1234.zst\n",
	.run = run,
};
