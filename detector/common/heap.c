/*
 * heap.c - the map of live heap blocks.
 *
 *   root:  table[4096]                  one bit per table that exists    (32 GiB each)
 *   table: chunk[8192]                  one bit per chunk that has bits  (4 MiB each)
 *   chunk: start[4096] words of bits    1 bit: a block starts at these 16 bytes
 *          group[64]                    bit w of group[k]: start[64 k + w] is not 0
 *          top                          bit k: group[k] is not 0
 *
 * "Which block contains addr" is a search for the last start bit at or below
 * addr: at most a few words on each level, however large the block.
 *
 * Everything is lock-free. Lower levels are set first, then each upper bit is
 * checked and set by every adder itself. A remover that empties a word clears
 * the upper bit, looks at the word again and sets the bit back if somebody has
 * added meanwhile. `busy` says how many removers are between the two (low half)
 * and how many have been (high half); a reader that finds one there, or finds
 * that one has passed while it was reading, looks at all words of that level.
 * So the answer is right even when the remover is stopped there, also in a core
 * of that moment.
 * (Rejected: a lock per chunk, which a fork or a stopped thread would leave
 * locked; bits that are never cleared, which make a search in freed memory slow.)
 */
#include "detector/common/heap.h"

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"

#define GRAIN_SHIFT 4
#define CHUNK_SHIFT 22
#define TABLE_SHIFT 35
#define ADDR_BITS   47

#define WORDS  (1u << (CHUNK_SHIFT - GRAIN_SHIFT - 6)) /* 4096 */
#define GROUPS (WORDS / 64)
#define CHUNKS (1u << (TABLE_SHIFT - CHUNK_SHIFT))
#define TABLES (1u << (ADDR_BITS - TABLE_SHIFT))

#define LAYOUT 1u /* changes with any of the structs here: a dump's reader checks it */

/* Before each block. */
struct header {
	_Atomic uint64_t size_align; /* size << 8 | align_log2 */
	_Atomic uint32_t stack, goid;
};
_Static_assert(sizeof(struct header) == 16, "malloc keeps 16 bytes before a block");

struct chunk {
	_Atomic uint64_t top;
	_Atomic uint64_t busy; /* removers that clear bits of group and top */
	_Atomic uint64_t group[GROUPS];
	_Atomic uint64_t start[WORDS];
};

struct table {
	_Atomic uint64_t busy; /* the same of used */
	_Atomic uint64_t used[CHUNKS / 64];
	struct chunk *_Atomic chunk[CHUNKS];
};

struct root {
	_Atomic uint64_t layout;
	_Atomic uint64_t lo, hi; /* all blocks there ever were lie in [lo, hi); 0: none yet */
	_Atomic uint64_t used[TABLES / 64];
	struct table *_Atomic table[TABLES];
};

static struct root root;

/* Sets bit of *word if it is not set. */
static void bit_ensure(_Atomic uint64_t *word, unsigned bit)
{
	/* seq_cst: adder sets below, then looks here; remover clears here, then looks below */
	if ((gd__load_seq_cst(word) >> bit & 1) == 0)
		gd__or_seq_cst(word, (uint64_t)1 << bit); /* pairs with the same load elsewhere */
}

static struct table *table_get(uint64_t addr)
{
	unsigned i = (unsigned)(addr >> TABLE_SHIFT);
	struct table *t = gd__load_acquire(&root.table[i]); /* pairs with cas below */

	if (t == NULL) {
		struct table *fresh = gd__os_map(sizeof(*fresh));

		if (fresh == NULL)
			return NULL;
		if (gd__cas_acq_rel(&root.table[i], &t, fresh)) /* pairs with the load above */
			t = fresh;
		else
			gd__os_unmap(fresh, sizeof(*fresh));
	}
	bit_ensure(&root.used[i / 64], i % 64); /* never cleared */
	return t;
}

