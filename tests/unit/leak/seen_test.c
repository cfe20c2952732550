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

UNIT_MAIN
