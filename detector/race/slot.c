/* slot.c - see slot.h. */
#include "detector/race/slot.h"

#include "detector/race/interval.h"
#include "detector/race/record.h"
#include "detector/race/site.h"

/* From this class on (32 facts) a record is a hash by chain, probed within a window. */
#define BIG_CLASS 4u
#define WINDOW    16u

/*
 * Sets are for tables: many cells with the same readers. One hot cell that gets
 * a new set in each interval would fill memory with sets, so each thread may make
 * one for every SET_COST times it met one that was there, and SET_FREE before.
 */
#define SET_COST 8
#define SET_FREE 2048
#define MEMO     16u

/* Steps from one set to the next that this thread has made: sweeping a table repeats them. */
struct step {
	uint64_t from, fact, to;
};
static GD__TLS struct step memo[MEMO];
static GD__TLS int32_t set_debt;

static uint64_t merge(uint64_t old, uint64_t new)
{
	uint32_t a = gd__fact_site(old), b = gd__fact_site(new);
	unsigned old_mask = (unsigned)(old & GD__FACT_MASK);
	uint32_t site = gd__site_mix(a, old_mask, b, (unsigned)(new &GD__FACT_MASK));

	return gd__fact_make(gd__fact_id(new), site, new &GD__FACT_ATOMIC,
			     (old | new) & GD__FACT_MASK);
}

/*
 * A new fact n, made by g, meets an older one f in the same slot: returns what
 * is left of f. Two facts of one interval and kind become one (in n); n loses
 * the bytes that a stronger one of its interval has, and may become 0.
 */
static uint64_t meet(const struct gd__hook_ctx *g, uint64_t f, uint64_t *n, uint64_t mask,
		     enum gd__slot_role role)
{
	bool atomic = gd__fact_is_atomic(*n);

	if (gd__fact_id(f) == gd__fact_id(*n)) {
		if (gd__fact_is_free(f) || gd__fact_is_free(*n))
			return gd__fact_without(f, mask);
		if (gd__fact_is_atomic(f) == atomic) {
			*n = merge(f, *n);
			return 0;
		}
		if (!atomic)
			return gd__fact_without(f, mask);
		*n = gd__fact_without(*n, f);
		return f;
	}
	if (!(f & mask))
		return f;
	if (atomic && !gd__fact_is_atomic(f))
		return f;
	if ((role == GD__SLOT_WRITES && !atomic) || gd__interval_before(g, gd__fact_id(f)))
		return gd__fact_without(f, mask);
	return f;
}

static uint32_t hash_chain(uint32_t id)
{
	return (uint32_t)gd__interval_chain(id) * 0x9e3779b9u >> 7;
}

/* Puts f where a look for its chain finds it, or anywhere. The record is not full. */
static void put_hashed(struct gd__view v, uint64_t f)
{
	uint32_t i = hash_chain(gd__fact_id(f));

	while (v.at[i & (v.n - 1)] != 0)
		i++;
	v.at[i & (v.n - 1)] = f;
}

/* A record of this class with the facts of from and n; 0 when there is no room for one. */
static uint64_t record_of(struct gd__view from, uint64_t n, unsigned class)
{
	uint64_t word = class < GD__RECORD_CLASSES ? gd__record_make(class) : 0;
	uint32_t used = 0;

	if (word == 0)
		return 0;
	struct gd__view to = gd__slot_view(&word);

	for (uint32_t i = 0; i <= from.n; i++) {
		uint64_t f = i < from.n ? from.at[i] : n;

		if (f == 0)
			continue;
		if (class >= BIG_CLASS)
			put_hashed(to, f);
		else
			to.at[used++] = f;
	}
	return word;
}

/*
 * No place in the record for n: a bigger one, or the same size if it has become
 * almost empty. A hash is kept a quarter full, so that a full window is a rare
 * accident. Without memory n takes the place of one fact.
 */
