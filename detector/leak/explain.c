/* explain.c - words for verdicts and primitives, and the table of known mistakes. */
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

static void explain_channel(struct gd__out *o, const struct gd__oinfo *c)
{
	gd__out_fmt(o, "channel of capacity %lu, element size %lu", (unsigned long)c->cap,
		    (unsigned long)c->elem_size);
	if (c->cap > 0)
		gd__out_fmt(o, ", %lu buffered", (unsigned long)c->len);
	if (c->closed)
		gd__out_str(o, ", closed");
	if (c->site[0])
		gd__out_fmt(o, ", made at %s", c->site);
}

void gd__explain_object(struct gd__out *o, const struct gd__leak *l, uint32_t i)
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
	switch (x->kind) {
	case GD__OBJ_CHAN:
		explain_channel(o, x);
		return;
	case GD__OBJ_RWMUTEX:
		gd__out_fmt(o, "rwmutex at %p", (const void *)(uintptr_t)x->addr);
		if (x->readers > 0)
			gd__out_fmt(o, ", held by %d reader%s", x->readers,
				    x->readers > 1 ? "s" : "");
		return;
	case GD__OBJ_WAITGROUP:
		gd__out_fmt(o, "waitgroup at %p, counter %ld", (const void *)(uintptr_t)x->addr,
			    (long)x->count);
		return;
	default:
		gd__out_fmt(o, "%s at %p", gd__obj_text(x->kind), (const void *)(uintptr_t)x->addr);
	}
}

static struct gd__advice nil_advice(const struct gd__leak *l)
{
	if (l->g.reason == GD__WAIT_SELECT_NONE)
		return (struct gd__advice){
			"empty select", "if it is meant to live for ever, call gd_go_background()"
		};
	return (struct gd__advice){
		"nil channel", "make the channel before the goroutine starts; a nil channel is "
			       "never ready"
	};
}

static bool holds_read(const struct gd__leak *l)
{
	for (uint32_t i = 0; i < l->g.nheld; i++)
		if (l->g.held[i].lock == l->object[0].addr)
			return true;
	return false;
}

static struct gd__advice lock_advice(const struct gd__leak *l)
{
	bool rw = l->object[0].kind == GD__OBJ_RWMUTEX;

	if (l->evidence == GD__EVIDENCE_DEAD_OWNER)
		return (struct gd__advice){
			"missing unlock", "unlock on every way out of the function; gd_defer does"
		};
	if (l->evidence == GD__EVIDENCE_CYCLE && l->owner_id == l->g.id && rw)
		return (struct gd__advice){ "lock while holding the read lock",
					    "give up the read lock first; there is no upgrade" };
	if (l->evidence == GD__EVIDENCE_CYCLE && l->owner_id == l->g.id)
		return (struct gd__advice){
			"double lock", "unlock before the call, or call a variant that expects "
				       "the lock to be held"
		};
	if (l->evidence == GD__EVIDENCE_CYCLE && rw && holds_read(l))
		return (struct gd__advice){
			"recursive read lock",
			"a waiting writer holds back new readers: read-lock once, "
			"and pass that on"
		};
	if (l->evidence == GD__EVIDENCE_CYCLE && rw && l->object[0].readers > 0)
		return (struct gd__advice){
			"a writer and a reader that wait for each other",
			"read-lock once in each goroutine, and take several locks in "
			"the same order everywhere"
		};
	if (l->evidence == GD__EVIDENCE_CYCLE)
		return (struct gd__advice){ "locks taken in different orders",
					    "take the locks in the same order everywhere" };
	return (struct gd__advice){ "lock held by a stuck goroutine",
				    "give up the lock before an operation that may wait" };
}

static struct gd__advice send_advice(const struct gd__oinfo *c)
{
	if (c->last_recv_id)
		return (struct gd__advice){
			"abandoned sender",
			"give the channel room for n results, or select with a done "
			"channel"
		};
	return (struct gd__advice){
		"send without receiver",
		"start the receiver first, give the channel room, or select with a "
		"done channel"
	};
}

static struct gd__advice receive_advice(const struct gd__oinfo *c)
{
	if (c->elem_size == 0)
		return (struct gd__advice){
			"forgotten cancel or close",
			"cancel the context or close the channel on every way out; "
			"gd_defer does"
		};
	if (c->last_send_id)
		return (struct gd__advice){
			"missing close",
			"the last sender closes the channel; or the receiver selects "
			"with a done channel"
		};
	return (struct gd__advice){
		"receive without sender",
		"close the channel on the way that sends nothing, or select with a "
		"done channel"
	};
}

struct gd__advice gd__explain_advice(const struct gd__leak *l)
{
	if (l->evidence == GD__EVIDENCE_NIL)
		return nil_advice(l);
	if (l->nobjects == 0 || l->evidence == GD__EVIDENCE_ALIVE)
		return (struct gd__advice){ NULL, NULL };
	if (l->evidence == GD__EVIDENCE_DROPPED)
		return (struct gd__advice){
			"channel dropped too early",
			"let each goroutine hold a reference (gd_chan_ref), and close "
			"before the last unref"
		};
	switch (l->g.reason) {
	case GD__WAIT_CHAN_SEND:
		return send_advice(&l->object[0]);
	case GD__WAIT_CHAN_RECV:
		return receive_advice(&l->object[0]);
	case GD__WAIT_SELECT:
		return (struct gd__advice){
			"select without a way out",
			"add a case for a done channel or context, and see that it is "
			"closed or cancelled"
		};
	case GD__WAIT_WAITGROUP:
		return (struct gd__advice){
			"waitgroup that never reaches zero",
			"call gd_waitgroup_done on every way out, once per add"
		};
	case GD__WAIT_COND:
		return (struct gd__advice){
			"lost wake-up",
			"change the state under the mutex, then signal or broadcast, "
			"on every way out"
		};
	case GD__WAIT_MUTEX:
	case GD__WAIT_RWMUTEX_R:
	case GD__WAIT_RWMUTEX_W:
		return lock_advice(l);
	default:
		return (struct gd__advice){ NULL, NULL };
	}
}
