/* link: gdetect */
/* inspect_test.c - what a stopped world looks like from inside: goroutines, waits, threads, timers.
 */
#include "runtime/inspect/inspect.h"

#include <stdatomic.h>

#include <gdetect/gdetect.h>

#include "runtime/inspect/anchor.h"
#include "tests/support/unit.h"

typedef gd_chan_of(int) int_chan;

static struct gd__runtime rt;
static _Atomic int spinning, stop;

struct sender_args {
	int_chan c;
};

static void sender(struct sender_args *a)
{
	gd_chan_send(a->c, 1);
}

struct spin_args {
	int unused;
};

static void spin(struct spin_args *a)
{
	(void)a;
	atomic_fetch_add(&spinning, 1);
	while (!stop)
		;
	atomic_fetch_add(&spinning, -1);
}

/* The goroutine with this name; its count. */
static int find(const char *name, struct gd__ginfo *found)
{
	int n = 0;

	for (uint64_t i = 0; i < rt.ngoroutines; i++) {
		struct gd__ginfo g;
		bool broken;

		if (gd__inspect_goroutine(&rt, i, &g, &broken) && strcmp(g.name, name) == 0) {
			*found = g;
			n++;
		}
		CHECK(!broken);
	}
	return n;
}

static void start_sender(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);
	struct gd__ginfo g;
	struct gd__winfo w;
	struct gd__oinfo o;

	(void)arg;
	gd_go(sender, .c = c);
	gd_go(sender, .c = c);
	gd_yield();
	gd_sleep(GD_MILLISECOND);
	gd__inspect_stop();
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
	CHECK_EQ(find("sender", &g), 2);
	CHECK_EQ(g.state, GD__GI_WAITING);
	CHECK_STR(gd__wait_text(g.reason), "chan send");
	CHECK_EQ(g.parent_id, 1);
	CHECK(g.sp >= g.stack_lo && g.sp < g.stack_hi);
	CHECK_HAS(g.site, "inspect_test.c:");
	CHECK_EQ(g.nwaits, 1);
	CHECK(gd__inspect_wait(&rt, &g, 0, &w));
	CHECK_EQ(w.obj, (uintptr_t)c.raw);
	CHECK(gd__inspect_object(&rt, w.obj, w.kind, &o));
	CHECK(o.valid);
	CHECK_EQ(o.cap, 0);
	CHECK_EQ(o.elem_size, sizeof(int));
	CHECK_HAS(o.site, "inspect_test.c:");
	CHECK_EQ(find("main", &g), 1);
	CHECK_EQ(g.state, GD__GI_RUNNING);
	CHECK_EQ(gd__inspect_self(), 1);
	gd__inspect_start();
}

CASE(a_waiting_goroutine_with_its_channel)
{
	CHECK_EQ(gd_run(start_sender, NULL), 0);
}

static struct {
	gd_waitgroup wg;
	gd_cond cond;
	gd_mutex mutex;
} noted;

static void is_done(void *arg)
{
	(void)arg;
	gd_waitgroup_done(&noted.wg);
	gd_mutex_lock(&noted.mutex);
	gd_cond_wait(&noted.cond);
	gd_mutex_unlock(&noted.mutex);
}

static struct gd__oinfo look_at(const void *p, uint16_t kind)
{
	struct gd__oinfo o;

	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
	CHECK(gd__inspect_object(&rt, (uintptr_t)p, kind, &o));
	CHECK(o.valid);
	return o;
}

