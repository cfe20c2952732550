/*
 * mark_odd.c - addresses at odd places in packed structures, and below tags.
 *
 * Looked for in what a pass has reached, in the order of addresses: that is quicker than the pass,
 * which follows pointers.
 */
#include "detector/leak/mark.h"

/*
 * Whether an address may lie across the words w and n. It ends in two bytes of zero, in n or with
 * the last of w: pointers side by side, zeroes and texts are told at once.
 */
static inline bool may_straddle(uint64_t w, uint64_t n)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
	uint64_t zero = (n - ones) & ~n & highs; /* of the bytes of n; perhaps one too many */

	return (w >> 48 != 0 && (n & 0xff) == 0) ||
	       (n != 0 && (zero & zero << 8 & UINT64_MAX >> 8) != 0);
}

/* The addresses between odd_lo and odd_hi that begin in w, of which n more bytes follow. at: of w.
 */
static void see_straddling(struct gd__mark *m, uint64_t w, const uint64_t *next, size_t n,
			   uint64_t at)
{
	uint64_t span = m->how.odd_hi - m->how.odd_lo, after = 0;

	if (n >= 8)
		after = *next;
	else
		gd__memcpy(&after, next, n);
	if (!may_straddle(w, after))
		return;
	for (unsigned k = 1; k < 8 && k <= n; k++) {
		uint64_t v = w >> 8 * k | after << (64 - 8 * k);

		if (v - m->how.odd_lo < span)
			gd__mark_see(m, v, at + k);
	}
}

/* An address below a tag in its upper 16 bits, which no address uses. */
static void see_tagged(struct gd__mark *m, uint64_t w, uint64_t at)
{
	uint64_t v = w & UINT64_MAX >> 17;

	if (w >> 48 != 0 && v - m->how.odd_lo < m->how.odd_hi - m->how.odd_lo)
		gd__mark_see(m, v, at);
}

/* What lies at odd places of [lo, hi), up to its last byte, and what is tagged. */
void gd__mark_see_odd(struct gd__mark *m, uint64_t lo, uint64_t hi)
{
	lo = (lo + 7) & ~UINT64_C(7);
	while (lo < hi && hi - lo >= 8) {
		size_t got = 0;
		const uint64_t *p = m->im->view(m->im, lo, (size_t)(hi - lo), &got);

		if (!p || got < 8) /* what could not be read is known by now */
			return;
		for (size_t i = 0; 8 * (i + 1) <= got; i++) {
			see_tagged(m, p[i], lo + 8 * i);
			if (got > 8 * (i + 1))
				see_straddling(m, p[i], p + i + 1, got - 8 * (i + 1), lo + 8 * i);
		}
		if (got == hi - lo || got < 16)
			return;
		lo += (got & ~(size_t)7) - 8;
	}
}

static void see_root(void *arg, enum gd__root_kind kind __attribute__((unused)), struct gd__range r)
{
	gd__mark_see_odd(arg, r.lo, r.hi);
}

static void see_block(void *arg, uint64_t start)
{
	struct gd__mark *m = arg;
	struct gd__block b;

	if (m->im->block(m->im, start, &b))
		gd__mark_see_odd(m, b.start, b.start + b.size);
}

/* Everything is within 4 GiB of something known: other heap blocks, stacks, what is waited for. */
static void set_bounds(struct gd__mark *m)
{
	const uint64_t near = UINT64_C(1) << 32;
	uint64_t lo = m->stack_min < m->prim_min ? m->stack_min : m->prim_min, hi = m->stack_max;

	lo = lo < m->block_min ? lo : m->block_min;
	hi = hi > m->block_max ? hi : m->block_max;
	if (m->wakers->nprims && m->wakers->prim[m->wakers->nprims - 1].info.addr > hi)
		hi = m->wakers->prim[m->wakers->nprims - 1].info.addr;
	m->how.odd_lo = lo > 2 * near ? lo - near : near;
	m->how.odd_hi = hi + near;
}

bool gd__mark_odd(struct gd__mark *m)
{
	set_bounds(m);
	m->im->roots(m->im, see_root, m);
	for (size_t g = 0; g < m->im->ng; g++) {
		struct gd__range live = gd__live_stack(&m->im->g[g]);

		if (m->stack_done[g] == GD__STACK_OURS)
			gd__mark_see_odd(m, live.lo, live.hi);
	}
	gd__seen_each(&m->seen, see_block, m);
	gd__mark_drain(m);
	return !m->no_memory;
}
