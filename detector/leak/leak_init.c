/*
 * leak_init.c - when the leak detector speaks: at the end of main, on demand, when a channel is
 * dropped under its waiters, and when all goroutines are asleep.
 *
 * A check stops the world, gathers everything that is to be printed, starts
 * the world, and prints: looking up symbols allocates, and a stopped thread
 * may hold the allocator's lock.
 */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/common/exit.h"
#include "detector/common/report_fd.h"
#include "detector/leak/check.h"
#include "detector/leak/leak_print.h"
#include "detector/leak/set.h"
#include "runtime/base/atfork.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/inspect/traceback.h"

#define EXIT_LEAKS 23
#define DROPS      64
#define TEXT       8192

struct run {
	struct gd__leak_options opt;
	struct gd__self_how how;
	struct gd__arena arena;
	struct gd__image im;
	struct gd__leak_result result;
	struct gd__leak_groups groups;
	bool known_too; /* report also what was reported before */
	size_t found;   /* proven or owner-stuck, and not suppressed */
	int error;
};

/* One check at a time: guards what follows. Waited for by sleeping: a stopped world may hold it. */
static _Atomic uint32_t busy;
static bool checked_at_end;
static size_t leaked; /* goroutines that ask for an exit code */
static int own_pid;   /* a forked child that calls exit has ended as it was meant to */
/* Goroutines that were reported, by id. In memory of our own: nothing here is a root. */
static struct gd__set known;
static struct gd__arena known_arena;

/* Channels that lost their last reference; the latest replace the oldest. */
static struct gd__leak_drop *drops;
static size_t ndrops;

static bool begin(bool wait)
{
	uint32_t idle = 0;

	while (!gd__cas_acquire(&busy, &idle, 1)) { /* pairs with end */
		if (!wait)
			return false;
		idle = 0;
		gd__os_nanosleep(1000000);
	}
	return true;
}

static void end(void)
{
	gd__store_release(&busy, 0); /* pairs with begin */
}

static const struct gd__leak_drop *find_drop(uint64_t chan)
{
	for (size_t i = ndrops < DROPS ? ndrops : DROPS; i-- > 0;)
		if (drops[i].chan == chan)
			return &drops[i];
	return NULL;
}

static size_t stack_of(void *arg, const struct gd__ginfo *g, uintptr_t *pcs, size_t max)
{
	const struct run *r = arg;

	return gd__trace_goroutine(&r->im.rt, g, pcs, max);
}

/* Leaves out what was reported before. */
static void drop_known(struct run *r)
{
	struct gd__leak_result *res = &r->result;
	size_t n = 0;

	for (size_t i = 0; i < res->count; i++) {
		struct gd__leak *l = &res->leaks[i];

		if (r->opt.dropped && l->evidence != GD__EVIDENCE_DROPPED)
			continue;
		if (!r->known_too && gd__set_find(&known, l->g.id))
			continue;
		res->leaks[n++] = *l;
	}
	res->count = n;
}

/* All that needs the world to stand still. On the system stack. */
static void look(void *arg)
{
	struct run *r = arg;

	r->error = gd__image_self(&r->im, &r->how);
	if (r->error != GD_OK)
		return;
	r->error = gd__leak_check_image(&r->im, &r->opt, &r->arena, &r->result);
	if (r->error == GD_OK) {
		drop_known(r);
		if (!gd__leak_group(&r->groups, &r->result, &r->arena, stack_of, r))
			r->error = GD_ENOMEM;
	}
	r->im.release(&r->im);
}

static void remember(const struct run *r)
{
	bool fresh;

	for (size_t i = 0; i < r->result.count; i++)
		gd__set_put(&known, &known_arena, r->result.leaks[i].g.id, &fresh);
}

/* On the system stack: looking up symbols needs room. */
static void speak(void *arg)
{
	static char text[TEXT]; /* guarded by busy */
	struct run *r = arg;
	struct gd__leak_report report = { .result = &r->result,
					  .groups = &r->groups,
					  .drop = find_drop };
	struct gd__out o;

	if (r->error != GD_OK) {
		gd__warn("the leak check could not be done: %s", gd_error_text(r->error));
		return;
	}
	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	if (r->opt.all_asleep) /* the process dies of it */
		o.patience_ns = gd__dump_patience();
	gd__leak_print(&report, &o);
	for (int v = GD__VERDICT_PROVEN; v <= GD__VERDICT_ALIVE_AT_END; v++)
		leaked += report.reported[v];
	r->found = report.reported[GD__VERDICT_PROVEN] + report.reported[GD__VERDICT_OWNER_STUCK];
	remember(r);
}

