/* mark_test.c - what keeps a goroutine able to run, and what does not. */
#include "tests/support/fake_image.h"
#include "tests/support/unit.h"

#include "detector/leak/mark.h"

static struct gd__arena arena;
static struct gd__wakers wakers;
static struct gd__mark mark;

static void run(struct fake *f)
{
	struct gd__mark_how how = { 0 };

	gd__arena_release(&arena);
	CHECK(gd__wakers_init(&wakers, &f->im, &arena, 0));
	CHECK(gd__mark_run(&mark, &f->im, &wakers, &arena, &how));
}

static bool may_run(uint64_t id)
{
	return mark.may_run[id - 1];
}

/* main runs; w sends on a channel block that nobody else knows. */
static struct fake *one_sender(uint64_t *main_, uint64_t *w, uint64_t *chan)
{
	struct fake *f = fake_make(64);

	*main_ = fake_go(f);
	*w = fake_go(f);
	*chan = fake_block(f, 6);
	fake_wait(f, *w, GD__WAIT_CHAN_SEND, *chan);
	return f;
}

CASE(nothing_reaches)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	run(f);
	CHECK(may_run(m));
	CHECK(!may_run(w));
	CHECK(!mark.unread);
	fake_free(f);
}

CASE(global_reaches)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_global(f, c);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(live_stack_reaches)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_poke(f, fake_stack(f, m, 0), c);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(dead_stack_does_not)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_poke(f, fake_stack(f, m, -1), c);
	run(f);
	CHECK(!may_run(w));
	fake_free(f);
}

CASE(interior_pointer_reaches)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_global(f, c + 47);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(one_past_the_end_does_not)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_global(f, c + 48);
	run(f);
	CHECK(!may_run(w));
	fake_free(f);
}

CASE(stale_pointer_to_freed_block_does_not)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);
	uint64_t list = fake_block(f, 4);

	fake_global(f, list);
	fake_poke(f, list, c);
	run(f);
	CHECK(may_run(w));
	fake_unblock(f, list);
	run(f);
	CHECK(!may_run(w));
	fake_free(f);
}

CASE(primitive_in_a_global)
{
	struct fake *f = fake_make(8);
	uint64_t m = fake_go(f), w = fake_go(f);

	fake_wait(f, w, GD__WAIT_MUTEX, FAKE_DATA + 80);
	run(f);
	CHECK(may_run(m));
	CHECK(may_run(w));
	fake_free(f);
}

CASE(primitive_inside_a_block)
{
	struct fake *f = fake_make(8);
	uint64_t m = fake_go(f), w = fake_go(f), object = fake_block(f, 40);

	fake_wait(f, w, GD__WAIT_COND, object + 160);
	run(f);
	CHECK(!may_run(w));
	fake_poke(f, fake_stack(f, m, 2), object);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(primitive_in_unknown_memory_counts_as_reached)
{
	struct fake *f = fake_make(8);
	uint64_t w = fake_go(f);

	fake_wait(f, w, GD__WAIT_MUTEX, UINT64_C(0x555500000000));
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(primitive_that_cannot_be_decoded_counts_as_reached)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_object(f, c, GD__OBJ_CHAN)->valid = false;
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(primitive_on_a_parked_stack)
{
	struct fake *f = fake_make(8);
	uint64_t m = fake_go(f), w = fake_go(f);

	/* A waitgroup on w's own stack: only w knows it. */
	fake_wait(f, w, GD__WAIT_WAITGROUP, fake_stack(f, w, 3));
	run(f);
	CHECK(!may_run(w));
	/* A worker that may run knows it too. */
	fake_poke(f, fake_stack(f, m, 1), fake_stack(f, w, 3));
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(pointer_into_a_parked_stack_makes_it_data)
{
	struct fake *f = fake_make(8);
	uint64_t m = fake_go(f), w = fake_go(f), x = fake_go(f);
	uint64_t c = fake_block(f, 6), d = fake_block(f, 6);

	fake_wait(f, w, GD__WAIT_CHAN_RECV, 0); /* w itself waits for nothing */
	fake_wait(f, x, GD__WAIT_CHAN_SEND, d);
	(void)c;
	fake_poke(f, fake_stack(f, w, 1), d);
	run(f);
	CHECK(!may_run(x));
	/* main holds a pointer to a variable of w: what w's live stack holds is within reach. */
	fake_poke(f, fake_stack(f, m, 1), fake_stack(f, w, 0));
	run(f);
	CHECK(may_run(x));
	CHECK(!may_run(w));
	/* But not through what lies below w's stack pointer. */
	fake_poke(f, fake_stack(f, m, 1), fake_stack(f, w, -1));
	run(f);
	CHECK(!may_run(x));
	fake_free(f);
}

CASE(select_runs_if_one_channel_is_reached)
{
	struct fake *f = fake_make(8);
	uint64_t m = fake_go(f), w = fake_go(f);
	uint64_t a = fake_block(f, 6), b = fake_block(f, 6);

	fake_wait(f, w, GD__WAIT_SELECT, a);
	fake_wait(f, w, GD__WAIT_SELECT, 0);
	fake_wait(f, w, GD__WAIT_SELECT, b);
	run(f);
	CHECK(!may_run(w));
	fake_poke(f, fake_stack(f, m, 0), b);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(who_waits_for_time_or_the_kernel_may_run)
{
	struct fake *f = fake_make(8);
	uint64_t s = fake_go(f), io = fake_go(f), t = fake_go(f), c = fake_block(f, 6);

	fake_wait(f, s, GD__WAIT_SLEEP, 0);
	fake_wait(f, io, GD__WAIT_IO, 0);
	fake_wait(f, t, GD__WAIT_CHAN_RECV, c);
	fake_g(f, t)->timed = true;
	run(f);
	CHECK(may_run(s) && may_run(io) && may_run(t));
	fake_free(f);
}

CASE(ended_goroutine_is_no_root)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);
	uint64_t dead = fake_go(f);

	fake_poke(f, fake_stack(f, dead, 0), c);
	fake_g(f, dead)->state = GD__GI_DEAD;
	run(f);
	CHECK(!may_run(w));
	fake_free(f);
}

CASE(running_goroutine_is_rooted_by_the_image)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);
	struct gd__ginfo *g = fake_g(f, m);

	fake_poke(f, fake_stack(f, m, 4), c);
	f->extra[f->nextra++] = (struct gd__range){ fake_stack(f, m, 4), g->stack_hi };
	g->state = GD__GI_RUNNING;
	g->sp = 0;
	run(f);
	CHECK(may_run(w));
	f->extra[0].lo = fake_stack(f, m, 0); /* sp is 0 by now: any address above */
	f->extra[0] = (struct gd__range){ g->stack_hi, g->stack_hi };
	run(f);
	CHECK(!may_run(w)); /* an empty range says: nothing of it is live */
	f->nextra = 0;
	run(f);
	CHECK(may_run(w)); /* nothing is known: the whole stack */
	fake_free(f);
}