static void start_notes(void *arg)
{
	struct gd__oinfo o = look_at(&noted.wg, GD__OBJ_WAITGROUP);

	(void)arg;
	CHECK_EQ(o.last_add_pc | o.last_done_pc | o.last_add_id | o.last_done_id, 0);
	CHECK_EQ(look_at(&noted.cond, GD__OBJ_COND).last_signal_pc, 0);
	gd_cond_init(&noted.cond, &noted.mutex);
	gd_cond_signal(&noted.cond);
	o = look_at(&noted.cond, GD__OBJ_COND);
	CHECK_EQ(o.last_signal_id, 1);
	CHECK(o.last_signal_pc != 0 && o.signal_in_vain);
	gd_waitgroup_add(&noted.wg, 2);
	gd_go_fn(is_done, NULL);
	while (noted.wg.count_ == 2)
		gd_yield();
	o = look_at(&noted.wg, GD__OBJ_WAITGROUP);
	CHECK_EQ(o.count, 1);
	CHECK_EQ(o.last_add_id, 1);
	CHECK_EQ(o.last_done_id, 2);
	CHECK(o.last_add_pc != 0 && o.last_done_pc != 0 && o.last_add_pc != o.last_done_pc);
	do {
		gd_yield();
		gd_mutex_lock(&noted.mutex);
		gd_cond_broadcast(&noted.cond);
		gd_mutex_unlock(&noted.mutex);
		o = look_at(&noted.cond, GD__OBJ_COND);
	} while (o.signal_in_vain);
	CHECK_EQ(o.last_signal_id, 1);
}

CASE(who_was_last_at_a_group_and_a_condition)
{
	CHECK_EQ(gd_run(start_notes, NULL), 0);
}

static void start_leaver(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);
	gd_context *ctx = gd_context_with_cancel(gd_context_background());
	int v;

	(void)arg;
	CHECK_EQ(look_at(c.raw, GD__OBJ_CHAN).left_pc, 0);
	CHECK(!look_at(c.raw, GD__OBJ_CHAN).context);
	CHECK(look_at(gd_context_done(ctx).raw, GD__OBJ_CHAN).context);
	CHECK_EQ(gd_select(GD_RECV(c, &v), GD_AFTER(GD_MICROSECOND)), 1);
	CHECK(look_at(c.raw, GD__OBJ_CHAN).left_pc != 0);
	gd_context_unref(ctx);
	gd_chan_unref(c);
}

CASE(a_receiver_that_gave_up_is_noted)
{
	CHECK_EQ(gd_run(start_leaver, NULL), 0);
}

static void start_spinner(void *arg)
{
	struct gd__ginfo g;
	struct gd__tinfo t = { 0 };
	bool found = false;

	(void)arg;
	gd_go(spin, 0);
	while (!spinning)
		gd_sleep(GD_MILLISECOND / 10);
	for (int round = 0; round < 20; round++) {
		gd__inspect_stop();
		CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
		CHECK_EQ(find("spin", &g), 1);
		CHECK_EQ(g.state, GD__GI_RUNNING);
		for (uint64_t i = 0; gd__inspect_thread(&rt, i, &t) && !found; i++)
			found = t.goid == g.id;
		gd__inspect_start();
		CHECK(found);
		found = false;
	}
	stop = 1;
	while (spinning)
		gd_sleep(GD_MILLISECOND / 10);
}

/* A loop without a safe point is stopped by a signal, and goes on afterwards. */
CASE(a_busy_goroutine_is_stopped)
{
	gd_set_procs(2);
	CHECK_EQ(gd_run(start_spinner, NULL), 0);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void start_timer(void *arg)
{
	static int mark;
	gd_timer *t = gd_after_func(3600 * GD_SECOND, nothing, &mark);
	uint64_t root[2];
	bool found = false;

	(void)arg;
	gd__inspect_stop();
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
	for (uint64_t i = 0; gd__inspect_timer(&rt, i, root); i++)
		found |= root[0] == (uintptr_t)t || root[1] == (uintptr_t)t;
	gd__inspect_start();
	CHECK(found);
	gd_timer_free(t);
}

CASE(a_pending_timer_is_a_root)
{
	CHECK_EQ(gd_run(start_timer, NULL), 0);
}

CASE(not_started_is_said)
{
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_EMPTY);
}

CASE(another_version_is_said)
{
	struct gd__anchor other = gd__anchor;

	other.version++;
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, (uintptr_t)&other), GD__INSPECT_VERSION);
	other = gd__anchor;
	other.magic[3] = 'x';
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, (uintptr_t)&other), GD__INSPECT_NO_ANCHOR);
}

UNIT_MAIN