/* A check while goroutines may run. busy is held. */
static void check(struct run *r)
{
	struct gd__runtime rt;

	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK) {
		r->error = GD_EINVAL; /* there is no world to stop */
		return;
	}
	gd__trace_prepare();
	gd__roots_self_prepare();
	r->how.not_stopped = !gd__inspect_stop();
	gd__inspect_on_system_stack(look, r);
	gd__inspect_start();
	gd__inspect_on_system_stack(speak, r);
}

static bool wants_alive(void)
{
	const char *level = gd__options.leak_level;

	return level[0] == 'e' && level[1] == 'n' && level[2] == 'd' && level[3] == '\0';
}

static void main_done(void)
{
	struct run r = { .opt.at_end = wants_alive(), .how.main_returned = true };

	checked_at_end = true;
	if (!gd__options.leak_at_exit)
		return;
	/* A goroutine that is about to block for ever must get there first. */
	gd__inspect_settle((int64_t)gd__options.leak_settle_ms * 1000000);
	begin(true);
	check(&r);
	end();
	gd__arena_release(&r.arena);
}

static void deadlock(void)
{
	struct run r = { .opt.all_asleep = true };

	checked_at_end = true;
	begin(true);
	gd__trace_prepare();
	gd__roots_self_prepare();
	look(&r);
	speak(&r);
	end();
	gd__arena_release(&r.arena);
}

static void dropped(const void *chan, uintptr_t pc)
{
	struct run r = { .opt.dropped = (uintptr_t)chan };
	struct gd__leak_drop *d;

	/* The scheduler cannot stop the world; then the next check tells of it. */
	if (gd__inspect_self() == 0 || !begin(false))
		return;
	if (!drops)
		drops = gd__dalloc(DROPS * sizeof(*drops));
	if (drops) {
		d = &drops[ndrops++ % DROPS];
		d->chan = (uintptr_t)chan;
		d->goid = gd__inspect_self();
		d->npcs = gd__trace_self(d->pcs, 16, 1);
	}
	check(&r);
	end();
	gd__arena_release(&r.arena);
}

static GD__NOINLINE int check_on_demand(uint64_t caller_sp)
{
	struct run r = { .known_too = true, .how.caller_sp = caller_sp };

	begin(true);
	check(&r);
	end();
	gd__arena_release(&r.arena);
	return r.error == GD_OK ? (int)r.found : r.error;
}

/*
 * What our own frames leave on the stack must not look like the caller's pointers. So this
 * one holds nothing but the caller's registers, and what lies below it is not scanned.
 */
int gd_leak_check(void)
{
	uint64_t sp;

	__builtin_unwind_init();
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
	int found = check_on_demand(sp);

	__asm__ volatile("" : "+r"(found)); /* no tail call: it would give up this frame */
	return found;
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
		struct run r = { .opt.at_end = wants_alive(),
				 .how.caller_sp = (uintptr_t)__builtin_frame_address(0) };

		checked_at_end = true;
		if (begin(false)) {
			check(&r);
			end();
			gd__arena_release(&r.arena);
		}
	}
	if (leaked == 0)
		return 0;
	return gd__options.exitcode >= 0 ? gd__options.exitcode : EXIT_LEAKS;
}

/* No thread is in a check here, and what the parent has found is the parent's to tell. */
static void in_child(void)
{
	end();
	checked_at_end = false;
	leaked = 0;
}

static struct gd__atfork at_fork = { GD__RANK_LEAF, NULL, NULL, in_child, NULL, NULL };
static const struct gd__watch watch = { main_done, deadlock, dropped };

__attribute__((constructor)) static void start(void)
{
	own_pid = gd__os_pid();
	gd__options_init();
	gd__watch_install(&watch);
	gd__atfork_register(&at_fork);
	gd__exit_register(GD__EXIT_LEAK, finish);
}
