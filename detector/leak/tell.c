/* tell.c - the words of a report's paragraph. */
#include "detector/leak/tell.h"

#include "detector/leak/advice.h"

#define SECOND INT64_C(1000000000)

void gd__tell_bytes(struct gd__out *o, uint64_t n)
{
	if (n < 10000)
		gd__out_fmt(o, "%lu byte%s", (unsigned long)n, n == 1 ? "" : "s");
	else if (n < 10000000)
		gd__out_fmt(o, "%lu kB", (unsigned long)(n / 1000));
	else
		gd__out_fmt(o, "%lu MB", (unsigned long)(n / 1000000));
}

void gd__tell_age(struct gd__out *o, int64_t ns)
{
	int64_t seconds = ns / SECOND;

	if (seconds >= 60)
		gd__out_fmt(o, "%ld minute%s", (long)(seconds / 60), seconds < 120 ? "" : "s");
	else if (seconds >= 1)
		gd__out_fmt(o, "%ld second%s", (long)seconds, seconds == 1 ? "" : "s");
	else
		gd__out_str(o, "less than a second");
}

void gd__tell_prepare(const struct gd__tongue *t, struct gd__story *s)
{
	for (size_t i = 0; s && i < s->nparties; i++)
		if (s->party[i].pc && s->party[i].g && s->party[i].now != GD__AT_ENDED)
			s->party[i].stay = t->stay(t->self, &s->party[i]);
}

void gd__tell_head(struct gd__out *o, const struct gd__tongue *t, const struct gd__tale *a)
{
	const struct gd__leak *l = a->leak;
	struct gd__advice advice = gd__advice(l, a->story);

	gd__out_fmt(o, "%lu goroutine%s [%s] ", (unsigned long)a->count, a->count > 1 ? "s" : "",
		    l->g.state == GD__GI_WAITING ? gd__wait_text(l->g.reason) : "not waiting");
	gd__explain_verdict(o, l);
	gd__out_str(o, "\n");
	if (advice.pattern)
		gd__out_fmt(o, "  looks like: %s; usual repair: %s\n", advice.pattern,
			    advice.repair);
}

/* --- where a party is --- */

static void tell_now(struct gd__out *o, const struct gd__tongue *t, const struct gd__party *p)
{
	const struct gd__ginfo *g = p->g;

	if (p->now == GD__AT_STUCK)
		gd__out_fmt(o, "is stuck in %s", gd__wait_text(g->reason));
	else if (p->now == GD__AT_WAITING)
		gd__out_fmt(o, "waits in %s", gd__wait_text(g->reason));
	else if (g->state == GD__GI_SYSCALL)
		gd__out_str(o, "is in a system call");
	else
		gd__out_str(o, g->state == GD__GI_RUNNABLE ? "is about to run" : "runs");
	gd__out_str(o, " (");
	if (!t->now(t->self, o, p))
		gd__out_str(o, "place unknown");
	gd__out_str(o, ")");
}

static void tell_left(struct gd__out *o, const struct gd__tongue *t, uint64_t pc)
{
	gd__out_str(o, "has returned from ");
	if (!t->function(t->self, o, pc))
		gd__out_str(o, "there");
}

void gd__tell_whereabouts(struct gd__out *o, const struct gd__tongue *t, const struct gd__party *p)
{
	switch (p->now) {
	case GD__AT_UNKNOWN:
	case GD__AT_SELF:
		return;
	case GD__AT_ENDED:
		gd__out_str(o, "; it ");
		if (p->id == 1 && p->pc) {
			tell_left(o, t, p->pc);
			gd__out_str(o, ", main has ended");
		} else {
			gd__out_str(o, "has ended");
		}
		return;
	case GD__AT_STUCK:
	case GD__AT_WAITING:
	case GD__AT_RUNNING:
		break;
	}
	gd__out_str(o, "; it ");
	if (p->stay == GD__STAY_LEFT) {
		tell_left(o, t, p->pc);
		gd__out_str(o, " and ");
	}
	tell_now(o, t, p);
}

