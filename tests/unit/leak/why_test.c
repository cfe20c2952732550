/* why_test.c - the path from a root to what keeps a waiting goroutine off the list. */
#include "tests/support/fake_image.h"
#include "tests/support/unit.h"

#include <gdetect/error.h>

#include "detector/leak/check.h"
#include "detector/leak/why.h"

static struct gd__arena arena;
static struct gd__leak_result result;
static struct gd__leak_options options;
static struct gd__why why;

static void ask(struct fake *f, uint64_t id)
{
	gd__arena_release(&arena);
	CHECK_EQ(gd__leak_check_image(&f->im, &options, &arena, &result), GD_OK);
	gd__why(result.verdicts, id, &why);
}

#define CHECK_STEP(i, kind_, at_)                                                                  \
	do {                                                                                       \
		CHECK(why.n > (i));                                                                \
		CHECK_EQ(why.step[i].kind, GD__WHY_##kind_);                                       \
		CHECK_EQ(why.step[i].at, at_);                                                     \
		CHECK_EQ(why.step[i].root, (i) == 0);                                              \
	} while (0)

CASE(a_global_leads_to_the_channel)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), c = fake_block(f, 6), word = fake_global(f, c);

	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	ask(f, w);
	CHECK_EQ(why.answer, GD__WHY_REACHED);
	CHECK_EQ(why.n, 3);
	CHECK_STEP(0, DATA, word);
	CHECK_EQ(why.step[0].range.lo, FAKE_DATA);
	CHECK_STEP(1, BLOCK, c);
	CHECK_EQ(why.step[1].block.size, 48);
	CHECK_STEP(2, PRIM, c);
	CHECK_EQ(why.step[2].g, w - 1);
	CHECK(!why.cut);
	fake_free(f);
}

CASE(through_blocks_with_offsets)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), outer = fake_block(f, 8), inner = fake_block(f, 8);
	uint64_t c = fake_block(f, 6), word = fake_global(f, outer + 16); /* into the middle */

	fake_poke(f, outer + 24, inner);
	fake_poke(f, inner + 40, c);
	fake_wait(f, w, GD__WAIT_CHAN_SEND, c);
	ask(f, w);
	CHECK_EQ(why.n, 5);
	CHECK_STEP(0, DATA, word);
	CHECK_STEP(1, BLOCK, outer + 24);
	CHECK_EQ(why.step[1].block.start, outer);
	CHECK_STEP(2, BLOCK, inner + 40);
	CHECK_STEP(3, BLOCK, c);
	CHECK_STEP(4, PRIM, c);
	fake_free(f);
}

CASE(a_lock_in_the_data_is_its_own_root)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f);

	fake_go(f); /* may unlock it */
	fake_wait(f, w, GD__WAIT_MUTEX, FAKE_DATA + 512);
	ask(f, w);
	CHECK_EQ(why.answer, GD__WHY_REACHED);
	CHECK_EQ(why.n, 2);
	CHECK_STEP(0, DATA, FAKE_DATA + 512);
	CHECK_STEP(1, PRIM, FAKE_DATA + 512);
	fake_free(f);
}

CASE(stack_of_one_that_runs)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 6);

	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	fake_poke(f, fake_stack(f, m, 3), c);
	ask(f, w);
	CHECK_EQ(why.n, 3);
	CHECK_STEP(0, STACK, fake_stack(f, m, 3));
	CHECK_EQ(why.step[0].g, m - 1);
	CHECK_STEP(1, BLOCK, c);
	CHECK_STEP(2, PRIM, c);
	ask(f, m);
	CHECK_EQ(why.answer, GD__WHY_RUNS);
	CHECK_EQ(why.n, 0);
	fake_free(f);
}

/* main -> channel a -> goroutine a runs -> its stack -> channel b -> goroutine b. */
CASE(through_another_that_waits)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), a = fake_go(f), b = fake_go(f);
	uint64_t ca = fake_block(f, 6), cb = fake_block(f, 6);

	fake_wait(f, a, GD__WAIT_CHAN_RECV, ca);
	fake_wait(f, b, GD__WAIT_CHAN_RECV, cb);
	fake_poke(f, fake_stack(f, m, 0), ca);
	fake_poke(f, fake_stack(f, a, 5), cb);
	ask(f, b);
	CHECK_EQ(why.n, 6);
	CHECK_STEP(0, STACK, fake_stack(f, m, 0));
	CHECK_STEP(1, BLOCK, ca);
	CHECK_STEP(2, PRIM, ca);
	CHECK_EQ(why.step[2].g, a - 1);
	CHECK_STEP(3, STACK, fake_stack(f, a, 5));
	CHECK_EQ(why.step[3].g, a - 1);
	CHECK_STEP(4, BLOCK, cb);
	CHECK_STEP(5, PRIM, cb);
	fake_free(f);
}

