/* verdict_test.c - who is stuck and why: cycles of owners, guards against false verdicts. */
#include "tests/support/fake_image.h"
#include "tests/support/unit.h"

#include "detector/leak/check.h"
#include "detector/leak/verdict.h"

static struct gd__arena arena;
static struct gd__verdicts v;
static struct gd__leak_options options;

static void run(struct fake *f)
{
	gd__arena_release(&arena);
	CHECK(gd__verdict_run(&v, &f->im, &arena, &options));
}

#define CHECK_FATE(id, verdict_, evidence_, owner_)                                                \
	do {                                                                                       \
		CHECK(v.fate[(id)-1].stuck);                                                       \
		CHECK_EQ(v.fate[(id)-1].verdict, GD__VERDICT_##verdict_);                          \
		CHECK_EQ(v.fate[(id)-1].evidence, GD__EVIDENCE_##evidence_);                       \
		CHECK_EQ(v.fate[(id)-1].owner_id, owner_);                                         \
	} while (0)
#define CHECK_NONE(id) CHECK(!v.fate[(id)-1].stuck)

/* A mutex in the data segment, owned by id, and not for the first time. */
static uint64_t global_mutex(struct fake *f, uint64_t owner)
{
	uint64_t at = FAKE_DATA + 8 * f->data_used;
	struct gd__oinfo *o = fake_object(f, at, GD__OBJ_MUTEX);

	f->data_used += 8;
	o->owner_id = owner;
	o->locked_before = true;
	return at;
}

static uint64_t global_rwmutex(struct fake *f, uint64_t writer, int32_t readers)
{
	uint64_t at = FAKE_DATA + 8 * f->data_used;
	struct gd__oinfo *o = fake_object(f, at, GD__OBJ_RWMUTEX);

	f->data_used += 8;
	o->owner_id = writer;
	o->readers = readers;
	o->locked_before = true;
	return at;
}

CASE(nil_channels_and_empty_select)
{
	struct fake *f = fake_make(16);
	uint64_t r = fake_go(f), s = fake_go(f), none = fake_go(f), nils = fake_go(f);

	fake_wait(f, r, GD__WAIT_CHAN_RECV_NIL, 0);
	fake_wait(f, s, GD__WAIT_CHAN_SEND_NIL, 0);
	fake_wait(f, none, GD__WAIT_SELECT_NONE, 0);
	fake_wait(f, nils, GD__WAIT_SELECT, 0);
	fake_wait(f, nils, GD__WAIT_SELECT, 0);
	f->im.has_heap = false; /* no need of it */
	run(f);
	for (uint64_t id = r; id <= nils; id++)
		CHECK_FATE(id, PROVEN, NIL, 0);
	fake_free(f);
}

CASE(unreachable_is_proven)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f);

	fake_wait(f, w, GD__WAIT_CHAN_SEND, fake_block(f, 6));
	run(f);
	CHECK_NONE(m);
	CHECK_FATE(w, PROVEN, UNREACHABLE, 0);
	CHECK_EQ(v.rounds, 1);
	fake_free(f);
}

CASE(two_that_only_know_each_other)
{
	struct fake *f = fake_make(16);
	uint64_t a = fake_go(f), b = fake_go(f), ca = fake_block(f, 6), cb = fake_block(f, 6);

	fake_go(f);
	fake_wait(f, a, GD__WAIT_CHAN_RECV, ca);
	fake_wait(f, b, GD__WAIT_CHAN_RECV, cb);
	fake_poke(f, fake_stack(f, a, 0), cb);
	fake_poke(f, fake_stack(f, b, 0), ca);
	run(f);
	CHECK_FATE(a, PROVEN, UNREACHABLE, 0);
	CHECK_FATE(b, PROVEN, UNREACHABLE, 0);
	fake_free(f);
}

/* The address of a box with the channel in it, k bytes off an aligned place, among other bytes. */
CASE(address_at_an_odd_place_reaches)
{
	static const uint64_t around[] = { 0, 1, 0xff, 0x4142434445464748, UINT64_MAX };

	for (unsigned k = 1; k < 8; k++)
		for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
			struct fake *f = fake_make(16);
			uint64_t m = fake_go(f), w = fake_go(f), box = fake_block(f, 4);
			uint64_t c = fake_block(f, 12), a = around[i];
			uint64_t low = UINT64_MAX >> (64 - 8 * k);

			fake_object(f, c, GD__OBJ_CHAN);
			fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
			fake_poke(f, box + 8, c << 8 * k | (a & low));
			fake_poke(f, box + 16, c >> (64 - 8 * k) | (a & ~low));
			run(f);
			CHECK_FATE(w, PROVEN, UNREACHABLE, 0);
			fake_global(f, box << 8 * k | (a & low));
			fake_global(f, box >> (64 - 8 * k) | (a & ~low));
			run(f);
			CHECK_NONE(m);
			CHECK_NONE(w);
			fake_free(f);
		}
}

