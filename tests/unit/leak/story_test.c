/* story_test.c - who was there and where that one went, the chain of owners, and the patterns that
 * they tell apart. */
#include "tests/support/fake_image.h"
#include "tests/support/unit.h"

#include <gdetect/error.h>

#include "detector/leak/advice.h"
#include "detector/leak/check.h"
#include "detector/leak/tell.h"

static struct gd__arena arena;
static struct gd__leak_result result;
static struct gd__leak_options options;
static const struct gd__leak *leak;
static struct gd__story *story;

/* The story of goroutine id, which is a leak. */
static void tell(struct fake *f, uint64_t id)
{
	gd__arena_release(&arena);
	CHECK_EQ(gd__leak_check_image(&f->im, &options, &arena, &result), GD_OK);
	leak = NULL;
	for (size_t i = 0; i < result.count; i++)
		if (result.leaks[i].g.id == id)
			leak = &result.leaks[i];
	CHECK(leak != NULL);
	story = gd__story(&result, leak, &arena, NULL, NULL);
	CHECK(story != NULL);
}

static const struct gd__party *party(enum gd__role role)
{
	const struct gd__party *p = gd__story_party(story, role, 0);

	CHECK(p != NULL);
	return p;
}

static const char *pattern(void)
{
	const char *p = gd__advice(leak, story).pattern;

	return p ? p : "";
}

static uint64_t global_mutex(struct fake *f, uint64_t owner)
{
	uint64_t at = FAKE_DATA + 8 * f->data_used;
	struct gd__oinfo *o = fake_object(f, at, GD__OBJ_MUTEX);

	f->data_used += 8;
	o->owner_id = owner;
	o->owner_pc = 0x1000 + owner;
	o->locked_before = true;
	return at;
}

/* Names as a test wants them: places are numbers. */
static void place(void *self, struct gd__out *o, uint64_t pc)
{
	gd__out_fmt(o, "line %lu", (unsigned long)(pc - 0x1000));
}

static bool function(void *self, struct gd__out *o, uint64_t pc)
{
	gd__out_str(o, "first");
	return true;
}

static void frames(void *self, struct gd__out *o, const struct gd__ginfo *g, const char *lead)
{
}

static bool data(void *self, struct gd__out *o, uint64_t addr)
{
	if (addr < FAKE_DATA || addr >= FAKE_DATA + 8 * FAKE_DATA_WORDS)
		return false;
	gd__out_fmt(o, "global%lu", (unsigned long)(addr - FAKE_DATA));
	return true;
}

static bool now(void *self, struct gd__out *o, const struct gd__party *p)
{
	gd__out_str(o, "there");
	return true;
}

static bool allocated(void *self, struct gd__out *o, const struct gd__block *b)
{
	return false;
}

static enum gd__stay left(void *self, const struct gd__party *p)
{
	return GD__STAY_LEFT;
}

static const struct gd__tongue tongue = { .place = place,
					  .function = function,
					  .frames = frames,
					  .data = data,
					  .now = now,
					  .allocated = allocated,
					  .stay = left };
static char text[16384];

/* The paragraph without its stack. */
static void paragraph(void)
{
	struct gd__tale a = { .leak = leak,
			      .story = story,
			      .count = 1,
			      .id = { leak->g.id },
			      .nids = 1,
			      .oldest_ns = INT64_C(181000000000),
			      .youngest_ns = INT64_C(5000000000),
			      .retained = leak->retained,
			      .fingerprint = "gd1:0" };
	struct gd__out o;

	gd__out_init(&o, text, sizeof(text), -1);
	gd__tell_head(&o, &tongue, &a);
	gd__tell_rest(&o, &tongue, &a);
	gd__out_flush(&o);
}

CASE(where_the_last_receiver_is)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), r = fake_go(f), s = fake_go(f), c = fake_block(f, 6);
	struct gd__oinfo *o = fake_object(f, c, GD__OBJ_CHAN);

	fake_wait(f, s, GD__WAIT_CHAN_SEND, c);
	o->last_recv_id = r;
	o->last_recv_pc = 0x1007;
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->id, r);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->pc, 0x1007);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_RUNNING);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->g->id, r);
	CHECK(gd__story_party(story, GD__ROLE_LAST_SEND, 0) == NULL);
	fake_wait(f, r, GD__WAIT_SLEEP, 0);
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_WAITING);
	fake_wait(f, r, GD__WAIT_CHAN_RECV, fake_block(f, 6));
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_STUCK);
	fake_g(f, r)->state = GD__GI_DEAD;
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_ENDED);
	CHECK(party(GD__ROLE_LAST_RECV)->g == NULL);
	o->last_recv_id = 77; /* never heard of */
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_ENDED);
	f->im.rt.gone = 80; /* of the parent of a fork */
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_UNKNOWN);
	o->last_recv_id = s;
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_SELF);
	o->last_recv_id = m;
	f->im.rt.ended = true;
	tell(f, s);
	CHECK_EQ(party(GD__ROLE_LAST_RECV)->now, GD__AT_ENDED);
	fake_free(f);
}

