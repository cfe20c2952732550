/*
 * leak_at_end.c - when the leak detector speaks by itself: at the end of main, at exit(), when a
 * channel is dropped under its waiters, and when all goroutines are asleep.
 */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/common/exit.h"
#include "detector/common/report_fd.h"
#include "detector/leak/leak_every.h"
#include "detector/leak/leak_run.h"
#include "runtime/base/atfork.h"
#include "runtime/base/fatal.h"
#include "runtime/base/fmt.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"

#define EXIT_LEAKS 23
#define PLACES     256 /* that drop channels under their waiters, each with a check of its own */

/* Another check may be under way when the program ends: it is waited for so long. */
#define PATIENCE_NS INT64_C(2000000000)

static bool checked_at_end;                   /* written by the one that ends the program */
static const char *came_to = "none was made"; /* of the check at the end; likewise */
static char because[sizeof(((struct gd_leak_result *)NULL)->why)];
static int own_pid; /* a forked child that calls exit has ended as it was meant to */

static bool wants_alive(void)
{
	const char *level = gd__options.leak_level;

	return level[0] == 'e' && level[1] == 'n' && level[2] == 'd' && level[3] == '\0';
}

static void note_end(const struct gd__leak_run *r)
{
	const struct gd__leak_result *res = &r->out.result;
	size_t found = r->muted + r->missed;

	for (size_t v = 0; v < sizeof(r->reported) / sizeof(r->reported[0]); v++)
		found += r->reported[v];
	if (r->error != GD_OK)
		came_to = "did not run: ";
	else if (!res->complete)
		came_to = found > 0 ? "found leaks, ran incompletely: " : "ran incompletely: ";
	else
		came_to = found > 0 ? "found leaks" : "found nothing";
	gd__fmt(because, sizeof(because), "%s", res->why);
}

/* For who wants to know that nothing was found, and not that nobody has looked. */
static void say_summary(void)
{
	static char text[512]; /* guarded by begin */
	const struct gd_leak_stats *s = gd__leak_stats();
	struct gd__out o;

	if (!gd__options.leak_at_exit)
		came_to = "switched off (leak_at_exit=0)";
	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	gd__out_fmt(&o,
		    "SUMMARY: gdetect: leak checks: %lu ran, %lu of them incompletely, %lu did not "
		    "run; that at exit: %s%s\n",
		    (unsigned long)s->ran, (unsigned long)s->incomplete, (unsigned long)s->failed,
		    came_to, because);
	gd__out_flush(&o);
}

static void main_done(void)
{
	struct gd__leak_run r = { .opt.at_end = wants_alive(),
				  .how.main_returned = true,
				  .too_late = true,
				  .ends_scope = true };

	checked_at_end = true;
	if (!gd__options.leak_at_exit)
		return;
	/* A goroutine that is about to block for ever must get there first. */
	gd__inspect_settle((int64_t)gd__options.leak_settle_ms * 1000000);
	gd__leak_begin(true);
	gd__leak_run(&r);
	note_end(&r);
	gd__leak_end();
	gd__leak_run_release(&r);
}

static void deadlock(void)
{
	struct gd__leak_run r = { .opt.all_asleep = true };

	checked_at_end = true;
	gd__leak_begin(true);
	gd__leak_run_asleep(&r);
	note_end(&r);
	gd__leak_end();
	gd__leak_run_release(&r);
}

/*
 * A program that lives on its leaks may drop a thousand channels a second, and a check for each
 * would be all it does: with recovery one for each place, the rest is for the regular checks.
 * Between begin and end.
 */
static bool worth_a_check(uintptr_t pc)
{
	static uintptr_t seen[PLACES];
	static size_t n;

	if (gd__options.leak_recover == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (seen[i] == pc)
			return false;
	if (n == PLACES)
		return false;
	seen[n++] = pc;
	return true;
}

static void dropped(const void *chan, uintptr_t pc)
{
	struct gd__leak_run r = { .opt.dropped = (uintptr_t)chan };

	/* The scheduler cannot stop the world; then the next check tells of it. */
	if (gd__inspect_self() == 0 || !gd__leak_begin(false))
		return;
	gd__leak_note_drop(chan);
	if (worth_a_check(pc))
		gd__leak_run(&r);
	gd__leak_end();
	gd__leak_run_release(&r);
}

bool gd__leak_program_ended(void)
{
	return checked_at_end;
}

/* exit() was called, on a goroutine or elsewhere, before main's function had returned. */
static bool ended_early(void)
{
	struct gd__runtime rt;

	return !checked_at_end && gd__options.leak_at_exit &&
	       gd__inspect_open(&rt, &gd__mem_self, 0) == GD__INSPECT_OK && !rt.ended;
}

/* Not for ever: exit() may have been called in a signal handler, in the middle of a check. */
static bool begin_soon(void)
{
	int64_t start = gd__os_now();

	while (!gd__leak_begin(false)) {
		if (gd__os_now() - start > PATIENCE_NS)
			return false;
		gd__os_nanosleep(1000000);
	}
	return true;
}

static int finish(void)
{
	if (gd__os_pid() == own_pid && ended_early()) {
		struct gd__leak_run r = { .opt.at_end = wants_alive(),
					  .how.caller_sp = (uintptr_t)__builtin_frame_address(0),
					  .too_late = true,
					  .ends_scope = true };

		checked_at_end = true;
		if (begin_soon()) {
			gd__leak_run(&r);
			note_end(&r);
			gd__leak_end();
			gd__leak_run_release(&r);
		} else {
			came_to = "did not run: another check is under way";
			gd__warn("the leak check at exit %s", came_to);
		}
	}
	if (gd__leak_begin(false)) {
		gd__leak_say_totals();
		if (gd__options.leak_summary)
			say_summary();
		gd__leak_end();
	}
	if (gd__leak_asking() == 0)
		return 0;
	return gd__options.exitcode >= 0 ? gd__options.exitcode : EXIT_LEAKS;
}

/* No thread is in a check here. */
static void in_child(void)
{
	gd__leak_forget();
	checked_at_end = false;
}

static struct gd__atfork at_fork = { GD__RANK_LEAF, NULL, NULL, in_child, NULL, NULL };
static const struct gd__watch watch = { main_done, deadlock, dropped, gd__leak_every_start };

__attribute__((constructor)) void gd__leak_install(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	own_pid = gd__os_pid();
	gd__options_init();
	gd__watch_install(&watch);
	gd__leak_every_init();
	gd__atfork_register(&at_fork);
	gd__exit_register(GD__EXIT_LEAK, finish);
}
