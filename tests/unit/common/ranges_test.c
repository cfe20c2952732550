/* link: gdetect_detect gdetect */
/* ranges_test.c - what is mapped or registered, cut, dropped and too much. */
#include "detector/common/ranges.h"

#include <dlfcn.h>
#include <pthread.h>

#include "detector/common/interpose.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"
#include "tests/support/unit.h"

/* Far from all that is mapped. */
#define BASE ((uintptr_t)0x5a5a00000000)
#define PAGE ((uintptr_t)4096)

static uintptr_t at(size_t page)
{
	return BASE + page * PAGE;
}

struct found {
	size_t n;
	uintptr_t lo, hi; /* of the last */
	enum gd__range_kind kind;
};

/* What there is in pages [from, to). */
static struct found in(size_t from, size_t to)
{
	enum gd__range_kind kind;
	struct found f = { 0 };
	uintptr_t lo, hi;

	for (size_t i = 0; i < GD__RANGES_MAX; i++)
		if (gd__ranges_get(i, &lo, &hi, &kind) && lo < at(to) && hi > at(from))
			f = (struct found){ f.n + 1, lo, hi, kind };
	return f;
}

static size_t count(size_t from, size_t to)
{
	return in(from, to).n;
}

/* There is exactly one, and so. */
static bool is(size_t from, size_t to, enum gd__range_kind want)
{
	struct found f = in(from, to);

	return f.n == 1 && f.lo == at(from) && f.hi == at(to) && f.kind == want;
}

static bool add(size_t from, size_t to, enum gd__range_kind kind)
{
	return gd__ranges_add(at(from), at(to), kind, 0);
}

CASE(added_and_dropped)
{
	CHECK(add(10, 20, GD__RANGE_PRIVATE));
	CHECK(add(20, 30, GD__RANGE_SHARED));
	CHECK(add(40, 41, GD__RANGE_REGISTERED));
	CHECK(is(10, 20, GD__RANGE_PRIVATE));
	CHECK(is(20, 30, GD__RANGE_SHARED));
	CHECK(is(40, 41, GD__RANGE_REGISTERED));
	gd__ranges_drop(at(11)); /* where none begins */
	CHECK_EQ(count(10, 41), 3);
	gd__ranges_drop(at(20));
	CHECK_EQ(count(20, 30), 0);
	CHECK_EQ(count(10, 41), 2);
	CHECK(add(50, 51, GD__RANGE_SHARED)); /* in the slot that is free */
	CHECK(is(50, 51, GD__RANGE_SHARED));
	CHECK(!gd__ranges_lost());
}

CASE(nothing_is_no_range)
{
	CHECK(add(10, 10, GD__RANGE_PRIVATE));
	CHECK(add(11, 10, GD__RANGE_REGISTERED));
	CHECK(gd__ranges_add(0, at(10), GD__RANGE_REGISTERED, 0));
	gd__ranges_drop(0);
	CHECK_EQ(count(0, 20), 0);
	CHECK(!gd__ranges_lost());
}

CASE(registered_again_is_replaced)
{
	CHECK(add(10, 20, GD__RANGE_REGISTERED));
	CHECK(add(10, 12, GD__RANGE_REGISTERED));
	CHECK(is(10, 12, GD__RANGE_REGISTERED));
	/* what is mapped there is another matter */
	CHECK(add(10, 30, GD__RANGE_PRIVATE));
	CHECK_EQ(count(10, 30), 2);
	CHECK(add(10, 11, GD__RANGE_REGISTERED));
	CHECK_EQ(count(10, 30), 2);
	gd__ranges_drop(at(10)); /* both */
	CHECK_EQ(count(10, 30), 0);
}

CASE(cut)
{
	static const enum gd__range_kind kinds[] = { GD__RANGE_REGISTERED, GD__RANGE_PRIVATE,
						     GD__RANGE_SHARED };

	for (size_t k = 0; k < 3; k++) {
		CHECK(add(10, 20, kinds[k]));
		gd__ranges_cut(at(0), at(10)); /* beside it */
		gd__ranges_cut(at(20), at(30));
		CHECK(is(10, 20, kinds[k]));
		gd__ranges_cut(at(5), at(12)); /* its front */
		CHECK(is(12, 20, kinds[k]));
		gd__ranges_cut(at(18), at(25)); /* its end */
		CHECK(is(12, 18, kinds[k]));
		gd__ranges_cut(at(14), at(15)); /* a hole */
		CHECK_EQ(count(12, 18), 2);
		CHECK(is(12, 14, kinds[k]) && is(15, 18, kinds[k]));
		CHECK_EQ(count(14, 15), 0);
		gd__ranges_cut(at(13), at(16)); /* of both a part */
		CHECK(is(12, 13, kinds[k]) && is(16, 18, kinds[k]));
		gd__ranges_cut(at(12), at(13)); /* the one as it is */
		CHECK_EQ(count(0, 16), 0);
		gd__ranges_cut(at(0), at(30));
		CHECK_EQ(count(0, 30), 0);
	}
}

CASE(cut_by_bytes)
{
	CHECK(gd__ranges_add(BASE, BASE + 100, GD__RANGE_REGISTERED, 0));
	gd__ranges_cut(BASE + 99, BASE + 100);
	gd__ranges_cut(BASE, BASE + 1);
	gd__ranges_cut(BASE + 50, BASE + 50); /* nothing */

	struct found f = in(0, 1);

	CHECK(f.n == 1 && f.lo == BASE + 1 && f.hi == BASE + 99);
}

