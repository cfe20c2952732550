/* link: gdetect_leak gdetect_detect gdetect */
/*
 * roots_mapped_test.c - of mapped memory the pages that exist, by whatever way that can be asked;
 * and the order of what is looked at by copy.
 */
#include <errno.h>
#include <gdetect/leak.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "detector/common/ranges.h"
#include "detector/image/roots_self.h"
#include "runtime/base/os_linux.h"
#include "tests/support/unit.h"

#define PAGE ((size_t)4096)
#define MANY 6000 /* pages: asked of in three parts */
#define GB   ((size_t)1 << 30)

static struct gd__roots_self roots;
static char *map;

static void look(void)
{
	gd__arena_release(&roots.arena);
	roots = (struct gd__roots_self){ 0 };
	gd__roots_mapped(&roots);
	CHECK(!roots.no_memory);
}

/* Pages of map that are roots, the bits of those before MANY in *which. */
static size_t pages(bool *which)
{
	uintptr_t base = (uintptr_t)map;
	size_t n = 0;

	for (size_t i = 0; i < roots.n; i++) {
		const struct gd__range *r = &roots.root[i].range;

		if (r->hi <= base || r->lo >= base + MANY * PAGE)
			continue;
		CHECK(roots.root[i].foreign);
		CHECK_EQ(roots.root[i].kind, GD__ROOT_DATA);
		CHECK(r->lo >= base && r->hi <= base + MANY * PAGE && r->lo < r->hi);
		for (uint64_t at = r->lo; at < r->hi; at += PAGE, n++)
			which[(at - base) / PAGE] = true;
	}
	return n;
}

static void reserve(size_t bytes, int flags)
{
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE | flags, -1,
		   0);
	CHECK(map != MAP_FAILED);
	madvise(map, bytes, MADV_NOHUGEPAGE);
}

/* At both ends, around where the parts meet, alone and side by side. */
static const size_t touched[] = {
	0, 1, 5, 2046, 2047, 2048, 2049, 3000, 4095, 4097, 5000, MANY - 1
};
#define TOUCHED (sizeof(touched) / sizeof(touched[0]))

static void touch(void)
{
	for (size_t i = 0; i < TOUCHED; i++)
		map[touched[i] * PAGE] = 1;
}

static void check_touched(void)
{
	static bool which[MANY];

	memset(which, 0, sizeof(which));
	look();
	CHECK_EQ(pages(which), TOUCHED);
	for (size_t i = 0; i < TOUCHED; i++)
		CHECK(which[touched[i]]);
	CHECK(roots.missing == NULL);
}

static void check_all(void)
{
	static bool which[MANY];

	look();
	CHECK_EQ(pages(which), MANY);
}

CASE(pages_that_exist)
{
	reserve(MANY * PAGE, MAP_PRIVATE);
	touch();
	check_touched();
	CHECK(munmap(map, MANY * PAGE) == 0);
	look();
	CHECK_EQ(pages(NULL), 0);
}

CASE(pages_that_are_all_there)
{
	reserve(MANY * PAGE, MAP_PRIVATE);
	memset(map, 1, MANY * PAGE);
	check_all();
	CHECK(munmap(map + PAGE, (MANY - 2) * PAGE) == 0); /* the ends stay */
	look();
	CHECK_EQ(pages((bool[MANY]){ 0 }), 2);
}

static long refuse_pagemap, refuse_mincore, swapped;

static long refuse(long nr, const long *arg)
{
	if (nr == SYS_openat && strstr((const char *)arg[1], "pagemap"))
		return refuse_pagemap;
	if (nr == SYS_mincore)
		return refuse_mincore;
	return nr == SYS_sysinfo ? swapped : 0;
}

CASE(without_pagemap)
{
	reserve(MANY * PAGE, MAP_PRIVATE);
	touch();
	gd__os_filter = refuse;
	check_touched();
	refuse_pagemap = -EACCES;
	swapped = -EPERM; /* then what does not exist may be on disk */
	check_all();
	swapped = 0;
	refuse_mincore = -ENOMEM;
	check_all();
	gd__os_filter = NULL;
}

