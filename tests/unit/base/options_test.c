/* link: gdetect */
/* options_test.c - GDETECT_OPTIONS and the formatter. */
#include "runtime/base/options.h"

#include "runtime/base/fmt.h"
#include "tests/support/unit.h"

static struct gd__options o;
static char problem[100];

CASE(values_are_stored)
{
	CHECK(gd__options_parse(&o, "seed=7:log_path='a:b':help=1::exitcode=-1", problem, 100));
	CHECK_EQ(o.seed, 7);
	CHECK_STR(o.log_path, "a:b");
	CHECK(o.help);
	CHECK_EQ(o.exitcode, -1);
}

CASE(unknown_key_is_said_and_the_rest_read)
{
	CHECK(!gd__options_parse(&o, "sede=7:seed=9", problem, 100));
	CHECK_STR(problem, "unknown option \"sede=7\"");
	CHECK_EQ(o.seed, 9);
}

CASE(bad_value_is_said)
{
	CHECK(!gd__options_parse(&o, "seed=x", problem, 100));
	CHECK_STR(problem, "bad value in \"seed=x\"");
	CHECK(!gd__options_parse(&o, "help=2", problem, 100));
	CHECK(!gd__options_parse(&o, "seed=12345678901", problem, 100));
	CHECK(!gd__options_parse(&o, "log_path='a:seed=1", problem, 100));
	CHECK_STR(problem, "bad value in \"log_path='a:seed=1\"");
}

CASE(value_out_of_range_is_bad)
{
	CHECK(gd__options_parse(&o, "leak_level=end:exitcode=255", problem, 100));
	CHECK(!gd__options_parse(&o, "leak_level=ends", problem, 100));
	CHECK_STR(problem, "bad value in \"leak_level=ends\"");
	CHECK(!gd__options_parse(&o, "exitcode=256", problem, 100));
	CHECK(!gd__options_parse(&o, "exitcode=-2", problem, 100));
	CHECK(!gd__options_parse(&o, "leak_settle_ms=-1", problem, 100));
	CHECK_STR(o.leak_level, "end");
	CHECK_EQ(o.exitcode, 255);
}

CASE(format)
{
	char buf[80];

	gd__fmt(buf, sizeof(buf), "%d|%5d|%-5d|%05d|%x|%lu|%s|%-4s|%4s|%.*s|%c|%%", -12, 42, 42,
		-42, 0xbeef, 1UL << 40, "text", "ab", "cd", 2, "xyz", 'q');
	CHECK_STR(buf, "-12|   42|42   |-0042|beef|1099511627776|text|ab  |  cd|xy|q|%");
}

CASE(format_cuts)
{
	char buf[6];

	CHECK_EQ(gd__fmt(buf, sizeof(buf), "%s", "123456789"), 5);
	CHECK_STR(buf, "12345");
}

UNIT_MAIN
