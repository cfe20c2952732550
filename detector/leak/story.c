/* story.c - gathers the parties, the homes and the chain of one leak. */
#include "detector/leak/story.h"

#include "runtime/inspect/traceback.h"

struct teller {
	const struct gd__verdicts *v;
	const struct gd__leak *l;
	struct gd__arena *arena;
	gd__story_stack *stack;
	void *arg;
	struct gd__story *s;
	bool no_memory;
};

/* Position of the goroutine with this id, or -1. */
static int64_t position(const struct gd__image *im, uint64_t id)
{
	size_t lo = 0, hi = im->ng;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (im->g[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < im->ng && im->g[lo].id == id ? (int64_t)lo : -1;
}

static enum gd__whereabouts whereabouts(const struct teller *t, uint64_t id, int64_t at)
{
	const struct gd__image *im = t->v->im;

	if (id == t->l->g.id)
		return GD__AT_SELF;
	if (id == 1 && im->rt.ended)
		return GD__AT_ENDED;
	if (at < 0) /* of the child of a fork, the parent's goroutines are not listed */
		return im->truncated || id <= im->rt.gone || id == 0 ? GD__AT_UNKNOWN
								     : GD__AT_ENDED;
	if (im->g[at].state == GD__GI_DEAD)
		return GD__AT_ENDED;
	if (t->v->fate[at].stuck && t->v->fate[at].verdict != GD__VERDICT_SUSPECT)
		return GD__AT_STUCK;
	return im->g[at].state == GD__GI_WAITING ? GD__AT_WAITING : GD__AT_RUNNING;
}

/* A copy of g and of its stack, for as long as the arena lives. */
static void keep(struct teller *t, struct gd__party *p, const struct gd__ginfo *g)
{
	struct gd__ginfo *copy = gd__arena_get(t->arena, sizeof(*copy));
	uintptr_t pcs[GD__FRAMES_MAX];

	if (!copy) {
		t->no_memory = true;
		return;
	}
	*copy = *g;
	p->g = copy;
	size_t n = t->stack ? t->stack(t->arg, g, pcs, GD__FRAMES_MAX) : 0;
	uintptr_t *kept = n > 0 ? gd__arena_get(t->arena, n * sizeof(*kept)) : NULL;

	if (!kept)
		return;
	gd__memcpy(kept, pcs, n * sizeof(*kept));
	p->pcs = kept;
	p->npcs = n;
}

static void add_party(struct teller *t, enum gd__role role, uint32_t object, uint64_t id,
		      uint64_t pc)
{
	int64_t at = position(t->v->im, id);
	struct gd__party *p;

	if ((id == 0 && pc == 0) || t->s->nparties == GD__STORY_PARTIES)
		return;
	p = &t->s->party[t->s->nparties++];
	*p = (struct gd__party){ .role = role, .object = object, .id = id, .pc = pc };
	p->now = whereabouts(t, id, at);
	if (at >= 0 && p->now != GD__AT_ENDED)
		keep(t, p, &t->v->im->g[at]);
}

/* Those who hold x for reading: first the stuck ones, who explain most. */
static void add_readers(struct teller *t, uint32_t object, const struct gd__oinfo *x)
{
	const struct gd__image *im = t->v->im;
	uint32_t shown = 0;

	if (x->readers <= 0)
		return;
	for (int stuck = 1; stuck >= 0; stuck--)
		for (size_t g = 0; g < im->ng; g++)
			for (uint32_t i = 0; i < im->g[g].nheld && i < GD__GI_HELD; i++) {
				if (im->g[g].held[i].lock != x->addr ||
				    t->v->fate[g].stuck != (stuck == 1))
					continue;
				t->s->readers++;
				if (shown++ < GD__STORY_READERS)
					add_party(t, GD__ROLE_READER, object, im->g[g].id,
						  im->g[g].held[i].pc);
			}
}

/* Those who wait for the group themselves are no workers. */
static void count_workers(struct teller *t, uint64_t adder)
{
	const struct gd__image *im = t->v->im;

	for (size_t g = 0; adder && g < im->ng; g++)
		if (im->g[g].parent_id == adder && t->v->fate[g].stuck &&
		    im->g[g].reason != GD__WAIT_WAITGROUP)
			t->s->stuck_workers++;
}

static void add_parties(struct teller *t, uint32_t i)
{
	const struct gd__oinfo *x = &t->l->object[i];

	if (!x->valid)
		return;
	switch ((enum gd__obj_kind)x->kind) {
	case GD__OBJ_CHAN:
		add_party(t, GD__ROLE_LAST_RECV, i, x->last_recv_id, x->last_recv_pc);
		add_party(t, GD__ROLE_LAST_SEND, i, x->last_send_id, x->last_send_pc);
		break;
	case GD__OBJ_MUTEX:
	case GD__OBJ_RWMUTEX:
		add_party(t, GD__ROLE_OWNER, i, x->owner_id, x->owner_id ? x->owner_pc : 0);
		add_readers(t, i, x);
		break;
	case GD__OBJ_WAITGROUP:
		add_party(t, GD__ROLE_LAST_ADD, i, x->last_add_id, x->last_add_pc);
		add_party(t, GD__ROLE_LAST_DONE, i, x->last_done_id, x->last_done_pc);
		count_workers(t, x->last_add_id);
		break;
	case GD__OBJ_COND:
		add_party(t, GD__ROLE_LAST_SIGNAL, i, x->last_signal_id, x->last_signal_pc);
		break;
	case GD__OBJ_NONE:
		break;
	}
}

static void count_waiters(const struct teller *t, struct gd__home *h, const struct gd__oinfo *x)
{
	const struct gd__wakers *w = &t->v->wakers;
	const struct gd__prim *p = gd__wakers_find(w, x->addr, x->kind);

	for (uint32_t i = 0; p && i < p->count; i++) {
		uint16_t op = w->waiter[p->first + i].op;

		if (op == GD__OP_RECV)
			h->receivers++;
		else if (op == GD__OP_SEND)
			h->senders++;
		else
			h->others++;
	}
}

static void find_home(const struct teller *t, uint32_t i)
{
	const struct gd__oinfo *x = &t->l->object[i];
	struct gd__home *h = &t->s->home[i];
	struct gd__image *im = t->v->im;
	int64_t g;

	if (x->addr == 0)
		return;
	count_waiters(t, h, x);
	g = gd__mark_stack_at(&t->v->mark, x->addr);
	if (g >= 0) {
		h->kind = GD__HOME_STACK;
		h->goid = im->g[g].id;
		h->live = im->g[g].sp == 0 || x->addr >= im->g[g].sp;
	} else if (!im->has_heap) {
		h->kind = GD__HOME_UNKNOWN;
	} else if (im->block(im, x->addr, &h->block)) {
		h->kind = GD__HOME_HEAP;
	} else {
		h->kind = GD__HOME_DATA;
	}
}

/* Where goroutine g took the lock x, which it holds. */
static uint64_t locked_at(const struct gd__ginfo *g, const struct gd__oinfo *x)
{
	if (x->owner_id == g->id && x->readers == 0)
		return x->owner_pc;
	for (uint32_t i = 0; i < g->nheld && i < GD__GI_HELD; i++)
		if (g->held[i].lock == x->addr)
			return g->held[i].pc;
	return 0;
}

/* Of the owners of a lock the one to follow: the one this is all about, a stuck one, or any. */
static uint32_t next_owner(const struct teller *t, uint32_t first, uint32_t lock)
{
	const struct gd__owners *o = &t->v->owners;
	uint32_t best = GD__NODE_NONE;
	int best_rank = -1;

	for (uint32_t e = o->start[lock]; e < o->start[lock + 1]; e++) {
		uint32_t to = o->to[e];
		int rank = to == first                                          ? 3
			   : o->cycle[first] && o->cycle[to] == o->cycle[first] ? 2
			   : t->v->fate[to].stuck                               ? 1
										: 0;

		if (rank > best_rank) {
			best = to;
			best_rank = rank;
		}
	}
	return best;
}

static bool seen(const struct gd__story *s, uint64_t id)
{
	for (size_t i = 0; i < s->nlinks; i++)
		if (s->link[i].id == id)
			return true;
	return false;
}

/* Follows the owners from the leaked goroutine to the end, or round to one that was met. */
static void find_chain(struct teller *t)
{
	const struct gd__owners *o = &t->v->owners;
	const struct gd__oinfo *held = NULL;
	struct gd__story *s = t->s;
	int64_t first = position(t->v->im, t->l->g.id);

	for (uint32_t g = first < 0 ? GD__NODE_NONE : (uint32_t)first; g != GD__NODE_NONE;) {
		const struct gd__ginfo *gi = &t->v->im->g[g];
		uint32_t lock = gd__owners_lock(o, g);

		if (seen(s, gi->id)) {
			s->closed = gi->id == s->link[0].id;
			if (s->closed && held)
				s->link[0].held_pc = locked_at(gi, held);
			return;
		}
		if (s->nlinks == GD__STORY_LINKS) {
			s->longer = true;
			return;
		}
		struct gd__link *k = &s->link[s->nlinks++];

		*k = (struct gd__link){ .id = gi->id, .reason = gi->reason };
		k->held_pc = held ? locked_at(gi, held) : 0;
		if (lock == GD__NODE_NONE)
			return;
		k->object = held = &gd__owners_prim(o, lock)->info;
		k->op = (lock - o->ng) % 2 ? GD__OP_RLOCK : GD__OP_LOCK;
		g = next_owner(t, (uint32_t)first, lock);
	}
}

/* Only locks that somebody waits for are known. */
static void find_holdings(struct teller *t)
{
	const struct gd__wakers *w = &t->v->wakers;
	struct gd__story *s = t->s;

	for (size_t i = 0; i < w->nprims && s->nholdings < GD__STORY_HOLDINGS; i++) {
		const struct gd__oinfo *x = &w->prim[i].info;

		if (x->valid && (x->kind == GD__OBJ_MUTEX || x->kind == GD__OBJ_RWMUTEX) &&
		    x->owner_id == t->l->g.id && x->readers <= 0 && !x->shared_owner &&
		    x->addr != t->l->object[0].addr)
			s->holding[s->nholdings++] = (struct gd__holding){ x, w->prim[i].count };
	}
}

struct gd__story *gd__story(const struct gd__leak_result *r, const struct gd__leak *l,
			    struct gd__arena *a, gd__story_stack *stack, void *arg)
{
	struct teller t = { .v = r->verdicts, .l = l, .arena = a, .stack = stack, .arg = arg };

	t.s = gd__arena_get(a, sizeof(*t.s));
	if (!t.s)
		return NULL;
	for (uint32_t i = 0; i < l->nobjects; i++) {
		find_home(&t, i);
		add_parties(&t, i);
	}
	if (l->g.parent_id)
		add_party(&t, GD__ROLE_CREATOR, 0, l->g.parent_id,
			  l->g.ncreate ? l->g.create_pc[0] : 0);
	if (l->g.state == GD__GI_WAITING) {
		find_chain(&t);
		find_holdings(&t);
	}
	return t.no_memory ? NULL : t.s;
}

const struct gd__party *gd__story_party(const struct gd__story *s, enum gd__role role, uint32_t i)
{
	for (size_t k = 0; k < s->nparties; k++)
		if (s->party[k].role == role && s->party[k].object == i)
			return &s->party[k];
	return NULL;
}