/* This needs a system on which nothing is swapped out. */
CASE(without_pagemap_by_mincore)
{
	char line[128];
	FILE *f = fopen("/proc/swaps", "r");
	int lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	if (lines != 1) {
		printf("skipped: there is a swap device\n");
		return;
	}
	reserve(MANY * PAGE, MAP_PRIVATE);
	touch();
	refuse_pagemap = -EACCES;
	gd__os_filter = refuse;
	check_touched();
	gd__os_filter = NULL;
}

/* Of a shared one others may have touched what we have not. */
CASE(shared_memory_as_a_whole)
{
	reserve(MANY * PAGE, MAP_SHARED);
	check_all();
}

CASE(more_than_is_looked_at)
{
	reserve(2 * GB, MAP_SHARED);
	look();
	CHECK_HAS(roots.missing, "more memory than is looked at");
	munmap(map, 2 * GB);
	look();
	CHECK(roots.missing == NULL);
	map = mmap(NULL, 65 * GB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(map != MAP_FAILED);
	CHECK(gd__ranges_add((uintptr_t)map, (uintptr_t)map + 65 * GB, GD__RANGE_PRIVATE, 0));
	look();
	CHECK_HAS(roots.missing, "more memory than is looked at");
}

CASE(more_mappings_than_fit)
{
	uintptr_t at = (uintptr_t)0x5a5a00000000;

	while (gd__ranges_add(at, at + 1, GD__RANGE_REGISTERED, 0))
		at += 16;
	look();
	CHECK_HAS(roots.missing, "more mappings than can be followed");
}

CASE(registered_to_the_byte)
{
	static char pool[100];
	uintptr_t lo = (uintptr_t)pool;
	size_t seen = 0;

	gd_leak_add_root(NULL, 5);
	gd_leak_add_root(pool, 0);
	gd_leak_add_root(pool + 3, 50);
	look();
	for (size_t i = 0; i < roots.n; i++)
		seen += roots.root[i].range.lo == lo + 3 && roots.root[i].range.hi == lo + 53;
	CHECK_EQ(seen, 1);
	gd_leak_remove_root(pool + 3);
	look();
	for (size_t i = 0; i < roots.n; i++)
		CHECK(roots.root[i].range.hi <= lo || roots.root[i].range.lo >= lo + 100);
}

static void add(uint64_t lo, uint64_t hi, bool foreign)
{
	gd__roots_add(&roots, GD__ROOT_DATA, lo, hi, foreign);
}

CASE(foreign_ones_by_address)
{
	CHECK(!gd__roots_foreign(&roots, 100));
	gd__roots_sort_foreign(&roots);
	CHECK_EQ(roots.napart, 0);
	CHECK(!gd__roots_foreign(&roots, 100));
	add(5000, 6000, true);
	add(100, 200, true);
	add(150, 300, true);               /* laps over */
	add(300, 400, true);               /* touches */
	add(110, 120, true);               /* lies within */
	add(700, 800, false);              /* is our own */
	add(900, 900, true);               /* is empty */
	for (uint64_t i = 0; i < 300; i++) /* also more than there is room for at first */
		add(10000 + 100 * (299 - i), 10050 + 100 * (299 - i), true);
	gd__roots_sort_foreign(&roots);
	CHECK_EQ(roots.napart, 302);
	CHECK(roots.apart[0].lo == 100 && roots.apart[0].hi == 400);
	for (uint64_t a = 0; a < 45000; a++) {
		bool want = (a >= 100 && a < 400) || (a >= 5000 && a < 6000) ||
			    (a >= 10000 && a < 40000 && a % 100 < 50);

		CHECK_EQ(gd__roots_foreign(&roots, a), want);
	}
	CHECK(!gd__roots_foreign(&roots, UINT64_MAX));
}

UNIT_MAIN
