/* link: gdetect_leak gdetect_detect gdetect */
/* The bits of addresses against the set that remembers each. */
#include "detector/leak/seen.h"
#include "detector/leak/set.h"
#include "tests/support/unit.h"

CASE(agrees_with_set)
{
	struct gd__arena arena = { 0 };
	struct gd__seen seen = { 0 };
	struct gd__set set = { 0 };
	uint64_t state = 1;
	bool fresh, expected;

	CHECK(!gd__seen_test(&seen, 8));
	for (int i = 0; i < 100000; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		/* Dense in places far apart. */
		uint64_t addr = ((state >> 60) << 43) + ((state >> 20) % 16384 + 1) * 8;

		CHECK(gd__set_put(&set, &arena, addr, &expected) != NULL);
		CHECK_EQ(gd__seen_test(&seen, addr), !expected);
		CHECK(gd__seen_put(&seen, &arena, addr, &fresh));
		CHECK_EQ(fresh, expected);
		CHECK(gd__seen_test(&seen, addr));
	}
	gd__arena_release(&arena);
}

struct walk {
	struct gd__seen *seen;
	uint64_t last;
	int n;
};

static void in_order(void *arg, uint64_t addr)
{
	struct walk *w = arg;

	CHECK(w->n == 0 || addr > w->last);
	CHECK(gd__seen_test(w->seen, addr));
	w->last = addr;
	w->n++;
}

CASE(each_once_in_order)
{
	static const uint64_t those[] = { 0x7fffffffff8, 0x10000,    0x10008,     0x101f8, 0x3ffff8,
					  0x400000,      0xfffffff8, 0x100000000, 0x10200, 8 };
	struct gd__arena arena = { 0 };
	struct gd__seen seen = { 0 };
	struct walk walk = { .seen = &seen };
	bool fresh;

	gd__seen_each(&seen, in_order, &walk);
	CHECK_EQ(walk.n, 0);
	for (size_t i = 0; i < 10; i++)
		CHECK(gd__seen_put(&seen, &arena, those[i], &fresh) && fresh);
	gd__seen_each(&seen, in_order, &walk);
	CHECK_EQ(walk.n, 10);
	CHECK_EQ(walk.last, those[0]);
	gd__arena_release(&arena);
}

UNIT_MAIN