static uint64_t regrow(uint64_t word, struct gd__view v, uint64_t n, uint32_t others)
{
	unsigned class = GD__WORD_CLASS(word);
	uint64_t bigger = record_of(v, n, others > v.n / 4 ? class + 1 : class);

	if (bigger == 0) {
		v.at[gd__fact_id(n) & (v.n - 1)] = n;
		return word;
	}
	gd__record_free(word);
	return bigger;
}

/* n meets all facts of a private record. */
static uint64_t record_add(const struct gd__hook_ctx *g, uint64_t word, uint64_t n,
			   enum gd__slot_role role)
{
	struct gd__view v = gd__slot_view(&word);
	uint64_t mask = n & GD__FACT_MASK;
	uint64_t *hole = NULL;
	uint32_t others = 0;

	for (uint32_t i = 0; i < v.n; i++) {
		if (v.at[i] != 0)
			v.at[i] = meet(g, v.at[i], &n, mask, role);
		if (v.at[i] != 0)
			others++;
		else
			hole = &v.at[i];
	}
	if (others == 0) {
		gd__record_free(word);
		return n;
	}
	if (n == 0)
		return word;
	if (!hole || GD__WORD_CLASS(word) >= BIG_CLASS)
		return regrow(word, v, n, others);
	*hole = n;
	return word;
}

/*
 * The same for a big record of which n replaces little: only its own chain's
 * facts are met, so that many readers of one word cost O(1) each. When the
 * window is full, all are met once.
 */
static uint64_t record_add_big(const struct gd__hook_ctx *g, uint64_t word, uint64_t n,
			       enum gd__slot_role role)
{
	struct gd__view v = gd__slot_view(&word);
	uint64_t mask = n & GD__FACT_MASK;
	gd__chain mine = gd__interval_chain(gd__fact_id(n));
	uint32_t h = hash_chain(gd__fact_id(n));
	uint64_t *hole = NULL;

	for (uint32_t k = 0; k < WINDOW; k++) {
		uint64_t *at = &v.at[(h + k) & (v.n - 1)];

		if (*at != 0 && gd__interval_chain(gd__fact_id(*at)) == mine)
			*at = meet(g, *at, &n, mask, role);
		if (*at == 0)
			hole = at;
	}
	if (n == 0)
		return word;
	if (!hole)
		return record_add(g, word, n, role);
	*hole = n;
	return word;
}

static void sort_facts(uint64_t *f, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		for (uint32_t k = i; k > 0 && f[k - 1] > f[k]; k--) {
			uint64_t t = f[k];

			f[k] = f[k - 1];
			f[k - 1] = t;
		}
	}
}

/* The set of these facts, if it exists or may be made. */
static uint64_t set_of(uint64_t *facts, uint32_t n)
{
	uint64_t word;

	for (uint32_t i = 0; i < n; i++) {
		if (facts[i] & GD__FACT_ATOMIC)
			return 0;
	}
	sort_facts(facts, n);
	for (uint32_t i = n; i < GD__SET_FACTS; i++)
		facts[i] = 0;
	word = gd__factset_find(facts);
	if (word != 0) {
		set_debt -= set_debt > 0;
		return word;
	}
	if (set_debt + SET_COST > SET_FREE)
		return 0;
	set_debt += SET_COST;
	return gd__factset_put(facts);
}

/* A slot value for n facts, of which there is room for GD__SET_FACTS + 1. */
static uint64_t pack(uint64_t *facts, uint32_t n, enum gd__slot_role role)
{
	uint64_t word = 0;
	unsigned class = 0;

	if (n <= 1)
		return n ? facts[0] : 0;
	if (role == GD__SLOT_READS && n <= GD__SET_FACTS)
		word = set_of(facts, n);
	if (word != 0)
		return word;
	while (2u << class < n)
		class ++;
	word = record_of((struct gd__view){ facts, n }, 0, class);
	return word ? word : facts[n - 1]; /* no memory: one of them */
}

/* n meets a single fact or the facts of a set. */
static uint64_t small_add(const struct gd__hook_ctx *g, uint64_t slot, uint64_t n,
			  enum gd__slot_role role)
{
	uint64_t facts[GD__SET_FACTS + 1], mask = n & GD__FACT_MASK;
	struct gd__view v = gd__slot_view(&slot);
	uint32_t used = 0;

