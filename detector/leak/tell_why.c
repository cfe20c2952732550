/* tell_why.c - the path from a root to a waiting goroutine, in words. */
#include "detector/leak/tell.h"

static uint64_t id_of(const struct gd__image *im, uint32_t g)
{
	return g < im->ng ? im->g[g].id : 0;
}

static void tell_address(struct gd__out *o, uint64_t at)
{
	gd__out_fmt(o, "0x%lx", (unsigned long)at);
}

static bool is_variable(const struct gd__tongue *t, uint64_t addr)
{
	char unused[8];
	struct gd__out o;

	gd__out_init(&o, unused, sizeof(unused), -1);
	return t->data(t->self, &o, addr);
}

static void tell_data(struct gd__out *o, const struct gd__tongue *t, const struct gd__why_step *s)
{
	if (is_variable(t, s->at)) {
		gd__out_str(o, "global variable ");
		t->data(t->self, o, s->at);
		return;
	}
	gd__out_str(o,
		    "memory that the program has mapped or registered, or gave to the kernel, at ");
	tell_address(o, s->at);
}

static void tell_block(struct gd__out *o, const struct gd__tongue *t, const struct gd__why_step *s,
		       const struct gd__why_step *next)
{
	const struct gd__block *b = &s->block;

	gd__out_fmt(o, "heap block of %lu bytes", (unsigned long)b->size);
	if (t->type)
		t->type(t->self, o, s);
	/* A channel is a block of its own, and comes next. */
	if (!(next && next->kind == GD__WHY_PRIM && next->prim->info.addr == b->start &&
	      next->prim->info.kind == GD__OBJ_CHAN)) {
		gd__out_fmt(o, ", offset %lu", (unsigned long)(s->at - b->start));
		if (t->member)
			t->member(t->self, o, s);
	}
	if (b->stack) {
		gd__out_str(o, ", allocated by ");
		if (!t->allocated(t->self, o, b))
			gd__out_str(o, "an unknown place");
	}
}

static void tell_stack(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		       const struct gd__why_step *s)
{
	gd__out_fmt(o, "stack of goroutine %lu", (unsigned long)id_of(im, s->g));
	if (t->frame)
		t->frame(t->self, o, id_of(im, s->g), s->at);
	if (s->root)
		gd__out_str(o, ", which may run");
}

static void tell_prim(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		      const struct gd__why_step *s)
{
	gd__explain_name(o, t, &s->prim->info);
	gd__out_fmt(o, ", for which goroutine %lu waits", (unsigned long)id_of(im, s->g));
}

void gd__tell_step(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		   const struct gd__why *why, size_t i)
{
	const struct gd__why_step *s = &why->step[i];

	switch (s->kind) {
	case GD__WHY_DATA:
		tell_data(o, t, s);
		return;
	case GD__WHY_THREAD:
		gd__out_str(o, "stack, registers or thread-local storage of a thread outside of "
			       "the runtime, at ");
		tell_address(o, s->at);
		return;
	case GD__WHY_TIMER:
		gd__out_str(o, "pending timer");
		return;
	case GD__WHY_REGISTER:
		gd__out_str(o, "register of a goroutine that runs");
		return;
	case GD__WHY_UNKNOWN:
		gd__out_str(o, "memory of which nothing is known, at ");
		tell_address(o, s->at);
		return;
	case GD__WHY_STACK:
		tell_stack(o, t, im, s);
		return;
	case GD__WHY_BLOCK:
		tell_block(o, t, s, i + 1 < why->n ? s + 1 : NULL);
		return;
	case GD__WHY_PRIM:
		tell_prim(o, t, im, s);
		return;
	}
}

static const char *root_text(const struct gd__tongue *t, const struct gd__why *why)
{
	if (why->n == 0)
		return "what it waits for counts as reachable";
	if (why->cut)
		return "what it waits for can be reached, by a long way";
	switch (why->step[0].kind) {
	case GD__WHY_DATA:
		return is_variable(t, why->step[0].at)
			       ? "what it waits for can be reached from a global variable"
			       : "what it waits for can be reached from memory that is always "
				 "live";
	case GD__WHY_THREAD:
		return "what it waits for can be reached from a thread outside of the runtime";
	case GD__WHY_TIMER:
		return "what it waits for can be reached from a pending timer";
	case GD__WHY_REGISTER:
	case GD__WHY_STACK:
		return "what it waits for can be reached from a goroutine that may run";
	default:
		return "what it waits for lies in memory of which nothing is known";
	}
}

void gd__tell_answer(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		     const struct gd__why *why)
{
	static const char *const states[] = {
		[GD__GI_RUNNABLE] = "it is about to run",
		[GD__GI_RUNNING] = "it runs",
		[GD__GI_SYSCALL] = "it is in a system call",
	};
	const struct gd__ginfo *g;

	if (why->answer == GD__WHY_NO_SUCH) {
		gd__out_str(o, "there is no such goroutine");
		return;
	}
	g = &im->g[why->g];
	switch (why->answer) {
	case GD__WHY_REACHED:
		gd__out_fmt(o, "not reported: %s", root_text(t, why));
		return;
	case GD__WHY_STUCK:
		gd__out_str(o, "reported");
		return;
	case GD__WHY_EXEMPT:
		gd__out_fmt(o, "stuck, but not reported: it is %s",
			    g->background ? "a background goroutine"
			    : g->system   ? "one of the runtime's own"
					  : "the main goroutine, which has returned");
		return;
	case GD__WHY_UNDECIDED:
		gd__out_str(o, "not reported: what it waits for cannot be read, so it counts as "
			       "able to run");
		return;
	case GD__WHY_SPENT:
		gd__out_str(o, "not reported: its function has returned");
		return;
	default:
		break;
	}
	if (g->state != GD__GI_WAITING)
		gd__out_fmt(o, "not reported: %s", states[g->state]);
	else
		gd__out_fmt(o, "not reported: %s wakes by itself%s", gd__wait_text(g->reason),
			    g->timed ? ", by its deadline" : "");
}

void gd__tell_path(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		   const struct gd__why *why)
{
	if (why->n == 0)
		return;
	gd__out_str(o, "  kept off the list by:\n");
	for (size_t i = 0; i < why->n; i++) {
		gd__out_str(o, why->cut && i == 0 ? "    ... -> " : i ? "    -> " : "    ");
		gd__tell_step(o, t, im, why, i);
		gd__out_str(o, "\n");
	}
}
