/* link: gdetect_detect gdetect */
/* The map of live blocks where a note is kept behind each: exact sizes, who allocated. */
#include "tests/unit/common/heap_model.h"

const char gd__heap_wants_notes = 1;

CASE(agrees_with_sorted_array)
{
	check_against_model();
}

CASE(zero_bytes_contain_their_start_only)
{
	struct gd__block b;
	char *p = malloc(0);

	CHECK(gd__heap_find((uintptr_t)p, &b));
	CHECK_EQ(b.start, (uintptr_t)p);
	CHECK_EQ(b.size, 0);
	CHECK(!gd__heap_find((uintptr_t)p + 1, &b));
	free(p);
	CHECK(!gd__heap_find((uintptr_t)p, &b));
}

/* In place: the note moves with the end of the block. */
CASE(large_block_is_resized)
{
	char *p = malloc(100000);
	struct gd__block b;

	for (size_t n = 100000; n > 60000; n -= 777) {
		p = realloc(p, n);
		memset(p, 0xff, n);
		CHECK(gd__heap_find((uintptr_t)p + n - 1, &b));
		CHECK_EQ(b.start, (uintptr_t)p);
		CHECK_EQ(b.size, n);
		CHECK_EQ(b.goid, 0);
		CHECK(!gd__heap_find((uintptr_t)p + n, &b));
	}
	free(p);
}

UNIT_MAIN
