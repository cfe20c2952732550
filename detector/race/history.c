/* history.c - see history.h. */
#include "detector/race/history.h"

#include "detector/race/cell.h"
#include "detector/race/intern.h"
#include "runtime/base/os_linux.h"

#define NOTES     ((size_t)1 << 16) /* 1 MiB */
#define SET_BITS  20
#define SET_LIMIT ((1u << SET_BITS) - 1)

struct lockset {
	struct gd__held_lock lock[GD__HISTORY_LOCKS]; /* unused ones are zero */
};
_Static_assert(sizeof(struct gd__held_lock) == 16 && sizeof(struct lockset) % 8 == 0,
	       "an intern key is whole words");

/*
 * Two words, each stored at once: interval and site; cell, a part of the
 * interval (so that words of two notes do not pass for one) and the set.
 */
struct note {
	_Atomic uint64_t key, value;
};

static struct gd__intern sets;
static struct note *notes;

bool gd__history_init(void)
{
	notes = gd__os_reserve(NOTES * sizeof(*notes));
	return notes &&
	       gd__intern_init(&sets, sizeof(struct lockset), sizeof(struct lockset), SET_LIMIT);
}

static uint64_t key_of(uint64_t fact)
{
	return fact & ~(GD__FACT_MASK | GD__FACT_ATOMIC | GD__FACT_LOCK);
}

static uint64_t value_of(uint64_t key, uintptr_t addr, uint32_t set)
{
	return (uint64_t)(uint32_t)(addr / GD__CELL_BYTES) << 32 | (key >> 32 & 0xfff) << SET_BITS |
	       set;
}

static struct note *note_of(uint64_t key, uintptr_t addr)
{
	uint64_t h = (key ^ addr / GD__CELL_BYTES * 0xff51afd7ed558ccdu) * 0x9e3779b97f4a7c15u;

	return &notes[h >> 48 & (NOTES - 1)];
}

static uint32_t set_of(const struct gd__hook_ctx *g)
{
	union {
		struct lockset s;
		uint64_t key[sizeof(struct lockset) / 8];
	} u = { .key = { 0 } };
	uint32_t skip = g->nheld > GD__HISTORY_LOCKS ? g->nheld - GD__HISTORY_LOCKS : 0;

	for (uint32_t i = skip; i < g->nheld; i++) {
		u.s.lock[i - skip].lock = g->held[i].lock;
		u.s.lock[i - skip].stack = g->held[i].stack;
		u.s.lock[i - skip].write = g->held[i].write; /* member-wise: padding stays zero */
	}
	return gd__intern_put(&sets, u.key, NULL, NULL);
}

void gd__history_note(struct gd__hook_ctx *g, uint64_t fact, uintptr_t addr)
{
	uint64_t key = key_of(fact);
	struct note *n = note_of(key, addr);

	if (g->held_set == 0)
		g->held_set = set_of(g);
	if (g->held_set == 0)
		return;                  /* too many different ones */
	gd__store_relaxed(&n->key, key); /* value_of tells if the two belong together */
	gd__store_relaxed(&n->value, value_of(key, addr, g->held_set));
}

uint32_t gd__history_find(uint64_t fact, uintptr_t addr, struct gd__held_lock *held)
{
	uint64_t key = key_of(fact);
	struct note *n = note_of(key, addr);
	uint64_t value = gd__load_relaxed(&n->value);
	uint32_t set = (uint32_t)value & SET_LIMIT, count = 0;

	if (gd__load_relaxed(&n->key) != key || set == 0 || value != value_of(key, addr, set))
		return 0;
	/*
	 * The set was interned by another thread: its entry is complete, because
	 * the fact was read under the lock of its cell, stamped after that.
	 */
	const struct lockset *s = gd__intern_at(&sets, set);

	while (count < GD__HISTORY_LOCKS && s->lock[count].lock != 0) {
		held[count] = s->lock[count];
		count++;
	}
	return count;
}