/* In a block and on a stack that are known without looking at odd places. */
CASE(address_at_an_odd_place_of_what_is_reached)
{
	for (int on_stack = 0; on_stack < 2; on_stack++) {
		struct fake *f = fake_make(16);
		uint64_t m = fake_go(f), w = fake_go(f), box = fake_block(f, 4);
		uint64_t c = fake_block(f, 12), at = on_stack ? fake_stack(f, m, 0) : box;

		fake_object(f, c, GD__OBJ_CHAN);
		fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
		fake_global(f, box);
		run(f);
		CHECK_FATE(w, PROVEN, UNREACHABLE, 0);
		fake_poke(f, at, c << 24);
		fake_poke(f, at + 8, c >> 40);
		run(f);
		CHECK_NONE(m);
		CHECK_NONE(w);
		fake_free(f);
	}
}

/* A tag in the 16 bits above the address. */
CASE(address_below_a_tag_reaches)
{
	static const uint64_t tag[] = { 3, 0x7ff0, 0x8000, 0xffff };

	for (size_t i = 0; i < sizeof(tag) / sizeof(tag[0]); i++) {
		struct fake *f = fake_make(16);
		uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 12);

		fake_object(f, c, GD__OBJ_CHAN);
		fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
		fake_global(f, tag[i] << 48);
		run(f);
		CHECK_FATE(w, PROVEN, UNREACHABLE, 0);
		fake_global(f, c | tag[i] << 48);
		run(f);
		CHECK_NONE(m);
		CHECK_NONE(w);
		fake_free(f);
	}
}

CASE(double_lock_of_a_global)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f);

	fake_wait(f, w, GD__WAIT_MUTEX, global_mutex(f, w));
	run(f);
	CHECK_NONE(m);
	CHECK_FATE(w, PROVEN, CYCLE, w);
	fake_free(f);
}

CASE(first_lock_of_a_global_may_be_a_signal)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), lock = global_mutex(f, w);

	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	f->object[0].locked_before = false;
	run(f);
	CHECK_NONE(w);
	fake_wait(f, m, GD__WAIT_SELECT_NONE, 0); /* nobody is left to unlock it */
	run(f);
	CHECK_FATE(w, PROVEN, CYCLE, w);
	f->timer = true; /* its function may be the one */
	run(f);
	CHECK_NONE(w);
	fake_free(f);
}

/* w waits for a lock of o, who waits for a channel that only w knows. */
CASE(two_that_keep_each_other_alive)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), o = fake_go(f), w = fake_go(f), c = fake_block(f, 12);

	fake_object(f, c, GD__OBJ_CHAN);
	fake_wait(f, o, GD__WAIT_CHAN_RECV, c);
	fake_wait(f, w, GD__WAIT_MUTEX, global_mutex(f, o));
	fake_poke(f, fake_stack(f, w, 0), c);
	run(f);
	CHECK_NONE(m);
	CHECK_FATE(o, PROVEN, UNREACHABLE, 0);
	CHECK_FATE(w, OWNER_STUCK, OWNER, o);
	fake_poke(f, fake_stack(f, m, 0), c);
	run(f);
	CHECK_NONE(o);
	CHECK_NONE(w);
	fake_free(f);
}

CASE(self_lock_that_another_may_unlock)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), object = fake_block(f, 12), box = fake_block(f, 4);

	/* main reaches the lock through a box: it may be the one that unlocks. */
	fake_object(f, object + 16, GD__OBJ_MUTEX)->owner_id = w;
	fake_wait(f, w, GD__WAIT_MUTEX, object + 16);
	fake_poke(f, fake_stack(f, m, 0), box);
	fake_poke(f, box, object);
	run(f);
	CHECK_NONE(w);
	/* If main is the one that asks for the check, its pointer says nothing. */
	f->im.checker_id = m;
	run(f);
	CHECK_FATE(w, PROVEN, CYCLE, w);
	fake_free(f);
}

