/* site.c - see site.h. Three intern tables; the upper bits of a site say which. */
#include "detector/race/site.h"

#include "detector/common/depot.h"
#include "detector/race/cell.h"
#include "detector/race/intern.h"
#include "runtime/base/fatal.h"

#define PC_BITS    48
#define CELL_SITES GD__CELL_BYTES

/* Key words of a place. */
enum { KEY_PC, KEY_CTX, KEY_WORDS };

struct place {
	uint64_t key[KEY_WORDS]; /* pc | size << 48, context (0: the pc alone) */
	uint32_t stack;          /* depot id */
	uint32_t whole;
	_Atomic uint32_t contexts; /* of the pc, kept in the entry of the pc alone */
	uint32_t unused;
};

struct mixture {
	uint32_t site[CELL_SITES];
};
_Static_assert(sizeof(struct mixture) % 8 == 0, "an intern key is whole words");

/* What this thread asked for last. */
struct recent {
	uint64_t key[KEY_WORDS];
	uint32_t site;
};
#define RECENT 32u
static GD__TLS struct recent recents[RECENT];

/* Mixtures that this thread asked for: the same bytes are mixed in each interval. */
struct mixed {
	uint64_t sites; /* old << 32 | new */
	uint32_t masks, site;
};
static GD__TLS struct mixed mixed[RECENT];

static struct gd__intern places, free_places, mixtures;

bool gd__site_init(void)
{
	return gd__intern_init(&places, sizeof(struct place), KEY_WORDS * 8, GD__SITE_MIXED - 1) &&
	       gd__intern_init(&free_places, sizeof(struct place), KEY_WORDS * 8, (1u << 20) - 1) &&
	       gd__intern_init(&mixtures, sizeof(struct mixture), sizeof(struct mixture),
			       (1u << 20) - 1);
}

static uint64_t key_pc(uintptr_t pc, size_t size)
{
	return ((uint64_t)pc & (((uint64_t)1 << PC_BITS) - 1)) | (uint64_t)size << PC_BITS;
}

/* Copies the innermost frames of the shadow stack, at most max. */
static size_t frames_of(const struct gd__hook_ctx *g, uintptr_t *pcs, size_t max)
{
	size_t n = 0;

	for (const struct gd__frame *f = g->frame; n < max && f > g->frames + 1;)
		pcs[n++] = (--f)->pc;
	return n;
}

struct filling {
	uint32_t stack, whole;
};

static void fill(void *entry, void *arg)
{
	struct place *p = entry;
	const struct filling *f = arg;

	p->stack = f->stack;
	p->whole = f->whole;
}

/* Interns the place with this context and the stack of the innermost n frames. */
static uint32_t put_context(struct gd__intern *t, const struct gd__hook_ctx *g, const uint64_t *key,
			    struct place *alone, size_t n)
{
	uintptr_t pcs[GD__DEPOT_FRAMES] = { 0 };
	size_t depth = (size_t)(g->frame - g->frames) - 1;
	size_t got = frames_of(g, pcs, n);
	struct filling f = { .stack = gd__depot_put(pcs, got),
			     .whole = got == depth && g->frames_lost == 0 };

	if (got > 0 && f.stack == 0)
		f.whole = 0;                  /* the depot is full */
	gd__add_relaxed(&alone->contexts, 1); /* a bound: may be off by some */
	return gd__intern_put(t, key, fill, &f);
}

static uint64_t inner_context(const struct gd__hook_ctx *g)
{
	uintptr_t pcs[GD__SITE_INNER];
	size_t n = frames_of(g, pcs, GD__SITE_INNER);
	uint64_t h = ~(uint64_t)0;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ pcs[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 29;
	}
	return h | 1;
}

/* The context is not known yet: interns it, or what the bounds of this pc leave of it. */
static uint32_t put_new(struct gd__intern *t, const struct gd__hook_ctx *g, uint64_t *key)
{
	uint64_t whole = key[KEY_CTX];

	key[KEY_CTX] = 0;
	uint32_t alone = gd__intern_put(t, key, NULL, NULL);

	if (alone == 0)
		return 0;
	struct place *p = gd__intern_at(t, alone);
	uint32_t contexts = gd__load_relaxed(&p->contexts); /* a bound, see put_context */

	if (contexts < GD__SITE_CONTEXTS) {
		key[KEY_CTX] = whole;
		uint32_t n = put_context(t, g, key, p, GD__DEPOT_FRAMES);

		return n ? n : alone;
	}
	key[KEY_CTX] = inner_context(g);
	uint32_t n = gd__intern_find(t, key);

	if (n == 0 && contexts < GD__SITE_CONTEXTS + GD__SITE_PARTIAL)
		n = put_context(t, g, key, p, GD__SITE_INNER);
	return n ? n : alone;
}

