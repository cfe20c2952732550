/*
 * report_test.c - what becomes of a race: once per pair of lines, counted, recorded, in the text.
 */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <gdetect/race.h>

#include "detector/common/recorded.h"
#include "detector/common/report_fd.h"
#include "detector/race/access.h"
#include "detector/race/hooks.h"
#include "detector/race/race_report.h"
#include "runtime/base/options.h"
#include "runtime/inspect/anchor.h"

int shared_variable;
static char text[16384];

/* A race of two accesses at these places, by goroutines 7 and 6. */
static struct gd__race make_race(uintptr_t now, uintptr_t before)
{
	struct gd__race r = { .now = { .addr = (uintptr_t)&shared_variable,
				       .size = 4,
				       .kind = GD__ACCESS_WRITE,
				       .goid = 7,
				       .serial = 7,
				       .goid_known = true,
				       .nframes = 1,
				       .stack_whole = true,
				       .pcs = { now } } };

	r.before = r.now;
	r.before.kind = GD__ACCESS_READ;
	r.before.goid = r.before.serial = 6;
	r.before.finished = true;
	r.before.pcs[0] = before;
	return r;
}

__attribute__((noinline)) static uintptr_t here(void)
{
	__asm__ volatile(""); /* else the calls are one */
	return (uintptr_t)__builtin_return_address(0);
}

/* Reports go to a file, which take() reads back. */
static void setup(void)
{
	CHECK(gd__race_init());
	gd__options.exitcode = 0;
	snprintf(gd__options.log_path, sizeof(gd__options.log_path), "/dev/shm/gdetect-test");
}

static const char *take(void)
{
	char name[300];

	snprintf(name, sizeof(name), "%s.%d", gd__options.log_path, (int)getpid());
	int fd = open(name, O_RDONLY);

	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	CHECK(n >= 0);
	text[n] = '\0';
	close(fd);
	unlink(name);
	return text;
}

CASE(says_all_that_is_known)
{
	uintptr_t a = here(), b = here();
	struct gd__race r = make_race(a, b);
	char expected[100];

	setup();
	r.now.held[0] = (struct gd__held_lock){ 0x1000, 0, true };
	r.now.nheld = 1;
	r.before.stack_whole = false;
	gd__race_report(&r);
	take();
	snprintf(expected, sizeof(expected), "\nWARNING: ThreadSanitizer: data race (pid=%d)\n",
		 (int)getpid());
	CHECK_HAS(text, expected);
	snprintf(expected, sizeof(expected),
		 "  Write of size 4 at %p by goroutine 7 (mutexes: write M0):\n",
		 (void *)&shared_variable);
	CHECK_HAS(text, expected);
	snprintf(expected, sizeof(expected), "  Previous read of size 4 at %p by goroutine 6:\n",
		 (void *)&shared_variable);
	CHECK_HAS(text, expected);
	CHECK_HAS(text, "    #0 unit_says_all_that_is_known ");
	CHECK_HAS(text, "report_test.c:");
	CHECK_HAS(text, "[the earlier stack is no longer known, only the place of the access]");
	CHECK_HAS(text, "  Location is global 'shared_variable' of size 4 at ");
	CHECK_HAS(text, "  Mutex M0 (0x1000) acquired here:\n");
	CHECK_HAS(text, "\nSUMMARY: ThreadSanitizer: data race ");
	CHECK_HAS(text, "Fingerprint: gd1:");
}

CASE(same_pair_is_reported_once)
{
	uintptr_t a = here();
	uintptr_t b = here();
	uintptr_t c = here();
	struct gd__race one = make_race(a, b), turned = make_race(b, a), other = make_race(a, c);

	setup();
	gd__race_report(&one);
	gd__race_report(&one);
	gd__race_report(&turned);
	CHECK_EQ(gd_race_count(), 1);
	gd__race_report(&other);
	CHECK_EQ(gd_race_count(), 2);
	take();
}

/* A read and a write of x++ stand on one line: one bug. */
CASE(one_line_is_one_bug)
{
	uintptr_t a = here(), b = here();
	uintptr_t c = here();
	struct gd__race one = make_race(a, c), two = make_race(b, c);

	setup();
	gd__race_report(&one);
	gd__race_report(&two);
	CHECK_EQ(gd_race_count(), 1);
	take();
}

CASE(many_pairs)
{
	setup();
	gd__options.symbolize = false;
	for (uintptr_t i = 1; i <= 1000; i++) {
		struct gd__race r = make_race(i * 4096, i * 4096 + 64);

		gd__race_report(&r);
		gd__race_report(&r);
	}
	CHECK_EQ(gd_race_count(), 1000);
	take();
}

CASE(use_after_free_has_its_own_title)
{
	struct gd__race r = make_race(here(), here());

	setup();
	r.before.kind = GD__ACCESS_WRITE | GD__ACCESS_FREE;
	gd__race_report(&r);
	take();
	CHECK_HAS(text, "WARNING: ThreadSanitizer: heap-use-after-free (race) (pid=");
	CHECK_HAS(text, "by goroutine 6, which gave the memory back:\n");
}

CASE(recorded_for_dumps)
{
	struct gd__race r = make_race(here(), here());
	struct gd__recorded_table t;
	struct gd__recorded got;

	setup();
	CHECK(!gd__recorded_open(&t, &gd__mem_self, gd__anchor.reports_root));
	gd__race_report(&r);
	gd__race_report(&r);
	take();
	CHECK(gd__recorded_open(&t, &gd__mem_self, gd__anchor.reports_root));
	CHECK_EQ(t.count, 1);
	CHECK_EQ(t.total, 1);
	CHECK(gd__recorded_get(&t, 0, &got));
	CHECK_EQ(got.kind, GD__RECORDED_RACE);
	CHECK_EQ(got.count, 2);
	CHECK_EQ(got.now.goid, 7);
	CHECK_EQ(got.before.goid, 6);
	CHECK_EQ(got.now.pcs[0], r.now.pcs[0]);
	CHECK_EQ(got.before.flags, GD__RECORDED_WHOLE_STACK);
	CHECK_STR(got.object, "global 'shared_variable' of size 4");
	CHECK(!gd__recorded_get(&t, 1, &got));
}

CASE(broken_tables_are_refused)
{
	struct gd__recorded_table t;
	uint64_t junk[8] = { 0x3173646365526447ull, 99 };

	CHECK(!gd__recorded_open(&t, &gd__mem_self, 0));
	CHECK(!gd__recorded_open(&t, &gd__mem_self, (uint64_t)(uintptr_t)junk));
}

CASE(options_of_other_drivers)
{
	char v[64];

	CHECK(gd__tsan_option("log_path=/a/b", "log_path", v, sizeof(v)));
	CHECK_STR(v, "/a/b");
	CHECK(gd__tsan_option("x=1:log_path='/a b:c/log.1' y=2", "log_path", v, sizeof(v)));
	CHECK_STR(v, "/a b:c/log.1");
	CHECK(gd__tsan_option("s='log_path=no':log_path=\"yes\"", "log_path", v, sizeof(v)));
	CHECK_STR(v, "yes");
	CHECK(!gd__tsan_option("my_log_path=x:log_pathx=y", "log_path", v, sizeof(v)));
	CHECK(!gd__tsan_option(NULL, "log_path", v, sizeof(v)));
	CHECK(!gd__tsan_option("log_path", "log_path", v, sizeof(v)));
	CHECK(gd__tsan_option("log_path='", "log_path", v, sizeof(v)));
	CHECK_STR(v, "");
}

UNIT_MAIN
