/* leak_run.c - one check of our own process, under a stopped world. */
#include "detector/leak/leak_run.h"

#include <gdetect/error.h>

#include "detector/common/report_fd.h"
#include "detector/leak/leak_print.h"
#include "detector/leak/recover.h"
#include "detector/leak/set.h"
#include "detector/leak/tally.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"

#define DROPS 64
#define TEXT  8192

/* Of the option leak_recover: what was recovered asks for no exit code. */
#define RECOVERED_IS_FINE 2

/* Guards what follows, and the static buffers of all who print. */
static _Atomic uint32_t busy;
static size_t leaked; /* goroutines that ask for an exit code */
/* Goroutines that were reported, by id. In memory of our own: nothing here is a root. */
static struct gd__set known;
static struct gd__arena known_arena;
static size_t known_max = 4096; /* with more it is time to forget those that have ended */

/* Channels that lost their last reference; the latest replace the oldest. */
static struct gd__leak_drop *drops;
static size_t ndrops;

bool gd__leak_begin(bool wait)
{
	uint32_t idle = 0;

	while (!gd__cas_acquire(&busy, &idle, 1)) { /* pairs with gd__leak_end */
		if (!wait)
			return false;
		idle = 0;
		gd__os_nanosleep(1000000);
	}
	return true;
}

void gd__leak_end(void)
{
	gd__store_release(&busy, 0); /* pairs with gd__leak_begin */
}

void gd__leak_say_totals(void)
{
	static char text[1024]; /* guarded by busy */
	struct gd__out o;

	if (gd__tally_total() == 0)
		return; /* and make no file for it */
	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	gd__tally_print(&o);
	gd__out_flush(&o);
}

size_t gd__leak_asking(void)
{
	return leaked;
}

void gd__leak_forget(void)
{
	gd__leak_end();
	leaked = 0;
	gd__tally_forget();
}

void gd__leak_note_drop(const void *chan)
{
	struct gd__leak_drop *d;

	if (!drops)
		drops = gd__dalloc(DROPS * sizeof(*drops));
	if (!drops)
		return;
	d = &drops[ndrops++ % DROPS];
	d->chan = (uintptr_t)chan;
	d->goid = gd__inspect_self();
	d->npcs = gd__trace_self(d->pcs, 16, 2);
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
	const struct gd__leak_run *r = arg;

	return gd__trace_goroutine(&r->im.rt, g, pcs, max);
}

static bool exists(const struct gd__image *im, uint64_t id)
{
	size_t lo = 0, hi = im->ng;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (im->g[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < im->ng && im->g[lo].id == id;
}

/* Ids are never used twice: without this a program that is recovered all day fills its memory. */
static void forget_ended(const struct gd__image *im)
{
	struct gd__arena arena = { 0 };
	struct gd__set left = { 0 };
	bool fresh;

	if (known.used < known_max)
		return;
	for (size_t i = 0; i < known.cap; i++) {
		uint64_t id = known.slot[i].key;

		if (id != 0 && exists(im, id) && !gd__set_put(&left, &arena, id, &fresh)) {
			gd__arena_release(&arena); /* no memory: it stays as it is */
			return;
		}
	}
	gd__arena_release(&known_arena);
	known = left;
	known_arena = arena;
	known_max = 4096 + 2 * left.used;
}

static bool was_recovered(const struct gd__leak *l)
{
	return l->recovery == 1 + GD__RECOVERED;
}

/* Leaves out what was reported before. */
static void drop_known(struct gd__leak_run *r)
{
	struct gd__leak_result *res = &r->result;
	size_t n = 0;

	for (size_t i = 0; i < res->count; i++) {
		struct gd__leak *l = &res->leaks[i];

		if (r->opt.dropped && l->evidence != GD__EVIDENCE_DROPPED)
			continue;
		if (!r->known_too && !was_recovered(l) && gd__set_find(&known, l->g.id))
			continue;
		res->leaks[n++] = *l;
	}
	res->count = n;
}

static int recover(struct gd__leak_run *r)
{
	struct gd__recoveries chosen;

	if (!r->recover || gd__options.leak_recover == 0)
		return GD_OK;
	if (!gd__recover_choose(&r->result, &r->arena, &chosen))
		return GD_ENOMEM;
	gd__recover_apply(&chosen, &r->result);
	return GD_OK;
}

/* All that needs the world to stand still. On the system stack. */
static void look(void *arg)
{
	struct gd__leak_run *r = arg;

	r->error = gd__image_self(&r->im, &r->how);
	if (r->error != GD_OK)
		return;
	r->error = gd__leak_check_image(&r->im, &r->opt, &r->arena, &r->result);
	if (r->error == GD_OK)
		r->error = recover(r);
	if (r->error == GD_OK) {
		forget_ended(&r->im);
		drop_known(r);
		if (!gd__leak_group(&r->groups, &r->result, &r->arena, stack_of, r))
			r->error = GD_ENOMEM;
	}
	r->im.release(&r->im);
}

static void remember(const struct gd__leak_run *r)
{
	bool fresh;

	for (size_t i = 0; i < r->result.count; i++)
		if (!was_recovered(&r->result.leaks[i])) /* if it leaks again that is news */
			gd__set_put(&known, &known_arena, r->result.leaks[i].g.id, &fresh);
}

/* On the system stack: looking up symbols needs room. */
static void speak(void *arg)
{
	static char text[TEXT]; /* guarded by busy */
	struct gd__leak_run *r = arg;
	struct gd__leak_report report = { .result = &r->result,
					  .groups = &r->groups,
					  .drop = find_drop };
	struct gd__tally tally;
	struct gd__out o;

	if (r->error != GD_OK) {
		gd__warn("the leak check could not be done: %s", gd_error_text(r->error));
		return;
	}
	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	if (r->opt.all_asleep) /* the process dies of it */
		o.patience_ns = gd__dump_patience();
	gd__tally_add(&r->groups, &r->result, !r->known_too, &tally);
	gd__leak_print(&report, &o);
	for (int v = GD__VERDICT_PROVEN; v <= GD__VERDICT_ALIVE_AT_END; v++)
		leaked += report.reported[v];
	leaked += tally.muted;
	if (gd__options.leak_recover == RECOVERED_IS_FINE)
		leaked -= tally.recovered;
	r->found = tally.muted + report.reported[GD__VERDICT_PROVEN] +
		   report.reported[GD__VERDICT_OWNER_STUCK];
	remember(r);
}

void gd__leak_run(struct gd__leak_run *r)
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

void gd__leak_run_asleep(struct gd__leak_run *r)
{
	gd__trace_prepare();
	gd__roots_self_prepare();
	look(r);
	speak(r);
}