static struct chunk *chunk_get(struct table *t, uint64_t addr)
{
	unsigned i = (unsigned)(addr >> CHUNK_SHIFT) % CHUNKS;
	struct chunk *c = gd__load_acquire(&t->chunk[i]); /* pairs with cas below */

	if (c == NULL) {
		struct chunk *fresh = gd__os_map(sizeof(*fresh));

		if (fresh == NULL)
			return NULL;
		if (gd__cas_acq_rel(&t->chunk[i], &c, fresh)) /* pairs with the load above */
			c = fresh;
		else
			gd__os_unmap(fresh, sizeof(*fresh));
	}
	return c;
}

/* The chunk of addr if it exists. */
static struct chunk *chunk_peek(uint64_t addr, struct table **in)
{
	if (addr >> ADDR_BITS != 0)
		return NULL;
	struct table *t =
		gd__load_acquire(&root.table[addr >> TABLE_SHIFT]); /* pairs with table_get */

	*in = t;
	if (t == NULL)
		return NULL;
	return gd__load_acquire(
		&t->chunk[(addr >> CHUNK_SHIFT) % CHUNKS]); /* pairs with chunk_get */
}

static unsigned grain_of(uint64_t addr)
{
	return (unsigned)(addr >> GRAIN_SHIFT) % (WORDS * 64);
}

/*
 * A byte more on each side: lo and hi lie in our data, which a leak check scans, and must not be
 * taken for pointers to the first and the last block.
 */
static void widen(uint64_t block, size_t size)
{
	uint64_t addr = block - 1, end = block + size + 1;
	uint64_t lo = gd__load_relaxed(&root.lo); /* only widens: any order of updates is right */
	uint64_t hi = gd__load_relaxed(&root.hi); /* as lo */

	while ((lo == 0 || addr < lo) && !gd__cas_relaxed(&root.lo, &lo, addr))
		;
	while (end > hi && !gd__cas_relaxed(&root.hi, &hi, end))
		;
}

static struct header *header_of(const void *p)
{
	return (struct header *)(uintptr_t)((uintptr_t)p - sizeof(struct header));
}

bool gd__heap_add(void *p, size_t size, uint32_t align_log2, uint32_t stack, uint32_t goid)
{
	uint64_t addr = (uintptr_t)p;
	struct table *t = addr >> ADDR_BITS == 0 ? table_get(addr) : NULL;
	struct chunk *c = t == NULL ? NULL : chunk_get(t, addr);

	if (c == NULL)
		return false;
	struct header *h = header_of(p);
	unsigned grain = grain_of(addr), w = grain / 64;

	gd__store_relaxed(&h->size_align,
			  (uint64_t)size << 8 | align_log2); /* published by start */
	gd__store_relaxed(&h->stack, stack);                 /* as above */
	gd__store_relaxed(&h->goid, goid);                   /* as above */
	if (gd__load_relaxed(&root.layout) != LAYOUT)
		gd__store_relaxed(&root.layout, LAYOUT); /* same value from everybody */
	widen(addr, size);
	/* pairs with the and in heap_remove and the loads of find */
	gd__or_seq_cst(&c->start[w], (uint64_t)1 << grain % 64);
	bit_ensure(&c->group[w / 64], w % 64);
	bit_ensure(&c->top, w / 64);
	unsigned i = (unsigned)(addr >> CHUNK_SHIFT) % CHUNKS;

	bit_ensure(&t->used[i / 64], i % 64);
	return true;
}

/* *lower was seen empty: clears its bit in *upper, for good only if it is still empty. */
static void bit_retire(_Atomic uint64_t *upper, unsigned bit, const _Atomic uint64_t *lower)
{
	gd__and_seq_cst(upper, ~((uint64_t)1 << bit));     /* pairs with bit_ensure */
	if (gd__load_seq_cst(lower) != 0)                  /* pairs with the or that set it */
		gd__or_seq_cst(upper, (uint64_t)1 << bit); /* pairs with the load in bit_ensure */
}

#define BUSY_BEGIN 1u
#define BUSY_END   (((uint64_t)1 << 32) - 1)
#define IS_BUSY(v) ((uint32_t)(v) != 0)

