/*
 * fake_image.h - an address space made by hand, for tests of the leak engine.
 *
 * Three regions at fixed false addresses: data (roots), heap (blocks, in the
 * order they are made), stacks (one per goroutine, 32 words: the lower half is
 * below the stack pointer). Nothing of it is real memory at those addresses,
 * so an engine that reads past the image crashes.
 */
#ifndef GD_TESTS_SUPPORT_FAKE_IMAGE_H
#define GD_TESTS_SUPPORT_FAKE_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "detector/image/image.h"

#define FAKE_DATA        UINT64_C(0x100000)
#define FAKE_HEAP        UINT64_C(0x10000000000)
#define FAKE_STACKS      UINT64_C(0x7f0000000000)
#define FAKE_DATA_WORDS  1024
#define FAKE_STACK_WORDS 32
#define FAKE_PER_G       4 /* waits of one goroutine */

struct fake_block {
	uint64_t start, size;
	bool freed;
};

struct fake {
	struct gd__image im;
	uint64_t data[FAKE_DATA_WORDS];
	uint64_t *heap, *stacks;
	size_t heap_words, heap_used, data_used;
	struct fake_block *block;
	size_t nblocks, max;
	struct gd__ginfo *g;
	struct gd__winfo *waits;
	struct gd__oinfo *object;
	size_t nobjects;
	struct gd__range extra[8]; /* further root ranges */
	size_t nextra;
	bool timer;          /* one is pending, whose words lead nowhere */
	uint64_t unreadable; /* this address cannot be viewed, 0: none */
	size_t views;
};

