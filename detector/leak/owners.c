/*
 * owners.c - builds the graph of lock owners and finds its cycles.
 *
 * Edges are made twice by the same code, first to count, then to store.
 * Cycles are strongly connected components, by Tarjan's algorithm with its
 * stack in memory: chains of owners may be as long as there are goroutines.
 */
#include "detector/leak/owners.h"

#include "detector/common/sort.h"

/* A read lock held. */
struct holder {
	uint64_t lock;
	uint32_t g;
};

struct builder {
	struct gd__owners *o;
	struct holder *holder; /* by lock */
	size_t nholders;
	bool holders_known; /* no goroutine has lost count of its read locks */
	bool store;
	size_t n; /* edges so far */
};

static bool before(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	return x->lock != y->lock ? x->lock < y->lock : x->g < y->g;
}

/* Position of the goroutine with this id that has not ended; GD__NODE_NONE if there is none. */
static uint32_t alive(const struct gd__image *im, uint64_t id)
{
	size_t lo = 0, hi = im->ng;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (im->g[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == im->ng || im->g[lo].id != id || im->g[lo].state == GD__GI_DEAD)
		return GD__NODE_NONE;
	return id == 1 && im->rt.ended ? GD__NODE_NONE : (uint32_t)lo;
}

static void edge(struct builder *b, uint32_t to)
{
	if (b->store)
		b->o->to[b->n] = to;
	b->n++;
}

/* The lock's owner; one that is gone is only believed if no record can be missing. */
static void edge_to_owner(struct builder *b, uint32_t lock, uint64_t id)
{
	uint32_t g = alive(b->o->im, id);

	if (g != GD__NODE_NONE)
		edge(b, g);
	else if (!b->o->im->truncated)
		b->o->ended[lock] = 1;
}

static void edges_to_readers(struct builder *b, uint32_t lock, const struct gd__prim *p)
{
	size_t lo = 0, hi = b->nholders;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->holder[mid].lock < p->info.addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	size_t end = lo;

	while (end < b->nholders && b->holder[end].lock == p->info.addr)
		end++;
	/* More holders than locks: one was given up by another goroutine. Nothing is certain. */
	if (end - lo > (size_t)p->info.readers)
		return;
	for (size_t i = lo; i < end; i++)
		edge_to_owner(b, lock, b->o->im->g[b->holder[i].g].id);
	if (end == lo && b->holders_known && !b->o->im->truncated)
		b->o->ended[lock] = 1;
}

/* A reader that waits although nobody writes is held back by a writer in the queue. */
static void edge_to_first_writer(struct builder *b, const struct gd__prim *p)
{
	const struct gd__waiter *w = &b->o->wakers->waiter[p->first];
	uint32_t first = GD__NODE_NONE;

	for (uint32_t i = 0; i < p->count; i++)
		if (w[i].op == GD__OP_LOCK &&
		    (first == GD__NODE_NONE ||
		     b->o->im->g[w[i].g].since_ns < b->o->im->g[first].since_ns))
			first = w[i].g;
	if (first != GD__NODE_NONE)
		edge(b, first);
}

static bool has_owners(const struct gd__prim *p)
{
	return p->info.valid && !p->info.shared_owner &&
	       (p->info.kind == GD__OBJ_MUTEX || p->info.kind == GD__OBJ_RWMUTEX);
}

/* While readers hold it, an owner that is recorded is a writer that waits for them. */
static uint64_t exclusive_owner(const struct gd__prim *p)
{
	return p->info.kind == GD__OBJ_RWMUTEX && p->info.readers > 0 ? 0 : p->info.owner_id;
}

static void lock_edges(struct builder *b, size_t prim, bool to_read)
{
	const struct gd__prim *p = &b->o->wakers->prim[prim];
	uint32_t lock = (uint32_t)(b->o->ng + 2 * prim + to_read);

	if (!has_owners(p))
		return;
	if (exclusive_owner(p))
		edge_to_owner(b, lock, exclusive_owner(p));
	else if (to_read)
		edge_to_first_writer(b, p);
	else if (p->info.kind == GD__OBJ_RWMUTEX && p->info.readers > 0)
		edges_to_readers(b, lock, p);
}

static void make_edges(struct builder *b)
{
	struct gd__owners *o = b->o;

	b->n = 0;
	for (uint32_t n = 0; n < o->nodes; n++) {
		if (b->store)
			o->start[n] = (uint32_t)b->n;
		if (n >= o->ng)
			lock_edges(b, (n - o->ng) / 2, (n - o->ng) % 2);
		else if (o->rstart[n] != GD__NODE_NONE)
			edge(b, o->rstart[n]);
	}
	if (b->store)
		o->start[o->nodes] = (uint32_t)b->n;
	o->nedges = b->n;
}

/* Which lock each goroutine waits for, in rstart until make_reverse. */
static void find_waits(struct gd__owners *o)
{
	for (size_t g = 0; g < o->ng; g++)
		o->rstart[g] = GD__NODE_NONE;
	for (size_t i = 0; i < o->wakers->nprims; i++) {
		const struct gd__prim *p = &o->wakers->prim[i];

		if (!has_owners(p))
			continue;
		for (uint32_t k = 0; k < p->count; k++) {
			const struct gd__waiter *w = &o->wakers->waiter[p->first + k];

			/* In a select a lock would be one of several ways out. */
			if (o->im->g[w->g].nwaits == 1)
				o->rstart[w->g] =
					(uint32_t)(o->ng + 2 * i + (w->op == GD__OP_RLOCK));
		}
	}
}

static void make_reverse(struct gd__owners *o)
{
	for (size_t n = 0; n <= o->nodes; n++)
		o->rstart[n] = 0;
	for (size_t e = 0; e < o->nedges; e++)
		o->rstart[o->to[e]]++;
	uint32_t sum = 0;

	for (size_t n = 0; n <= o->nodes; n++) {
		sum += o->rstart[n];
		o->rstart[n] = sum; /* end of n's share; filled from its end downwards */
	}
	for (uint32_t n = (uint32_t)o->nodes; n-- > 0;)
		for (uint32_t e = o->start[n]; e < o->start[n + 1]; e++)
			o->rto[--o->rstart[o->to[e]]] = n;
}

static bool find_holders(struct builder *b, struct gd__arena *a)
{
	const struct gd__image *im = b->o->im;
	size_t n = 0;

	b->holders_known = true;
	for (size_t g = 0; g < im->ng; g++)
		n += im->g[g].nheld;
	b->holder = gd__arena_get(a, (n + 1) * sizeof(*b->holder));
	if (!b->holder)
		return false;
	for (uint32_t g = 0; g < im->ng; g++) {
		b->holders_known &= !im->g[g].held_incomplete;
		for (uint32_t i = 0; i < im->g[g].nheld && i < GD__GI_HELD; i++)
			b->holder[b->nholders++] = (struct holder){ im->g[g].held[i].lock, g };
	}
	gd__sort(b->holder, b->nholders, sizeof(*b->holder), before);
	return true;
}

/* State of Tarjan's search. index 0: not yet seen. */
struct search {
	struct gd__owners *o;
	uint32_t *index, *low, *next_edge;
	uint32_t *path, *open; /* the path from the root; nodes of components not yet closed */
	size_t npath, nopen;
	uint32_t count;
};

static void enter(struct search *s, uint32_t n)
{
	s->index[n] = s->low[n] = ++s->count;
	s->next_edge[n] = s->o->start[n];
	s->path[s->npath++] = n;
	s->open[s->nopen++] = n;
}

/* n is the root of a component: the open nodes above and with it. */
static void close_component(struct search *s, uint32_t n)
{
	struct gd__owners *o = s->o;
	size_t first = s->nopen;

	while (s->open[--first] != n)
		;
	bool cycle = s->nopen - first > 1; /* an edge never leads back to its own node */

	if (cycle)
		o->ncycles++;
	for (size_t i = first; i < s->nopen; i++) {
		uint32_t member = s->open[i];

		s->index[member] = UINT32_MAX; /* closed */
		if (cycle) {
			o->cycle[member] = o->ncycles;
			o->cycle_len[o->ncycles] += member < o->ng;
		}
	}
	s->nopen = first;
}

static void search_from(struct search *s, uint32_t root)
{
	const struct gd__owners *o = s->o;

	enter(s, root);
	while (s->npath > 0) {
		uint32_t n = s->path[s->npath - 1];

		if (s->next_edge[n] < o->start[n + 1]) {
			uint32_t to = o->to[s->next_edge[n]++];

			if (s->index[to] == 0)
				enter(s, to);
			else if (s->index[to] != UINT32_MAX && s->index[to] < s->low[n])
				s->low[n] = s->index[to];
			continue;
		}
		s->npath--;
		if (s->low[n] == s->index[n])
			close_component(s, n);
		if (s->npath > 0 && s->low[n] < s->low[s->path[s->npath - 1]])
			s->low[s->path[s->npath - 1]] = s->low[n];
	}
}

static bool find_cycles(struct gd__owners *o, struct gd__arena *a)
{
	size_t bytes = (o->nodes + 1) * sizeof(uint32_t);
	struct search s = { .o = o,
			    .index = gd__arena_get(a, bytes),
			    .low = gd__arena_get(a, bytes),
			    .next_edge = gd__arena_get(a, bytes),
			    .path = gd__arena_get(a, bytes),
			    .open = gd__arena_get(a, bytes) };

	if (!s.index || !s.low || !s.next_edge || !s.path || !s.open)
		return false;
	for (uint32_t n = 0; n < o->ng; n++)
		if (s.index[n] == 0)
			search_from(&s, n);
	return true;
}

bool gd__owners_init(struct gd__owners *o, struct gd__image *im, const struct gd__wakers *w,
		     struct gd__arena *a)
{
	struct builder b = { .o = o };

	*o = (struct gd__owners){ .im = im, .wakers = w, .ng = im->ng };
	o->nodes = im->ng + 2 * w->nprims;
	o->start = gd__arena_get(a, (o->nodes + 1) * sizeof(*o->start));
	o->rstart = gd__arena_get(a, (o->nodes + 1) * sizeof(*o->rstart));
	o->cycle = gd__arena_get(a, (o->nodes + 1) * sizeof(*o->cycle));
	o->cycle_len = gd__arena_get(a, (o->nodes + 2) * sizeof(*o->cycle_len));
	o->ended = gd__arena_get(a, o->nodes + 1);
	if (!o->start || !o->rstart || !o->cycle || !o->cycle_len || !o->ended ||
	    !find_holders(&b, a))
		return false;
	find_waits(o);
	make_edges(&b);
	o->to = gd__arena_get(a, (b.n + 1) * sizeof(*o->to));
	o->rto = gd__arena_get(a, (b.n + 1) * sizeof(*o->rto));
	if (!o->to || !o->rto)
		return false;
	b.store = true;
	make_edges(&b);
	make_reverse(o);
	return find_cycles(o, a);
}

uint32_t gd__owners_lock(const struct gd__owners *o, uint32_t g)
{
	return o->start[g] < o->start[g + 1] ? o->to[o->start[g]] : GD__NODE_NONE;
}

const struct gd__prim *gd__owners_prim(const struct gd__owners *o, uint32_t lock)
{
	return &o->wakers->prim[(lock - o->ng) / 2];
}

void gd__owners_spread(const struct gd__owners *o, uint8_t *stuck, uint32_t *queue,
		       const uint8_t *barred)
{
	size_t n = 0;

	for (uint32_t i = 0; i < o->nodes; i++)
		if (stuck[i])
			queue[n++] = i;
	while (n > 0) {
		uint32_t node = queue[--n];

		for (uint32_t e = o->rstart[node]; e < o->rstart[node + 1]; e++) {
			uint32_t from = o->rto[e];

			if (stuck[from] || (barred && from < o->ng && barred[from]))
				continue;
			stuck[from] = 1;
			queue[n++] = from;
		}
	}
}

uint64_t gd__owners_of(const struct gd__owners *o, uint32_t g, const uint8_t *stuck)
{
	uint32_t lock = gd__owners_lock(o, g), any = GD__NODE_NONE;

	if (lock == GD__NODE_NONE)
		return 0;
	for (uint32_t e = o->start[lock]; e < o->start[lock + 1]; e++) {
		if (stuck && stuck[o->to[e]])
			return o->im->g[o->to[e]].id;
		if (any == GD__NODE_NONE)
			any = o->to[e];
	}
	if (any == GD__NODE_NONE)
		return gd__owners_prim(o, lock)->info.owner_id;
	return o->im->g[any].id;
}