CASE(self_lock_known_only_to_those_stuck_behind_it)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), next = fake_go(f), parent = fake_go(f);
	uint64_t lock = global_mutex(f, w);

	/* next waits for the same lock; the parent for a waitgroup that only w would count down. */
	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	fake_wait(f, next, GD__WAIT_MUTEX, lock);
	fake_wait(f, parent, GD__WAIT_WAITGROUP, fake_stack(f, parent, 2));
	fake_poke(f, fake_stack(f, w, 0), fake_stack(f, parent, 2));
	fake_poke(f, fake_stack(f, parent, 0), lock);
	run(f);
	CHECK_FATE(w, PROVEN, CYCLE, w);
	CHECK_FATE(next, OWNER_STUCK, OWNER, w);
	CHECK_FATE(parent, PROVEN, UNREACHABLE, 0);
	fake_free(f);
}

CASE(lock_unlocked_by_others_has_no_owner)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), lock = global_mutex(f, w);

	f->object[0].shared_owner = true;
	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	run(f);
	CHECK_NONE(w);
	fake_free(f);
}

CASE(ab_ba_of_globals)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), x = fake_go(f), y = fake_go(f), z = fake_go(f);
	uint64_t a = global_mutex(f, x), b = global_mutex(f, y);

	fake_wait(f, x, GD__WAIT_MUTEX, b);
	fake_wait(f, y, GD__WAIT_MUTEX, a);
	fake_wait(f, z, GD__WAIT_MUTEX, a); /* behind the cycle, not in it */
	fake_poke(f, fake_stack(f, m, 0), a);
	run(f);
	CHECK_NONE(m);
	CHECK_FATE(x, PROVEN, CYCLE, y);
	CHECK_FATE(y, PROVEN, CYCLE, x);
	CHECK_FATE(z, OWNER_STUCK, OWNER, x);
	fake_free(f);
}

CASE(owner_that_runs_is_no_cycle)
{
	struct fake *f = fake_make(16);
	uint64_t x = fake_go(f), y = fake_go(f);
	uint64_t a = global_mutex(f, x);

	fake_wait(f, y, GD__WAIT_MUTEX, a);
	run(f);
	CHECK_NONE(y);
	/* Nor one that sleeps. */
	fake_wait(f, x, GD__WAIT_SLEEP, 0);
	run(f);
	CHECK_NONE(y);
	fake_free(f);
}

CASE(what_only_a_cycle_reaches_falls_too)
{
	struct fake *f = fake_make(16);
	uint64_t x = fake_go(f), y = fake_go(f), w = fake_go(f), c = fake_block(f, 6);
	uint64_t a = global_mutex(f, x), b = global_mutex(f, y);

	fake_wait(f, x, GD__WAIT_MUTEX, b);
	fake_wait(f, y, GD__WAIT_MUTEX, a);
	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	fake_poke(f, fake_stack(f, y, 0), c);
	run(f);
	CHECK_FATE(w, PROVEN, UNREACHABLE, 0);
	fake_free(f);
}

CASE(lock_held_over_a_stuck_send)
{
	struct fake *f = fake_make(16);
	uint64_t h = fake_go(f), w = fake_go(f), u = fake_go(f), c = fake_block(f, 6);
	uint64_t lock = global_mutex(f, h), d = fake_block(f, 6);

	/* h sends on a channel that nobody knows; w waits for h's lock; u for a channel of w's. */
	fake_wait(f, h, GD__WAIT_CHAN_SEND, c);
	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	fake_wait(f, u, GD__WAIT_CHAN_RECV, d);
	fake_poke(f, fake_stack(f, w, 0), d);
	run(f);
	CHECK_FATE(h, PROVEN, UNREACHABLE, 0);
	CHECK_FATE(w, OWNER_STUCK, OWNER, h);
	CHECK_FATE(u, PROVEN, UNREACHABLE, 0);
	fake_free(f);
}

CASE(recursive_read_lock)
{
	struct fake *f = fake_make(16);
	uint64_t r = fake_go(f), w = fake_go(f), lock = global_rwmutex(f, 0, 1);

	fake_hold_read(f, r, lock);
	fake_wait(f, r, GD__WAIT_RWMUTEX_R, lock);
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	run(f);
	CHECK_FATE(r, PROVEN, CYCLE, w);
	CHECK_FATE(w, PROVEN, CYCLE, r);
	fake_free(f);
}

