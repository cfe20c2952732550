/*
 * leak_why.c - gd_leak_why: what keeps a goroutine of our own process off the list.
 *
 * The path is found while the world stands still, and told when it goes on: the
 * image's own tables stay until it is released.
 */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/common/report_fd.h"
#include "detector/leak/leak_run.h"
#include "detector/leak/names.h"
#include "detector/leak/tell.h"
#include "runtime/base/compiler.h"
#include "runtime/inspect/traceback.h"

#define TEXT 8192

struct question {
	uint64_t goid;
	struct gd__self_how how;
	struct gd__image im;
	struct gd__arena arena;
	int error;
	struct gd__why *why;
	struct gd__leak waits; /* what the goroutine waits for */
	size_t npcs;
	uintptr_t pcs[GD__FRAMES_MAX];
};

static void fill(struct question *q, const struct gd__ginfo *g)
{
	struct gd__leak *l = &q->waits;

	q->npcs = gd__trace_goroutine(&q->im.rt, g, q->pcs, GD__FRAMES_MAX);
	l->g = *g;
	l->verdict = q->why->fate.verdict;
	l->evidence = q->why->fate.evidence;
	l->owner_id = q->why->fate.owner_id;
	for (uint32_t i = 0; g->state == GD__GI_WAITING && i < g->nwaits && i < 4; i++) {
		if (!gd__image_wait(&q->im, g, i, &l->wait[i]))
			break;
		if (l->wait[i].obj)
			gd__image_object(&q->im, l->wait[i].obj, l->wait[i].kind, &l->object[i]);
		l->nobjects++;
	}
}

/* All that needs the world to stand still. On the system stack. */
static void look(void *arg)
{
	struct question *q = arg;
	const struct gd__leak_options opt = { 0 };
	struct gd__leak_result result;

	q->error = gd__image_self(&q->im, &q->how);
	if (q->error != GD_OK)
		return;
	q->error = gd__leak_check_image(&q->im, &opt, &q->arena, &result);
	q->why = gd__arena_get(&q->arena, sizeof(*q->why));
	if (!q->why)
		q->error = GD_ENOMEM;
	if (q->error != GD_OK)
		return;
	gd__why(result.verdicts, q->goid, q->why);
	if (q->why->answer != GD__WHY_NO_SUCH)
		fill(q, &q->im.g[q->why->g]);
}

static const char *state(const struct gd__ginfo *g)
{
	static const char *const states[] = {
		[GD__GI_RUNNABLE] = "runnable",
		[GD__GI_RUNNING] = "running",
		[GD__GI_SYSCALL] = "syscall",
		[GD__GI_DEAD] = "dead",
	};

	return g->state == GD__GI_WAITING ? gd__wait_text(g->reason) : states[g->state];
}

static void tell(struct gd__out *o, const struct question *q)
{
	struct gd__tongue t = gd__own_names(NULL);
	const struct gd__ginfo *g = &q->waits.g;

	gd__out_fmt(o, "goroutine %lu [%s] ", (unsigned long)g->id, state(g));
	gd__tell_answer(o, &t, &q->im, q->why);
	if (q->why->fate.stuck) {
		gd__out_str(o, ": ");
		gd__explain_verdict(o, &q->waits);
	}
	gd__out_str(o, "\n");
	if (q->npcs > 0)
		gd__print_stack(o, q->pcs, q->npcs);
	for (uint32_t i = 0; i < q->waits.nobjects; i++) {
		gd__out_str(o, "  waits for: ");
		gd__explain_object(o, &t, &q->waits, i, NULL);
		gd__out_str(o, "\n");
	}
	gd__tell_path(o, &t, &q->im, q->why);
}

/* On the system stack: looking up symbols needs room. */
static void speak(void *arg)
{
	static char text[TEXT]; /* guarded by gd__leak_begin */
	const struct question *q = arg;
	struct gd__out o;

	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	if (q->error != GD_OK)
		gd__out_fmt(&o, "gdetect: the leak check could not be done: %s\n",
			    gd_error_text(q->error));
	else if (q->why->answer == GD__WHY_NO_SUCH)
		gd__out_fmt(&o, "gdetect: there is no goroutine %lu\n", (unsigned long)q->goid);
	else
		tell(&o, q);
	gd__out_flush(&o);
}

static int answer(const struct question *q)
{
	if (q->error != GD_OK)
		return q->error;
	if (q->why->answer == GD__WHY_NO_SUCH)
		return GD_EINVAL;
	return q->why->answer == GD__WHY_STUCK;
}

static GD__NOINLINE int ask(uint64_t goid, uint64_t caller_sp)
{
	struct question q = { .goid = goid, .how.caller_sp = caller_sp };
	struct gd__runtime rt;
	int found;

	gd__leak_begin(true);
	if (gd__inspect_open(&rt, &gd__mem_self, 0) == GD__INSPECT_OK) {
		gd__trace_prepare();
		gd__roots_self_prepare();
		q.how.not_stopped = !gd__inspect_stop();
		gd__inspect_on_system_stack(look, &q);
		gd__inspect_start();
	} else {
		q.error = GD_EINVAL; /* there is no world to stop */
	}
	gd__inspect_on_system_stack(speak, &q);
	found = answer(&q);
	if (q.im.release)
		q.im.release(&q.im);
	gd__leak_end();
	gd__arena_release(&q.arena);
	return found;
}

/* As gd_leak_check: this frame holds the caller's registers and nothing of ours. */
int gd_leak_why(uint64_t goid)
{
	uint64_t sp;

	__builtin_unwind_init();
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
	int found = ask(goid, sp);

	__asm__ volatile("" : "+r"(found)); /* no tail call: it would give up this frame */
	return found;
}
