/* verdict.c - the rounds of marking and judging. */
#include "detector/leak/verdict.h"

#include "detector/leak/check.h"

struct judge {
	struct gd__verdicts *v;
	struct gd__arena *arena;
	uint8_t *frozen;  /* per goroutine: stuck beyond doubt, or owner-stuck */
	uint8_t *refuted; /* per goroutine: its self-lock may be unlocked by somebody else */
	uint8_t *stuck;   /* per node, scratch */
	uint8_t *assumed; /* per goroutine, scratch: frozen and what the self-locks would freeze */
	uint32_t *queue;  /* per node, scratch */
	bool paths;       /* see gd__mark_how */
	bool all_asleep;
	bool soft; /* somebody is frozen because a lock's owner has ended */
};

static bool get_memory(struct judge *j)
{
	size_t ng = j->v->im->ng + 1, nodes = j->v->owners.nodes + 1;

	j->v->fate = gd__arena_get(j->arena, ng * sizeof(*j->v->fate));
	j->frozen = gd__arena_get(j->arena, ng);
	j->refuted = gd__arena_get(j->arena, ng);
	j->assumed = gd__arena_get(j->arena, ng);
	j->stuck = gd__arena_get(j->arena, nodes);
	j->queue = gd__arena_get(j->arena, nodes * sizeof(*j->queue));
	return j->v->fate && j->frozen && j->refuted && j->assumed && j->stuck && j->queue;
}

static void decide(struct judge *j, size_t g, enum gd__verdict verdict, enum gd__evidence evidence,
		   uint64_t owner_id)
{
	j->v->fate[g] = (struct gd__fate){ true, (uint8_t)verdict, (uint8_t)evidence, owner_id };
	j->frozen[g] = verdict != GD__VERDICT_SUSPECT;
	j->soft |= verdict == GD__VERDICT_OWNER_STUCK && evidence == GD__EVIDENCE_DEAD_OWNER;
}

static bool in_cycle(const struct judge *j, size_t g)
{
	return j->v->owners.cycle[g] && !j->refuted[g];
}

static bool in_self_cycle(const struct judge *j, size_t g)
{
	return in_cycle(j, g) && j->v->owners.cycle_len[j->v->owners.cycle[g]] == 1;
}

/* Position of the primitive that goroutine g, in a cycle, waits for. */
static size_t lock_of(const struct judge *j, size_t g)
{
	return (gd__owners_lock(&j->v->owners, (uint32_t)g) - j->v->im->ng) / 2;
}

/* What may run if all cycles hold and no ended owner's lock is given up, in mark; without the
 * goroutine that asks for the check. */
static bool mark_without_cycles(struct judge *j, struct gd__mark *mark)
{
	struct gd__verdicts *v = j->v;

	for (size_t n = 0; n < v->owners.nodes; n++)
		j->stuck[n] = n < v->im->ng ? j->frozen[n] || in_cycle(j, n) : v->owners.ended[n];
	gd__owners_spread(&v->owners, j->stuck, j->queue, j->refuted);
	gd__memcpy(j->assumed, j->stuck, v->im->ng);
	struct gd__mark_how how = { .frozen = j->assumed, .nothing_runs = j->all_asleep };

	if (!gd__mark_run(mark, v->im, &v->wakers, j->arena, &how))
		return false;
	for (size_t g = 0; g < v->im->ng; g++)
		if (v->im->g[g].id == v->im->checker_id)
			mark->may_run[g] = 0;
	return true;
}

/* Whether there is a verdict of the kind that another goroutine's unlock would refute. */
static bool any_doubtful(const struct judge *j)
{
	const struct gd__owners *o = &j->v->owners;

	for (size_t n = 0; n < o->nodes; n++)
		if (n < j->v->im->ng ? in_self_cycle(j, n) : o->ended[n])
			return true;
	return false;
}

static bool anybody(const struct judge *j, const struct gd__mark *live)
{
	const struct gd__image *im = j->v->im;

	if (live->timers)
		return true;
	for (size_t g = 0; g < im->ng; g++)
		if (live->may_run[g] && !im->g[g].system && !(im->g[g].id == 1 && im->rt.ended))
			return true;
	return false;
}

/*
 * A lock in a global needs no pointer to be unlocked. One that was given up by its owner before is
 * believed to be a lock; one that is locked for the first time may be a signal to anybody.
 */