CASE(reader_behind_a_writer_that_will_get_it)
{
	struct fake *f = fake_make(16);
	uint64_t r = fake_go(f), w = fake_go(f), r2 = fake_go(f), lock = global_rwmutex(f, 0, 1);

	fake_hold_read(f, r, lock);
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	fake_wait(f, r2, GD__WAIT_RWMUTEX_R, lock);
	run(f);
	CHECK_NONE(w);
	CHECK_NONE(r2);
	fake_free(f);
}

CASE(one_stuck_reader_stops_the_writer)
{
	struct fake *f = fake_make(16);
	uint64_t ok = fake_go(f), bad = fake_go(f), w = fake_go(f), r = fake_go(f);
	uint64_t lock = global_rwmutex(f, 0, 2);

	fake_hold_read(f, ok, lock);
	fake_hold_read(f, bad, lock);
	fake_wait(f, bad, GD__WAIT_CHAN_RECV_NIL, 0);
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	fake_wait(f, r, GD__WAIT_RWMUTEX_R, lock);
	run(f);
	CHECK_NONE(ok);
	CHECK_FATE(w, OWNER_STUCK, OWNER, bad);
	CHECK_FATE(r, OWNER_STUCK, OWNER, w);
	fake_free(f);
}

CASE(lock_while_holding_the_read_lock)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), lock = global_rwmutex(f, 0, 1);

	fake_hold_read(f, w, lock);
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	run(f);
	CHECK_FATE(w, PROVEN, CYCLE, w);
	fake_free(f);
}

CASE(writer_that_waits_for_readers_does_not_own)
{
	struct fake *f = fake_make(16);
	uint64_t r = fake_go(f), w = fake_go(f), lock = global_rwmutex(f, w, 1);

	/* An implementation may record the writer as soon as it is in line. */
	fake_hold_read(f, r, lock);
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	run(f);
	CHECK_NONE(w);
	fake_free(f);
}

CASE(read_lock_given_up_by_another)
{
	struct fake *f = fake_make(16);
	uint64_t x = fake_go(f), y = fake_go(f), w = fake_go(f), lock = global_rwmutex(f, 0, 1);

	/* Two holders on record but one lock: one record is stale, nobody knows which. */
	fake_hold_read(f, x, lock);
	fake_hold_read(f, y, lock);
	fake_wait(f, x, GD__WAIT_CHAN_RECV_NIL, 0);
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	run(f);
	CHECK_NONE(w);
	fake_free(f);
}

CASE(owner_has_ended)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), lock = global_mutex(f, 99);

	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	run(f);
	CHECK_FATE(w, OWNER_STUCK, DEAD_OWNER, 99);
	f->object[0].shared_owner = true;
	run(f);
	CHECK_NONE(w);
	f->object[0].shared_owner = false;
	f->im.truncated = true; /* perhaps its record is what is missing */
	run(f);
	CHECK_NONE(w);
	fake_free(f);
}

/* What only a waiter knows whose lock might be given up by somebody else after all. */
CASE(behind_an_ended_owner)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), u = fake_go(f), d = fake_block(f, 6);

	fake_wait(f, w, GD__WAIT_MUTEX, global_mutex(f, 99));
	fake_wait(f, u, GD__WAIT_CHAN_RECV, d);
	fake_poke(f, fake_stack(f, w, 0), d);
	run(f);
	CHECK_FATE(w, OWNER_STUCK, DEAD_OWNER, 99);
	CHECK_FATE(u, OWNER_STUCK, UNREACHABLE, 0);
	fake_free(f);
}

CASE(reader_has_ended)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), x = fake_go(f), lock = global_rwmutex(f, 0, 1);

	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	run(f);
	CHECK_FATE(w, OWNER_STUCK, DEAD_OWNER, 0);
	fake_g(f, x)->held_incomplete = true; /* x may be the one */
	run(f);
	CHECK_NONE(w);
	fake_free(f);
}

CASE(main_that_has_returned_is_an_ended_owner)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), lock = global_mutex(f, m);

	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	run(f);
	CHECK_NONE(w);
	f->im.rt.ended = true;
	run(f);
	CHECK_FATE(w, OWNER_STUCK, DEAD_OWNER, m);
	fake_free(f);
}