/* start[w] has become 0. */
static void retire(struct table *t, struct chunk *c, uint64_t addr, unsigned w)
{
	gd__add_seq_cst(&c->busy, BUSY_BEGIN); /* pairs with the load of busy in chunk_last */
	bit_retire(&c->group[w / 64], w % 64, &c->start[w]);
	if (gd__load_relaxed(&c->group[w / 64]) == 0) /* a hint: bit_retire looks again */
		bit_retire(&c->top, w / 64, &c->group[w / 64]);
	if (gd__load_relaxed(&c->top) == 0) { /* a hint, as above */
		unsigned i = (unsigned)(addr >> CHUNK_SHIFT) % CHUNKS;

		gd__add_seq_cst(&t->busy,
				BUSY_BEGIN); /* pairs with the load of busy in table_last */
		bit_retire(&t->used[i / 64], i % 64, &c->top);
		gd__add_seq_cst(&t->busy, BUSY_END); /* pairs with the same load */
	}
	gd__add_seq_cst(&c->busy, BUSY_END); /* pairs with the load of busy in chunk_last */
}

static void read_header(const struct header *h, size_t *size, uint32_t *align_log2)
{
	uint64_t v = gd__load_relaxed(&h->size_align); /* ordered by the start bit */

	*size = v >> 8;
	*align_log2 = (uint32_t)(v & 0xff);
}

bool gd__heap_get(const void *p, size_t *size, uint32_t *align_log2)
{
	uint64_t addr = (uintptr_t)p;
	struct table *t;
	struct chunk *c = addr % (1 << GRAIN_SHIFT) == 0 ? chunk_peek(addr, &t) : NULL;
	unsigned grain = grain_of(addr);

	/* pairs with the or in heap_add */
	if (c == NULL || (gd__load_acquire(&c->start[grain / 64]) >> grain % 64 & 1) == 0)
		return false;
	read_header(header_of(p), size, align_log2);
	return true;
}

bool gd__heap_remove(void *p, size_t *size, uint32_t *align_log2)
{
	uint64_t addr = (uintptr_t)p;
	struct table *t;
	struct chunk *c = addr % (1 << GRAIN_SHIFT) == 0 ? chunk_peek(addr, &t) : NULL;

	if (c == NULL)
		return false;
	unsigned grain = grain_of(addr), w = grain / 64;
	uint64_t bit = (uint64_t)1 << grain % 64;
	uint64_t old = gd__and_seq_cst(&c->start[w], ~bit); /* pairs with the or in heap_add */

	if ((old & bit) == 0)
		return false;
	if (old == bit)
		retire(t, c, addr, w);
	read_header(header_of(p), size, align_log2);
	return true;
}

void gd__heap_resize(void *p, size_t size, uint32_t stack, uint32_t goid)
{
	struct header *h = header_of(p);
	uint64_t align = gd__load_relaxed(&h->size_align) & 0xff; /* the owner is the only writer */

	widen((uintptr_t)p, size);
	gd__store_relaxed(&h->size_align,
			  (uint64_t)size << 8 | align); /* old or new, both are true */
	gd__store_relaxed(&h->stack, stack);            /* as above */
	gd__store_relaxed(&h->goid, goid);              /* as above */
}

/*
 * The search. One text for two address spaces: with m NULL the addresses are
 * our own and every read is an atomic load; the compiler makes two functions of it.
 */
static GD__ALWAYS_INLINE bool load(const struct gd__mem *m, uint64_t addr, uint64_t *v)
{
	if (m != NULL)
		return m->read(m, addr, v, sizeof(*v));
	/* pairs with the ors and swaps of adders */
	*v = gd__load_acquire((const _Atomic uint64_t *)(uintptr_t)addr);
	return true;
}

static GD__ALWAYS_INLINE unsigned msb(uint64_t v)
{
	return 63u - (unsigned)__builtin_clzll(v);
}