static void tell_who(struct gd__out *o, const struct gd__party *p)
{
	if (p->id)
		gd__out_fmt(o, "goroutine %lu%s", (unsigned long)p->id,
			    p->now == GD__AT_SELF ? " itself" : "");
	else
		gd__out_str(o, "a thread outside of the runtime");
}

static void tell_party(struct gd__out *o, const struct gd__tongue *t, const struct gd__leak *l,
		       const struct gd__party *p)
{
	static const struct {
		const char *what, *at;
	} words[] = {
		[GD__ROLE_OWNER] = { "held by: ", ", locked at " },
		[GD__ROLE_READER] = { "read lock held by: ", ", taken at " },
		[GD__ROLE_LAST_RECV] = { "last receive: by ", " at " },
		[GD__ROLE_LAST_SEND] = { "last send: by ", " at " },
		[GD__ROLE_LAST_ADD] = { "last add: by ", " at " },
		[GD__ROLE_LAST_DONE] = { "last done: by ", " at " },
		[GD__ROLE_LAST_SIGNAL] = { "last signal: by ", " at " },
		[GD__ROLE_CREATOR] = { "created by ", " at " },
	};

	gd__out_fmt(o, "  %s", words[p->role].what);
	tell_who(o, p);
	if (p->pc) {
		gd__out_str(o, words[p->role].at);
		t->place(t->self, o, p->pc);
	}
	if (p->role == GD__ROLE_LAST_SIGNAL && l->object[p->object].signal_in_vain)
		gd__out_str(o, ", when nobody waited");
	gd__tell_whereabouts(o, t, p);
	gd__out_str(o, "\n");
}

/* --- an object --- */

/* What nobody has ever done says as much as who did it last. */
static void tell_never(struct gd__out *o, const struct gd__tongue *t, const struct gd__leak *l,
		       uint32_t i)
{
	const struct gd__oinfo *x = &l->object[i];

	if (x->kind == GD__OBJ_CHAN && l->wait[i].op == GD__OP_SEND && !x->last_recv_id)
		gd__out_str(o, "  last receive: never\n");
	if (x->kind == GD__OBJ_CHAN && l->wait[i].op == GD__OP_RECV && !x->last_send_id &&
	    x->elem_size > 0 && !x->timer)
		gd__out_str(o, "  last send: never\n");
	if (x->kind == GD__OBJ_CHAN && l->wait[i].op == GD__OP_SEND && x->left_pc) {
		gd__out_str(o, "  a receiver stopped waiting at ");
		t->place(t->self, o, x->left_pc);
		gd__out_str(o, "\n");
	}
	if (x->kind == GD__OBJ_WAITGROUP && x->last_done_pc == 0)
		gd__out_str(o, "  last done: never\n");
	if (x->kind == GD__OBJ_COND && x->last_signal_pc == 0)
		gd__out_str(o, "  last signal: never\n");
}

static void tell_home(struct gd__out *o, const struct gd__tongue *t, const struct gd__home *h,
		      const struct gd__oinfo *x)
{
	/* A channel is a block of its own: nothing new. */
	if (h->kind == GD__HOME_HEAP && !(x->kind == GD__OBJ_CHAN && h->block.start == x->addr)) {
		gd__out_fmt(o, "  lives in: heap block of %lu bytes", (unsigned long)h->block.size);
		if (x->addr > h->block.start)
			gd__out_fmt(o, ", at offset %lu",
				    (unsigned long)(x->addr - h->block.start));
		if (h->block.stack) {
			gd__out_str(o, ", allocated by ");
			if (!t->allocated(t->self, o, &h->block))
				gd__out_str(o, "an unknown place");
		}
		gd__out_str(o, "\n");
	}
	if (h->kind == GD__HOME_STACK) {
		gd__out_fmt(o, "  lives in: %sstack of goroutine %lu",
			    h->live ? "" : "dead part of the ", (unsigned long)h->goid);
		if (h->live && t->frame)
			t->frame(t->self, o, h->goid, x->addr);
		gd__out_str(o, "\n");
	}
}

