/* set_test.c - nothing is lost when the table grows. */
#include "tests/support/unit.h"

#include "detector/leak/set.h"

static struct gd__arena arena;

CASE(holds_what_was_put)
{
	enum { N = 50000 };
	struct gd__set s = { 0 };
	bool fresh;

	CHECK(gd__set_find(&s, 16) == NULL);
	for (uint64_t i = 1; i <= N; i++) {
		struct gd__set_slot *slot = gd__set_put(&s, &arena, i << 4, &fresh);

		CHECK(slot != NULL);
		CHECK(fresh);
		slot->from = i;
	}
	CHECK_EQ(s.used, N);
	for (uint64_t i = 1; i <= N; i++) {
		CHECK_EQ(gd__set_put(&s, &arena, i << 4, &fresh)->from, i);
		CHECK(!fresh);
		CHECK(gd__set_find(&s, (i << 4) + 1) == NULL);
	}
	CHECK_EQ(s.used, N);
	gd__arena_release(&arena);
}

UNIT_MAIN
