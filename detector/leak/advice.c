/* advice.c - the table of known mistakes, and what tells them apart. */
#include "detector/leak/advice.h"

#define ADVICE(pattern, repair)                                                                    \
	return (struct gd__advice)                                                                 \
	{                                                                                          \
		pattern, repair                                                                    \
	}

static const struct gd__party *party(const struct gd__story *s, enum gd__role role)
{
	return s ? gd__story_party(s, role, 0) : NULL;
}

/* The function in which it was done has returned. */
static bool has_left(const struct gd__party *p)
{
	return p && (p->stay == GD__STAY_LEFT || p->now == GD__AT_ENDED);
}

static struct gd__advice nil_advice(const struct gd__leak *l)
{
	if (l->g.reason == GD__WAIT_SELECT_NONE)
		ADVICE("empty select", "if it is meant to live for ever, call gd_go_background()");
	ADVICE("nil channel",
	       "make the channel before the goroutine starts; a nil channel is never ready");
}

static struct gd__advice unserved_sender(const struct gd__oinfo *c, const struct gd__story *s)
{
	if (c->left_pc)
		ADVICE("abandoned sender: the receiver stopped waiting (a timeout, or another case "
		       "of its select)",
		       "give the channel room for the value, so that a late sender need not wait");
	if (has_left(party(s, GD__ROLE_CREATOR)))
		ADVICE("send without receiver: the function that started it has returned early",
		       "give the channel room for the value, or receive on every way out");
	ADVICE("send without receiver",
	       "start the receiver first, give the channel room, or select with a done channel");
}

static struct gd__advice send_advice(const struct gd__leak *l, const struct gd__story *s)
{
	const struct gd__oinfo *c = &l->object[0];

	if (!c->last_recv_id)
		return unserved_sender(c, s);
	if (c->last_send_id == l->g.id && l->wait[0].pc && c->last_send_pc != l->wait[0].pc)
		ADVICE("abandoned sender: double send, and only one is received",
		       "return after the first send, or give the channel room for both");
	if (s && s->home[0].senders > 1)
		ADVICE("abandoned sender, one of several: more send than receive (N-cast)",
		       "give the channel room for n results, or select with a done channel");
	ADVICE("abandoned sender",
	       "give the channel room for n results, or select with a done channel");
}

static struct gd__advice receive_advice(const struct gd__leak *l)
{
	const struct gd__oinfo *c = &l->object[0];

	if (c->context)
		ADVICE("forgotten cancel or close: the context is never cancelled",
		       "call gd_context_cancel on every way out; gd_defer does");
	if (c->timer)
		ADVICE("receive from a timer that was stopped or has fired before",
		       "select with a done channel, or reset the timer before waiting for it");
	if (c->elem_size == 0)
		ADVICE("forgotten cancel or close", "cancel the context or close the channel on "
						    "every way out; gd_defer does");
	if (c->last_send_id)
		ADVICE("missing close: values were sent, and no end was told",
		       "the last sender closes the channel; or the receiver selects with a done "
		       "channel");
	ADVICE("receive without sender",
	       "close the channel on the way that sends nothing, or select with a done channel");
}

/* A way out that somebody should open: a signal without values that was never given. */
static bool has_stop_case(const struct gd__leak *l)
{
	for (uint32_t i = 0; i < l->nobjects; i++)
		if (l->wait[i].op == GD__OP_RECV && l->object[i].valid && !l->object[i].closed &&
		    (l->object[i].context || l->object[i].elem_size == 0))
			return true;
	return false;
}

static struct gd__advice select_advice(const struct gd__leak *l)
{
	if (has_stop_case(l))
		ADVICE("select without a way out: stop or cancel was never called",
		       "whoever starts it must stop it: close the done channel or cancel the "
		       "context on every way out");
	ADVICE("select without a way out", "add a case for a done channel or context, and see that "
					   "it is closed or cancelled");
}

static struct gd__advice group_advice(const struct gd__leak *l, const struct gd__story *s)
{
	const struct gd__oinfo *w = &l->object[0];

	if (s && s->stuck_workers > 0)
		ADVICE("waitgroup whose workers are stuck themselves",
		       "first repair what the workers wait for; they are reported as well");
	if (s && l->g.parent_id && w->last_add_id == l->g.parent_id &&
	    (int64_t)s->home[0].others == w->count)
		ADVICE("self-wait: those who wait are those who should be done",
		       "call gd_waitgroup_done before waiting, or wait in the one who started "
		       "them");
	if (w->last_done_pc == 0)
		ADVICE("waitgroup that never reaches zero: nobody was ever done",
		       "call gd_waitgroup_done on every way out, once per add");
	if (w->last_add_id == l->g.id)
		ADVICE("waitgroup that never reaches zero: add without done, or wait inside the "
		       "loop that starts the workers",
		       "call gd_waitgroup_done on every way out, once per add, and wait after the "
		       "loop");
	ADVICE("waitgroup that never reaches zero: add without done",
	       "call gd_waitgroup_done on every way out, once per add");
}

