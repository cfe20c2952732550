/*
 * verdict.c - gd-verdict: runs a program and compares what the detectors say with its source.
 *
 * usage: gd-verdict [-c CASE] [-v VERDICT] [-t SECONDS] [-n RUNS] SOURCE PROGRAM [ARGUMENT...]
 *
 * The verdict stands in the source's first line, as "verdict: race" in a
 * comment, or is what the case's name begins with (race_ norace_ leak_
 * noleak_ fatal_), or is given with -v. It fixes the exit code:
 *     race 66, leak 23, fatal 2, stuck 2 (all asleep, with a leak report), none 0.
 * Every "expect: REGEX" comment of the source (with -c: between this CASE( and
 * the next) must match stderr; @LINE in it is the number of its own line, @NEXT of the one after.
 * "expect(race): REGEX" counts only if that is the verdict, and "forbid: REGEX"
 * must not match. "options: TEXT" is added to the program's GDETECT_OPTIONS. RACE(x) begins the
 * case race_x as CASE(race_x) does, NORACE(x) norace_x; so do LEAK, NOLEAK and STUCK, whose "leak:"
 * comments verdict_leak.h explains; KERNEL(x) and its kin begin several cases at once
 * (tests/conformance/leak/kernel.h). A case whose name ends in _at_end runs with leak_level=end.
 * With -n each of the runs must pass, and all with the same leaks. A line with the comment "race"
 * must be one side of a reported race, with "race?" it may be. A WARNING line that is not about the
 * verdict, and where lines are marked a race of others, fails the test, so that a false report
 * beside the right one is seen.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/verdict_leak.h"

struct verdict {
	const char *name;
	int exit_code;
	const char *warning; /* what a WARNING line of this verdict says; NULL: there is none */
};

/* racefatal: a race is reported, then the program dies of a misuse. */
static const struct verdict verdicts[] = {
	{ "race", 66, "race" },     { "leak", 23, "leak" }, { "fatal", 2, NULL },
	{ "racefatal", 2, "race" }, { "stuck", 2, "leak" }, { "none", 0, NULL },
};

/* Lines of the source that are sides of a race. */
enum { MARKS = 100 };

struct mark {
	char place[300]; /* "div.c:12 " as reports have it */
	int line;
	bool optional;
};

static const char *source;
static int failures;
static struct mark marks[MARKS];
static int nmarks;

static void die(const char *what)
{
	fprintf(stderr, "gd-verdict: %s: %s\n", source ? source : "", what);
	exit(3);
}

static const struct verdict *verdict_named(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strlen(verdicts[i].name) == n && memcmp(verdicts[i].name, name, n) == 0)
			return &verdicts[i];
	return NULL;
}

/* race_x, norace_x, leak_x, noleak_x, fatal_x, stuck_x. */
static const struct verdict *verdict_of_case(const char *name)
{
	if (strncmp(name, "norace_", 7) == 0 || strncmp(name, "noleak_", 7) == 0)
		return verdict_named("none", 4);
	return verdict_named(name, strcspn(name, "_"));
}

/* Appends what a child writes to two pipes; the first is also what is judged. */
struct output {
	char *text;
	size_t n, cap;
	int fd;
};

static void output_read(struct output *o)
{
	if (o->cap - o->n < 65536) {
		o->cap = o->cap * 2 + 131072;
		o->text = realloc(o->text, o->cap);
		if (!o->text)
			die("out of memory");
	}
	ssize_t n = read(o->fd, o->text + o->n, o->cap - o->n - 1);

	if (n <= 0) {
		close(o->fd);
		o->fd = -1;
		n = 0;
	}
	o->n += (size_t)n;
	o->text[o->n] = '\0';
}

