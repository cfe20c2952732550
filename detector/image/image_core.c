/*
 * image_core.c - opens a core as an image: finds the anchor, copies out the goroutines.
 */
#include "detector/image/image_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/inspect/anchor.h"

/* Bounds of what a hostile core may make us do. */
#define GOROUTINES_MAX ((uint64_t)1 << 27)
#define BROKEN_MAX     65536
#define STACK_MAX      ((uint64_t)4 << 30)

static struct gd__core *core_of(const struct gd__image *im)
{
	return im->priv;
}

static bool mem_read(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	const struct gd__core *c = m->self;

	return gd__modules_read(&c->modules, addr, buf, n);
}

static const void *view(struct gd__image *im, uint64_t addr, size_t n, size_t *got)
{
	const void *p = gd__core_words_view(core_of(im), addr, n, got);

	return p ? p : gd__modules_view(&core_of(im)->modules, addr, n, got);
}

static bool block(struct gd__image *im, uint64_t addr, struct gd__block *b)
{
	return im->has_heap && gd__heap_find_in(im->mem, im->rt.heap_root, addr, b);
}

static bool is_anchor(const struct gd__core *c, uint64_t addr)
{
	char magic[16];

	return addr && mem_read(&c->mem, addr, magic, sizeof(magic)) &&
	       memcmp(magic, GD__ANCHOR_MAGIC, sizeof(magic)) == 0;
}

/* Looks for the magic in writable memory; only initialised data can hold it. */
static uint64_t scan_for_anchor(const struct gd__core *c)
{
	for (size_t i = 0; i < c->file.nsegments; i++) {
		const struct gd__segment *s = &c->file.segments[i];

		if (!s->writable || s->bytes == 0)
			continue;
		const unsigned char *from = c->file.data + s->offset;
		const unsigned char *hit = memmem(from, s->bytes, GD__ANCHOR_MAGIC, 16);

		if (hit)
			return s->lo + (uint64_t)(hit - from);
	}
	return 0;
}

static uint64_t find_anchor(const struct gd__core *c)
{
	for (size_t i = 0; i < c->modules.n; i++)
		if (is_anchor(c, c->modules.module[i].anchor))
			return c->modules.module[i].anchor;
	return scan_for_anchor(c);
}

static bool open_runtime(struct gd__core *c, char *error)
{
	struct gd__runtime *rt = &c->im.rt;
	uint64_t anchor = find_anchor(c);

	if (!anchor) {
		snprintf(error, GD__CORE_TEXT,
			 c->file.lost ? "is cut off before the data of the runtime"
				      : "is a core of a program without gdetect");
		return false;
	}
	switch (gd__inspect_open(rt, &c->mem, anchor)) {
	case GD__INSPECT_OK:
		return true;
	case GD__INSPECT_VERSION:
		snprintf(error, GD__CORE_TEXT,
			 "comes from a program with gdetect %.31s; this gleak reads those of %s",
			 rt->build[0] ? rt->build : "of another version", GD_VERSION);
		return false;
	case GD__INSPECT_EMPTY:
		snprintf(error, GD__CORE_TEXT, "was written before gd_run() was called");
		return false;
	case GD__INSPECT_NO_ANCHOR:
	case GD__INSPECT_BROKEN:
		break;
	}
	snprintf(error, GD__CORE_TEXT, "%s",
		 c->file.lost ? "is cut off before the data of the runtime"
			      : "has data of the runtime that cannot be read");
	return false;
}

static int by_id(const void *a, const void *b)
{
	const struct gd__ginfo *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/*
 * Where a parked goroutine has saved its registers, the return address is not zero. gdb's gcore
 * leaves out whole pieces of memory in which it meets a guard page, and zeros come back.
 */
static bool stack_lost(const struct gd__core *c, const struct gd__ginfo *g)
{
	uint64_t saved[8] = { 0 };
	size_t n = g->stack_hi - g->sp < sizeof(saved) ? g->stack_hi - g->sp : sizeof(saved);

	if (!g->sp || (g->state != GD__GI_WAITING && g->state != GD__GI_RUNNABLE))
		return false;
	if (!mem_read(&c->mem, g->sp, saved, n))
		return true;
	for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++)
		if (saved[i])
			return false;
	return true;
}