static GD__NOINLINE uint32_t put(const struct gd__hook_ctx *g, struct recent *r, uint64_t pc,
				 uint64_t ctx, bool freed)
{
	struct gd__intern *t = freed ? &free_places : &places;
	uint64_t key[KEY_WORDS] = { pc, ctx };
	uint32_t n = gd__intern_find(t, key);

	if (n == 0)
		n = put_new(t, g, key);
	if (freed)
		return n | GD__SITE_FREE;
	*r = (struct recent){ { pc, ctx }, n };
	return n;
}

uint32_t gd__site_put(const struct gd__hook_ctx *g, uintptr_t pc, size_t size, bool freed)
{
	uint64_t ctx = g->frame[-1].ctx | 1; /* 0 is the pc alone */
	uint64_t key = key_pc(pc, size);
	struct recent *r = &recents[((key ^ ctx >> 32) * 0x9e3779b97f4a7c15u >> 32) % RECENT];

	if (gd__likely(r->key[KEY_PC] == key && r->key[KEY_CTX] == ctx && !freed))
		return r->site;
	return put(g, r, key, ctx, freed);
}

uint32_t gd__site_of_byte(uint32_t site, unsigned byte)
{
	if ((site & GD__SITE_KIND) != GD__SITE_MIXED)
		return site;
	const struct mixture *m = gd__intern_at(&mixtures, site & ~GD__SITE_KIND);

	return m->site[byte];
}

static GD__NOINLINE uint32_t mix(uint32_t old, unsigned old_mask, uint32_t new, unsigned new_mask)
{
	union {
		struct mixture m;
		uint64_t key[sizeof(struct mixture) / 8];
	} u = { .m = { { 0 } } };
	bool differ = false;

	for (unsigned i = 0; i < CELL_SITES; i++) {
		if (new_mask >> i & 1)
			u.m.site[i] = gd__site_of_byte(new, i);
		else if (old_mask >> i & 1)
			u.m.site[i] = gd__site_of_byte(old, i);
		else
			continue;
		differ |= u.m.site[i] != new;
	}
	if (!differ)
		return new;
	uint32_t n = gd__intern_put(&mixtures, u.key, NULL, NULL);

	return n ? GD__SITE_MIXED | n : new;
}

uint32_t gd__site_mix(uint32_t old, unsigned old_mask, uint32_t new, unsigned new_mask)
{
	uint64_t sites = (uint64_t)old << 32 | new;
	uint32_t masks = old_mask << 8 | new_mask;
	struct mixed *m = &mixed[((sites ^ masks) * 0x9e3779b97f4a7c15u >> 32) % RECENT];

	if (old == new)
		return new;
	if (m->sites != sites || m->masks != masks)
		*m = (struct mixed){ sites, masks, mix(old, old_mask, new, new_mask) };
	return m->site;
}

bool gd__site_get(uint32_t site, unsigned byte, struct gd__site_info *info)
{
	uint32_t s = gd__site_of_byte(site, byte);
	bool freed = (s & GD__SITE_KIND) == GD__SITE_FREE;
	uint32_t n = freed ? s & ~GD__SITE_FREE : s;

	*info = (struct gd__site_info){ .freed = freed };
	if (n == 0)
		return false;
	const struct place *p = gd__intern_at(freed ? &free_places : &places, n);

	info->pc = (uintptr_t)(p->key[KEY_PC] & (((uint64_t)1 << PC_BITS) - 1));
	info->size = (uint32_t)(p->key[KEY_PC] >> PC_BITS);
	info->stack = p->stack;
	info->whole = p->whole != 0;
	return true;
}

unsigned gd__site_bytes(uint32_t site, unsigned mask, unsigned byte)
{
	uint32_t mine = gd__site_of_byte(site, byte);
	unsigned same = 0;

	for (unsigned i = 0; i < CELL_SITES; i++) {
		if ((mask >> i & 1) && gd__site_of_byte(site, i) == mine)
			same |= 1u << i;
	}
	return same;
}

uint32_t gd__site_count(void)
{
	return places.count + free_places.count; /* statistics: may be some behind */
}

uint32_t gd__site_mixed_count(void)
{
	return mixtures.count;
}