CASE(dropped_channel)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), s = fake_go(f), c = fake_block(f, 6), d = fake_block(f, 6);

	/* A stale pointer to it does not matter; but a select has another way out. */
	fake_object(f, c, GD__OBJ_CHAN)->refs = 0;
	fake_global(f, c);
	fake_global(f, d);
	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	fake_wait(f, s, GD__WAIT_SELECT, c);
	fake_wait(f, s, GD__WAIT_SELECT, d);
	run(f);
	CHECK_FATE(w, PROVEN, DROPPED, 0);
	CHECK_NONE(s);
	f->im.has_heap = false;
	run(f);
	CHECK_FATE(w, PROVEN, DROPPED, 0);
	fake_free(f);
}

CASE(channel_that_is_just_being_dropped)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 6);

	fake_poke(f, fake_stack(f, m, 0), c);
	fake_wait(f, w, GD__WAIT_CHAN_RECV, c);
	run(f);
	CHECK_NONE(w);
	options.dropped = c;
	run(f);
	CHECK_FATE(w, PROVEN, DROPPED, 0);
	options.dropped = 0;
	fake_free(f);
}

CASE(without_heap_records_unreachable_is_suspect)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f), h = fake_go(f), lock = global_mutex(f, w);

	f->im.has_heap = false;
	fake_wait(f, w, GD__WAIT_CHAN_SEND, fake_block(f, 6));
	fake_wait(f, h, GD__WAIT_MUTEX, lock); /* nothing is concluded from a suspicion */
	run(f);
	CHECK_FATE(w, SUSPECT, UNREACHABLE, 0);
	CHECK_NONE(h);
	fake_free(f);
}

CASE(with_unreadable_memory_unreachable_is_suspect)
{
	struct fake *f = fake_make(16);
	uint64_t w = fake_go(f);

	fake_wait(f, w, GD__WAIT_CHAN_SEND, fake_block(f, 6));
	f->unreadable = FAKE_DATA + 64;
	run(f);
	CHECK_FATE(w, SUSPECT, UNREACHABLE, 0);
	fake_free(f);
}

CASE(cycle_is_proven_in_a_truncated_image)
{
	struct fake *f = fake_make(16);
	uint64_t x = fake_go(f), y = fake_go(f), u = fake_go(f);
	uint64_t a = global_mutex(f, x), b = global_mutex(f, y);

	f->im.truncated = true;
	fake_wait(f, x, GD__WAIT_MUTEX, b);
	fake_wait(f, y, GD__WAIT_MUTEX, a);
	fake_wait(f, u, GD__WAIT_CHAN_RECV, fake_block(f, 6));
	run(f);
	CHECK_FATE(x, PROVEN, CYCLE, y);
	CHECK_FATE(u, SUSPECT, UNREACHABLE, 0);
	fake_free(f);
}

CASE(all_asleep_proves_everybody)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 6), lock = global_mutex(f, m);

	fake_global(f, c);
	fake_wait(f, m, GD__WAIT_CHAN_RECV, c);
	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	run(f);
	CHECK_NONE(m);
	options.all_asleep = true;
	run(f);
	CHECK_FATE(m, PROVEN, UNREACHABLE, 0);
	CHECK_FATE(w, PROVEN, UNREACHABLE, m);
	options.all_asleep = false;
	fake_free(f);
}

CASE(long_chain_of_owners_in_one_round)
{
	enum { N = 100 };
	struct fake *f = fake_make(N + 2);
	uint64_t first = fake_go(f);

	/* Each holds the lock that the next one waits for; the first waits for nothing. */
	fake_wait(f, first, GD__WAIT_CHAN_RECV_NIL, 0);
	for (uint64_t i = 1; i < N; i++) {
		uint64_t w = fake_go(f);

		fake_wait(f, w, GD__WAIT_MUTEX, global_mutex(f, w - 1));
	}
	run(f);
	for (uint64_t i = 2; i <= 100; i++)
		CHECK_FATE(i, OWNER_STUCK, OWNER, i - 1);
	CHECK(v.rounds <= 3);
	fake_free(f);
}

CASE(cycle_of_many)
{
	struct fake *f = fake_make(128);
	uint64_t lock[100];

	for (uint64_t i = 0; i < 100; i++)
		lock[i] = global_mutex(f, fake_go(f));
	for (uint64_t i = 0; i < 100; i++)
		fake_wait(f, i + 1, GD__WAIT_MUTEX, lock[(i + 1) % 100]);
	run(f);
	for (uint64_t i = 1; i <= 100; i++)
		CHECK_FATE(i, PROVEN, CYCLE, i % 100 + 1);
	fake_free(f);
}

UNIT_MAIN