/* One that is added twice, as by mapping over what is mapped, is cut twice. */
CASE(overlapping_ones_are_cut_all)
{
	CHECK(add(10, 20, GD__RANGE_PRIVATE));
	CHECK(add(10, 20, GD__RANGE_PRIVATE));
	CHECK(add(15, 25, GD__RANGE_SHARED));
	gd__ranges_cut(at(10), at(20));
	CHECK(is(20, 25, GD__RANGE_SHARED));
	CHECK_EQ(count(0, 25), 1);
}

static size_t fill(void)
{
	size_t n = 0;

	while (add(2 * n, 2 * n + 1, GD__RANGE_PRIVATE))
		n++;
	return n;
}

CASE(too_many)
{
	size_t n = fill();

	CHECK(n > GD__RANGES_MAX - 100 && n <= GD__RANGES_MAX); /* the test's own mappings */
	CHECK(gd__ranges_lost());
	CHECK_EQ(count(0, 2 * n), n);
	gd__ranges_drop(at(2 * 100));
	CHECK(add(1, 2, GD__RANGE_SHARED));
	CHECK(is(1, 2, GD__RANGE_SHARED));
	CHECK_EQ(count(200, 201), 0);
	CHECK(!add(3, 4, GD__RANGE_SHARED));
	CHECK(gd__ranges_lost()); /* what was lost stays so */
}

/* The part behind the hole finds no place: that is no range that nobody knows of. */
CASE(a_hole_where_all_are_taken)
{
	size_t n = 0;

	CHECK(add(10, 20, GD__RANGE_SHARED));
	while (n++, gd__ranges_add(at(100 + 2 * n), at(101 + 2 * n), GD__RANGE_PRIVATE, 0))
		;
	CHECK(gd__ranges_lost());
	gd__ranges_cut(at(14), at(15));
	CHECK(is(10, 14, GD__RANGE_SHARED));
	CHECK_EQ(count(14, 20), 0);
}

CASE(a_hole_that_loses_says_so)
{
	size_t room = 0;

	CHECK(add(10, 20, GD__RANGE_SHARED));
	for (uintptr_t lo, hi; room < GD__RANGES_MAX; room++) {
		enum gd__range_kind kind;

		if (gd__ranges_get(room, &lo, &hi, &kind))
			continue;
		CHECK(add(100 + 2 * room, 101 + 2 * room, GD__RANGE_PRIVATE));
	}
	CHECK(!gd__ranges_lost());
	gd__ranges_cut(at(14), at(15));
	CHECK(gd__ranges_lost());
}

/* What malloc maps are blocks, of which we know more. */
CASE(mappings_of_malloc_are_left_out)
{
	uintptr_t inside = (uintptr_t)gd__real_find("mallocx", NULL);
	Dl_info of_malloc, own;

	if (!dladdr((void *)inside, &of_malloc) || !dladdr((void *)in, &own) ||
	    of_malloc.dli_fbase == own.dli_fbase) {
		printf("skipped: malloc is linked statically\n");
		return;
	}
	CHECK(gd__ranges_add(at(10), at(20), GD__RANGE_PRIVATE, inside));
	CHECK_EQ(count(10, 20), 0);
	CHECK(gd__ranges_add(at(10), at(20), GD__RANGE_PRIVATE, (uintptr_t)in));
	CHECK_EQ(count(10, 20), 1);
}

CASE(a_core_is_told)
{
	const uintptr_t *slot;
	size_t seen = 0;

	CHECK(add(10, 20, GD__RANGE_REGISTERED));
	CHECK(gd__anchor.user_roots != 0 && gd__anchor.user_roots_n > 0);
	slot = (const uintptr_t *)(uintptr_t)gd__anchor.user_roots;
	for (size_t i = 0; i < gd__anchor.user_roots_n; i++)
		seen += slot[2 * i] == at(10) && slot[2 * i + 1] == at(20);
	CHECK_EQ(seen, 1);
}

#define THREADS 4
#define ROUNDS  20000

/* Each in memory of its own, with mapping over, holes and unmapping. */
static void *map_and_unmap(void *arg)
{
	size_t own = 1000 * (size_t)arg;

	for (size_t i = 0; i < ROUNDS; i++) {
		CHECK(add(own, own + 10, GD__RANGE_PRIVATE));
		gd__ranges_cut(at(own + 2), at(own + 3));
		gd__ranges_cut(at(own), at(own + 2));
		gd__ranges_cut(at(own + 3), at(own + 10));
	}
	CHECK(add(own, own + 10, GD__RANGE_PRIVATE));
	gd__ranges_cut(at(own + 4), at(own + 5));
	return NULL;
}

CASE(by_several_threads)
{
	pthread_t t[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, map_and_unmap, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < THREADS; i++) {
		CHECK(is(1000 * i, 1000 * i + 4, GD__RANGE_PRIVATE));
		CHECK(is(1000 * i + 5, 1000 * i + 10, GD__RANGE_PRIVATE));
		CHECK_EQ(count(1000 * i, 1000 * i + 10), 2);
	}
	CHECK(!gd__ranges_lost());
}

UNIT_MAIN