static bool may_be_signal(const struct judge *j, const struct gd__mark *near, size_t prim)
{
	const struct gd__oinfo *x = &j->v->wakers.prim[prim].info;
	struct gd__image *im = j->v->im;
	struct gd__block b;

	return !x->locked_before && im->has_heap && gd__mark_stack_at(near, x->addr) < 0 &&
	       !im->block(im, x->addr, &b);
}

/* Takes back what is said of locks that another goroutine could unlock; false: nothing was. */
static bool refute(struct judge *j, const struct gd__mark *live, const struct gd__mark *near)
{
	struct gd__owners *o = &j->v->owners;
	bool any = false, others = anybody(j, live);
	uint8_t *reached = near->reached;

	for (size_t p = 0; others && p < j->v->wakers.nprims; p++)
		reached[p] |= may_be_signal(j, near, p);

	for (size_t g = 0; g < j->v->im->ng; g++)
		if (in_self_cycle(j, g) && reached[lock_of(j, g)])
			j->refuted[g] = any = true;
	for (size_t n = j->v->im->ng; n < o->nodes; n++)
		if (o->ended[n] && reached[(n - j->v->im->ng) / 2]) {
			o->ended[n] = 0;
			any = true;
		}
	return any;
}

/*
 * Refutes self-locks, and locks whose owner has ended, that another goroutine could unlock, until
 * all that are left hold together.
 */
static bool test_owners(struct judge *j)
{
	struct gd__verdicts *v = j->v;

	while (any_doubtful(j)) {
		struct gd__mark live, near;

		if (!mark_without_cycles(j, &live))
			return false;
		struct gd__mark_how how = { .only = live.may_run, .nothing_runs = j->all_asleep };

		if (!gd__mark_run(&near, v->im, &v->wakers, j->arena, &how))
			return false;
		if (!refute(j, &live, &near))
			return true;
	}
	return true;
}

static void judge_hopeless(struct judge *j)
{
	for (size_t g = 0; g < j->v->im->ng; g++)
		if (j->v->wakers.standing[g] == GD__HOPELESS)
			decide(j, g, GD__VERDICT_PROVEN, GD__EVIDENCE_NIL, 0);
}

static void judge_cycles(struct judge *j)
{
	const struct gd__owners *o = &j->v->owners;

	for (size_t n = 0; n < o->nodes; n++)
		j->stuck[n] = o->cycle[n] != 0;
	for (size_t g = 0; g < j->v->im->ng; g++)
		if (in_cycle(j, g))
			decide(j, g, GD__VERDICT_PROVEN, GD__EVIDENCE_CYCLE,
			       gd__owners_of(o, (uint32_t)g, j->stuck));
}

static bool waits_for_dropped(const struct judge *j, size_t g)
{
	struct gd__verdicts *v = j->v;
	struct gd__winfo w;

	for (uint32_t i = 0; i < v->im->g[g].nwaits; i++) {
		const struct gd__prim *p = NULL;

		if (gd__image_wait(v->im, &v->im->g[g], i, &w) && w.obj)
			p = gd__wakers_find(&v->wakers, w.obj, w.kind);
		if (p && p->dropped)
			return true;
	}
	return false;
}

/* What to say of a candidate that nothing reaches. */
static enum gd__evidence unreachable_evidence(const struct judge *j, uint32_t g, bool dropped)
{
	const struct gd__owners *o = &j->v->owners;
	uint32_t lock = gd__owners_lock(o, g);

	if (dropped)
		return GD__EVIDENCE_DROPPED;
	if (lock != GD__NODE_NONE && o->ended[lock])
		return GD__EVIDENCE_DEAD_OWNER; /* says more */
	return GD__EVIDENCE_UNREACHABLE;
}

static bool judge_unreachable(struct judge *j)
{
	struct gd__verdicts *v = j->v;
	bool soft = j->soft, changed = false;

	for (size_t g = 0; g < v->im->ng; g++) {
		if (v->wakers.standing[g] != GD__CANDIDATE || v->mark.may_run[g] ||
		    v->fate[g].stuck)
			continue;
		bool dropped = waits_for_dropped(j, g);
		enum gd__verdict verdict = v->weak ? GD__VERDICT_SUSPECT
					   : soft  ? GD__VERDICT_OWNER_STUCK
						   : GD__VERDICT_PROVEN;

		if (dropped && v->im->g[g].nwaits == 1)
			verdict = GD__VERDICT_PROVEN; /* whatever else may be missing */
		decide(j, g, verdict, unreachable_evidence(j, (uint32_t)g, dropped),
		       gd__owners_of(&v->owners, (uint32_t)g, NULL));
		changed = true;
	}
	return changed;
}