CASE(where_objects_live)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), b = fake_block(f, 10);

	fake_wait(f, w, GD__WAIT_COND, b + 16);
	tell(f, w);
	CHECK_EQ(story->home[0].kind, GD__HOME_HEAP);
	CHECK_EQ(story->home[0].block.start, b);
	CHECK_EQ(story->home[0].others, 1);
	fake_g(f, w)->nwaits = 0;
	fake_wait(f, w, GD__WAIT_COND, fake_stack(f, w, 2));
	tell(f, w);
	CHECK_EQ(story->home[0].kind, GD__HOME_STACK);
	CHECK_EQ(story->home[0].goid, w);
	CHECK(story->home[0].live);
	fake_g(f, w)->nwaits = 0;
	fake_wait(f, w, GD__WAIT_MUTEX, global_mutex(f, w));
	tell(f, w);
	CHECK_EQ(story->home[0].kind, GD__HOME_DATA);
	CHECK(m != w);
	fake_free(f);
}

/* a holds A and waits for B, b holds B and waits for A. */
CASE(a_cycle_is_written_out)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), a = fake_go(f), b = fake_go(f);
	uint64_t la = global_mutex(f, a), lb = global_mutex(f, b);
	struct gd__out o;

	fake_wait(f, a, GD__WAIT_MUTEX, lb);
	fake_wait(f, b, GD__WAIT_MUTEX, la);
	tell(f, a);
	CHECK(m == 1);
	CHECK_EQ(story->nlinks, 2);
	CHECK(story->closed);
	gd__out_init(&o, text, sizeof(text), -1);
	CHECK(gd__tell_chain(&o, &tongue, story));
	gd__out_flush(&o);
	CHECK_STR(text,
		  "goroutine 2 holds mutex global0 (line 2), waits for mutex global64 held by "
		  "goroutine 3 (line 3), which waits for mutex global0");
	CHECK_STR(pattern(), "locks taken in different orders");
	fake_free(f);
}

CASE(a_chain_ends_at_what_its_last_waits_for)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), a = fake_go(f), b = fake_go(f), c = fake_go(f);
	uint64_t lb = global_mutex(f, b), lc = global_mutex(f, c);
	struct gd__out o;

	fake_wait(f, a, GD__WAIT_MUTEX, lb);
	fake_wait(f, b, GD__WAIT_MUTEX, lc);
	fake_wait(f, c, GD__WAIT_CHAN_SEND, fake_block(f, 6));
	tell(f, a);
	CHECK(m == 1);
	CHECK_EQ(story->nlinks, 3);
	CHECK(!story->closed);
	gd__out_init(&o, text, sizeof(text), -1);
	CHECK(gd__tell_chain(&o, &tongue, story));
	gd__out_flush(&o);
	CHECK_STR(text, "goroutine 2 waits for mutex global0 held by goroutine 3 (line 3), which "
			"waits for mutex global64 held by goroutine 4 (line 4), which is stuck in "
			"chan send");
	CHECK_STR(pattern(), "lock held by a stuck goroutine");
	tell(f, b);
	CHECK_STR(pattern(), "lock held across a channel operation by a stuck goroutine");
	gd__out_init(&o, text, sizeof(text), -1);
	CHECK(!gd__tell_chain(&o, &tongue, story)); /* "held by" says it all */
	fake_free(f);
}

CASE(a_reader_behind_a_writer)
{
	struct fake *f = fake_make(16);
	uint64_t r = fake_go(f), w = fake_go(f), lock = FAKE_DATA + 512;
	struct gd__oinfo *o = fake_object(f, lock, GD__OBJ_RWMUTEX);
	struct gd__out out;

	o->readers = 1;
	o->locked_before = true;
	fake_hold_read(f, r, lock);
	fake_g(f, r)->held[0].pc = 0x1005;
	fake_wait(f, w, GD__WAIT_RWMUTEX_W, lock);
	fake_wait(f, r, GD__WAIT_RWMUTEX_R, lock);
	tell(f, r);
	CHECK(story->closed);
	gd__out_init(&out, text, sizeof(text), -1);
	CHECK(gd__tell_chain(&out, &tongue, story));
	gd__out_flush(&out);
	CHECK_STR(text, "goroutine 1 holds rwmutex global512 (line 5), waits for rwmutex global512 "
			"behind the writer goroutine 2, which waits for rwmutex global512");
	CHECK_STR(pattern(), "recursive read lock");
	tell(f, w);
	gd__out_init(&out, text, sizeof(text), -1);
	CHECK(gd__tell_chain(&out, &tongue, story));
	gd__out_flush(&out);
	CHECK_STR(text,
		  "goroutine 2 waits for rwmutex global512 held by goroutine 1 (line 5), which "
		  "waits for rwmutex global512 behind goroutine 2");
	CHECK_EQ(party(GD__ROLE_READER)->id, r);
	CHECK_EQ(story->readers, 1);
	fake_free(f);
}