static pid_t start(char **argv, struct output *err, struct output *out)
{
	int e[2], o[2];

	if (pipe(e) != 0 || pipe(o) != 0)
		die("no pipe");
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		dup2(e[1], STDERR_FILENO);
		dup2(o[1], STDOUT_FILENO);
		close(e[0]);
		close(e[1]);
		close(o[0]);
		close(o[1]);
		execv(argv[0], argv);
		fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		die("cannot fork");
	close(e[1]);
	close(o[1]);
	err->fd = e[0];
	out->fd = o[0];
	return pid;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs argv; the exit code, 128 + signal, or -1 if it did not end in time. */
static int run(char **argv, double limit, struct output *err, struct output *out)
{
	double deadline = seconds() + limit;
	pid_t pid = start(argv, err, out);
	bool late = false;
	int status;

	while ((err->fd >= 0 || out->fd >= 0) && !late) {
		struct pollfd p[2] = { { .fd = err->fd, .events = POLLIN },
				       { .fd = out->fd, .events = POLLIN } };
		double left = deadline - seconds();

		late = left <= 0;
		poll(p, 2, late ? 0 : (int)(left * 1000) + 1);
		if (p[0].revents)
			output_read(err);
		if (p[1].revents)
			output_read(out);
	}
	if (late)
		kill(-pid, SIGABRT); /* its whole group, which is ours alone */
	if (waitpid(pid, &status, 0) < 0)
		die("lost the child");
	if (late)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

__attribute__((format(printf, 1, 2))) static void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "gd-verdict: %s: ", source);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	failures++;
}

static bool matches(const char *pattern, const char *text)
{
	regex_t r;
	char message[200];
	int code = regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);

	if (code != 0) {
		regerror(code, &r, message, sizeof(message));
		fprintf(stderr, "gd-verdict: %s: %s: %s\n", source, pattern, message);
		exit(3);
	}
	bool found = regexec(&r, text, 0, NULL, 0) == 0;

	regfree(&r);
	return found;
}

/* Takes "REGEX" from "...: REGEX *" "/", with @LINE and @NEXT replaced, into pattern. */
static bool take_pattern(const char *comment, int line, char *pattern, size_t size)
{
	const char *end = strstr(comment, "*/");
	size_t n = 0;

	while (end && end > comment && isspace((unsigned char)end[-1]))
		end--;
	for (const char *c = comment; end && c < end && n + 16 < size;) {
		bool next = strncmp(c, "@NEXT", 5) == 0;

		if (next || strncmp(c, "@LINE", 5) == 0) {
			n += (size_t)snprintf(pattern + n, size - n, "%d", line + next);
			c += 5;
		} else {
			pattern[n++] = *c++;
		}
	}
	pattern[n] = '\0';
	return n > 0;
}

static void take_mark(const char *text, int line)
{
	const char *base = strrchr(source, '/');
	bool optional = strstr(text, "/* race? */") != NULL;

	if (!optional && !strstr(text, "/* race */") && !strstr(text, "/* race; "))
		return;
	if (nmarks == MARKS)
		die("too many lines of one case are marked");
	struct mark *m = &marks[nmarks++];

	snprintf(m->place, sizeof(m->place), "%s:%d ", base ? base + 1 : source, line);
	m->line = line;
	m->optional = optional;
}

/* A stack of a report: from "#0" to the empty line. */
static bool stack_is_marked(const char *stack)
{
	const char *end = strstr(stack, "\n\n");
	size_t n = end ? (size_t)(end - stack) : strlen(stack);

	for (int i = 0; i < nmarks; i++)
		if (memmem(stack, n, marks[i].place, strlen(marks[i].place)))
			return true;
	return false;
}

/* Where lines are marked: each is reported, and each report is about two of them. */
static void check_marks(const char *err)
{
	for (int i = 0; i < nmarks; i++)
		if (!marks[i].optional && !strstr(err, marks[i].place))
			fail("line %d: not reported: a race", marks[i].line);
	for (const char *at = err; nmarks > 0 && (at = strstr(at, "WARNING:")) != NULL; at++) {
		const char *stack = at;

		for (int side = 0; side < 2; side++) {
			stack = strstr(stack + 1, "#0 ");
			if (!stack || !stack_is_marked(stack)) {
				fail("a report is about a line that is not marked");
				break;
			}
		}
	}
}