static void tell_object(struct gd__out *o, const struct gd__tongue *t, const struct gd__tale *a,
			uint32_t i)
{
	const struct gd__story *s = a->story;
	const struct gd__leak *l = a->leak;

	gd__out_str(o, "  waits for: ");
	gd__explain_object(o, t, l, i, s ? &s->home[i] : NULL);
	if (l->g.nwaits > 1 && l->wait[i].kind == GD__OBJ_CHAN)
		gd__out_str(o, l->wait[i].op == GD__OP_SEND ? " (to send)" : " (to receive)");
	gd__out_str(o, "\n");
	if (!l->object[i].valid || l->wait[i].obj == 0)
		return;
	if (s)
		tell_home(o, t, &s->home[i], &l->object[i]);
	tell_never(o, t, l, i);
	for (size_t k = 0; s && k < s->nparties; k++)
		if (s->party[k].object == i && s->party[k].role != GD__ROLE_CREATOR)
			tell_party(o, t, l, &s->party[k]);
	if (s && s->readers > GD__STORY_READERS)
		gd__out_fmt(o, "  and by %u more readers\n", s->readers - GD__STORY_READERS);
	if (l->evidence == GD__EVIDENCE_DROPPED && t->dropped)
		t->dropped(t->self, o, l->object[i].addr);
}

/* --- the chain of owners --- */

static void tell_holds(struct gd__out *o, const struct gd__tongue *t, const struct gd__link *k)
{
	if (!k->held_pc)
		return;
	gd__out_str(o, " (");
	t->place(t->self, o, k->held_pc);
	gd__out_str(o, ")");
}

bool gd__tell_chain(struct gd__out *o, const struct gd__tongue *t, const struct gd__story *s)
{
	const struct gd__link *last = &s->link[s->nlinks - 1];

	if (s->nlinks < 2 || (!s->closed && s->nlinks < 3))
		return false;
	gd__out_fmt(o, "goroutine %lu", (unsigned long)s->link[0].id);
	/* A reader waits behind a writer that waits for the same lock, first in the queue. */
	bool queue = s->closed && last->op == GD__OP_RLOCK && last->object == s->link[0].object;

	if (s->closed && last->object && !queue) {
		gd__out_str(o, " holds ");
		gd__explain_name(o, t, last->object);
		tell_holds(o, t, &s->link[0]);
		gd__out_str(o, ",");
	}
	for (size_t i = 0; i < s->nlinks; i++) {
		const struct gd__link *k = &s->link[i], *next = k + 1;

		if (!k->object) {
			gd__out_fmt(o, ", which is stuck in %s", gd__wait_text(k->reason));
			break;
		}
		gd__out_str(o, i ? ", which waits for " : " waits for ");
		gd__explain_name(o, t, k->object);
		if (i + 1 == s->nlinks)
			break;
		gd__out_fmt(o,
			    k->op == GD__OP_RLOCK && next->object == k->object
				    ? " behind the writer goroutine %lu"
				    : " held by goroutine %lu",
			    (unsigned long)next->id);
		tell_holds(o, t, next);
	}
	if (queue)
		gd__out_fmt(o, " behind goroutine %lu", (unsigned long)s->link[0].id);
	if (s->longer)
		gd__out_str(o, ", and so on");
	return true;
}

/* Locks that it holds while it waits, and that others wait for. */
static void tell_holding(struct gd__out *o, const struct gd__tongue *t, const struct gd__story *s)
{
	for (size_t i = 0; i < s->nholdings; i++) {
		const struct gd__holding *h = &s->holding[i];

		gd__out_str(o, "  holds meanwhile: ");
		gd__explain_name(o, t, h->object);
		if (h->object->owner_pc) {
			gd__out_str(o, ", locked at ");
			t->place(t->self, o, h->object->owner_pc);
		}
		gd__out_fmt(o, "; %u goroutine%s wait%s for it\n", h->waiters,
			    h->waiters > 1 ? "s" : "", h->waiters > 1 ? "" : "s");
	}
}

/* --- the goroutines --- */

