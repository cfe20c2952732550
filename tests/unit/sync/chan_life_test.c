/* link: gdetect */
/* chan_life_test.c - references, dropped channels, use after free. */
#include "runtime/hook/hook.h"
#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"
#include "tests/unit/sync/no_hooks.h"

typedef gd_chan_of(int) int_chan;

static const void *dropped_chan;
static int dropped_count;

static void on_dropped(const void *chan, uintptr_t pc)
{
	CHECK(pc != 0);
	dropped_chan = chan;
	dropped_count++;
}

static const struct gd__watch watch = { .dropped = on_dropped };

struct receiver_args {
	int_chan c;
	int_chan done;
};
static void receiver(struct receiver_args *a)
{
	gd_chan_recv(a->c, NULL);
	gd_chan_send(a->done, 1);
}

static void select_two(struct receiver_args *a)
{
	int which = gd_select(GD_RECV(a->c, NULL), GD_RECV(a->done, NULL));

	CHECK_EQ(which, 1);
	gd_chan_send(a->done, 2);
}
#define select_two_args receiver_args

static void references(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 1);

	(void)arg;
	gd__watch_install(&watch);
	gd_chan_ref(c);
	CHECK_EQ(c.raw->refs, 2);
	gd_chan_unref(c);
	gd_chan_send(c, 1);
	gd_chan_unref(c);
	CHECK_EQ(dropped_count, 0);
	gd_chan_unref_raw(NULL);
	CHECK(gd_chan_ref_raw(NULL) == NULL);
}

CASE(references)
{
	on_procs(references);
}

static void dropped(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0), done = gd_chan_make(int_chan, 0);

	(void)arg;
	gd__watch_install(&watch);
	gd_go(receiver, .c = c, .done = done);
	while (gd__waitq_empty(&c.raw->recvq))
		gd_yield();
	gd_chan_unref(c);
	CHECK_EQ(dropped_count, 1);
	CHECK(dropped_chan == c.raw);
	CHECK_EQ(c.raw->magic, GD__CHAN_LIVE); /* its waiter still points to it */
}

CASE(last_reference_with_waiters_is_reported)
{
	on_procs(dropped);
}

static const void *freed_chan;

static void on_forget(const void *obj, size_t n)
{
	(void)n;
	freed_chan = obj;
}

static void select_leaves(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0), other = gd_chan_make(int_chan, 0);
	int v;

	(void)arg;
	gd__watch_install(&watch);
	gd_go(select_two, .c = c, .done = other);
	while (gd__waitq_empty(&c.raw->recvq))
		gd_yield();
	gd_chan_unref(c);
	CHECK_EQ(dropped_count, 1);
	CHECK(freed_chan == NULL);
	gd_chan_send(other, 1);
	gd_chan_recv(other, &v);
	CHECK_EQ(v, 2);
	CHECK(freed_chan == c.raw);
}

CASE(select_frees_a_dropped_channel_on_its_way_out)
{
	no_hooks.forget = on_forget;
	gd__hooks_install(&no_hooks);
	on_procs(select_leaves);
}

#ifndef UNIT_ASAN /* ASan is first with its own report */
static void use_after_free(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 100);

	(void)arg;
	gd_chan_unref(c);
	gd_chan_send(c, 1);
}

static void unref_twice(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 100);

	(void)arg;
	gd_chan_unref(c);
	gd_chan_unref(c);
}

CASE(use_after_free_is_fatal)
{
	expect_fatal(use_after_free, "use of a channel");
	expect_fatal(unref_twice, "use of a channel");
}
#endif

UNIT_MAIN
