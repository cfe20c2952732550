/*
 * mark.c - the marking pass: ranges in, blocks, stacks and primitives out.
 *
 * Invariants:
 *   reached[p]    <=> p was appended to queue; once
 *   stack_done[g] <=> the live stack of g was pushed, by us or by the image; once
 *   a block is in seen <=> it was pushed; once
 *   no range is pushed but through add_range, and no stack but through add_stack, so no primitive
 *   inside one is overlooked
 */
#include "detector/leak/mark.h"

#include "detector/common/sort.h"

/* User addresses: above the first 64 KiB, below 2^47. */
static bool plausible(uint64_t v)
{
	return v >= 0x10000 && v >> 47 == 0;
}

static void reach(struct gd__mark *m, size_t prim, uint64_t from)
{
	if (m->reached[prim] || m->wakers->prim[prim].dropped)
		return;
	m->reached[prim] = 1;
	m->prim_from[prim] = from;
	m->queue[m->queue_tail++] = (uint32_t)prim;
}

/* What a bit of m->prims stands for, and how many are looked at rather than the list of all. */
#define PIECE_SHIFT 9
#define PIECES_MAX  32

static uint64_t piece_of(uint64_t addr)
{
	return addr >> PIECE_SHIFT << GD__SEEN_SHIFT;
}

/* Whether a primitive may begin in [lo, hi): most blocks have none. */
static bool near_prims(const struct gd__mark *m, uint64_t lo, uint64_t hi)
{
	uint64_t first = piece_of(lo), last = piece_of(hi - 1);

	if (lo >= hi || last - first > PIECES_MAX << GD__SEEN_SHIFT)
		return true;
	for (; first <= last; first += 1u << GD__SEEN_SHIFT)
		if (gd__seen_test(&m->prims, first))
			return true;
	return false;
}

static void reach_prims_in(struct gd__mark *m, uint64_t lo, uint64_t hi)
{
	const struct gd__wakers *w = m->wakers;

	if (near_prims(m, lo, hi))
		for (size_t i = gd__wakers_from(w, lo); i < w->nprims && w->prim[i].info.addr < hi;
		     i++)
			reach(m, i, w->prim[i].info.addr);
}

static void add_range(struct gd__mark *m, uint64_t lo, uint64_t hi)
{
	reach_prims_in(m, lo, hi);
	gd__mark_push(m, lo, hi);
}

static void add_stack(struct gd__mark *m, size_t g, uint64_t from)
{
	const struct gd__ginfo *gi = &m->im->g[g];

	if (m->stack_done[g])
		return;
	m->stack_done[g] = GD__STACK_OURS;
	m->stack_from[g] = from;
	reach_prims_in(m, gd__live_stack(gi).lo, gi->stack_hi);
	m->live[m->live_tail++] = (uint32_t)g;
}

static void let_run(struct gd__mark *m, size_t g)
{
	m->may_run[g] = 1;
	m->ran[m->ran_tail++] = (uint32_t)g;
	add_stack(m, g, 0);
}

/* Whether g waits for a lock that somebody holds who, as far as is known, never runs. */
static bool held_up(const struct gd__mark *m, uint32_t g)
{
	const struct gd__owners *o = m->how.owners;
	uint32_t lock = o && !m->how.barred[g] ? gd__owners_lock(o, g) : GD__NODE_NONE;

	if (lock == GD__NODE_NONE)
		return false;
	for (uint32_t e = o->start[lock]; e < o->start[lock + 1]; e++)
		if (!m->may_run[o->to[e]])
			return true;
	return false;
}

static void revive(struct gd__mark *m, uint32_t g)
{
	if (!m->may_run[g] && !(m->how.frozen && m->how.frozen[g]) && !held_up(m, g))
		let_run(m, g);
}

/* g may run, and so may those who wait for it at a lock that is reached. */
static void revive_waiters_of(struct gd__mark *m, uint32_t g)
{
	const struct gd__owners *o = m->how.owners;

	for (uint32_t e = o->rstart[g]; e < o->rstart[g + 1]; e++) {
		uint32_t lock = o->rto[e];

		if (!m->reached[(lock - o->ng) / 2])
			continue;
		for (uint32_t k = o->rstart[lock]; k < o->rstart[lock + 1]; k++)
			revive(m, o->rto[k]);
	}
}