static struct gd__advice cond_advice(const struct gd__oinfo *c)
{
	if (c->last_signal_pc == 0)
		ADVICE("lost wake-up: nobody ever signalled the condition",
		       "change the state under the mutex, then signal or broadcast, on every way "
		       "out");
	if (c->signal_in_vain)
		ADVICE("lost wake-up: the last signal came when nobody waited",
		       "change the state under the mutex before the signal, and look at it before "
		       "waiting");
	ADVICE("lost wake-up: the last signal woke another one",
	       "change the state under the mutex, and broadcast where several may wait");
}

static bool holds_read(const struct gd__leak *l)
{
	for (uint32_t i = 0; i < l->g.nheld && i < GD__GI_HELD; i++)
		if (l->g.held[i].lock == l->object[0].addr)
			return true;
	return false;
}

static struct gd__advice cycle_advice(const struct gd__leak *l, const struct gd__story *s)
{
	bool rw = l->object[0].kind == GD__OBJ_RWMUTEX, self = l->owner_id == l->g.id;

	if (self && rw && l->object[0].readers > 0)
		ADVICE("lock while holding the read lock",
		       "give up the read lock first; there is no upgrade");
	if (self && has_left(party(s, GD__ROLE_OWNER)))
		ADVICE("double lock: the function that locked first has returned without unlock",
		       "unlock on every way out of the function; gd_defer does");
	if (self)
		ADVICE("double lock", "unlock before the call, or call a variant that expects the "
				      "lock to be held");
	if (rw && holds_read(l))
		ADVICE("recursive read lock", "a waiting writer holds back new readers: read-lock "
					      "once, and pass that on");
	if (rw && l->object[0].readers > 0)
		ADVICE("a writer and a reader that wait for each other",
		       "read-lock once in each goroutine, and take several locks in the same "
		       "order everywhere");
	ADVICE("locks taken in different orders", "take the locks in the same order everywhere");
}

/* What the stuck owner waits for tells what the lock is held across. */
static struct gd__advice held_advice(const struct gd__party *owner)
{
	switch (owner->g->reason) {
	case GD__WAIT_CHAN_RECV:
	case GD__WAIT_CHAN_SEND:
	case GD__WAIT_CHAN_RECV_NIL:
	case GD__WAIT_CHAN_SEND_NIL:
	case GD__WAIT_SELECT:
	case GD__WAIT_SELECT_NONE:
		ADVICE("lock held across a channel operation by a stuck goroutine",
		       "give up the lock before an operation that may wait");
	case GD__WAIT_WAITGROUP:
	case GD__WAIT_COND:
		ADVICE("lock held across a wait by a stuck goroutine",
		       "give up the lock before an operation that may wait");
	default:
		ADVICE("lock held by a stuck goroutine",
		       "give up the lock before an operation that may wait");
	}
}

static struct gd__advice lock_advice(const struct gd__leak *l, const struct gd__story *s)
{
	const struct gd__party *owner = party(s, GD__ROLE_OWNER);

	if (!owner)
		owner = party(s, GD__ROLE_READER);
	if (l->evidence == GD__EVIDENCE_CYCLE)
		return cycle_advice(l, s);
	if (l->evidence != GD__EVIDENCE_DEAD_OWNER && owner && owner->now == GD__AT_STUCK &&
	    owner->g)
		return held_advice(owner); /* if it has left, that may have been a wrapper */
	if (l->evidence == GD__EVIDENCE_DEAD_OWNER || has_left(owner))
		ADVICE("missing unlock", "unlock on every way out of the function; gd_defer does");
	ADVICE("lock held by a stuck goroutine",
	       "give up the lock before an operation that may wait");
}

struct gd__advice gd__advice(const struct gd__leak *l, const struct gd__story *s)
{
	if (l->evidence == GD__EVIDENCE_NIL)
		return nil_advice(l);
	if (l->nobjects == 0 || l->evidence == GD__EVIDENCE_ALIVE)
		ADVICE(NULL, NULL);
	if (l->evidence == GD__EVIDENCE_DROPPED)
		ADVICE("channel dropped too early",
		       "let each goroutine hold a reference (gd_chan_ref), and close before the "
		       "last unref");
	if (s && s->nholdings > 0 && l->object[0].kind == GD__OBJ_CHAN)
		ADVICE("lock held across a channel operation",
		       "give up the lock before an operation that may wait: who should serve it "
		       "may "
		       "need the lock");
	switch (l->g.reason) {
	case GD__WAIT_CHAN_SEND:
		return send_advice(l, s);
	case GD__WAIT_CHAN_RECV:
		return receive_advice(l);
	case GD__WAIT_SELECT:
		return select_advice(l);
	case GD__WAIT_WAITGROUP:
		return group_advice(l, s);
	case GD__WAIT_COND:
		return cond_advice(&l->object[0]);
	case GD__WAIT_MUTEX:
	case GD__WAIT_RWMUTEX_R:
	case GD__WAIT_RWMUTEX_W:
		return lock_advice(l, s);
	default:
		ADVICE(NULL, NULL);
	}
}