static bool judge_owners(struct judge *j)
{
	struct gd__verdicts *v = j->v;
	const struct gd__owners *o = &v->owners;
	bool changed = false;

	for (size_t n = 0; n < o->nodes; n++)
		j->stuck[n] = n < v->im->ng ? j->frozen[n] : o->ended[n];
	gd__owners_spread(o, j->stuck, j->queue, j->refuted);
	for (uint32_t g = 0; g < v->im->ng; g++) {
		if (!j->stuck[g] || j->frozen[g])
			continue;
		uint32_t lock = gd__owners_lock(o, g);
		bool ended = lock != GD__NODE_NONE && o->ended[lock];

		decide(j, g, GD__VERDICT_OWNER_STUCK,
		       ended ? GD__EVIDENCE_DEAD_OWNER : GD__EVIDENCE_OWNER,
		       gd__owners_of(o, g, j->stuck));
		changed = true;
	}
	return changed;
}

static bool mark(struct judge *j, struct gd__mark_how *how)
{
	struct gd__verdicts *v = j->v;

	how->paths = j->paths;
	return gd__mark_run(&v->mark, v->im, &v->wakers, j->arena, how);
}

/* One round of marking; what is newly unreachable is judged until that frees nobody else. */
static bool mark_round(struct judge *j)
{
	struct gd__verdicts *v = j->v;
	struct gd__mark_how how = { .frozen = j->frozen, .nothing_runs = j->all_asleep };

	v->rounds++;
	if (!mark(j, &how))
		return false;
	v->weak |= v->mark.unread;
	judge_unreachable(j);
	return true;
}

/*
 * Goroutines may keep each other off the list: one waits for a lock anybody could know, whose
 * owner waits for what only that one reaches. So a last time from the other side: who waits for a
 * lock runs only if its owners are shown able to run.
 */
static bool judge_mutual(struct judge *j)
{
	struct gd__verdicts *v = j->v;
	const struct gd__owners *o = &v->owners;
	struct gd__mark_how how = { .frozen = j->frozen,
				    .nothing_runs = j->all_asleep,
				    .owners = o,
				    .barred = j->refuted };
	bool soft = j->soft;

	if (v->weak || o->nedges == 0)
		return true;
	if (!mark(j, &how))
		return false;
	if (v->mark.unread)
		return true;
	for (uint32_t g = 0; g < v->im->ng; g++) {
		uint32_t lock = gd__owners_lock(o, g);

		if (v->wakers.standing[g] != GD__CANDIDATE || v->mark.may_run[g] ||
		    v->fate[g].stuck)
			continue;
		bool held = lock != GD__NODE_NONE && v->mark.reached[(lock - o->ng) / 2];

		decide(j, g, held || soft ? GD__VERDICT_OWNER_STUCK : GD__VERDICT_PROVEN,
		       held ? GD__EVIDENCE_OWNER : GD__EVIDENCE_UNREACHABLE,
		       gd__owners_of(o, g, NULL));
	}
	return true;
}

bool gd__verdict_run(struct gd__verdicts *v, struct gd__image *im, struct gd__arena *a,
		     const struct gd__leak_options *opt)
{
	struct judge j = {
		.v = v, .arena = a, .all_asleep = opt->all_asleep, .paths = !opt->no_paths
	};

	*v = (struct gd__verdicts){ .im = im, .weak = !im->has_heap || im->truncated };
	if (!gd__wakers_init(&v->wakers, im, a, opt->dropped) ||
	    !gd__owners_init(&v->owners, im, &v->wakers, a) || !get_memory(&j))
		return false;
	judge_hopeless(&j);
	if (!test_owners(&j))
		return false;
	judge_cycles(&j);
	do {
		if (!mark_round(&j))
			return false;
		v->cut = v->rounds == GD__VERDICT_ROUNDS;
	} while (!v->cut && judge_owners(&j));
	return v->cut || judge_mutual(&j);
}