int64_t gd__mark_stack_at(const struct gd__mark *m, uint64_t addr)
{
	size_t lo = 0, hi = m->nstacks;

	if (addr < m->stack_min || addr >= m->stack_max)
		return -1;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->stack[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->nstacks && m->stack[lo].lo <= addr ? (int64_t)m->stack[lo].g : -1;
}

/* Without heap records nobody knows what lies where: only a pointer into a primitive itself counts.
 */
static void reach_direct(struct gd__mark *m, uint64_t v, uint64_t at)
{
	const struct gd__wakers *w = m->wakers;

	if (v < m->prim_min)
		return;
	for (size_t i = gd__wakers_from(w, v + 1); i-- > 0 && w->prim[i].info.addr <= v;) {
		if (v < w->prim[i].info.addr + w->prim[i].info.size)
			reach(m, i, at);
		if (i == 0 || w->prim[i - 1].info.addr != w->prim[i].info.addr)
			return;
	}
}

/*
 * Whether the word at this address is a lock's own: its queue leads to the stacks of those who
 * wait for it, which says nothing of who may run.
 */
static bool in_lock(const struct gd__mark *m, uint64_t at)
{
	size_t i = gd__wakers_from(m->wakers, at + 1);
	const struct gd__oinfo *x = i > 0 ? &m->wakers->prim[i - 1].info : NULL;

	return x && (x->kind == GD__OBJ_MUTEX || x->kind == GD__OBJ_RWMUTEX) &&
	       at < x->addr + x->size;
}

/* The block b is reached, by the word at this address. */
static void see_block(struct gd__mark *m, const struct gd__block *b, uint64_t at)
{
	bool fresh;

	if (!gd__seen_put(&m->seen, m->arena, b->start, &fresh)) {
		m->no_memory = true;
		return;
	}
	if (!fresh)
		return;
	if (m->how.paths) {
		struct gd__set_slot *slot = gd__set_put(&m->blocks, m->arena, b->start, &fresh);

		if (!slot) {
			m->no_memory = true;
			return;
		}
		slot->from = at;
	}
	add_range(m, b->start, b->start + b->size);
}

static void look_up(struct gd__mark *m, uint64_t v, uint64_t at)
{
	struct gd__block b;

	if (m->im->has_heap && m->im->block(m->im, v, &b)) {
		see_block(m, &b, at);
		return;
	}
	int64_t g = gd__mark_stack_at(m, v);

	if (g < 0) {
		if (!m->im->has_heap)
			reach_direct(m, v, at);
	} else if (v >= m->im->g[g].sp && !in_lock(m, at)) {
		/* Data for whoever holds the pointer; that does not let its goroutine run. */
		add_stack(m, (size_t)g, at);
	}
}

static void look_up_oldest(struct gd__mark *m)
{
	unsigned i = m->words_done++ % GD__MARK_AHEAD;

	look_up(m, m->word[i].v, m->word[i].at);
}

void gd__mark_see(void *arg, uint64_t v, uint64_t at)
{
	struct gd__mark *m = arg;

	m->words++;
	if (v - m->own.lo < m->own.hi - m->own.lo)
		return;
	if (!m->im->hint) {
		look_up(m, v, at);
		return;
	}
	/* Neither heap nor stack: most words end here. */
	if (v - m->im->heap_lo >= m->im->heap_hi - m->im->heap_lo &&
	    v - m->stack_min >= m->stack_max - m->stack_min)
		return;
	m->im->hint(m->im, v);
	gd__seen_fetch(&m->seen, v);
	if (m->words_made - m->words_done == GD__MARK_AHEAD)
		look_up_oldest(m);
	unsigned i = m->words_made++ % GD__MARK_AHEAD;

	m->word[i].v = v;
	m->word[i].at = at;
}

bool gd__mark_words(struct gd__image *im, uint64_t lo, uint64_t hi,
		    void (*word)(void *arg, uint64_t value, uint64_t at), void *arg)
{
	bool whole = true;

	lo = (lo + 7) & ~UINT64_C(7);
	while (lo < hi && hi - lo >= 8) {
		size_t got = 0;
		const uint64_t *p = im->view(im, lo, (size_t)(hi - lo), &got);

		if (!p || got < 8) {
			whole = false;
			lo = (lo & ~UINT64_C(4095)) + 4096;
			continue;
		}
		for (size_t i = 0; i < got / 8; i++)
			if (plausible(p[i]))
				word(arg, p[i], lo + 8 * i);
		lo += got & ~(size_t)7;
	}
	return whole;
}

static void see_piece(struct gd__mark *m, const struct gd__piece *p)
{
	const uint64_t *word = (const uint64_t *)(const void *)p->bytes;

	for (uint64_t i = 0; i < p->n / 8; i++) {
		if (plausible(word[i]))
			gd__mark_see(m, word[i], p->at + 8 * i);
		if (gd__odd_in(&m->odd, word[i]))
			gd__mark_see_odd(m, p, 8 * i, word[i]);
	}
}

/* Pieces have a word in common, as an address may lie across their border. */
static void scan(struct gd__mark *m, struct gd__range r)
{
	r.lo = (r.lo + 7) & ~UINT64_C(7);
	while (r.lo < r.hi && r.hi - r.lo >= 8) {
		size_t got = 0;
		const void *bytes = m->im->view(m->im, r.lo, (size_t)(r.hi - r.lo), &got);
		struct gd__piece p = { bytes, r.lo, got };

		if (!bytes || got < 8) {
			m->unread = true;
			r.lo = (r.lo & ~UINT64_C(4095)) + 4096;
			continue;
		}
		see_piece(m, &p);
		if (got == r.hi - r.lo) {
			gd__mark_see_rest(m, &p);
			return;
		}
		r.lo += got < 16 ? 8 : (got & ~(size_t)7) - 8;
	}
}

/* The next stack. Most of what lies on it are addresses in it, which lead nowhere new. */
static void scan_stack(struct gd__mark *m)
{
	const struct gd__ginfo *gi = &m->im->g[m->live[m->live_head++]];

	if (m->live_tail - m->live_head > GD__MARK_AHEAD) {
		__builtin_prefetch(&m->im->g[m->live[m->live_head + GD__MARK_AHEAD]].sp);
		gd__mark_fetch(
			gd__live_stack(&m->im->g[m->live[m->live_head + GD__MARK_AHEAD / 2]]));
	}
	m->own = (struct gd__range){ gi->stack_lo, gi->stack_hi };
	scan(m, gd__live_stack(gi));
	m->own = (struct gd__range){ 0 };
}

/* Until nothing is left: first waiters of primitives, then those of owners, then ranges. */
void gd__mark_drain(struct gd__mark *m)
{
	struct gd__range r;

	while (!m->no_memory) {
		if (m->queue_head < m->queue_tail) {
			uint32_t prim = m->queue[m->queue_head++];
			const struct gd__prim *p = &m->wakers->prim[prim];

			for (uint32_t i = 0; !m->how.only && i < p->count; i++) {
				uint32_t g = m->wakers->waiter[p->first + i].g;

				if (!m->may_run[g])
					m->revived_by[g] = prim + 1;
				revive(m, g);
			}
		} else if (m->how.owners && m->ran_head < m->ran_tail) {
			revive_waiters_of(m, m->ran[m->ran_head++]);
		} else if (m->live_head < m->live_tail) {
			scan_stack(m);
		} else if (gd__mark_next(m, &r)) {
			scan(m, r);
		} else if (m->words_made != m->words_done) {
			look_up_oldest(m);
		} else {
			return;
		}
	}
}

static void see_root(void *arg, enum gd__root_kind kind, struct gd__range r)
{
	struct gd__mark *m = arg;
	int64_t g = kind == GD__ROOT_G ? gd__mark_stack_at(m, r.lo < r.hi ? r.lo : r.hi - 1) : -1;

	if (g >= 0)
		m->stack_done[g] = GD__STACK_ROOT;
	m->timers |= kind == GD__ROOT_TIMER;
	/* A timer that is pending becomes a goroutine. */
	if (m->how.only && kind != GD__ROOT_TIMER &&
	    (kind != GD__ROOT_G || (g >= 0 && !m->how.only[g])))
		return;
	if (r.lo < r.hi)
		add_range(m, r.lo, r.hi);
}

/*
 * A primitive that lies neither in a heap block nor on a goroutine's stack is in memory we know
 * nothing of (a mapping of the user's own), and one that cannot be decoded may be anything: both
 * count as reachable. In a module's data the roots find it anyhow.
 */
static void reach_unknown(struct gd__mark *m)
{
	for (size_t i = 0; i < m->wakers->nprims; i++) {
		const struct gd__prim *p = &m->wakers->prim[i];
		struct gd__block b;
		uint64_t addr = p->info.addr;

		if (!p->info.valid || (m->im->has_heap && gd__mark_stack_at(m, addr) < 0 &&
				       !m->im->block(m->im, addr, &b)))
			reach(m, i, addr);
	}
}

static void start_goroutines(struct gd__mark *m)
{
	for (size_t g = 0; g < m->im->ng; g++) {
		if (m->how.only ? !m->how.only[g] : m->wakers->standing[g] != GD__MAY_RUN)
			continue;
		let_run(m, g);
	}
}

static bool lower(const void *x, const void *y)
{
	return ((const struct gd__mark_stack *)x)->lo < ((const struct gd__mark_stack *)y)->lo;
}

static void index_stacks(struct gd__mark *m)
{
	struct gd__mark_stack *s = m->stack;
	size_t n = 0;

	for (size_t g = 0; g < m->im->ng; g++)
		if (m->im->g[g].stack_lo < m->im->g[g].stack_hi)
			s[n++] = (struct gd__mark_stack){ m->im->g[g].stack_lo,
							  m->im->g[g].stack_hi, (uint32_t)g };
	gd__sort(s, n, sizeof(*s), lower);
	m->nstacks = n;
	m->prim_min = m->wakers->nprims ? m->wakers->prim[0].info.addr : UINT64_MAX;
	m->stack_min = n ? s[0].lo : UINT64_MAX;
	m->stack_max = n ? s[n - 1].hi : 0;
}

/* Where everything lies that an address may lead to. Without heap records a primitive's own counts;
 * else one that is neither in the heap nor on a stack is found without. */
static void bound_addresses(struct gd__mark *m)
{
	const struct gd__wakers *w = m->wakers;
	uint64_t lo = m->im->heap_lo, hi = m->im->heap_hi;

	if (!m->im->has_heap) {
		lo = m->prim_min;
		hi = w->nprims ? w->prim[w->nprims - 1].info.addr + 4096 : 0;
	} else if (hi == 0) {
		lo = 0;
		hi = UINT64_C(1) << 47;
	}
	lo = m->stack_min < lo ? m->stack_min : lo;
	hi = m->stack_max > hi ? m->stack_max : hi;
	gd__odd_init(&m->odd, lo < hi ? lo : 0, lo < hi ? hi : 1);
}

static bool index_prims(struct gd__mark *m)
{
	bool fresh;

	for (size_t i = 0; i < m->wakers->nprims; i++)
		if (!gd__seen_put(&m->prims, m->arena, piece_of(m->wakers->prim[i].info.addr),
				  &fresh))
			return false;
	return true;
}

static bool get_memory(struct gd__mark *m)
{
	size_t ng = m->im->ng + 1, np = m->wakers->nprims + 1;

	m->may_run = gd__arena_get(m->arena, ng);
	m->stack_done = gd__arena_get(m->arena, ng);
	m->stack_from = gd__arena_get(m->arena, ng * sizeof(*m->stack_from));
	m->revived_by = gd__arena_get(m->arena, ng * sizeof(*m->revived_by));
	m->stack = gd__arena_get(m->arena, ng * sizeof(*m->stack));
	m->reached = gd__arena_get(m->arena, np);
	m->prim_from = gd__arena_get(m->arena, np * sizeof(*m->prim_from));
	m->queue = gd__arena_get(m->arena, np * sizeof(*m->queue));
	m->ran = gd__arena_get(m->arena, ng * sizeof(*m->ran));
	m->live = gd__arena_get(m->arena, ng * sizeof(*m->live));
	return m->may_run && m->stack_done && m->stack_from && m->revived_by && m->stack &&
	       m->reached && m->prim_from && m->queue && m->ran && m->live;
}

bool gd__mark_run(struct gd__mark *m, struct gd__image *im, const struct gd__wakers *w,
		  struct gd__arena *a, const struct gd__mark_how *how)
{
	*m = (struct gd__mark){ .im = im, .wakers = w, .arena = a, .how = *how };
	if (!get_memory(m))
		return false;
	index_stacks(m);
	bound_addresses(m);
	if (!index_prims(m))
		return false;
	if (!how->nothing_runs) {
		im->roots(im, see_root, m);
		if (!how->only)
			reach_unknown(m);
		start_goroutines(m);
	}
	gd__mark_drain(m);
	return !m->no_memory;
}