static void tell_creation(struct gd__out *o, const struct gd__tongue *t, const struct gd__tale *a)
{
	const struct gd__party *p =
		a->story ? gd__story_party(a->story, GD__ROLE_CREATOR, 0) : NULL;
	const struct gd__ginfo *g = &a->leak->g;

	if (g->id == 1)
		return;
	gd__out_str(o, "  created by ");
	if (g->ncreate > 0 && t->function(t->self, o, g->create_pc[0]))
		gd__out_str(o, " ");
	if (g->parent_id)
		gd__out_fmt(o, "in goroutine %lu ", (unsigned long)g->parent_id);
	gd__out_str(o, "at ");
	if (g->site[0])
		gd__out_str(o, g->site);
	else if (g->ncreate > 0)
		t->place(t->self, o, g->create_pc[0]);
	else
		gd__out_str(o, "an unknown place");
	if (p && p->stay == GD__STAY_LEFT)
		gd__out_str(o, "; it has returned from there");
	else if (p && p->now == GD__AT_ENDED && p->id != 1)
		gd__out_str(o, "; it has ended");
	gd__out_str(o, "\n");
	t->frames(t->self, o, g, "    called by ");
}

static void tell_ids(struct gd__out *o, const struct gd__tale *a)
{
	gd__out_str(o, a->count == 1 ? "  goroutine: " : "  goroutines: ");
	for (size_t i = 0; i < a->nids; i++)
		gd__out_fmt(o, "%s%lu", i ? ", " : "", (unsigned long)a->id[i]);
	if (a->count > a->nids)
		gd__out_fmt(o, " and %lu more", (unsigned long)(a->count - a->nids));
	if (a->leak->g.name[0])
		gd__out_fmt(o, " (%s)", a->leak->g.name);
	if (a->oldest_ns >= 0) {
		gd__out_str(o, ", waiting for ");
		if (a->youngest_ns / SECOND != a->oldest_ns / SECOND && a->youngest_ns >= SECOND) {
			gd__tell_age(o, a->youngest_ns);
			gd__out_str(o, " to ");
		}
		gd__tell_age(o, a->oldest_ns);
	}
	gd__out_str(o, "\n");
}

static void tell_retained(struct gd__out *o, const struct gd__retained *r)
{
	gd__out_str(o, "  retained: ");
	gd__tell_bytes(o, r->stack);
	gd__out_str(o, " of stack, ");
	gd__tell_bytes(o, r->heap);
	gd__out_str(o, " of heap");
	if (r->blocks)
		gd__out_fmt(o, " in %lu block%s that nobody else reaches", (unsigned long)r->blocks,
			    r->blocks > 1 ? "s" : "");
	gd__out_str(o, "\n");
}

void gd__tell_shared(struct gd__out *o, const struct gd__retained *r)
{
	if (r->blocks == 0)
		return;
	gd__out_str(o, "Several stuck goroutines together retain ");
	gd__tell_bytes(o, r->heap);
	gd__out_fmt(o, " of heap in %lu block%s.\n", (unsigned long)r->blocks,
		    r->blocks > 1 ? "s" : "");
}

void gd__tell_rest(struct gd__out *o, const struct gd__tongue *t, const struct gd__tale *a)
{
	const struct gd__leak *l = a->leak;

	for (uint32_t i = 0; i < l->nobjects; i++)
		tell_object(o, t, a, i);
	if (l->nobjects == 0 && l->g.nwaits > 0)
		gd__out_str(o, "  waits for: what lies in memory that cannot be read\n");
	else if (l->g.nwaits > l->nobjects)
		gd__out_fmt(o, "  and for %u more\n", l->g.nwaits - l->nobjects);
	if (a->story && a->story->nlinks > 1 && (a->story->closed || a->story->nlinks > 2)) {
		gd__out_str(o, a->story->closed ? "  the cycle: " : "  the chain: ");
		gd__tell_chain(o, t, a->story);
		gd__out_str(o, "\n");
	}
	if (a->story && !a->story->closed)
		tell_holding(o, t, a->story);
	tell_creation(o, t, a);
	tell_ids(o, a);
	if (l->evidence != GD__EVIDENCE_ALIVE)
		tell_retained(o, &a->retained);
	if (a->fingerprint[0])
		gd__out_fmt(o, "  fingerprint: %s\n", a->fingerprint);
	gd__out_str(o, "\n");
}
