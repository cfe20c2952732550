/* cmd_why.c - gleak why: what keeps a waiting goroutine off the list of leaks. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "tools/gleak/path.h"
#include "tools/gleak/shared.h"
#include "tools/report/report.h"
#include "tools/util/outfile.h"
#include "tools/util/say.h"

struct options {
	struct shared shared;
	bool all;
	uint64_t goid;
};

static bool parse_id(const char *text, uint64_t *id)
{
	char *end;

	errno = 0;
	*id = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static enum status parse_arguments(const struct command *self, int argc, char **argv,
				   struct options *o)
{
	int cores = o->shared.target.pid ? 0 : 1, want = o->all ? cores : cores + 1;

	if (optind == argc && cores)
		return usage_message(self, "no core given, and no --pid");
	if (argc - optind < want)
		return usage_message(self, "no goroutine given, and no --all");
	if (argc - optind > want)
		return usage_message(self,
				     o->all ? "a goroutine and --all" : "more than one goroutine");
	if (cores)
		o->shared.target.core = argv[optind++];
	if (!o->all && !parse_id(argv[optind], &o->goid))
		return usage_message(self, "'%s' is no goroutine id", argv[optind]);
	return STATUS_CLEAN;
}

static enum status parse(const struct command *self, int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "all", no_argument, NULL, 'a' },
		{ "pid", required_argument, NULL, 'p' },
		{ 0 },
	};
	enum status s;
	int c;

	while ((c = getopt_long(argc, argv, ":o:", longs, NULL)) != -1) {
		o->all |= c == 'a';
		s = c == 'a' ? STATUS_CLEAN : shared_option(&o->shared, self, argv, c);
		if (s != STATUS_CLEAN)
			return s;
	}
	return parse_arguments(self, argc, argv, o);
}

static enum status write_answer(const struct options *o, const struct dump *d)
{
	struct outfile out;
	bool reported = false;

	if (!outfile_open(&out, o->shared.output))
		return STATUS_UNREADABLE;
	if (o->shared.json)
		report_why_json(out.f, d);
	else
		report_why(out.f, d);
	if (!outfile_commit(&out) || !d->complete)
		return STATUS_UNREADABLE;
	for (size_t i = 0; i < d->nwhy; i++)
		reported |= d->why[i]->why->answer == GD__WHY_STUCK;
	return reported ? STATUS_FINDINGS : STATUS_CLEAN;
}

static enum status run(const struct command *self, int argc, char **argv)
{
	struct options o = { 0 };
	struct analysis a;
	enum status s = parse(self, argc, argv, &o);

	if (s != STATUS_CLEAN)
		return s;
	if (!analyze(&a, &o.shared.target, o.shared.exe, o.shared.nexe, true))
		return STATUS_UNREADABLE;
	if (find_why(&a, o.goid, o.all)) {
		s = write_answer(&o, &a.dump);
	} else {
		say_error("%s: there is no goroutine %" PRIu64, a.dump.path, o.goid);
		s = a.dump.complete ? STATUS_USAGE : STATUS_UNREADABLE;
	}
	analysis_release(&a);
	return s;
}

const struct command cmd_why = {
	.name = "why",
	.summary = "show what keeps a waiting goroutine off the list",
	.help = "Usage: gleak why [--exe PATH]... [--format text|json] [-o FILE] CORE GOROUTINE\n"
		"       gleak why [--exe PATH]... [--format text|json] [-o FILE] --all CORE\n"
		"       --pid PID instead of CORE: of a process that goes on\n"
		"\n"
		"A goroutine that waits is no leak as long as something that can still run might\n"
		"wake it. Shows the way by which what it waits for can be reached: from a global\n"
		"variable, a stack, a timer, through blocks of the heap and other goroutines, "
		"with\n"
		"the names of variables and types that the debug information has. It is one way "
		"of\n"
		"perhaps several. Of a goroutine that is reported, shows the report.\n"
		"\n"
		"  --all            every goroutine that waits and is not reported\n"
		"  --exe PATH       where a binary or library of the core is to be found\n"
		"  --format FORMAT  text (the default) or json (schema gdetect-why/1)\n"
		"  -o, --output FILE  write there instead of standard output\n"
		"\n"
		"Exit code: 0 it is not reported, 1 it is reported, 2 usage or no such goroutine,\n"
		"3 core unreadable or incomplete.\n"
		"\n"
		"Examples:\n"
		"  gleak why core.1234 17\n"
		"  gleak why --all --format json core.1234\n",
	.run = run,
};
