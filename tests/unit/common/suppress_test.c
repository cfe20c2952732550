/* link: gdetect_detect gdetect */
/* Suppression files: syntax, matching, and the list of unused rules. */
#include <fcntl.h>

#include "detector/common/suppress.h"
#include "gdetect/error.h"
#include "tests/support/unit.h"

static const struct gd__suppress_frame stack[] = {
	{ "send_result", "/src/pool/result.c", "/usr/bin/app" },
	{ "worker", "/src/pool/worker.c", "/usr/bin/app" },
	{ "start_thing", NULL, "/usr/lib/libthing.so.3" },
	{ NULL, NULL, NULL },
};
static const struct gd__suppress_frame creator = { "main_start", "/src/main.c", "/usr/bin/app" };

static struct gd__suppressions parse(const char *text)
{
	struct gd__suppressions s;
	int line;

	CHECK_EQ(gd__suppress_parse(&s, text, strlen(text), &line), GD_OK);
	CHECK_EQ(line, 0);
	return s;
}

static bool leak(const char *rule)
{
	struct gd__suppressions s = parse(rule);
	bool hit = gd__suppress_leak(&s, stack, 4, &creator) != NULL;

	gd__suppress_release(&s);
	return hit;
}

static bool race(const char *rule)
{
	struct gd__suppressions s = parse(rule);
	bool hit = gd__suppress_race(&s, stack, 4) != NULL;

	gd__suppress_release(&s);
	return hit;
}

CASE(globs)
{
	CHECK(gd__glob_match("abc", "abc"));
	CHECK(!gd__glob_match("abc", "abcd"));
	CHECK(!gd__glob_match("abcd", "abc"));
	CHECK(gd__glob_match("*", ""));
	CHECK(gd__glob_match("a*c", "abbbc"));
	CHECK(gd__glob_match("a*b*c", "axbxbxc"));
	CHECK(!gd__glob_match("a*b*c", "axbxbx"));
	CHECK(gd__glob_match("?b?", "abc"));
	CHECK(!gd__glob_match("?", ""));
	CHECK(gd__glob_match("**", "x"));
	CHECK(gd__glob_match("*aab", "aaaaaab"));
}

CASE(leak_rules)
{
	CHECK(leak("leak:worker"));
	CHECK(leak("leak:send_*"));
	CHECK(leak("leak:worker.c"));
	CHECK(leak("leak:/src/pool/*"));
	CHECK(leak("leak:libthing.so.3"));
	CHECK(!leak("leak:work"));
	CHECK(!leak("leak:main_start"));
	CHECK(leak("leak_top:send_result"));
	CHECK(!leak("leak_top:worker"));
	CHECK(leak("leak_created_by:main_start"));
	CHECK(leak("leak_created_by:main.c"));
	CHECK(!leak("leak_created_by:worker"));
	CHECK(!leak("race:worker"));
	CHECK(!leak("race_top:send_result"));
}

CASE(race_rules)
{
	CHECK(race("race:worker"));
	CHECK(race("race_top:send_result"));
	CHECK(!race("race_top:worker"));
	CHECK(!race("leak:worker"));
	CHECK(!race("leak_top:send_result"));
	CHECK(!race("leak_created_by:*"));
}

CASE(comments_blanks_and_reasons)
{
	struct gd__suppressions s = parse("# a comment\n\n   \t\n  leak:worker   # ticket 12\r\n"
					  "race_top: x*  \nleak:a#b");

	CHECK_EQ(s.count, 3);
	CHECK_STR(s.rules[0].glob, "worker");
	CHECK_EQ(s.rules[0].line, 4);
	CHECK_STR(s.rules[1].glob, "x*");
	CHECK_EQ(s.rules[1].kind, GD__SUPPRESS_RACE_TOP);
	CHECK_STR(s.rules[2].glob, "a#b");
	gd__suppress_release(&s);
	s = parse("");
	CHECK_EQ(s.count, 0);
	CHECK(gd__suppress_leak(&s, stack, 4, NULL) == NULL);
	gd__suppress_release(&s);
}

static int bad_line(const char *text)
{
	struct gd__suppressions s;
	int line;

	CHECK_EQ(gd__suppress_parse(&s, text, strlen(text), &line), GD_EINVAL);
	CHECK_EQ(s.count, 0);
	CHECK(s.rules == NULL);
	return line;
}

CASE(broken_lines_are_named)
{
	CHECK_EQ(bad_line("leak:a\nlek:b\n"), 2);
	CHECK_EQ(bad_line("leak"), 1);
	CHECK_EQ(bad_line("\n\nleak:"), 3);
	CHECK_EQ(bad_line("leak:  # nothing left\n"), 1);
	CHECK_EQ(bad_line("race:"), 1);
}

CASE(unused_rules_are_listed)
{
	struct gd__suppressions s = parse("leak:worker\nleak:nobody\nrace:nothing\n");
	char buf[600];
	struct gd__out o;

	gd__suppress_leak(&s, stack, 4, NULL);
	gd__suppress_leak(&s, stack, 4, NULL);
	gd__out_init(&o, buf, sizeof(buf), -1);
	gd__suppress_summary(&s, GD__SUPPRESS_LEAKS, "file.supp", &o);
	gd__out_flush(&o);
	CHECK_STR(buf, "Suppressions used (file.supp):\n  2 leak:worker\n"
		       "Suppressions that matched nothing (file.supp):\n  line 2: leak:nobody\n");
	gd__suppress_release(&s);
}

CASE(files)
{
	struct gd__suppressions s;
	char path[] = "suppress_testXXXXXX";
	int fd = mkstemp(path), line;

	for (int i = 0; i < 3000; i++)
		CHECK(dprintf(fd, "leak:function_%d\n", i) > 0);
	close(fd);
	CHECK_EQ(gd__suppress_load(&s, path, &line), GD_OK);
	CHECK_EQ(s.count, 3000);
	CHECK_STR(s.rules[2999].glob, "function_2999");
	gd__suppress_release(&s);
	unlink(path);
	CHECK_EQ(gd__suppress_load(&s, path, &line), GD_EIO);
	CHECK_EQ(gd__suppress_load(&s, "/", &line), GD_EIO);
}

UNIT_MAIN