/* Bits 0..n of a word, n < 64. */
static GD__ALWAYS_INLINE uint64_t upto(unsigned n)
{
	return ~(uint64_t)0 >> (63 - n);
}

/* The last set bit at or below bit `from` of the words at base, each looked at; -1 if none. */
static GD__ALWAYS_INLINE int64_t last_linear(const struct gd__mem *m, uint64_t base, unsigned from)
{
	uint64_t v, mask = upto(from % 64);

	for (int64_t w = from / 64; w >= 0; w--, mask = ~(uint64_t)0) {
		if (!load(m, base + 8 * (uint64_t)w, &v))
			return -1;
		if ((v & mask) != 0)
			return w * 64 + msb(v & mask);
	}
	return -1;
}

/* In group k, the last word at or below bit `from` of group[k] that has a start. */
static GD__ALWAYS_INLINE int64_t group_last(const struct gd__mem *m, uint64_t chunk, unsigned k,
					    unsigned from)
{
	uint64_t bits, v;

	if (!load(m, chunk + offsetof(struct chunk, group) + 8 * k, &bits))
		return -1;
	for (bits &= upto(from); bits != 0; bits &= ~((uint64_t)1 << msb(bits))) {
		uint64_t w = k * 64 + msb(bits);

		if (!load(m, chunk + offsetof(struct chunk, start) + 8 * w, &v))
			return -1;
		if (v != 0)
			return (int64_t)w * 64 + msb(v);
	}
	return -1;
}

/* The last start in a word below word w of the chunk, by way of group and top; -1 if none. */
static GD__ALWAYS_INLINE int64_t chunk_below(const struct gd__mem *m, uint64_t chunk, unsigned w)
{
	int64_t r = w % 64 == 0 ? -1 : group_last(m, chunk, w / 64, w % 64 - 1);
	uint64_t v;

	if (r >= 0 || w / 64 == 0 || !load(m, chunk + offsetof(struct chunk, top), &v))
		return r;
	for (v &= upto(w / 64 - 1); v != 0 && r < 0; v &= ~((uint64_t)1 << msb(v)))
		r = group_last(m, chunk, msb(v), 63);
	return r;
}

/* The last start at or below grain `from` of the chunk; -1 if none. */
static GD__ALWAYS_INLINE int64_t chunk_last(const struct gd__mem *m, uint64_t chunk, unsigned from)
{
	uint64_t starts = chunk + offsetof(struct chunk, start);
	uint64_t busy = chunk + offsetof(struct chunk, busy);
	unsigned w = from / 64;
	uint64_t v, before, after;

	if (!load(m, starts + 8 * w, &v))
		return -1;
	v &= upto(from % 64);
	if (v != 0)
		return w * 64 + msb(v);
	if (w == 0 || !load(m, busy, &before))
		return -1;
	if (!IS_BUSY(before)) {
		int64_t r = chunk_below(m, chunk, w);

		if (!load(m, busy, &after) || after == before)
			return r;
	}
	return last_linear(m, starts, w * 64 - 1);
}

/* The last chunk below chunk i of the table that has a start; -1 if none. */
static GD__ALWAYS_INLINE int64_t table_below(const struct gd__mem *m, uint64_t table, int64_t i)
{
	uint64_t busy = table + offsetof(struct table, busy);
	uint64_t before, after;

	if (i == 0 || !load(m, busy, &before))
		return -1;
	int64_t r = last_linear(m, table + offsetof(struct table, used), (unsigned)i - 1);

	if (!IS_BUSY(before) && (!load(m, busy, &after) || after == before))
		return r;
	return i - 1; /* perhaps empty: the search goes on from there */
}

