/*
 * record.c - see record.h. Private records lie in one reservation, in units of two facts; each
 * class has a list of free ones. Word 0 of a free record is the next one's index, word 1 its
 * generation.
 */
#include "detector/race/record.h"

#include "detector/race/intern.h"
#include "detector/race/spin.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"

#define UNITS      ((uint64_t)1 << 30)
#define UNIT_FACTS 2u
#define CHUNK      64u /* records of class 0 taken from the reservation at once */

struct record_class {
	struct gd__spin lock;
	uint32_t free; /* index of the first free record, 0: none; guarded by lock */
};

static uint64_t *units;
static struct record_class classes[GD__RECORD_CLASSES];
static _Atomic uint64_t next_unit = 1; /* index 0 is nobody */
static _Atomic int64_t live;
static struct gd__intern sets;

bool gd__record_init(void)
{
	units = gd__os_reserve(UNITS * UNIT_FACTS * sizeof(uint64_t));
	if (!units)
		return false;
	gd__os_nodump(units, UNITS * UNIT_FACTS * sizeof(uint64_t));
	return gd__intern_init(&sets, GD__SET_FACTS * 8, GD__SET_FACTS * 8, (1u << 20) - 1);
}

static uint64_t *facts_of(uint32_t index)
{
	return units + (size_t)index * UNIT_FACTS;
}

struct gd__view gd__slot_view(uint64_t *slot)
{
	uint64_t s = *slot;

	if (gd__likely(!gd__slot_is_record(s)))
		return (struct gd__view){ slot, s != 0 };
	if (s & GD__WORD_SET)
		return (struct gd__view){ gd__intern_at(&sets, GD__WORD_INDEX(s)), GD__SET_FACTS };
	return (struct gd__view){ facts_of(GD__WORD_INDEX(s)), UNIT_FACTS << GD__WORD_CLASS(s) };
}

/* Puts fresh records of this class on its list; false when the reservation is used up. */
static bool refill(struct record_class *c, unsigned class)
{
	uint32_t n = CHUNK >> class ? CHUNK >> class : 1;
	/* relaxed: only distinct numbers matter */
	uint64_t first = gd__add_relaxed(&next_unit, (uint64_t)n << class);

	if (first + ((uint64_t)n << class) > UNITS) {
		gd__store_relaxed(&next_unit, UNITS); /* stays used up, cannot wrap */
		return false;
	}
	for (uint32_t i = n; i-- > 0;) {
		uint32_t index = (uint32_t)first + (i << class);

		facts_of(index)[0] = c->free;
		c->free = index;
	}
	return true;
}

uint64_t gd__record_make(unsigned class)
{
	struct record_class *c = &classes[class];
	uint32_t index, gen = 0;

	gd__assert(class < GD__RECORD_CLASSES);
	gd__spin_lock(&c->lock);
	if (c->free == 0 && !refill(c, class)) {
		gd__spin_unlock(&c->lock);
		return 0;
	}
	index = c->free;
	uint64_t *f = facts_of(index);

	c->free = (uint32_t)f[0];
	gen = (uint32_t)f[1];
	gd__spin_unlock(&c->lock);
	f[0] = f[1] = 0;
	gd__add_relaxed(&live, 1); /* statistics */
	return gd__word_make(index, gen, 0, class);
}

void gd__record_free(uint64_t word)
{
	unsigned class = GD__WORD_CLASS(word);
	struct record_class *c = &classes[class];
	uint32_t index = GD__WORD_INDEX(word);
	uint64_t *f = facts_of(index);

	gd__check(gd__slot_is_record(word) && !(word & GD__WORD_SET));
	for (uint32_t i = 0; i < UNIT_FACTS << class; i++)
		f[i] = 0;
	f[1] = GD__WORD_GEN(word) + 1;
	gd__spin_lock(&c->lock);
	f[0] = c->free;
	c->free = index;
	gd__spin_unlock(&c->lock);
	gd__add_relaxed(&live, -1); /* statistics */
}

static uint64_t set_word(uint32_t number)
{
	return number ? gd__word_make(number, 0, 1, 0) : 0;
}

uint64_t gd__factset_put(const uint64_t facts[GD__SET_FACTS])
{
	return set_word(gd__intern_put(&sets, facts, NULL, NULL));
}

uint64_t gd__factset_find(const uint64_t facts[GD__SET_FACTS])
{
	return set_word(gd__intern_find(&sets, facts));
}

int64_t gd__record_count(void)
{
	return gd__load_relaxed(&live); /* statistics */
}

uint32_t gd__factset_count(void)
{
	return sets.count; /* statistics: may be some behind */
}
