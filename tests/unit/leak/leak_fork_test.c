/*
 * leak_fork_test.c - checks by a forked copy, when they work and in all the ways in which they do
 * not: those say so, and never "none".
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <gdetect/error.h>
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "detector/leak/leak_every.h"
#include "detector/leak/leak_fork.h"
#include "runtime/base/atomic.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static void send_one(void *arg)
{
	char v = 1;

	gd_chan_send_raw(arg, &v);
}

__attribute__((noinline)) static void leak(int n)
{
	for (int i = 0; i < n; i++)
		gd_go_fn(send_one, gd_chan_make_raw(1, 0, GD__SITE));
	gd_leak_check(.quiet = true, .settle_ms = 5000);
}

static void on_a_goroutine(void (*fn)(void *))
{
	gd__options.leak_at_exit = false;
	gd__options.exitcode = 0;
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

static _Atomic int handled;

static void on_child(int sig)
{
	gd__add_relaxed(&handled, 1);
}

static void run_unseen(void *arg)
{
	struct gd_leak_result r;
	int ends[2];
	char c;

	leak(10);
	signal(SIGCHLD, on_child);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(gd_leak_check(.forked = true, .result = &r) >= 9);
	CHECK(r.ran && r.complete && r.why[0] == '\0');
	CHECK(r.fork_ns > 0 && r.stop_ns >= r.fork_ns && r.analysis_ns > 0);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK_EQ(gd__load_relaxed(&handled), 0);
	close(ends[0]); /* nobody else has it */
	CHECK_EQ(gd_syscall(read(ends[1], &c, 1)), 0);
}

CASE(the_program_does_not_see_the_copy)
{
	on_a_goroutine(run_unseen);
}

/* What the filter refuses, in this process and from here on. */
static long refused, code;

static long refuse(long nr, const long *arg)
{
	if (nr == SYS_mmap && refused == SYS_mmap)
		return (arg[3] & 1) != 0 ? code : 0; /* MAP_SHARED: what both are to share */
	return nr == refused ? code : 0;
}

static void try(long nr, long e, int want, const char *why)
{
	struct gd_leak_result r;

	refused = nr;
	code = e;
	gd__os_filter = refuse;
	CHECK_EQ(gd_leak_check(.forked = true, .result = &r), want);
	gd__os_filter = NULL;
	CHECK(!r.ran && !r.complete);
	CHECK_HAS(r.why, why);
	CHECK_EQ(r.proven, 0);
}

static void run_refused(void *arg)
{
	struct gd_leak_stats s;

	leak(3);
	try(SYS_clone, -EAGAIN, GD_EAGAIN, "too many processes");
	try(SYS_clone, -ENOMEM, GD_ENOMEM, "no copy of the process");
	try(SYS_mmap, -ENOMEM, GD_ENOMEM, "no memory");
	gd_leak_stats(&s, sizeof(s));
	CHECK_EQ(s.failed, 3);
	CHECK(gd_leak_check(.forked = true, .quiet = true) > 0); /* and then it works */
}

static void refused_forks(void)
{
	on_a_goroutine(run_refused);
}

CASE(what_is_refused_is_no_answer)
{
	static struct child c;

	child_run(&c, refused_forks);
	CHECK_EQ(c.code, 0);
	CHECK_HAS(c.text, "the leak check did not run: no copy of the process could be made: "
			  "there are too many processes");
}

/* In the copy alone, which has another process id: dies, or never ends. */
static int parent;
static int deadly;

static long disturb(long nr, const long *arg)
{
	if (nr != SYS_prctl || (int)syscall(SYS_getpid) == parent)
		return 0;
	if (deadly)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
	for (;;)
		syscall(SYS_pause);
}

static void run_disturbed(void *arg)
{
	struct gd_leak_result r;

	leak(3);
	parent = getpid();
	gd__os_filter = disturb;
	deadly = 1;
	CHECK_EQ(gd_leak_check(.forked = true, .quiet = true, .result = &r), GD_EIO);
	CHECK_HAS(r.why, "ended by signal 9");
	CHECK(!r.ran);
	deadly = 0;
	CHECK_EQ(gd_leak_check(.forked = true, .quiet = true, .limit_ms = 50, .result = &r),
		 GD_ETIMEDOUT);
	CHECK_HAS(r.why, "no answer within 50 ms");
	CHECK(!r.ran);
	gd__os_filter = NULL;
	CHECK(gd_leak_check(.forked = true, .quiet = true) > 0);
}

