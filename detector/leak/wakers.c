/* wakers.c - gathers (primitive, waiter) pairs, sorts them, and decodes each primitive once. */
#include "detector/leak/wakers.h"

#include "detector/common/sort.h"

/* Waits of one goroutine beyond this are not believed (gd_select takes at most 65535). */
#define WAITS_MAX 65536u

struct pair {
	uint64_t addr;
	uint32_t g;
	uint16_t kind, op;
};

bool gd__image_wait(struct gd__image *im, const struct gd__ginfo *g, uint32_t i,
		    struct gd__winfo *w)
{
	return im->wait ? im->wait(im, g, i, w) : gd__inspect_wait(&im->rt, g, i, w);
}

bool gd__image_object(struct gd__image *im, uint64_t addr, uint16_t kind, struct gd__oinfo *o)
{
	bool ok = im->object ? im->object(im, addr, kind, o)
			     : gd__inspect_object(&im->rt, addr, kind, o);

	if (!ok)
		*o = (struct gd__oinfo){ .addr = addr, .kind = kind };
	return ok;
}

static bool before(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr;
	if (x->kind != y->kind)
		return x->kind < y->kind;
	return x->g < y->g;
}

/* A select whose channels are all nil leaves them out, and waits in no queue. */
static bool waits_for_nothing(const struct gd__ginfo *g)
{
	return g->reason == GD__WAIT_CHAN_RECV_NIL || g->reason == GD__WAIT_CHAN_SEND_NIL ||
	       g->reason == GD__WAIT_SELECT_NONE ||
	       (g->reason == GD__WAIT_SELECT && g->nwaits == 0);
}

/*
 * Standing of goroutine number gi, and its pairs. A record that cannot be read or makes no sense
 * lets the goroutine run: a leak may be missed, none is made up.
 */
static enum gd__standing read_waits(struct gd__wakers *w, struct gd__image *im, uint32_t gi,
				    struct pair *pairs, size_t *n)
{
	const struct gd__ginfo *g = &im->g[gi];
	size_t begin = *n;

	if (g->state == GD__GI_DEAD)
		return GD__GONE;
	if (g->state != GD__GI_WAITING || g->timed || !gd__wait_stuck(g->reason))
		return GD__MAY_RUN;
	if (waits_for_nothing(g))
		return GD__HOPELESS;
	if (g->nwaits == 0 || g->nwaits > WAITS_MAX) {
		w->broken = true;
		return GD__MAY_RUN;
	}
	for (uint32_t i = 0; i < g->nwaits; i++) {
		struct gd__winfo wait;

		if (!gd__image_wait(im, g, i, &wait)) {
			*n = begin;
			w->broken = true;
			return GD__MAY_RUN;
		}
		if (wait.obj == 0) /* a nil channel among the cases of a select */
			continue;
		pairs[(*n)++] = (struct pair){ wait.obj, gi, wait.kind, wait.op };
	}
	return *n == begin ? GD__HOPELESS : GD__CANDIDATE;
}

static size_t count_waits(const struct gd__image *im)
{
	size_t n = 0;

	for (size_t i = 0; i < im->ng; i++)
		if (im->g[i].state == GD__GI_WAITING && im->g[i].nwaits <= WAITS_MAX)
			n += im->g[i].nwaits;
	return n;
}

static void add_prim(struct gd__wakers *w, struct gd__image *im, const struct pair *p, size_t first,
		     uint64_t dropped)
{
	struct gd__prim *prim = &w->prim[w->nprims++];

	gd__image_object(im, p->addr, p->kind, &prim->info);
	prim->info.addr = p->addr;
	prim->info.kind = p->kind;
	prim->first = (uint32_t)first;
	prim->dropped = prim->info.valid && p->kind == GD__OBJ_CHAN &&
			(prim->info.refs <= 0 || p->addr == dropped);
}

bool gd__wakers_init(struct gd__wakers *w, struct gd__image *im, struct gd__arena *a,
		     uint64_t dropped)
{
	size_t max = count_waits(im), n = 0, distinct = 0;
	struct pair *pairs = gd__arena_get(a, (max + 1) * sizeof(*pairs));

	*w = (struct gd__wakers){ .standing = gd__arena_get(a, im->ng + 1),
				  .waiter = gd__arena_get(a, (max + 1) * sizeof(*w->waiter)) };
	if (!pairs || !w->standing || !w->waiter)
		return false;
	for (size_t i = 0; i < im->ng; i++)
		w->standing[i] = (uint8_t)read_waits(w, im, (uint32_t)i, pairs, &n);
	gd__sort(pairs, n, sizeof(*pairs), before);
	for (size_t i = 0; i < n; i++)
		distinct += i == 0 || pairs[i].addr != pairs[i - 1].addr ||
			    pairs[i].kind != pairs[i - 1].kind;
	w->prim = gd__arena_get(a, (distinct + 1) * sizeof(*w->prim));
	if (!w->prim)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || pairs[i].addr != pairs[i - 1].addr ||
		    pairs[i].kind != pairs[i - 1].kind)
			add_prim(w, im, &pairs[i], i, dropped);
		w->waiter[i] = (struct gd__waiter){ pairs[i].g, pairs[i].op };
		w->prim[w->nprims - 1].count++;
	}
	return true;
}

size_t gd__wakers_from(const struct gd__wakers *w, uint64_t addr)
{
	size_t lo = 0, hi = w->nprims;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->prim[mid].info.addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct gd__prim *gd__wakers_find(const struct gd__wakers *w, uint64_t addr, uint16_t kind)
{
	for (size_t i = gd__wakers_from(w, addr); i < w->nprims && w->prim[i].info.addr == addr;
	     i++)
		if (w->prim[i].info.kind == kind)
			return &w->prim[i];
	return NULL;
}
