/*
 * image_self.c - our own process as an image, under a stopped world.
 *
 * Memory is looked at where it lies, but for the stacks of threads that are
 * not stopped: those are copied by the kernel, piece by piece, so that one
 * that ends meanwhile gives an error and not a fault.
 */
#include "detector/image/image.h"

#include <gdetect/error.h>

#include "detector/common/sort.h"
#include "detector/image/roots_self.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"

/* A piece that is copied at once. */
#define PIECE ((size_t)64 << 10)

#define RECORDS_AHEAD 6
#define RECORD_LINES  6

/* Lies in the arena of roots. */
struct self {
	struct gd__roots_self roots;
	char *piece;
};

static void roots(struct gd__image *im,
		  void (*visit)(void *arg, enum gd__root_kind kind, struct gd__range r), void *arg)
{
	struct self *s = im->priv;

	for (size_t i = 0; i < s->roots.n; i++)
		visit(arg, s->roots.root[i].kind, s->roots.root[i].range);
}

static const void *view(struct gd__image *im, uint64_t addr, size_t n, size_t *got)
{
	struct self *s = im->priv;

	if (!gd__roots_foreign(&s->roots, addr)) {
		*got = n;
		return (const void *)(uintptr_t)addr;
	}
	/* What is unmapped there is no loss: the thread has ended, or the range was too wide. */
	*got = gd__copy_foreign(addr, s->piece, n < PIECE ? n : PIECE);
	if (*got < 8) {
		*got = n < GD__PAGE - addr % GD__PAGE ? n : GD__PAGE - addr % GD__PAGE;
		gd__memset(s->piece, 0, *got);
	}
	return s->piece;
}

static bool block(struct gd__image *im, uint64_t addr, struct gd__block *b)
{
	return gd__heap_find(addr, b);
}

static void hint(struct gd__image *im, uint64_t addr)
{
	gd__heap_prefetch(addr);
}

static void release(struct gd__image *im)
{
	struct self *s = im->priv;
	struct gd__arena arena = s->roots.arena; /* s itself lies in it */

	im->priv = NULL;
	gd__arena_release(&arena);
}

/* Position of a record, to be sorted by id. */
struct place {
	uint64_t id;
	size_t i;
};

static bool earlier(const void *a, const void *b)
{
	return ((const struct place *)a)->id < ((const struct place *)b)->id;
}

/* One that is soon to be read, or any address. */
static void fetch_record(uint64_t addr)
{
	for (unsigned i = 0; i < RECORD_LINES; i++)
		__builtin_prefetch((const void *)(uintptr_t)(addr + 64 * i));
}

/* Puts them into the order of places, each once round its cycle. */
static void reorder(struct gd__ginfo *g, struct place *place, size_t n)
{
	for (size_t first = 0; first < n; first++) {
		if (place[first].i == first)
			continue;
		struct gd__ginfo moved = g[first];
		size_t to = first;

		for (size_t from; (from = place[to].i) != first; to = from) {
			g[to] = g[from];
			place[to].i = to;
		}
		g[to] = moved;
		place[to].i = to;
	}
}

static bool read_goroutines(struct gd__image *im, struct self *s)
{
	struct gd__arena *a = &s->roots.arena;
	size_t n = 0, max = im->rt.ngoroutines + 1;
	struct gd__ginfo *g = gd__arena_get(a, max * sizeof(*g));
	struct place *place = gd__arena_get(a, max * sizeof(*place));
	bool broken;

	if (!g || !place)
		return false;
	for (uint64_t i = 0; i < im->rt.ngoroutines; i++) {
		if (gd__inspect_goroutine(&im->rt, i, &g[n], &broken)) {
			place[n] = (struct place){ g[n].id, n };
			/* Records lie side by side, mostly, each in pages of its own. */
			if (n > 0)
				fetch_record(g[n].record +
					     RECORDS_AHEAD * (g[n].record - g[n - 1].record));
			n++;
		} else if (broken) {
			im->truncated = true;
		}
	}
	gd__sort(place, n, sizeof(*place), earlier);
	reorder(g, place, n);
	im->g = g;
	im->ng = n;
	return true;
}

int gd__image_self(struct gd__image *im, const struct gd__self_how *how)
{
	struct gd__arena arena = { 0 };
	struct self *s = gd__arena_get(&arena, sizeof(*s));

	*im = (struct gd__image){ .mem = &gd__mem_self,
				  .roots = roots,
				  .view = view,
				  .block = block,
				  .release = release,
				  .priv = s,
				  .checker_id = gd__inspect_self() };
	if (!s)
		return GD_ENOMEM;
	s->roots.arena = arena;
	s->piece = gd__arena_get(&s->roots.arena, PIECE);
	if (gd__inspect_open(&im->rt, &gd__mem_self, 0) != GD__INSPECT_OK) {
		release(im);
		return GD_EINVAL;
	}
	im->has_heap = im->rt.heap_root != 0; /* 0: our malloc is not linked in */
	if (im->has_heap && gd__heap_bounds(&im->heap_lo, &im->heap_hi))
		im->hint = hint;
	s->roots.in_run = !im->rt.ended || how->main_returned;
	im->rt.ended |= how->main_returned;
	if (how->not_stopped) {
		im->truncated = true;
		gd__fmt(im->missing, sizeof(im->missing),
			"a thread could not be stopped: what its goroutine holds is unknown");
	}
	s->roots.main_goid = im->rt.ended ? 1 : 0;
	s->roots.caller_sp = how->caller_sp;
	if (!s->piece || (!how->noted && !gd__roots_self_note(how->caller_sp)) ||
	    !read_goroutines(im, s) || !gd__roots_self_gather(&s->roots, im)) {
		release(im);
		return GD_ENOMEM;
	}
	if (s->roots.missing) {
		im->truncated = true;
		gd__fmt(im->missing, sizeof(im->missing), "%s", s->roots.missing);
	}
	return GD_OK;
}