/* Somebody holds a pointer into w's stack, where the pointer to the channel is. */
CASE(a_pointer_into_its_own_stack)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 6);

	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	fake_poke(f, fake_stack(f, m, 0), fake_stack(f, w, 2));
	ask(f, w);
	CHECK_EQ(why.answer, GD__WHY_REACHED);
	CHECK_EQ(why.n, 4);
	CHECK_STEP(0, STACK, fake_stack(f, m, 0));
	CHECK_STEP(1, STACK, fake_stack(f, w, FAKE_STACK_WORDS / 2 - 1));
	CHECK_EQ(why.step[1].g, w - 1);
	CHECK_STEP(2, BLOCK, c);
	CHECK_STEP(3, PRIM, c);
	fake_free(f);
}

/* Then only a pointer into the primitive itself counts, and the path is that word. */
CASE(without_heap_records)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), c = fake_block(f, 6), word = fake_global(f, c + 8);

	f->im.has_heap = false;
	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	ask(f, w);
	CHECK_EQ(why.answer, GD__WHY_REACHED);
	CHECK_EQ(why.n, 2);
	CHECK_STEP(0, DATA, word);
	CHECK_STEP(1, PRIM, c);
	fake_free(f);
}

CASE(memory_that_nothing_is_known_of)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f);

	fake_wait(f, w, GD__WAIT_CHAN_RECV, UINT64_C(0x30000000));
	ask(f, w);
	CHECK_EQ(why.answer, GD__WHY_REACHED);
	CHECK_EQ(why.n, 2);
	CHECK_STEP(0, UNKNOWN, UINT64_C(0x30000000));
	CHECK_STEP(1, PRIM, UINT64_C(0x30000000));
	fake_free(f);
}

CASE(others_than_waiting_ones)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), stuck = fake_go(f), back = fake_go(f), sleeps = fake_go(f);
	uint64_t dead = fake_go(f), broken = fake_go(f);

	fake_wait(f, stuck, GD__WAIT_CHAN_RECV, fake_block(f, 6));
	fake_wait(f, back, GD__WAIT_SELECT_NONE, 0);
	fake_g(f, back)->background = true;
	fake_wait(f, sleeps, GD__WAIT_SLEEP, 0);
	fake_g(f, dead)->state = GD__GI_DEAD;
	fake_wait(f, broken, GD__WAIT_CHAN_RECV, FAKE_DATA);
	f->waits[(broken - 1) * FAKE_PER_G].kind = UINT16_MAX;
	ask(f, 99);
	CHECK_EQ(why.answer, GD__WHY_NO_SUCH);
	ask(f, 0);
	CHECK_EQ(why.answer, GD__WHY_NO_SUCH);
	ask(f, m);
	CHECK_EQ(why.answer, GD__WHY_RUNS);
	ask(f, stuck);
	CHECK_EQ(why.answer, GD__WHY_STUCK);
	CHECK_EQ(why.fate.evidence, GD__EVIDENCE_UNREACHABLE);
	ask(f, back);
	CHECK_EQ(why.answer, GD__WHY_EXEMPT);
	CHECK_EQ(why.fate.evidence, GD__EVIDENCE_NIL);
	ask(f, sleeps);
	CHECK_EQ(why.answer, GD__WHY_RUNS);
	ask(f, dead);
	CHECK_EQ(why.answer, GD__WHY_SPENT);
	ask(f, broken);
	CHECK_EQ(why.answer, GD__WHY_UNDECIDED);
	fake_free(f);
}

/* A list of blocks: the path keeps the end that leads to the goroutine. */
CASE(a_long_path_is_cut_at_the_root)
{
	struct fake *f = fake_make(200);
	uint64_t w = fake_go(f), c = fake_block(f, 6), last = c;

	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	for (int i = 0; i < 100; i++) {
		uint64_t b = fake_block(f, 2);

		fake_poke(f, b + 8, last);
		last = b;
	}
	fake_global(f, last);
	ask(f, w);
	CHECK_EQ(why.n, GD__WHY_STEPS);
	CHECK(why.cut);
	CHECK(!why.step[0].root);
	CHECK_EQ(why.step[GD__WHY_STEPS - 1].kind, GD__WHY_PRIM);
	fake_free(f);
}

UNIT_MAIN