CASE(patterns_of_senders)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), s = fake_go(f), t = fake_go(f), c = fake_block(f, 6);
	struct gd__oinfo *o = fake_object(f, c, GD__OBJ_CHAN);

	fake_wait(f, s, GD__WAIT_CHAN_SEND, c);
	tell(f, s);
	CHECK_STR(pattern(), "send without receiver");
	fake_g(f, s)->parent_id = m;
	tell(f, s);
	story->party[story->nparties - 1].stay = GD__STAY_LEFT;
	CHECK_HAS(pattern(), "send without receiver: the function that started it has returned");
	o->left_pc = 0x1003;
	tell(f, s);
	CHECK_HAS(pattern(), "the receiver stopped waiting (a timeout");
	o->last_recv_id = m;
	tell(f, s);
	CHECK_STR(pattern(), "abandoned sender");
	o->last_send_id = s;
	o->last_send_pc = 0x1009;
	f->waits[(s - 1) * FAKE_PER_G].pc = 0x1009; /* a loop */
	tell(f, s);
	CHECK_STR(pattern(), "abandoned sender");
	f->waits[(s - 1) * FAKE_PER_G].pc = 0x100a;
	tell(f, s);
	CHECK_HAS(pattern(), "double send");
	o->last_send_id = 0;
	fake_wait(f, t, GD__WAIT_CHAN_SEND, c);
	tell(f, s);
	CHECK_HAS(pattern(), "N-cast");
	fake_free(f);
}

CASE(patterns_of_receivers)
{
	struct fake *f = fake_make(16);
	uint64_t r = fake_go(f), c = fake_block(f, 6);
	struct gd__oinfo *o = fake_object(f, c, GD__OBJ_CHAN);

	fake_wait(f, r, GD__WAIT_CHAN_RECV, c);
	o->elem_size = 4;
	tell(f, r);
	CHECK_STR(pattern(), "receive without sender");
	o->last_send_id = 9;
	tell(f, r);
	CHECK_HAS(pattern(), "missing close");
	o->timer = true;
	tell(f, r);
	CHECK_HAS(pattern(), "timer that was stopped");
	o->timer = false;
	o->elem_size = 0;
	tell(f, r);
	CHECK_STR(pattern(), "forgotten cancel or close");
	o->context = true;
	tell(f, r);
	CHECK_STR(pattern(), "forgotten cancel or close: the context is never cancelled");
	fake_free(f);
}

CASE(patterns_of_groups)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), g = fake_block(f, 8);
	struct gd__oinfo *o = fake_object(f, g, GD__OBJ_WAITGROUP);
	uint64_t k;

	o->count = 2;
	o->last_add_id = m;
	o->last_add_pc = 0x1001;
	fake_wait(f, w, GD__WAIT_WAITGROUP, g);
	tell(f, w);
	CHECK_HAS(pattern(), "nobody was ever done");
	o->last_done_id = m;
	o->last_done_pc = 0x1002;
	tell(f, w);
	CHECK_STR(pattern(), "waitgroup that never reaches zero: add without done");
	o->last_add_id = w;
	tell(f, w);
	CHECK_HAS(pattern(), "or wait inside the loop");
	o->count = 1;
	o->last_add_id = m;
	fake_g(f, w)->parent_id = m;
	tell(f, w);
	CHECK_HAS(pattern(), "self-wait");
	o->count = 2;
	k = fake_go(f);
	fake_g(f, k)->parent_id = m;
	fake_wait(f, k, GD__WAIT_CHAN_RECV, fake_block(f, 6));
	tell(f, w);
	CHECK_EQ(story->stuck_workers, 1);
	CHECK_STR(pattern(), "waitgroup whose workers are stuck themselves");
	fake_free(f);
}