CASE(a_copy_that_dies_or_hangs_is_no_answer)
{
	on_a_goroutine(run_disturbed);
}

/* Copies that judge in ways of their own, of a small memory that both share. */
static int answer_by(gd__leak_judge *judge, int limit_ms, struct gd__leak_fork *f)
{
	struct gd__leak_answer answer = { .ignored = 99 };
	int r;

	*f = (struct gd__leak_fork){ 0 };
	CHECK_EQ(gd__leak_fork_prepare(f), GD_OK);
	f->size = (size_t)1 << 20;
	CHECK_EQ(gd__leak_fork_go(f, judge, NULL), GD_OK);
	r = gd__leak_fork_wait(f, (int64_t)limit_ms * 1000000, &answer);
	CHECK_EQ(answer.ignored == 7, r == GD_OK || r == GD_ENOMEM || r == GD_EINVAL);
	CHECK(kill(f->pid, 0) == -1 && errno == ESRCH); /* nothing of it is left */
	gd__leak_fork_release(f);
	return r;
}

static int judge_well(void *arg, struct gd__arena *a, struct gd__leak_answer *answer)
{
	answer->ignored = 7;
	return gd__arena_get(a, 1000) ? GD_OK : GD_ENOMEM;
}

static int judge_badly(void *arg, struct gd__arena *a, struct gd__leak_answer *answer)
{
	answer->ignored = 7;
	return GD_EINVAL;
}

/* The arena goes on in memory of the copy's own, where nobody can read the answer. */
static int judge_beyond(void *arg, struct gd__arena *a, struct gd__leak_answer *answer)
{
	answer->ignored = 7;
	for (int i = 0; i < 40; i++)
		if (!gd__arena_get(a, 65536))
			_exit(1);
	return GD_OK;
}

static int end_early(void *arg, struct gd__arena *a, struct gd__leak_answer *answer)
{
	answer->ignored = 7;
	gd__os_exit(0);
	return GD_OK;
}

static int fault(void *arg, struct gd__arena *a, struct gd__leak_answer *answer)
{
	answer->ignored = 7;
	__builtin_trap();
	return GD_OK;
}

static int hang(void *arg, struct gd__arena *a, struct gd__leak_answer *answer)
{
	answer->ignored = 7;
	for (;;)
		gd__os_nanosleep(1000000000);
	return GD_OK;
}

CASE(each_end_of_the_copy_has_its_answer)
{
	struct gd__leak_fork f;

	alarm(30);
	CHECK_EQ(answer_by(judge_well, 20000, &f), GD_OK);
	CHECK_STR(f.why, "");
	CHECK_EQ(answer_by(judge_badly, 20000, &f), GD_EINVAL);
	CHECK_EQ(answer_by(judge_beyond, 20000, &f), GD_ENOMEM);
	CHECK_EQ(answer_by(end_early, 20000, &f), GD_EIO);
	CHECK_STR(f.why, "its process ended without an answer");
	CHECK_EQ(answer_by(fault, 20000, &f), GD_EIO);
	CHECK_HAS(f.why, "its process was ended by signal ");
	CHECK_EQ(answer_by(hang, 50, &f), GD_ETIMEDOUT);
	CHECK_STR(f.why, "no answer within 50 ms");
}

static gd_waitgroup checkers;

static void check_forked(void *arg)
{
	CHECK(gd_leak_check(.forked = true, .quiet = true) >= 99);
	gd_waitgroup_done(&checkers);
}

static void run_others(void *arg)
{
	leak(100);
	gd_waitgroup_add(&checkers, 4);
	for (int i = 0; i < 4; i++)
		gd_go_fn(check_forked, NULL);
	CHECK(gd_leak_check(.quiet = true) >= 99);
	gd_waitgroup_wait(&checkers);
}

CASE(several_at_once)
{
	on_a_goroutine(run_others);
}

CASE(times_of_leak_every)
{
	int64_t ns;

	CHECK(gd__leak_every_parse("", &ns) && ns == 0);
	CHECK(gd__leak_every_parse("0", &ns) && ns == 0);
	CHECK(gd__leak_every_parse("250ms", &ns) && ns == 250000000);
	CHECK(gd__leak_every_parse("60s", &ns) && ns == INT64_C(60000000000));
	CHECK(gd__leak_every_parse("5m", &ns) && ns == INT64_C(300000000000));
	CHECK(gd__leak_every_parse("1h", &ns) && ns == INT64_C(3600000000000));
	CHECK(!gd__leak_every_parse("60", &ns));
	CHECK(!gd__leak_every_parse("s", &ns));
	CHECK(!gd__leak_every_parse("-1s", &ns));
	CHECK(!gd__leak_every_parse("1 s", &ns));
	CHECK(!gd__leak_every_parse("1ss", &ns));
	CHECK(!gd__leak_every_parse("99999h", &ns));
	CHECK(!gd__leak_every_parse("99999999999999999999999s", &ns));
}