static void add_options(const char *text, size_t n)
{
	const char *given = getenv("GDETECT_OPTIONS");
	char options[1024];

	snprintf(options, sizeof(options), "%s%s%.*s", given ? given : "",
		 given && given[0] ? ":" : "", (int)n, text);
	setenv("GDETECT_OPTIONS", options, 1);
}

/* "options: TEXT": the last one counts. */
static void take_options(const char *text)
{
	const char *at = strstr(text, "/* options: "), *end = at ? strstr(at, " */") : NULL;

	if (!end)
		return;
	at += strlen("/* options: ");
	add_options(at, (size_t)(end - at));
}

enum section { NO_SECTION, OTHER_SECTION, OUR_SECTION };

/* Whether a line begins a case, or several, and the one called only is among them. */
static enum section section_begun(const char *text, const char *only)
{
	static const char *const begins[][5] = {
		{ "CASE(", "%.*s" },
		{ "RACE(", "race_%.*s" },
		{ "NORACE(", "norace_%.*s" },
		{ "RACEFATAL(", "racefatal_%.*s" },
		{ "LEAK(", "leak_%.*s" },
		{ "NOLEAK(", "noleak_%.*s" },
		{ "STUCK(", "stuck_%.*s" },
		{ "KERNEL(", "leak_%.*s", "leak_%.*s_beside", "noleak_%.*s_repaired" },
		{ "CALLER_KERNEL(", "leak_%.*s", "leak_%.*s_beside", "noleak_%.*s_repaired",
		  "stuck_%.*s" },
		{ "HIDDEN_KERNEL(", "stuck_%.*s", "leak_%.*s_at_end", "noleak_%.*s_repaired",
		  "noleak_%.*s_missed" },
	};
	char name[256];

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		const char *in = text + strlen(begins[i][0]);

		if (strncmp(text, begins[i][0], strlen(begins[i][0])) != 0)
			continue;
		for (size_t k = 1; k < 5 && begins[i][k]; k++) {
			snprintf(name, sizeof(name), begins[i][k], (int)strcspn(in, ")"), in);
			if (strcmp(name, only) == 0)
				return OUR_SECTION;
		}
		return OTHER_SECTION;
	}
	return NO_SECTION;
}

/* Judges one line of the source. */
static void check_line(const char *text, int line, const struct verdict *v, const char *err)
{
	char pattern[1024], tagged[64];
	const char *at = strstr(text, "expect: ");

	snprintf(tagged, sizeof(tagged), "expect(%s): ", v->name);
	at = at ? at + strlen("expect: ") : strstr(text, tagged);
	if (at && strncmp(at, tagged, strlen(tagged)) == 0)
		at += strlen(tagged);
	if (at && take_pattern(at, line, pattern, sizeof(pattern)) && !matches(pattern, err))
		fail("line %d: not reported: %s", line, pattern);
	take_mark(text, line);
	if (v->warning)
		leak_mark_take(source, text, line);
	at = strstr(text, "forbid: ");
	if (at && take_pattern(at + strlen("forbid: "), line, pattern, sizeof(pattern)) &&
	    matches(pattern, err))
		fail("line %d: must not be reported: %s", line, pattern);
}

/*
 * Applies the comments of the source, or of one case of it, to what the program said in err; NULL:
 * before it runs. Returns the verdict they give.
 */