CASE(patterns_of_conditions)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), c = fake_block(f, 6);
	struct gd__oinfo *o = fake_object(f, c, GD__OBJ_COND);

	fake_wait(f, w, GD__WAIT_COND, c);
	tell(f, w);
	CHECK_STR(pattern(), "lost wake-up: nobody ever signalled the condition");
	o->last_signal_id = m;
	o->last_signal_pc = 0x1001;
	tell(f, w);
	CHECK_STR(pattern(), "lost wake-up: the last signal woke another one");
	o->signal_in_vain = true;
	tell(f, w);
	CHECK_STR(pattern(), "lost wake-up: the last signal came when nobody waited");
	fake_free(f);
}

CASE(patterns_of_locks)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), w = fake_go(f), o = fake_go(f), b = fake_block(f, 6);
	struct gd__oinfo *x = fake_object(f, b, GD__OBJ_MUTEX);

	/* Nobody has a pointer to the lock any more, and its owner has left the function. */
	x->owner_id = o;
	x->owner_pc = 0x1001;
	fake_wait(f, w, GD__WAIT_MUTEX, b);
	tell(f, w);
	CHECK(m == 1);
	CHECK_EQ(party(GD__ROLE_OWNER)->now, GD__AT_RUNNING);
	story->party[0].stay = GD__STAY_LEFT;
	CHECK_STR(pattern(), "missing unlock");
	x->owner_id = w;
	x->locked_before = true;
	tell(f, w);
	CHECK_STR(pattern(), "double lock");
	story->party[0].stay = GD__STAY_LEFT;
	CHECK_STR(pattern(),
		  "double lock: the function that locked first has returned without unlock");
	fake_wait(f, o, GD__WAIT_WAITGROUP, fake_block(f, 6));
	x->owner_id = o;
	tell(f, w);
	CHECK_STR(pattern(), "lock held across a wait by a stuck goroutine");
	fake_free(f);
}

/* What the sender holds, and somebody waits for, says more than who does not receive. */
CASE(locks_held_meanwhile)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), s = fake_go(f), w = fake_go(f), lock = global_mutex(f, s);

	fake_wait(f, s, GD__WAIT_CHAN_SEND, fake_block(f, 6));
	tell(f, s);
	CHECK_EQ(story->nholdings, 0); /* nobody wants it */
	fake_wait(f, w, GD__WAIT_MUTEX, lock);
	tell(f, s);
	CHECK(m == 1);
	CHECK_EQ(story->nholdings, 1);
	CHECK_EQ(story->holding[0].object->addr, lock);
	CHECK_EQ(story->holding[0].waiters, 1);
	CHECK_STR(pattern(), "lock held across a channel operation");
	paragraph();
	CHECK_HAS(text, "  holds meanwhile: mutex global0, locked at line 2; 1 goroutine waits for "
			"it\n");
	fake_free(f);
}

CASE(the_whole_paragraph)
{
	struct fake *f = fake_make(16);
	uint64_t m = fake_go(f), s = fake_go(f), t = fake_go(f), c = fake_block(f, 6);
	struct gd__oinfo *o = fake_object(f, c, GD__OBJ_CHAN);

	fake_wait(f, s, GD__WAIT_CHAN_SEND, c);
	fake_wait(f, t, GD__WAIT_CHAN_SEND, c);
	fake_g(f, s)->parent_id = m;
	snprintf(fake_g(f, s)->site, GD__GI_TEXT, "first.c:9");
	snprintf(fake_g(f, s)->name, GD__GI_TEXT, "search");
	o->elem_size = 4;
	o->last_recv_id = m;
	o->last_recv_pc = 0x1007;
	o->last_send_id = 88;
	o->last_send_pc = 0x1008;
	snprintf(o->site, GD__GI_TEXT, "first.c:7");
	tell(f, s);
	gd__tell_prepare(&tongue, story);
	paragraph();
	CHECK_STR(
		text,
		"1 goroutine [chan send] proven stuck: nothing that can still run reaches the "
		"channel\n"
		"  looks like: abandoned sender, one of several: more send than receive (N-cast); "
		"usual repair: give the channel room for n results, or select with a done "
		"channel\n"
		"  waits for: channel of capacity 0, element size 4, made at first.c:7; 2 senders "
		"wait\n"
		"  last receive: by goroutine 1 at line 7; it has returned from first and is about "
		"to run (there)\n"
		"  last send: by goroutine 88 at line 8; it has ended\n"
		"  created by in goroutine 1 at first.c:9\n"
		"  goroutine: 2 (search), waiting for 5 seconds to 3 minutes\n"
		"  retained: 128 bytes of stack, 0 bytes of heap\n"
		"  fingerprint: gd1:0\n\n");
	fake_free(f);
}

UNIT_MAIN