static bool copy_goroutines(struct gd__core *c)
{
	uint64_t n = c->im.rt.ngoroutines < GOROUTINES_MAX ? c->im.rt.ngoroutines : GOROUTINES_MAX;
	size_t cap = 0, used = 0;

	for (uint64_t i = 0; i < n && c->broken < BROKEN_MAX; i++) {
		struct gd__ginfo g;
		bool broken = false;

		if (!gd__inspect_goroutine(&c->im.rt, i, &g, &broken)) {
			c->broken += broken;
			continue;
		}
		if (g.stack_lo > g.stack_hi || g.stack_hi - g.stack_lo > STACK_MAX) {
			c->broken++;
			continue;
		}
		if (used == cap) {
			cap = cap ? cap * 2 : 64;
			void *grown = realloc(c->g, cap * sizeof(*c->g));

			if (!grown)
				return false;
			c->g = grown;
		}
		if (stack_lost(c, &g)) {
			c->lost_stacks++;
			g.timed = true; /* what it waits for is unknown: nobody may call it stuck */
		}
		c->g[used++] = g;
		if (g.since_ns > c->now_ns)
			c->now_ns = g.since_ns;
	}
	if (c->g)
		qsort(c->g, used, sizeof(*c->g), by_id);
	c->im.g = c->g;
	c->im.ng = used;
	return true;
}

/* What the reader of a verdict must know was not there. */
static void tell_missing(struct gd__core *c)
{
	struct gd__image *im = &c->im;

	if (c->file.lost)
		snprintf(im->missing, sizeof(im->missing),
			 "the core is cut off: %llu bytes are missing",
			 (unsigned long long)c->file.lost);
	else if (c->lost_stacks)
		snprintf(im->missing, sizeof(im->missing),
			 "the core does not hold the stacks of %zu goroutines (gdb's gcore cannot "
			 "read "
			 "stacks with guard pages; gleak dump can)",
			 c->lost_stacks);
	else if (c->broken)
		snprintf(im->missing, sizeof(im->missing), "%zu goroutine records cannot be read",
			 c->broken);
	else if (c->file.nthreads == 0)
		snprintf(im->missing, sizeof(im->missing), "the core holds no registers");
	im->truncated = im->missing[0] != 0;
}

static void release(struct gd__image *im)
{
	gd__core_close(core_of(im));
}

static bool fill(struct gd__core *c, char *error)
{
	struct gd__image *im = &c->im;

	*im = (struct gd__image){
		.mem = &c->mem,
		.roots = gd__core_roots,
		.view = view,
		.block = block,
		.release = release,
		.priv = c,
	};
	if (!open_runtime(c, error))
		return false;
	im->has_heap = im->rt.heap_root != 0;
	if (im->has_heap &&
	    !gd__heap_bounds_in(im->mem, im->rt.heap_root, &im->heap_lo, &im->heap_hi))
		im->heap_lo = im->heap_hi = 0;
	c->now_ns = im->rt.now_ns;
	if (!copy_goroutines(c) || !gd__core_roots_prepare(c)) {
		snprintf(error, GD__CORE_TEXT, "is too big for this machine's memory");
		return false;
	}
	im->rt.now_ns = c->now_ns;
	tell_missing(c);
	return true;
}

struct gd__core *gd__core_open(const char *path, const char *const *exe, size_t nexe,
			       char error[GD__CORE_TEXT])
{
	struct gd__core *c = calloc(1, sizeof(*c));

	snprintf(error, GD__CORE_TEXT, "is too big for this machine's memory");
	if (!c)
		return NULL;
	c->mem = (struct gd__mem){ mem_read, c };
	if (gd__corefile_open(&c->file, path, error) &&
	    gd__modules_open(&c->modules, &c->file, exe, nexe) && fill(c, error))
		return c;
	gd__core_close(c);
	return NULL;
}

void gd__core_close(struct gd__core *c)
{
	gd__modules_close(&c->modules);
	gd__corefile_close(&c->file);
	free(c->g);
	free(c->fs_base);
	free(c->words.word);
	free(c);
}

bool gd__core_on_thread(const struct gd__ginfo *g)
{
	return g->state == GD__GI_SYSCALL || g->state == GD__GI_RUNNING;
}

const struct gd__core_thread *gd__core_thread_of(const struct gd__core *c,
						 const struct gd__ginfo *g)
{
	if (!gd__core_on_thread(g))
		return NULL;
	for (size_t i = 0; i < c->file.nthreads; i++) {
		uint64_t sp = c->file.threads[i].regs[GD__REG_RSP];

		if (sp >= g->stack_lo && sp < g->stack_hi)
			return &c->file.threads[i];
	}
	return NULL;
}