static const struct verdict *read_source(const char *only, const struct verdict *v, const char *err)
{
	FILE *f = fopen(source, "r");
	char text[2048];
	bool inside = only == NULL, seen = inside;

	if (!f)
		die("cannot be read");
	for (int line = 1; fgets(text, sizeof(text), f); line++) {
		const char *named = strstr(text, "verdict: ");

		if (!v && line == 1 && named)
			v = verdict_named(named + 9, strcspn(named + 9, "; *"));
		enum section begun = only ? section_begun(text, only) : NO_SECTION;

		if (begun != NO_SECTION)
			inside = begun == OUR_SECTION;
		seen |= inside;
		if (inside && !err)
			take_options(text);
		else if (inside && v)
			check_line(text, line, v, err);
	}
	fclose(f);
	if (!seen)
		die("has no such case");
	if (!v)
		die("gives no verdict");
	return v;
}

/* No WARNING but the expected kind; with a kind, at least one. */
static void check_warnings(const struct verdict *v, const char *err)
{
	bool found = false;

	for (const char *at = err; (at = strstr(at, "WARNING:")) != NULL; at++) {
		char line[300];

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		if (v->warning && strcasestr(line, v->warning))
			found = true;
		else
			fail("unexpected report: %s", line);
	}
	if (v->warning && !found)
		fail("no report of a %s", v->warning);
}

static bool ends_in(const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);

	return n >= t && strcmp(name + n - t, tail) == 0;
}

/* One run and all that is expected of it. first: what the first run has reported, or NULL; sets
 * *leaks to what this one has. Returns whether all is well. */
static bool judge(char **argv, const char *only, const struct verdict *v, double limit,
		  const char *first, char **leaks)
{
	struct output err = { .text = strdup("") }, out = { .text = strdup("") };
	int code = run(argv, limit, &err, &out);

	nmarks = 0;
	if (code < 0)
		fail("did not end in %.0f seconds", limit);
	else if (code != v->exit_code)
		fail("exit code %d, expected %d (%s)", code, v->exit_code, v->name);
	check_warnings(v, err.text);
	read_source(only, v, err.text);
	check_marks(err.text);
	failures += leak_marks_check(err.text);
	if (strcmp(v->name, "stuck") == 0 && !strstr(err.text, "all goroutines are asleep"))
		fail("not reported: all goroutines are asleep");
	*leaks = leak_summary(err.text);
	if (first && strcmp(first, *leaks) != 0)
		fail("the first run has reported:\n%sand this one:\n%s", first, *leaks);
	if (failures > 0) {
		fprintf(stderr, "command:");
		for (char **arg = argv; *arg; arg++)
			fprintf(stderr, " %s", *arg);
		fprintf(stderr, "\n---- stdout\n%s---- stderr\n%s", out.text, err.text);
	}
	free(err.text);
	free(out.text);
	return failures == 0;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	const struct verdict *v = NULL;
	char *first = NULL, *leaks;
	double limit = 60;
	long runs = 1;
	int option;

	while ((option = getopt(argc, argv, "+c:v:t:n:")) != -1) {
		if (option == 'c')
			only = optarg;
		else if (option == 'v')
			v = verdict_named(optarg, strlen(optarg));
		else if (option == 't')
			limit = strtod(optarg, NULL);
		else if (option == 'n')
			runs = strtol(optarg, NULL, 10);
		else
			return 3;
	}
	if (argc - optind < 2 || runs < 1)
		die("usage: gd-verdict [-c CASE] [-v VERDICT] [-t SECONDS] [-n RUNS] SOURCE "
		    "PROGRAM...");
	source = argv[optind];
	if (!v && only)
		v = verdict_of_case(only);
	v = read_source(only, v, NULL);
	if (only && ends_in(only, "_at_end"))
		add_options("leak_level=end", strlen("leak_level=end"));
	for (long i = 1; i <= runs; i++) {
		if (!judge(argv + optind + 1, only, v, limit, first, &leaks)) {
			if (runs > 1)
				fprintf(stderr, "in run %ld of %ld\n", i, runs);
			return 1;
		}
		if (first)
			free(leaks);
		else
			first = leaks;
	}
	free(first);
	return 0;
}
