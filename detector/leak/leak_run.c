/* leak_run.c - one check of our own process, under a stopped world or in a copy of it. */
#include "detector/leak/leak_run.h"

#include <gdetect/error.h>
#include <gdetect/go.h>

#include "detector/common/interpose.h"
#include "detector/common/report_fd.h"
#include "detector/leak/leak_every.h"
#include "detector/leak/leak_expect.h"
#include "detector/leak/leak_print.h"
#include "detector/leak/tally.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/fmt.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"

#define DROPS 64
#define TEXT  8192

/* Of the option leak_recover: what was recovered asks for no exit code. */
#define RECOVERED_IS_FINE 2

/* Guards what follows, and the static buffers of all who print. */
static _Atomic uint32_t busy;
static struct gd_leak_stats stats;

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

const struct gd_leak_stats *gd__leak_stats(void)
{
	stats.at_exit = gd__options.leak_at_exit;
	stats.every_ns = gd__leak_every_period();
	return &stats;
}

size_t gd__leak_asking(void)
{
	return stats.reported;
}

void gd__leak_forget(void)
{
	gd__leak_end();
	stats = (struct gd_leak_stats){ 0 };
	gd__tally_forget();
}

void gd_leak_stats(struct gd_leak_stats *to, size_t size)
{
	gd__memset(to, 0, size);
	gd__leak_begin(true);
	gd__memcpy(to, gd__leak_stats(), size < sizeof(stats) ? size : sizeof(stats));
	gd__leak_end();
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

/* --- while the world stands still, or in a copy of it --- */

static size_t stack_of(void *arg, const struct gd__ginfo *g, uintptr_t *pcs, size_t max)
{
	const struct gd__leak_run *r = arg;

	return gd__trace_goroutine(&r->rt, g, pcs, max);
}

enum gd_leak_level gd__leak_level(enum gd__verdict v)
{
	static const enum gd_leak_level level[] = {
		[GD__VERDICT_PROVEN] = GD_LEAK_PROVEN,
		[GD__VERDICT_OWNER_STUCK] = GD_LEAK_OWNER,
		[GD__VERDICT_ALIVE_AT_END] = GD_LEAK_END,
		[GD__VERDICT_SUSPECT] = GD_LEAK_SUSPECT,
	};

	return level[v];
}

static bool wanted(const struct gd__leak_run *r, struct gd__leak_answer *out,
		   const struct gd__leak *l)
{
	if (gd__recover_open(l)) /* something is done about it: that is always told */
		return true;
	if (r->scope && l->g.scope != r->scope)
		return false;
	if (r->opt.dropped && l->evidence != GD__EVIDENCE_DROPPED)
		return false;
	if (r->level != GD_LEAK_DEFAULT && gd__leak_level(l->verdict) > r->level)
		return false;
	if (gd__leak_is_ignored(l->g.id)) {
		out->ignored++;
		return false;
	}
	if (!r->known_too && gd__leak_known(l->g.id)) {
		out->known++;
		return false;
	}
	return true;
}

/* Leaves out what is not to be reported. Those chosen stay, by a new number. */
static void drop_unwanted(const struct gd__leak_run *r, struct gd__leak_answer *out)
{
	struct gd__leak_result *res = &out->result;
	size_t n = 0, next = 0;

	for (size_t i = 0; i < res->count; i++) {
		if (!wanted(r, out, &res->leaks[i]))
			continue;
		if (next < out->chosen.n && out->chosen.one[next].leak == i)
			out->chosen.one[next++].leak = (uint32_t)n;
		res->leaks[n++] = res->leaks[i];
	}
	res->count = n;
}

/* Whom to let go on; without a copy it is done here and now. */
static bool recover(const struct gd__leak_run *r, struct gd__arena *a, struct gd__leak_answer *out)
{
	if ((!r->recover && !r->too_late) || gd__options.leak_recover == 0)
		return true;
	if (!gd__recover_choose(&out->result, a, &out->chosen))
		return false;
	if (r->too_late)
		gd__recover_forgo(&out->chosen, &out->result);
	else if (!r->forked)
		gd__recover_apply(&out->chosen, &out->result);
	return true;
}

static int judge(void *arg, struct gd__arena *a, struct gd__leak_answer *out)
{
	struct gd__leak_run *r = arg;
	struct gd__leak_options opt = r->opt;
	struct gd__image im;
	int e = gd__image_self(&im, &r->how);

	opt.no_paths = true;

	if (e != GD_OK)
		return e;
	opt.all_asleep |= r->only_waits && gd__leak_alone(&im);
	e = gd__leak_check_image(&im, &opt, a, &out->result);
	if (e == GD_OK && !recover(r, a, out))
		e = GD_ENOMEM;
	if (e == GD_OK) {
		gd__leak_find_left(&im, a, &out->left);
		drop_unwanted(r, out);
		if (!gd__leak_group(&out->groups, &out->result, a, stack_of, r))
			e = GD_ENOMEM;
	}
	out->result.verdicts = NULL; /* they look at the image */
	im.release(&im);
	return e;
}

/* On the system stack. */
static void look(void *arg)
{
	struct gd__leak_run *r = arg;
	int64_t start = gd__os_now();

	r->error = judge(r, &r->arena, &r->out);
	r->judge_ns = gd__os_now() - start;
}

/* On the system stack. */
static void copy(void *arg)
{
	struct gd__leak_run *r = arg;

	r->how.noted = true;
	if (gd__roots_self_note(r->how.caller_sp))
		r->error = gd__leak_fork_go(&r->fork, judge, r);
	else
		r->error = GD_ENOMEM;
}

/* --- when all goes on --- */

/* Judged on a copy: who has run since was not stuck, or is not any more. */
static bool moved(const struct gd__leak *l)
{
	return l->verdict != GD__VERDICT_ALIVE_AT_END && !gd__inspect_unmoved(&l->g);
}

static void drop_moved_of(struct gd__leak_run *r, struct gd__leak_group *g)
{
	size_t *next = r->out.groups.next, first = GD__GROUP_END, last = GD__GROUP_END, n = 0;

	for (size_t i = g->first; i != GD__GROUP_END; i = next[i]) {
		if (moved(&r->out.result.leaks[i]))
			continue;
		if (n++ == 0)
			first = i;
		else
			next[last] = i;
		last = i;
	}
	if (n > 0)
		next[last] = GD__GROUP_END;
	g->first = first;
	g->last = last;
	g->count = n;
}

static void drop_moved(struct gd__leak_run *r)
{
	struct gd__leak_groups *gs = &r->out.groups;
	size_t kept = 0;

	for (size_t i = 0; i < gs->n; i++) {
		drop_moved_of(r, &gs->group[i]);
		if (gs->group[i].count > 0)
			gs->group[kept++] = gs->group[i];
	}
	gs->n = kept;
}

/* What the copy has found, in the process it is a copy of. */
static void take_over(struct gd__leak_run *r)
{
	drop_moved(r);
	if (r->out.chosen.n == 0)
		return;
	gd__inspect_stop(); /* who does not stop is not at the primitive of one who waits there */
	gd__recover_apply(&r->out.chosen, &r->out.result);
	gd__inspect_start();
}

static void wait_for_copy(struct gd__leak_run *r)
{
	bool goroutine = gd__inspect_self() != 0;

	gd__leak_end();
	if (goroutine)
		gd_syscall_enter();
	r->error = gd__leak_fork_wait(&r->fork, r->limit_ns, &r->out);
	if (goroutine)
		gd_syscall_exit();
	r->fork_ns = r->fork.fork_ns;
	r->judge_ns = r->fork.judge_ns;
	gd__leak_begin(true);
}

static void keep_max(int64_t *last, int64_t *max, int64_t ns)
{
	*last = ns;
	*max = ns > *max ? ns : *max;
}

static void count(const struct gd__leak_run *r)
{
	if (r->error != GD_OK) {
		stats.failed += r->error != GD_EINVAL; /* there was nothing to be checked */
		return;
	}
	stats.ran++;
	stats.incomplete += !r->out.result.complete;
	keep_max(&stats.stop_last_ns, &stats.stop_max_ns, r->stop_ns);
	keep_max(&stats.analysis_last_ns, &stats.analysis_max_ns, r->judge_ns);
	if (r->forked)
		keep_max(&stats.fork_last_ns, &stats.fork_max_ns, r->fork_ns);
}

/* What was told, for the next check and the exit code. */
static void remember(const struct gd__leak_run *r, const struct gd__tally *tally)
{
	const struct gd__leak_groups *gs = &r->out.groups;

	for (int v = GD__VERDICT_PROVEN; v <= GD__VERDICT_ALIVE_AT_END; v++)
		stats.reported += r->reported[v];
	stats.reported += tally->muted + r->missed;
	if (gd__options.leak_recover == RECOVERED_IS_FINE)
		stats.reported -= tally->open;
	gd__leak_forget_ended(&r->out.left);
	for (size_t g = 0; g < gs->n; g++)
		for (size_t i = gs->group[g].first; i != GD__GROUP_END; i = gs->next[i])
			if (!gd__recover_open(&r->out.result.leaks[i])) /* else it is news again */
				gd__leak_know(r->out.result.leaks[i].g.id);
}

static void speak(struct gd__leak_run *r)
{
	static char text[TEXT]; /* guarded by busy */
	struct gd__leak_report report = { .result = &r->out.result,
					  .groups = &r->out.groups,
					  .test = r->test,
					  .drop = find_drop };
	struct gd__tally tally;
	struct gd__out o;

	gd__out_init(&o, text, sizeof(text), r->quiet ? -1 : gd__report_fd());
	if (r->opt.all_asleep) /* the process dies of it */
		o.patience_ns = gd__dump_patience();
	gd__leak_group_merge(&r->out.groups);
	gd__tally_add(&r->out.groups, &r->out.result,
		      r->quiet       ? GD__TALLY_QUIET
		      : r->known_too ? GD__TALLY_ALL
				     : GD__TALLY_NEWS,
		      &tally);
	r->expected = gd__expect_sift(&r->out.groups, &r->out.result, &o);
	gd__leak_print(&report, &o);
	if (r->ends_scope)
		r->missed = gd__expect_finish(r->scope, &o);
	gd__out_flush(&o);
	gd__memcpy(r->reported, report.reported, sizeof(r->reported));
	r->suppressed = report.suppressed;
	r->muted = tally.muted;
	if (!r->quiet)
		remember(r, &tally);
}

static void complain(struct gd__leak_run *r)
{
	struct gd__leak_result *res = &r->out.result;

	if (res->why[0] == '\0')
		gd__fmt(res->why, sizeof(res->why), "%s",
			r->fork.why[0] ? r->fork.why : gd_error_text(r->error));
	res->ran = res->complete = false;
	res->count = r->out.groups.n = 0;
	if (!r->quiet && r->error != GD_EINVAL) /* that one is the caller's to know */
		gd__warn("the leak check did not run: %s", res->why);
}

/* On the system stack: looking up symbols needs room. */
static void tell(void *arg)
{
	struct gd__leak_run *r = arg;

	if (r->periodic && gd__leak_program_ended())
		return;
	if (r->error == GD_OK && r->forked)
		take_over(r);
	if (r->error == GD_OK)
		speak(r);
	else
		complain(r);
	count(r);
}

/* What takes locks or memory of the program's. */
static void prepare(void)
{
	gd__heap_zero(true);
	gd__trace_prepare();
	gd__roots_self_prepare();
	gd__heap_zero(false);
}

static void stop_and_look(struct gd__leak_run *r)
{
	int64_t start;

	prepare();
	start = gd__os_now();
	r->how.not_stopped = !gd__inspect_stop();
	gd__inspect_on_system_stack(r->forked ? copy : look, r);
	gd__inspect_start();
	r->stop_ns = gd__os_now() - start;
	if (r->forked && r->error == GD_OK)
		wait_for_copy(r);
}

void gd__leak_run(struct gd__leak_run *r)
{
	r->fork.modest = r->modest;
	if (gd__inspect_open(&r->rt, &gd__mem_self, 0) != GD__INSPECT_OK) {
		r->error = GD_EINVAL;
		gd__fmt(r->out.result.why, sizeof(r->out.result.why), "gd_run has not been called");
	} else if (r->forked) {
		r->error = gd__leak_fork_prepare(&r->fork);
	}
	if (r->error == GD_OK)
		stop_and_look(r);
	gd__inspect_on_system_stack(tell, r);
}

void gd__leak_run_asleep(struct gd__leak_run *r)
{
	gd__inspect_open(&r->rt, &gd__mem_self, 0);
	prepare();
	look(r);
	tell(r);
}

void gd__leak_run_release(struct gd__leak_run *r)
{
	gd__arena_release(&r->arena);
	gd__leak_fork_release(&r->fork);
}
