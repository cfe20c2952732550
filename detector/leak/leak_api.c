/* leak_api.c - checks that the program asks for. */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/leak/leak_huge.h"
#include "detector/leak/leak_run.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"

#define LIMIT_MS 60000

size_t gd__leak_count(const struct gd__leak_run *r)
{
	const size_t *n = r->reported;
	size_t sum = r->muted + n[GD__VERDICT_PROVEN] + n[GD__VERDICT_OWNER_STUCK];

	if (r->level >= GD_LEAK_SUSPECT)
		sum += n[GD__VERDICT_SUSPECT];
	return r->level == GD_LEAK_END ? sum + n[GD__VERDICT_ALIVE_AT_END] : sum;
}

static void fill(struct gd_leak_result *to, const struct gd__leak_run *r)
{
	*to = (struct gd_leak_result){
		.ran = r->out.result.ran,
		.complete = r->out.result.complete,
		.goroutines = r->out.result.goroutines,
		.proven = r->reported[GD__VERDICT_PROVEN],
		.owner_stuck = r->reported[GD__VERDICT_OWNER_STUCK],
		.suspect = r->reported[GD__VERDICT_SUSPECT],
		.alive = r->reported[GD__VERDICT_ALIVE_AT_END],
		.suppressed = r->suppressed,
		.ignored = r->out.ignored,
		.expected = r->expected,
		.missed = r->missed,
		.known = r->out.known,
		.stop_ns = r->stop_ns,
		.fork_ns = r->fork_ns,
		.analysis_ns = r->judge_ns,
	};
	_Static_assert(sizeof(to->why) == sizeof(r->out.result.why), "the reason is copied");
	gd__memcpy(to->why, r->out.result.why, sizeof(to->why));
}

static void tell(const struct gd_leak_opts *o, const struct gd__leak_run *r,
		 const struct gd__leak *l)
{
	struct gd_leak_found f = {
		.goroutine = l->g.id,
		.parent = l->g.parent_id,
		.verdict = gd__leak_level(l->verdict),
		.verdict_text = gd__verdict_text(l->verdict),
		.evidence = gd__evidence_word(l->evidence),
		.evidence_text = gd__evidence_text(l->evidence),
		.wait = l->g.state == GD__GI_WAITING ? gd__wait_text(l->g.reason) : "",
		.name = l->g.name,
		.site = l->g.site,
		.owner = l->owner_id,
		.retained = l->retained.stack + l->retained.heap,
		.waited_ns = l->g.state == GD__GI_WAITING ? r->rt.now_ns - l->g.since_ns : 0,
	};

	o->each(o->arg, &f);
}

/* On the caller's own stack, with nothing held. */
static void tell_each(const struct gd_leak_opts *o, const struct gd__leak_run *r)
{
	for (size_t g = 0; r->error == GD_OK && g < r->out.groups.n; g++) {
		if (r->out.groups.group[g].left_out)
			continue;
		for (size_t i = r->out.groups.group[g].first; i != GD__GROUP_END;
		     i = r->out.groups.next[i])
			tell(o, r, &r->out.result.leaks[i]);
	}
}

void gd__leak_hand_out(const struct gd_leak_opts *o, const struct gd__leak_run *r)
{
	if (o->result)
		fill(o->result, r);
	if (o->each)
		tell_each(o, r);
}

int64_t gd__leak_limit_ns(const struct gd_leak_opts *o)
{
	return (int64_t)(o->limit_ms > 0 ? o->limit_ms : LIMIT_MS) * 1000000;
}

struct gd_leak_opts gd__leak_options(const struct gd_leak_opts *given)
{
	struct gd_leak_opts o = { 0 };

	if (given && given->opts)
		given = given->opts;
	if (given)
		gd__memcpy(&o, given,
			   given->size_ > 0 && given->size_ < sizeof(o) ? given->size_ : sizeof(o));
	return o;
}

static GD__NOINLINE int check_on_demand(const struct gd_leak_opts *given, uint64_t caller_sp)
{
	struct gd_leak_opts own = gd__leak_options(given), *o = &own;
	struct gd__leak_run r = { .opt.at_end = o->level == GD_LEAK_END,
				  .how.caller_sp = caller_sp,
				  .level = o->level,
				  .known_too = !o->fresh_only,
				  .recover = !o->quiet,
				  .quiet = o->quiet,
				  .forked = o->forked };

	r.limit_ns = gd__leak_limit_ns(o);
	if (o->settle_ms > 0)
		gd__inspect_settle((int64_t)o->settle_ms * 1000000);
	gd__leak_install();
	if (o->forked)
		gd__leak_huge();
	gd__leak_begin(true);
	gd__leak_run(&r);
	gd__leak_end();
	gd__leak_hand_out(o, &r);
	gd__leak_run_release(&r);
	if (r.error != GD_OK)
		return r.error;
	return gd__leak_count(&r) == 0 && !r.out.result.complete ? GD_EINCOMPLETE
								 : (int)gd__leak_count(&r);
}

/*
 * What our own frames leave on the stack must not look like the caller's pointers. So this one
 * holds nothing but the caller's registers, right below the frame pointer, and what lies below
 * them, be it a hole in this frame, is not scanned.
 */
#define SAVED_REGISTERS 5 /* besides the frame pointer */

int gd_leak_check_opts(const struct gd_leak_opts *given)
{
	__builtin_unwind_init();
	int found = check_on_demand(given, (uintptr_t)__builtin_frame_address(0) -
						   SAVED_REGISTERS * sizeof(uint64_t));

	__asm__ volatile("" : "+r"(found)); /* no tail call: it would give up this frame */
	return found;
}

/* The goroutines of the stopped world, by id. */
static int gather(struct gd__set *ids, struct gd__arena *a)
{
	struct gd__runtime rt;
	struct gd__ginfo g;
	bool broken, fresh;
	int n = 0;

	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		return GD_EINVAL;
	for (uint64_t i = 0; i < rt.ngoroutines; i++) {
		if (!gd__inspect_goroutine(&rt, i, &g, &broken))
			continue;
		if (!gd__set_put(ids, a, g.id, &fresh))
			return GD_ENOMEM;
		n += !g.system && g.id != gd__inspect_self();
	}
	return n;
}

int gd_leak_ignore_current(void)
{
	struct gd__arena arena = { 0 };
	struct gd__set ids = { 0 };
	struct gd__runtime rt;
	int n;

	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		return GD_EINVAL;
	gd__leak_install();
	gd__leak_begin(true);
	gd__inspect_stop(); /* who goes on is there all the same */
	n = gather(&ids, &arena);
	gd__inspect_start();
	if (n >= 0) {
		/* Those of the call before are among these, or gone. */
		gd__leak_ignore(&ids, &arena);
	} else {
		gd__arena_release(&arena);
	}
	gd__leak_end();
	return n;
}