CASE(chain_of_100000_waiters_is_linear)
{
	enum { N = 100000 };
	struct fake *f = fake_make(N + 2);
	uint64_t c = fake_block(f, 6);

	fake_poke(f, fake_stack(f, fake_go(f), 0), c);
	for (int i = 0; i < N; i++) {
		uint64_t w = fake_go(f);

		fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
		c = fake_block(f, 6);
		fake_poke(f, fake_stack(f, w, 0), c);
	}
	run(f);
	for (int i = 1; i <= N + 1; i++)
		CHECK(may_run((uint64_t)i));
	CHECK(mark.words < 4 * N + 4096);
	CHECK(f->views < 4 * N);
	fake_free(f);
}

CASE(long_list_needs_no_recursion)
{
	enum { N = 300000 };
	struct fake *f = fake_make(N + 2);
	uint64_t m = fake_go(f), w = fake_go(f), node = fake_block(f, 2), c;

	fake_poke(f, fake_stack(f, m, 0), node);
	for (int i = 0; i < N - 2; i++) {
		uint64_t next = fake_block(f, 2);

		fake_poke(f, node + 8, next);
		node = next;
	}
	c = fake_block(f, 6);
	fake_poke(f, node + 8, c);
	fake_wait(f, w, GD__WAIT_CHAN_SEND, c);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(without_heap_records_a_direct_pointer_counts)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	f->im.has_heap = false;
	run(f);
	CHECK(!may_run(w));
	fake_global(f, c + 8);
	run(f);
	CHECK(may_run(w));
	fake_free(f);
}

CASE(unreadable_memory_is_noticed)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	f->unreadable = FAKE_DATA + 64;
	run(f);
	CHECK(mark.unread);
	fake_free(f);
}

/* No case is left of a select whose channels are all nil. */
CASE(select_of_nil_channels_is_hopeless)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	fake_g(f, w)->reason = GD__WAIT_SELECT;
	fake_g(f, w)->nwaits = 0;
	run(f);
	CHECK_EQ(wakers.standing[w - 1], GD__HOPELESS);
	CHECK(!wakers.broken);
	fake_free(f);
}

CASE(unreadable_wait_lets_it_run)
{
	uint64_t m, w, c;
	struct fake *f = one_sender(&m, &w, &c);

	f->waits[(w - 1) * FAKE_PER_G].kind = UINT16_MAX;
	run(f);
	CHECK(may_run(w));
	CHECK(wakers.broken);
	fake_free(f);
}

UNIT_MAIN
