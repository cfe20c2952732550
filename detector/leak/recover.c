/*
 * recover.c - the choice follows each waiter for a lock to its holder: a walk ends at somebody who
 * waits for no lock, at a goroutine that has been decided, or in a circle.
 */
#include "detector/leak/recover.h"

#include "detector/image/image.h"

#include "runtime/inspect/anchor.h"
#include "runtime/inspect/recover.h"

#define NOBODY SIZE_MAX

static uint64_t woken_ever; /* changes in a stopped world */

enum fate {
	UNDECIDED,
	ON_PATH, /* of the walk under way */
	WOKEN,
	HELPED, /* the lock it waits for may be given up by one who is woken */
	LEFT    /* cannot be recovered */
};

struct chooser {
	struct gd__leak_result *r;
	size_t proven; /* they come first, by rising id; then the owner-stuck, by rising id */
	size_t n;      /* both */
	uint8_t *fate; /* per leak of these */
	size_t *path;
};

/* Position of a goroutine's leak in [lo, end), or NOBODY. */
static size_t find_in(const struct chooser *c, uint64_t id, size_t lo, size_t end)
{
	size_t hi = end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->r->leaks[mid].g.id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < end && c->r->leaks[lo].g.id == id ? lo : NOBODY;
}

static size_t find(const struct chooser *c, uint64_t id)
{
	size_t at = find_in(c, id, 0, c->proven);

	return at != NOBODY ? at : find_in(c, id, c->proven, c->n);
}

/* Who holds the lock that leak i waits for, if that is a leak as well. */
static size_t holder(const struct chooser *c, size_t i)
{
	const struct gd__leak *l = &c->r->leaks[i];
	bool lock = l->nobjects == 1 &&
		    (l->wait[0].kind == GD__OBJ_MUTEX || l->wait[0].kind == GD__OBJ_RWMUTEX);

	return lock && l->owner_id != 0 ? find(c, l->owner_id) : NOBODY;
}

static bool willing(const struct chooser *c, size_t i)
{
	return c->r->leaks[i].recovery == 1 + GD__RECOVERED;
}

/* A deadlock: path[from .. to). The youngest that is willing is woken, for the others' sake. */
static bool break_circle(struct chooser *c, size_t from, size_t to)
{
	size_t victim = NOBODY;

	for (size_t k = from; k < to; k++) {
		size_t i = c->path[k];

		if (willing(c, i) && (victim == NOBODY || i > victim))
			victim = i;
	}
	for (size_t k = from; k < to; k++)
		c->fate[c->path[k]] = victim == NOBODY ? LEFT : HELPED;
	if (victim != NOBODY)
		c->fate[victim] = WOKEN;
	return victim != NOBODY;
}

/* Decides leak i and all that it leads to. */
static void walk(struct chooser *c, size_t i)
{
	size_t n = 0;
	bool helped;

	while (i != NOBODY && c->fate[i] == UNDECIDED) {
		c->fate[i] = ON_PATH;
		c->path[n++] = i;
		i = holder(c, i);
	}
	helped = i != NOBODY && (c->fate[i] == WOKEN || c->fate[i] == HELPED);
	if (i != NOBODY && c->fate[i] == ON_PATH) {
		size_t from = n;

		while (c->path[--from] != i)
			;
		helped = break_circle(c, from, n);
		n = from;
	}
	while (n-- > 0) {
		size_t at = c->path[n];

		c->fate[at] = helped ? HELPED : willing(c, at) ? WOKEN : LEFT;
		helped = c->fate[at] != LEFT;
	}
}

/* Differs when those have gone on that a judgement took for stuck, or its roots were not all. */
static uint64_t basis(void)
{
	const struct gd__range *range = (const void *)(uintptr_t)gd__anchor.user_roots;
	uint64_t sum = woken_ever;

	for (uint64_t i = 0; range && i < gd__anchor.user_roots_n; i++)
		sum = (sum ^ range[i].lo ^ (range[i].hi << 1)) * UINT64_C(0x9e3779b97f4a7c15);
	return sum;
}

static void ask(const struct chooser *c)
{
	for (size_t i = 0; i < c->proven; i++) {
		struct gd__leak *l = &c->r->leaks[i];

		l->recovery =
			(uint8_t)(1 + gd__inspect_recover_look(l->g.record, l->g.id, l->g.parks));
	}
}

bool gd__recover_choose(struct gd__leak_result *r, struct gd__arena *a,
			struct gd__recoveries *chosen)
{
	struct chooser c = { .r = r };

	if (r->complete) {
		c.proven = r->by_verdict[GD__VERDICT_PROVEN];
		c.n = c.proven + r->by_verdict[GD__VERDICT_OWNER_STUCK];
	}
	chosen->n = 0;
	chosen->basis = basis();
	chosen->one = gd__arena_get(a, (c.n + 1) * sizeof(*chosen->one));
	c.fate = gd__arena_get(a, c.n + 1);
	c.path = gd__arena_get(a, (c.n + 1) * sizeof(*c.path));
	if (!chosen->one || !c.fate || !c.path)
		return false;
	ask(&c);
	for (size_t i = 0; i < c.n; i++) {
		struct gd__leak *l = &r->leaks[i];

		if (c.fate[i] == UNDECIDED)
			walk(&c, i);
		if (c.fate[i] == HELPED)
			l->recovery = 1 + GD__RECOVER_HELPED;
		if (c.fate[i] == WOKEN)
			chosen->one[chosen->n++] = (struct gd__recovery){ l->g.record, l->g.id,
									  l->g.parks, (uint32_t)i };
	}
	return true;
}

size_t gd__recover_apply(const struct gd__recoveries *chosen, struct gd__leak_result *r)
{
	bool stale = chosen->basis != basis();
	size_t woken = 0;

	for (size_t i = 0; i < chosen->n; i++) {
		const struct gd__recovery *one = &chosen->one[i];
		enum gd__recovered what =
			stale ? GD__RECOVER_IN_USE
			      : gd__inspect_recover(one->record, one->id, one->parks);

		woken += what == GD__RECOVERED;
		if (r)
			r->leaks[one->leak].recovery = (uint8_t)(1 + what);
	}
	woken_ever += woken;
	return woken;
}

void gd__recover_forgo(struct gd__recoveries *chosen, struct gd__leak_result *r)
{
	for (size_t i = 0; i < chosen->n; i++)
		r->leaks[chosen->one[i].leak].recovery = 1 + GD__RECOVER_LATE;
	chosen->n = 0;
}