	for (uint32_t i = 0; i < v.n; i++) {
		uint64_t left = v.at[i] ? meet(g, v.at[i], &n, mask, role) : 0;

		if (left != 0)
			facts[used++] = left;
	}
	if (n != 0)
		facts[used++] = n;
	return pack(facts, used, role);
}

static uint64_t reader_step(const struct gd__hook_ctx *g, uint64_t slot, uint64_t n)
{
	struct step *s = &memo[((slot >> 32) ^ (n >> 32) ^ n) % MEMO];

	if (s->from == slot && s->fact == n) {
		set_debt -= set_debt > 0;
		return s->to;
	}
	uint64_t to = small_add(g, slot, n, GD__SLOT_READS);

	if (gd__slot_is_record(to) && (to & GD__WORD_SET))
		*s = (struct step){ slot, n, to };
	return to;
}

uint64_t gd__slot_add(const struct gd__hook_ctx *g, uint64_t slot, uint64_t fact,
		      enum gd__slot_role role)
{
	if (slot == 0)
		return fact;
	if (gd__slot_is_record(slot) && !(slot & GD__WORD_SET)) {
		bool takes_all = role == GD__SLOT_WRITES && !gd__fact_is_atomic(fact);

		if (GD__WORD_CLASS(slot) >= BIG_CLASS && !takes_all)
			return record_add_big(g, slot, fact, role);
		return record_add(g, slot, fact, role);
	}
	if (role == GD__SLOT_READS && !(fact & GD__FACT_ATOMIC))
		return reader_step(g, slot, fact);
	return small_add(g, slot, fact, role);
}

/* What g's write n leaves of the read f; g NULL: the bytes are forgotten. */
static uint64_t strip_fact(const struct gd__hook_ctx *g, uint64_t f, uint64_t n)
{
	bool atomic = gd__fact_is_atomic(n);

	if (f == 0 || !(f & n & GD__FACT_MASK))
		return f;
	if (!g)
		return gd__fact_without(f, n);
	if (gd__fact_id(f) == gd__fact_id(n) && !gd__fact_is_free(n))
		return f;
	if (!atomic || (gd__fact_is_atomic(f) && gd__interval_before(g, gd__fact_id(f))))
		return gd__fact_without(f, n);
	return f;
}

uint64_t gd__slot_strip(const struct gd__hook_ctx *g, uint64_t slot, uint64_t fact)
{
	uint64_t facts[GD__SET_FACTS + 1], last = 0;
	bool private = gd__slot_is_record(slot) && !(slot & GD__WORD_SET);
	bool changed = false;
	struct gd__view v = gd__slot_view(&slot);
	uint32_t used = 0;

	for (uint32_t i = 0; i < v.n; i++) {
		uint64_t left = strip_fact(g, v.at[i], fact);

		changed |= left != v.at[i];
		if (private)
			v.at[i] = left;
		else if (left != 0)
			facts[used] = left;
		if (left != 0) {
			last = left;
			used++;
		}
	}
	if (private && used <= 1)
		gd__record_free(slot);
	if (private)
		return used > 1 ? slot : last;
	return changed ? pack(facts, used, GD__SLOT_READS) : slot;
}

uint64_t gd__slot_forget(uint64_t slot, uint64_t mask)
{
	return gd__slot_strip(NULL, slot, mask & GD__FACT_MASK);
}

bool gd__slot_covers(uint64_t slot, uint64_t fact)
{
	struct gd__view v = gd__slot_view(&slot);

	for (uint32_t i = 0; i < v.n; i++) {
		uint64_t f = v.at[i];

		if (gd__fact_id(f) != gd__fact_id(fact) || (fact & ~f & GD__FACT_MASK) ||
		    gd__fact_is_free(f))
			continue;
		if (!(f & GD__FACT_ATOMIC) || (fact & GD__FACT_ATOMIC))
			return true;
	}
	return false;
}