static void wait_for_checks(uint64_t n)
{
	struct gd_leak_stats s;

	do {
		gd_sleep(1000000);
		gd_leak_stats(&s, sizeof(s));
	} while (s.ran + s.failed < n);
	CHECK_EQ(s.failed, 0);
}

static void run_every(void *arg)
{
	int64_t start = gd__os_now();
	struct gd_leak_stats before, s;

	gd_leak_stats(&before, sizeof(before));
	leak(3);
	wait_for_checks(4);
	leak(2);
	wait_for_checks(8);
	gd_leak_stats(&s, sizeof(s));
	CHECK_EQ(s.every_ns, 20000000);
	/* One in a period, the one that was due at first, and both that leak() has made. */
	CHECK((int64_t)(s.ran - before.ran) <= (gd__os_now() - start) / s.every_ns + 3);
}

static void every(void)
{
	alarm(40);
	memcpy(gd__options.leak_every, "20ms", sizeof("20ms"));
	gd__leak_every_init();
	gd_leak_check(.quiet = true); /* brings the detector in */
	on_a_goroutine(run_every);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part)) != NULL) {
		n++;
		text++;
	}
	return n;
}

CASE(regular_checks_tell_news_alone)
{
	static struct child c;

	child_run(&c, every);
	CHECK_EQ(c.code, 0);
	CHECK(count(c.text, "SUMMARY") >= 2);
	CHECK(count(c.text, "SUMMARY") <= 4); /* one may be seen late */
}

static void run_asleep(void *arg)
{
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);
	char v;

	wait_for_checks(2);
	gd_chan_recv_raw(c, &v);
}

static void every_asleep(void)
{
	alarm(40);
	memcpy(gd__options.leak_every, "20ms", sizeof("20ms"));
	gd__leak_every_init();
	gd_leak_check(.quiet = true);
	gd_run(run_asleep, NULL);
}

CASE(the_helper_keeps_no_deadlock_from_being_one)
{
	static struct child c;

	child_run(&c, every_asleep);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "all goroutines are asleep");
}

static void run_fork(void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid != 0) {
		CHECK(gd_syscall(waitpid(pid, &status, 0)) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return;
	}
	leak(2);
	CHECK(gd_leak_check(.quiet = true) > 0);
	CHECK(gd_leak_check(.forked = true, .quiet = true) > 0);
	wait_for_checks(6); /* the helper is here, too */
	_exit(0);
}

static void every_forked(void)
{
	alarm(40);
	memcpy(gd__options.leak_every, "20ms", sizeof("20ms"));
	gd__leak_every_init();
	gd_leak_check(.quiet = true);
	on_a_goroutine(run_fork);
}

CASE(the_child_of_a_fork_is_checked_as_well)
{
	static struct child c;

	child_run(&c, every_forked);
	CHECK_EQ(c.code, 0);
}

static void run_ignore(void *arg)
{
	struct gd_leak_result r;

	leak(5);
	CHECK_EQ(gd_leak_ignore_current(), 5);
	CHECK_EQ(gd_leak_check(.result = &r), 0);
	CHECK(r.ignored >= 4);
	leak(3);
	CHECK(gd_leak_check(.result = &r) >= 2);
	CHECK(r.proven <= 4);
	CHECK_EQ(gd_leak_check(.fresh_only = true, .result = &r), 0);
	CHECK(r.known >= 2);
}

CASE(those_that_are_there_are_ignored)
{
	CHECK_EQ(gd_leak_ignore_current(), GD_EINVAL);
	on_a_goroutine(run_ignore);
}

CASE(without_a_runtime_nothing_ran)
{
	struct gd_leak_result r;

	CHECK_EQ(gd_leak_check(.result = &r), GD_EINVAL);
	CHECK(!r.ran);
	CHECK_HAS(r.why, "gd_run");
	CHECK_EQ(gd_leak_check(.forked = true, .result = &r), GD_EINVAL);
	CHECK(!r.ran);
}

UNIT_MAIN
