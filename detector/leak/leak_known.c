/* leak_known.c - two sets of ids, in memory of our own: nothing here is a root. */
#include "detector/leak/leak_known.h"

#define FIRST_MAX 4096

/* Guarded by begin and end. */
static struct {
	struct gd__set set;
	struct gd__arena arena;
} known, ignored;
static size_t known_max = FIRST_MAX; /* with more it is time to forget those that have ended */

bool gd__leak_known(uint64_t id)
{
	return gd__set_find(&known.set, id) != NULL;
}

void gd__leak_know(uint64_t id)
{
	bool fresh;

	gd__set_put(&known.set, &known.arena, id, &fresh);
}

bool gd__leak_is_ignored(uint64_t id)
{
	return gd__set_find(&ignored.set, id) != NULL;
}

void gd__leak_ignore(const struct gd__set *ids, const struct gd__arena *arena)
{
	gd__arena_release(&ignored.arena);
	ignored.set = *ids;
	ignored.arena = *arena;
}

static bool exists(const struct gd__image *im, uint64_t id)
{
	size_t lo = 0, hi = im->ng;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (im->g[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < im->ng && im->g[lo].id == id;
}

void gd__leak_find_left(const struct gd__image *im, struct gd__arena *a, struct gd__leak_left *left)
{
	*left = (struct gd__leak_left){ .of = known.set.used };
	if (known.set.used < known_max)
		return;
	left->id = gd__arena_get(a, known.set.used * sizeof(*left->id));
	for (size_t i = 0; left->id && i < known.set.cap; i++) {
		uint64_t id = known.set.slot[i].key;

		if (id != 0 && exists(im, id))
			left->id[left->n++] = id;
	}
}

void gd__leak_forget_ended(const struct gd__leak_left *left)
{
	struct gd__arena arena = { 0 };
	struct gd__set set = { 0 };
	bool fresh;

	if (!left->id || left->of != known.set.used) /* others came in between: the next time */
		return;
	for (size_t i = 0; i < left->n; i++)
		if (!gd__set_put(&set, &arena, left->id[i], &fresh)) {
			gd__arena_release(&arena); /* no memory: it stays as it is */
			return;
		}
	gd__arena_release(&known.arena);
	known.set = set;
	known.arena = arena;
	known_max = FIRST_MAX + 2 * set.used;
}
