/*
 * roots_mapped.c - memory that the program has mapped by itself, or registered, as roots.
 *
 * Any of it may be an arena with pointers. A mapping can be huge and hardly used, so of private
 * memory only pages that exist are looked at, as /proc/self/pagemap tells: those in memory and
 * those swapped out. A forked copy may not read that, and asks mincore where nothing is swapped
 * out. Nothing is said of shared memory there, which is taken as it is.
 */
#include <gdetect/leak.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "detector/common/ranges.h"
#include "detector/common/sort.h"
#include "detector/image/core_io.h"
#include "detector/image/roots_self.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"

/* More is not looked at: a second of work, and nobody's arena. */
#define PRIVATE_MAX ((uint64_t)64 << 30)
#define SHARED_MAX  ((uint64_t)1 << 30)

#define EXISTS (UINT64_C(3) << 62) /* in memory, or swapped out */
#define BATCH  2048

struct mapped {
	struct gd__roots_self *r;
	int pagemap;
	uint64_t *page; /* BATCH of them */
	bool no_swap;
	uint64_t left_private, left_shared;
	uint64_t run; /* where the pages begin that exist; 0: none so far */
};

static void end_run(struct mapped *m, uint64_t at)
{
	if (m->run)
		gd__roots_add(m->r, GD__ROOT_DATA, m->run, at, true);
	m->run = 0;
}

/* Which of the n pages from at on exist, one byte each in m->page. How many are known of. */
static size_t look_at_pages(struct mapped *m, uint64_t at, size_t n)
{
	uint8_t *exists = (uint8_t *)m->page;
	int64_t got = 0;

	if (m->pagemap >= 0)
		got = gd__io_pread(m->pagemap, m->page, n * 8, at / GD__PAGE * 8) / 8;
	for (int64_t i = 0; i < got; i++)
		exists[i] = (m->page[i] & EXISTS) != 0; /* byte i lies in word i / 8: done with */
	if (m->pagemap < 0 && m->no_swap &&
	    gd__os_call(SYS_mincore, (long)at, (long)(n * GD__PAGE), (long)exists, 0, 0, 0) == 0)
		got = (int64_t)n;
	return got > 0 ? (size_t)got : 0;
}

/* The pages of [lo, hi) that exist; all, if nobody says which. */
static void add_pages(struct mapped *m, uint64_t lo, uint64_t hi)
{
	m->run = 0;
	for (uint64_t at = lo; at < hi;) {
		uint64_t left = (hi - at) / GD__PAGE;
		size_t n = look_at_pages(m, at, left < BATCH ? left : BATCH);

		if (n == 0) {
			m->run = m->run ? m->run : at;
			break;
		}
		for (size_t i = 0; i < n; i++, at += GD__PAGE) {
			if (!(((const uint8_t *)m->page)[i] & 1))
				end_run(m, at);
			else if (!m->run)
				m->run = at;
		}
	}
	end_run(m, hi);
}

static bool nothing_swapped(void)
{
	struct sysinfo info;

	return gd__os_call(SYS_sysinfo, (long)&info, 0, 0, 0, 0, 0) == 0 &&
	       info.totalswap == info.freeswap;
}

static bool within(uint64_t *left, uint64_t n)
{
	if (n > *left)
		return false;
	*left -= n;
	return true;
}

static void add_range(struct mapped *m, uint64_t lo, uint64_t hi, enum gd__range_kind kind)
{
	if (kind == GD__RANGE_PRIVATE && within(&m->left_private, hi - lo))
		add_pages(m, lo, hi);
	else if (kind == GD__RANGE_REGISTERED ||
		 (kind == GD__RANGE_SHARED && within(&m->left_shared, hi - lo)))
		gd__roots_add(m->r, GD__ROOT_DATA, lo, hi, true);
	else
		m->r->missing = "the program has mapped more memory than is looked at";
}

void gd__roots_mapped(struct gd__roots_self *r)
{
	struct mapped m = { .r = r,
			    .page = gd__arena_get(&r->arena, BATCH * 8),
			    .left_private = PRIVATE_MAX,
			    .left_shared = SHARED_MAX };
	enum gd__range_kind kind;
	uintptr_t lo, hi;

	if (!m.page) {
		r->no_memory = true;
		return;
	}
	m.pagemap = gd__io_open_proc(gd__os_tid(), "pagemap");
	m.no_swap = m.pagemap < 0 && nothing_swapped();
	for (size_t i = 0; i < GD__RANGES_MAX; i++)
		if (gd__ranges_get(i, &lo, &hi, &kind))
			add_range(&m, lo, hi, kind);
	if (m.pagemap >= 0)
		gd__io_close(m.pagemap);
	if (gd__ranges_lost())
		r->missing = "the program has more mappings than can be followed";
}

static bool lower(const void *a, const void *b)
{
	return ((const struct gd__range *)a)->lo < ((const struct gd__range *)b)->lo;
}

void gd__roots_sort_foreign(struct gd__roots_self *r)
{
	size_t n = 0;

	r->apart = gd__arena_get(&r->arena, (r->n + 1) * sizeof(*r->apart));
	if (!r->apart) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < r->n; i++)
		if (r->root[i].foreign && r->root[i].range.lo < r->root[i].range.hi)
			r->apart[n++] = r->root[i].range;
	gd__sort(r->apart, n, sizeof(*r->apart), lower);
	r->napart = 0;
	for (size_t i = 0; i < n; i++) {
		struct gd__range *last = r->napart ? &r->apart[r->napart - 1] : NULL;

		if (!last || r->apart[i].lo > last->hi)
			r->apart[r->napart++] = r->apart[i];
		else if (r->apart[i].hi > last->hi)
			last->hi = r->apart[i].hi;
	}
}

bool gd__roots_foreign(const struct gd__roots_self *r, uint64_t addr)
{
	size_t lo = 0, hi = r->napart;

	if (hi == 0 || addr < r->apart[0].lo || addr >= r->apart[hi - 1].hi)
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->apart[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->napart && r->apart[lo].lo <= addr;
}

void gd_leak_add_root(const void *p, size_t n)
{
	uintptr_t lo = (uintptr_t)p;

	if (p && n > 0 && !gd__ranges_add(lo, lo + n, GD__RANGE_REGISTERED, 0))
		gd__warn("gd_leak_add_root: more than %d ranges; leaks may be reported that are "
			 "none",
			 GD__RANGES_MAX);
}

void gd_leak_remove_root(const void *p)
{
	gd__ranges_drop((uintptr_t)p);
}
