/*
 * leak_at_end.c - when the leak detector speaks by itself: at the end of main, at exit(), when a
 * channel is dropped under its waiters, and when all goroutines are asleep.
 */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/common/exit.h"
#include "detector/leak/leak_every.h"
#include "detector/leak/leak_run.h"
#include "runtime/base/atfork.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"

#define EXIT_LEAKS 23
#define PLACES     256 /* that drop channels under their waiters, each with a check of its own */

static bool checked_at_end; /* written by the one that ends the program */
static int own_pid;         /* a forked child that calls exit has ended as it was meant to */

static bool wants_alive(void)
{
	const char *level = gd__options.leak_level;

	return level[0] == 'e' && level[1] == 'n' && level[2] == 'd' && level[3] == '\0';
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
	gd__leak_end();
	gd__leak_run_release(&r);
}

static void deadlock(void)
{
	struct gd__leak_run r = { .opt.all_asleep = true };

	checked_at_end = true;
	gd__leak_begin(true);
	gd__leak_run_asleep(&r);
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

static int finish(void)
{
	if (gd__os_pid() == own_pid && ended_early()) {
		struct gd__leak_run r = { .opt.at_end = wants_alive(),
					  .how.caller_sp = (uintptr_t)__builtin_frame_address(0),
					  .too_late = true,
					  .ends_scope = true };

		checked_at_end = true;
		if (gd__leak_begin(false)) {
			gd__leak_run(&r);
			gd__leak_end();
			gd__leak_run_release(&r);
		}
	}
	if (gd__leak_begin(false)) {
		gd__leak_say_totals();
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
