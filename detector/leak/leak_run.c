/* leak_run.c - one check of our own process, under a stopped world. */
#include "detector/leak/leak_run.h"

#include <gdetect/error.h>

#include "detector/common/report_fd.h"
#include "detector/leak/leak_print.h"
#include "detector/leak/set.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"

#define DROPS 64
#define TEXT  8192

/* Guards what follows, and the static buffers of all who print. */
static _Atomic uint32_t busy;
static size_t leaked; /* goroutines that ask for an exit code */
/* Goroutines that were reported, by id. In memory of our own: nothing here is a root. */
static struct gd__set known;
static struct gd__arena known_arena;

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

size_t gd__leak_asking(void)
{
	return leaked;
}

void gd__leak_forget(void)
{
	gd__leak_end();
	leaked = 0;
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

/* Leaves out what was reported before. */
static void drop_known(struct gd__leak_run *r)
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
	struct gd__leak_run *r = arg;

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

static void remember(const struct gd__leak_run *r)
{
	bool fresh;

	for (size_t i = 0; i < r->result.count; i++)
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
