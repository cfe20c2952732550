/* leak_known_test.c - what was told stays known while it is there, and is forgotten when it is not.
 */
#include "detector/leak/leak_known.h"

#include "tests/support/unit.h"

#define MANY UINT64_C(6000) /* more than are kept without a look */

static struct gd__arena arena;
static struct gd__leak_left left;

/* An image with every second one of them. */
static const struct gd__image *half(void)
{
	static struct gd__ginfo g[MANY / 2];
	static struct gd__image im = { .g = g, .ng = MANY / 2 };

	for (size_t i = 0; i < im.ng; i++)
		g[i].id = 2 * i + 2;
	return &im;
}

static void know(uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++)
		gd__leak_know(id);
}

CASE(few_are_kept)
{
	CHECK(!gd__leak_known(5));
	know(1, 100);
	know(1, 100);
	gd__leak_find_left(half(), &arena, &left);
	gd__leak_forget_ended(&left);
	CHECK(gd__leak_known(1) && gd__leak_known(99) && gd__leak_known(100));
	CHECK(!gd__leak_known(101));
}

CASE(of_many_those_that_have_ended_are_forgotten)
{
	know(1, MANY);
	gd__leak_find_left(half(), &arena, &left);
	CHECK(gd__leak_known(1)); /* looking changes nothing */
	gd__leak_forget_ended(&left);
	for (uint64_t id = 1; id <= MANY; id++)
		CHECK_EQ(gd__leak_known(id), id % 2 == 0);
	know(MANY + 1, MANY + 1);
	CHECK(gd__leak_known(MANY + 1));
}

/* Between the look and now others were told of: they are not in the list of those left. */
CASE(what_came_in_between_is_not_forgotten)
{
	know(1, MANY);
	gd__leak_find_left(half(), &arena, &left);
	know(MANY + 1, MANY + 1);
	gd__leak_forget_ended(&left);
	CHECK(gd__leak_known(MANY + 1));
	CHECK(gd__leak_known(2));
}

CASE(ignored_are_those_of_the_last_call)
{
	struct gd__arena a = { 0 };
	struct gd__set first = { 0 }, second = { 0 };
	bool fresh;

	CHECK(gd__set_put(&first, &a, 7, &fresh) != NULL);
	gd__leak_ignore(&first, &a);
	CHECK(gd__leak_is_ignored(7) && !gd__leak_is_ignored(8) && !gd__leak_known(7));
	a = (struct gd__arena){ 0 };
	CHECK(gd__set_put(&second, &a, 8, &fresh) != NULL);
	gd__leak_ignore(&second, &a);
	CHECK(gd__leak_is_ignored(8) && !gd__leak_is_ignored(7));
}

UNIT_MAIN