/* The last start at or below addr in the table that holds addr; 0 if none. */
static GD__ALWAYS_INLINE uint64_t table_last(const struct gd__mem *m, uint64_t table, uint64_t addr)
{
	int64_t i = (int64_t)(addr >> CHUNK_SHIFT) % CHUNKS;
	uint64_t base = addr >> TABLE_SHIFT << TABLE_SHIFT;
	unsigned from = grain_of(addr);
	uint64_t chunk;

	for (; i >= 0; i = table_below(m, table, i)) {
		if (!load(m, table + offsetof(struct table, chunk) + 8 * (uint64_t)i, &chunk))
			return 0;
		int64_t r = chunk == 0 ? -1 : chunk_last(m, chunk, from);

		if (r >= 0)
			return base + ((uint64_t)i << CHUNK_SHIFT) + ((uint64_t)r << GRAIN_SHIFT);
		from = WORDS * 64 - 1;
	}
	return 0;
}

static GD__ALWAYS_INLINE uint64_t last_start(const struct gd__mem *m, uint64_t at, uint64_t addr)
{
	int64_t i = (int64_t)(addr >> TABLE_SHIFT);
	uint64_t table, start;

	while (i >= 0) {
		if (!load(m, at + offsetof(struct root, table) + 8 * (uint64_t)i, &table))
			return 0;
		start = table == 0 ? 0 : table_last(m, table, addr);
		if (start != 0 || i == 0)
			return start;
		i = last_linear(m, at + offsetof(struct root, used), (unsigned)i - 1);
		addr = ((uint64_t)(i + 1) << TABLE_SHIFT) - 1; /* the end of table i */
	}
	return 0;
}

static GD__ALWAYS_INLINE bool find(const struct gd__mem *m, uint64_t at, uint64_t addr,
				   struct gd__block *b)
{
	uint64_t lo, hi, start, word[2];

	if (addr >> ADDR_BITS != 0 || !load(m, at + offsetof(struct root, lo), &lo) ||
	    !load(m, at + offsetof(struct root, hi), &hi))
		return false;
	if (addr < lo || addr >= hi) /* most words of a scan end here */
		return false;
	start = last_start(m, at, addr);
	if (start == 0)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!load(m, start - sizeof(struct header) + 8 * i, &word[i]))
			return false;
	b->start = start;
	b->size = word[0] >> 8;
	b->stack = (uint32_t)word[1];
	b->goid = (uint32_t)(word[1] >> 32);
	return addr - start < b->size || addr == start;
}

bool gd__heap_find(uint64_t addr, struct gd__block *b)
{
	return find(NULL, (uintptr_t)&root, addr, b);
}

bool gd__heap_find_in(const struct gd__mem *m, uint64_t at, uint64_t addr, struct gd__block *b)
{
	uint64_t layout;

	if (!load(m, at + offsetof(struct root, layout), &layout) || layout != LAYOUT)
		return false;
	return find(m, at, addr, b);
}

static void chunk_totals(struct chunk *c, uint64_t base, uint64_t *blocks, uint64_t *bytes)
{
	for (unsigned w = 0; w < WORDS; w++) {
		uint64_t v = gd__load_acquire(&c->start[w]); /* pairs with the or in heap_add */

		for (; v != 0; v &= v - 1) {
			uint64_t grain = w * 64 + (unsigned)__builtin_ctzll(v);
			size_t size;
			uint32_t align_log2;

			read_header(header_of((void *)(uintptr_t)(base + (grain << GRAIN_SHIFT))),
				    &size, &align_log2);
			++*blocks;
			*bytes += size;
		}
	}
}

void gd__heap_totals(uint64_t *blocks, uint64_t *bytes)
{
	*blocks = *bytes = 0;
	for (uint64_t i = 0; i < TABLES; i++) {
		struct table *t = gd__load_acquire(&root.table[i]); /* pairs with table_get */

		for (uint64_t k = 0; t != NULL && k < CHUNKS; k++) {
			/* pairs with chunk_get */
			struct chunk *c = gd__load_acquire(&t->chunk[k]);

			if (c != NULL)
				chunk_totals(c, i << TABLE_SHIFT | k << CHUNK_SHIFT, blocks, bytes);
		}
	}
}

uint64_t gd__heap_root(void)
{
	return (uintptr_t)&root;
}
