/* explain.c - words for verdicts and primitives. */
#include "detector/leak/explain.h"

static const char *noun(const struct gd__leak *l)
{
	if (l->nobjects == 0)
		return "what it waits for";
	if (l->g.nwaits > 1)
		return "any of the channels";
	switch (l->object[0].kind) {
	case GD__OBJ_CHAN:
		return "the channel";
	case GD__OBJ_MUTEX:
		return "the mutex";
	case GD__OBJ_RWMUTEX:
		return "the rwmutex";
	case GD__OBJ_WAITGROUP:
		return "the waitgroup";
	case GD__OBJ_COND:
		return "the condition";
	default:
		return "what it waits for";
	}
}

static void explain_evidence(struct gd__out *o, const struct gd__leak *l)
{
	bool self = l->owner_id == l->g.id;

	switch (l->evidence) {
	case GD__EVIDENCE_UNREACHABLE:
		gd__out_fmt(o, "nothing that can still run reaches %s", noun(l));
		break;
	case GD__EVIDENCE_CYCLE:
		gd__out_str(o, self ? "it waits for a lock that it holds itself"
				    : gd__evidence_text(GD__EVIDENCE_CYCLE));
		break;
	case GD__EVIDENCE_OWNER:
		gd__out_fmt(o, "%s is held up by goroutine %lu, which is stuck itself", noun(l),
			    (unsigned long)l->owner_id);
		break;
	case GD__EVIDENCE_DEAD_OWNER:
		if (l->owner_id)
			gd__out_fmt(o, "%s is held by goroutine %lu, which has ended", noun(l),
				    (unsigned long)l->owner_id);
		else
			gd__out_fmt(o, "%s is held by a goroutine that has ended", noun(l));
		break;
	default:
		gd__out_str(o, gd__evidence_text(l->evidence));
	}
}

void gd__explain_verdict(struct gd__out *o, const struct gd__leak *l)
{
	static const char *const words[] = {
		[GD__VERDICT_PROVEN] = "proven stuck",
		[GD__VERDICT_OWNER_STUCK] = "stuck behind another",
		[GD__VERDICT_ALIVE_AT_END] = "still alive",
		[GD__VERDICT_SUSPECT] = "suspect",
	};

	gd__out_fmt(o, "%s: ", words[l->verdict]);
	explain_evidence(o, l);
}

/* "3 goroutines": what is said of those who wait besides the one of the report. */
static void count(struct gd__out *o, const char **lead, uint32_t n, const char *what)
{
	if (n == 0)
		return;
	gd__out_fmt(o, "%s%u %s%s", *lead, n, what, n > 1 ? "s" : "");
	*lead = " and ";
}

static void explain_waiters(struct gd__out *o, const struct gd__home *h)
{
	uint32_t all = h ? h->receivers + h->senders + h->others : 0;
	const char *lead = "; ";

	if (all < 2)
		return;
	count(o, &lead, h->receivers, "receiver");
	count(o, &lead, h->senders, "sender");
	count(o, &lead, h->others, "goroutine");
	gd__out_str(o, " wait");
}

static void explain_channel(struct gd__out *o, const struct gd__oinfo *c)
{
	gd__out_fmt(o, "channel of capacity %lu, element size %lu", (unsigned long)c->cap,
		    (unsigned long)c->elem_size);
	if (c->cap > 0)
		gd__out_fmt(o, ", %lu buffered", (unsigned long)c->len);
	if (c->closed)
		gd__out_str(o, ", closed");
	if (c->context)
		gd__out_str(o, ", of a context");
	if (c->timer)
		gd__out_str(o, ", of a timer");
}

static void explain_made(struct gd__out *o, const struct gd__tongue *t, const struct gd__oinfo *c)
{
	if (c->site[0]) {
		gd__out_fmt(o, ", made at %s", c->site);
	} else if (c->make_pc && t) {
		gd__out_str(o, ", made at ");
		t->place(t->self, o, c->make_pc);
	}
}

void gd__explain_name(struct gd__out *o, const struct gd__tongue *t, const struct gd__oinfo *x)
{
	if (x->kind == GD__OBJ_CHAN && x->valid) {
		gd__out_str(o, "the channel");
		explain_made(o, t, x);
		return;
	}
	gd__out_fmt(o, "%s ", gd__obj_text(x->kind));
	if (!t || !t->data(t->self, o, x->addr))
		gd__out_fmt(o, "at %p", (const void *)(uintptr_t)x->addr);
}

void gd__explain_object(struct gd__out *o, const struct gd__tongue *t, const struct gd__leak *l,
			uint32_t i, const struct gd__home *h)
{
	const struct gd__oinfo *x = &l->object[i];

	if (l->wait[i].obj == 0) {
		gd__out_str(o, "nil channel");
		return;
	}
	if (!x->valid) {
		gd__out_fmt(o, "%s at %p, which cannot be read", gd__obj_text(x->kind),
			    (const void *)(uintptr_t)x->addr);
		return;
	}
	if (x->kind == GD__OBJ_CHAN) {
		explain_channel(o, x);
		explain_made(o, t, x);
	} else {
		gd__explain_name(o, t, x);
	}
	if (x->kind == GD__OBJ_RWMUTEX && x->readers > 0)
		gd__out_fmt(o, ", held by %d reader%s", x->readers, x->readers > 1 ? "s" : "");
	if (x->kind == GD__OBJ_WAITGROUP)
		gd__out_fmt(o, ", counter %ld", (long)x->count);
	explain_waiters(o, h);
}