static inline void *fake_zero(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

static inline uint64_t *fake_host(struct fake *f, uint64_t addr, size_t *words)
{
	struct {
		uint64_t base, *host;
		size_t words;
	} r[3] = { { FAKE_DATA, f->data, FAKE_DATA_WORDS },
		   { FAKE_HEAP, f->heap, f->heap_used },
		   { FAKE_STACKS, f->stacks, f->im.ng * FAKE_STACK_WORDS } };

	for (int i = 0; i < 3; i++)
		if (addr >= r[i].base && addr < r[i].base + 8 * r[i].words) {
			*words = r[i].words - (addr - r[i].base) / 8;
			return r[i].host + (addr - r[i].base) / 8;
		}
	return NULL;
}

static inline void fake_poke(struct fake *f, uint64_t addr, uint64_t value)
{
	size_t words;
	uint64_t *p = fake_host(f, addr, &words);

	if (!p)
		abort();
	*p = value;
}

static inline const void *fake_view(struct gd__image *im, uint64_t addr, size_t n, size_t *got)
{
	struct fake *f = im->priv;
	size_t words;
	uint64_t *p = fake_host(f, addr, &words);

	f->views++;
	if (!p || (f->unreadable && addr <= f->unreadable && f->unreadable < addr + n))
		return NULL;
	*got = n < 8 * words ? n : 8 * words;
	return p;
}

static inline bool fake_find_block(struct gd__image *im, uint64_t addr, struct gd__block *b)
{
	struct fake *f = im->priv;
	size_t lo = 0, hi = f->nblocks;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (f->block[mid].start + f->block[mid].size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == f->nblocks || f->block[lo].start > addr || f->block[lo].freed)
		return false;
	*b = (struct gd__block){ .start = f->block[lo].start, .size = f->block[lo].size };
	return true;
}

static inline void fake_roots(struct gd__image *im,
			      void (*visit)(void *, enum gd__root_kind, struct gd__range),
			      void *arg)
{
	struct fake *f = im->priv;

	visit(arg, GD__ROOT_DATA, (struct gd__range){ FAKE_DATA, FAKE_DATA + 8 * FAKE_DATA_WORDS });
	for (size_t i = 0; i < f->nextra; i++)
		visit(arg, GD__ROOT_G, f->extra[i]);
	if (f->timer)
		visit(arg, GD__ROOT_TIMER, (struct gd__range){ FAKE_DATA, FAKE_DATA });
}

static inline bool fake_get_wait(struct gd__image *im, const struct gd__ginfo *g, uint32_t i,
				 struct gd__winfo *w)
{
	struct fake *f = im->priv;

	*w = f->waits[(g->id - 1) * FAKE_PER_G + i];
	return w->kind != UINT16_MAX;
}

static inline bool fake_get_object(struct gd__image *im, uint64_t addr, uint16_t kind,
				   struct gd__oinfo *o)
{
	struct fake *f = im->priv;

	for (size_t i = 0; i < f->nobjects; i++)
		if (f->object[i].addr == addr && f->object[i].kind == kind) {
			*o = f->object[i];
			return true;
		}
	*o = (struct gd__oinfo){ .addr = addr, .size = 32, .kind = kind, .valid = true, .refs = 1 };
	return true;
}

/* Room for max goroutines, blocks and described objects. */
static inline struct fake *fake_make(size_t max)
{
	struct fake *f = fake_zero(1, sizeof(*f));

	f->max = max;
	f->heap_words = 64 * max;
	f->heap = fake_zero(f->heap_words, 8);
	f->stacks = fake_zero(max * FAKE_STACK_WORDS, 8);
	f->block = fake_zero(max, sizeof(*f->block));
	f->g = fake_zero(max, sizeof(*f->g));
	f->waits = fake_zero(max * FAKE_PER_G, sizeof(*f->waits));
	f->object = fake_zero(max, sizeof(*f->object));
	f->im = (struct gd__image){ .g = f->g,
				    .roots = fake_roots,
				    .view = fake_view,
				    .block = fake_find_block,
				    .wait = fake_get_wait,
				    .object = fake_get_object,
				    .heap_lo = FAKE_HEAP,
				    .heap_hi = FAKE_HEAP + 8 * f->heap_words,
				    .has_heap = true,
				    .priv = f };
	return f;
}

static inline void fake_free(struct fake *f)
{
	free(f->heap);
	free(f->stacks);
	free(f->block);
	free(f->g);
	free(f->waits);
	free(f->object);
	free(f);
}

/* A heap block; two free words follow it. */
static inline uint64_t fake_block(struct fake *f, size_t words)
{
	uint64_t at = FAKE_HEAP + 8 * f->heap_used;

	if (f->nblocks == f->max || f->heap_used + words + 2 > f->heap_words)
		abort();
	f->block[f->nblocks++] = (struct fake_block){ at, 8 * words, false };
	f->heap_used += words + 2;
	return at;
}

/* A block freed again. */
static inline void fake_unblock(struct fake *f, uint64_t addr)
{
	for (size_t i = 0; i < f->nblocks; i++)
		if (f->block[i].start == addr)
			f->block[i].freed = true;
}

/* A word of the data segment that holds value; its address. */
static inline uint64_t fake_global(struct fake *f, uint64_t value)
{
	f->data[f->data_used] = value;
	return FAKE_DATA + 8 * f->data_used++;
}

/* A goroutine that runs user code but whose registers were saved: it may run. */
static inline uint64_t fake_go(struct fake *f)
{
	uint64_t id = f->im.ng + 1, lo = FAKE_STACKS + 8 * FAKE_STACK_WORDS * f->im.ng;

	if (f->im.ng == f->max)
		abort();
	f->g[f->im.ng++] = (struct gd__ginfo){ .id = id,
					       .state = GD__GI_RUNNABLE,
					       .stack_lo = lo,
					       .sp = lo + 4 * FAKE_STACK_WORDS,
					       .stack_hi = lo + 8 * FAKE_STACK_WORDS };
	return id;
}

static inline struct gd__ginfo *fake_g(struct fake *f, uint64_t id)
{
	return &f->g[id - 1];
}

/* Address of live word i of a goroutine's stack; -1, -2, ... are below the stack pointer. */
static inline uint64_t fake_stack(struct fake *f, uint64_t id, int i)
{
	return fake_g(f, id)->sp + (uint64_t)(8 * i);
}

/* The goroutine waits, for this too. Its stack holds the address, as it does in truth. */
static inline void fake_wait(struct fake *f, uint64_t id, uint32_t reason, uint64_t obj)
{
	static const uint16_t kind[GD__WAIT_COUNT] = {
		[GD__WAIT_CHAN_RECV] = GD__OBJ_CHAN,      [GD__WAIT_CHAN_SEND] = GD__OBJ_CHAN,
		[GD__WAIT_CHAN_RECV_NIL] = GD__OBJ_CHAN,  [GD__WAIT_CHAN_SEND_NIL] = GD__OBJ_CHAN,
		[GD__WAIT_SELECT] = GD__OBJ_CHAN,         [GD__WAIT_MUTEX] = GD__OBJ_MUTEX,
		[GD__WAIT_RWMUTEX_R] = GD__OBJ_RWMUTEX,   [GD__WAIT_RWMUTEX_W] = GD__OBJ_RWMUTEX,
		[GD__WAIT_WAITGROUP] = GD__OBJ_WAITGROUP, [GD__WAIT_COND] = GD__OBJ_COND,
	};
	static const uint16_t op[GD__WAIT_COUNT] = {
		[GD__WAIT_CHAN_SEND] = GD__OP_SEND,  [GD__WAIT_MUTEX] = GD__OP_LOCK,
		[GD__WAIT_RWMUTEX_R] = GD__OP_RLOCK, [GD__WAIT_RWMUTEX_W] = GD__OP_LOCK,
		[GD__WAIT_WAITGROUP] = GD__OP_WAIT,  [GD__WAIT_COND] = GD__OP_WAIT,
	};
	struct gd__ginfo *g = fake_g(f, id);

	g->state = GD__GI_WAITING;
	g->reason = reason;
	if (reason == GD__WAIT_SELECT_NONE || !gd__wait_stuck(reason))
		return;
	fake_poke(f, fake_stack(f, id, FAKE_STACK_WORDS / 2 - 1 - (int)g->nwaits), obj);
	f->waits[(id - 1) * FAKE_PER_G + g->nwaits++] =
		(struct gd__winfo){ obj, kind[reason], op[reason], 0 };
}

/* Describes a primitive beyond the default (valid, 32 bytes, one reference). */
static inline struct gd__oinfo *fake_object(struct fake *f, uint64_t addr, uint16_t kind)
{
	struct gd__oinfo *o = &f->object[f->nobjects++];

	*o = (struct gd__oinfo){ .addr = addr, .size = 32, .kind = kind, .valid = true, .refs = 1 };
	return o;
}

/* id holds this read lock. */
static inline void fake_hold_read(struct fake *f, uint64_t id, uint64_t lock)
{
	struct gd__ginfo *g = fake_g(f, id);

	g->held[g->nheld++].lock = lock;
}

#endif
