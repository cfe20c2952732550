/* link: gdetect */
/* context_test.c - cancellation reaches the whole subtree, and nothing else. */
#include "tests/unit/sync/goroutines.h"

static gd_waitgroup group;

static bool is_done(gd_context *ctx)
{
	return gd_chan_try_recv(gd_context_done(ctx), NULL) == GD_ECLOSED;
}

static void tree(void *arg)
{
	gd_context *root = gd_context_with_cancel(gd_context_background());
	gd_context *a = gd_context_with_cancel(root), *b = gd_context_with_cancel(root);
	gd_context *aa = gd_context_with_cancel(a), *ab = gd_context_with_value(a, "k", "v");
	gd_context *aba = gd_context_with_cancel(ab);

	(void)arg;
	CHECK(gd_context_done(gd_context_background()).raw == NULL);
	CHECK_EQ(gd_context_err(gd_context_background()), GD_OK);
	gd_context_cancel(gd_context_background());
	gd_context_unref(gd_context_background());
	CHECK_EQ(gd_context_err(root), GD_OK);
	gd_context_cancel(aa);
	CHECK(is_done(aa) && !is_done(a) && !is_done(ab));
	gd_context_cancel(a);
	gd_context_cancel(a);
	CHECK(is_done(a) && is_done(ab) && is_done(aba));
	CHECK(!is_done(root) && !is_done(b));
	CHECK_EQ(gd_context_err(aba), GD_ECANCELED);
	CHECK_EQ(gd_context_err(b), GD_OK);

	gd_context *late = gd_context_with_cancel(ab);

	CHECK(is_done(late)); /* born cancelled */
	CHECK_EQ(gd_context_err(late), GD_ECANCELED);
	gd_context_unref(root); /* its children still hold it */
	CHECK(!is_done(b));
	gd_context_cancel(root);
	CHECK(is_done(b));
	gd_context_unref(a);
	gd_context_unref(ab);
	gd_context_unref(aba);
	gd_context_unref(aa);
	gd_context_unref(late);
	gd_context_unref(b);
}

CASE(tree)
{
	on_procs(tree);
}

static void last_unref(void *arg)
{
	gd_context *root = gd_context_with_cancel(gd_context_background());
	gd_signal_chan done = gd_context_done(root);

	(void)arg;
	gd_chan_ref(done);
	gd_context_unref(gd_context_ref(root));
	CHECK_EQ(gd_chan_try_recv(done, NULL), GD_EAGAIN);
	gd_context_unref(root);
	CHECK_EQ(gd_chan_try_recv(done, NULL), GD_ECLOSED);
	gd_chan_unref(done);
}

CASE(last_unref_cancels)
{
	on_procs(last_unref);
}

static void deadlines(void *arg)
{
	gd_context *root = gd_context_with_timeout(gd_context_background(), 2 * GD_MILLISECOND);
	gd_context *child = gd_context_with_timeout(root, 1000 * GD_SECOND);
	gd_context *value = gd_context_with_value(child, "k", "v");
	gd_context *past = gd_context_with_deadline(gd_context_background(), gd_now());
	gd_context *stopped = gd_context_with_timeout(gd_context_background(), 1000 * GD_SECOND);

	(void)arg;
	CHECK(is_done(past));
	CHECK_EQ(gd_context_err(past), GD_ETIMEDOUT);
	CHECK_EQ(gd_context_deadline(child), gd_context_deadline(root));
	CHECK_EQ(gd_context_deadline(gd_context_background()), INT64_MAX);
	CHECK(!gd_chan_recv(gd_context_done(value), NULL));
	CHECK(gd_now() >= gd_context_deadline(root));
	CHECK_EQ(gd_context_err(value), GD_ETIMEDOUT);
	CHECK_EQ(gd_context_err(root), GD_ETIMEDOUT);
	gd_context_cancel(root); /* too late to change the reason */
	CHECK_EQ(gd_context_err(root), GD_ETIMEDOUT);
	gd_context_cancel(stopped);
	CHECK_EQ(gd_context_err(stopped), GD_ECANCELED);
	gd_context_unref(root);
	gd_context_unref(child);
	gd_context_unref(value);
	gd_context_unref(past);
	gd_context_unref(stopped);
}

CASE(deadlines)
{
	on_procs(deadlines);
}

static void values(void *arg)
{
	static const char one[] = "one", two[] = "two";
	int x, y, z;
	gd_context *a = gd_context_with_value(gd_context_background(), one, &x);
	gd_context *b = gd_context_with_value(a, two, &y);
	gd_context *c = gd_context_with_value(b, one, &z);

	(void)arg;
	CHECK(gd_context_value(c, one) == &z);
	CHECK(gd_context_value(c, two) == &y);
	CHECK(gd_context_value(b, one) == &x);
	CHECK(gd_context_value(a, two) == NULL);
	CHECK(gd_context_value(c, NULL) == NULL);
	gd_context_unref(a);
	gd_context_unref(b);
	CHECK(gd_context_value(c, two) == &y); /* kept by c */
	gd_context_unref(c);
}

CASE(values)
{
	on_procs(values);
}

/* Makes, cancels, drops and times out contexts of one tree from many goroutines. */
struct churn_args {
	gd_context *root;
	uint32_t seed;
};
static void churn(struct churn_args *a)
{
	for (int i = 0; i < 200; i++) {
		a->seed = a->seed * 1664525 + 1013904223;

		gd_context *mid =
			gd_context_with_timeout(a->root, (a->seed >> 20) % 64 * GD_MICROSECOND);
		gd_context *leaf =
			gd_context_with_timeout(mid, (a->seed >> 10) % 64 * GD_MICROSECOND);

		if (a->seed >> 31)
			gd_context_unref(mid);
		if (a->seed >> 30 & 1)
			gd_context_cancel(leaf);
		else
			gd_chan_recv(gd_context_done(leaf), NULL);
		CHECK(gd_context_err(leaf) != GD_OK);
		if (!(a->seed >> 31))
			gd_context_unref(mid);
		gd_context_unref(leaf);
	}
	gd_context_unref(a->root);
	gd_waitgroup_done(&group);
}

static void churning(void *arg)
{
	gd_context *root = gd_context_with_timeout(gd_context_background(), 3 * GD_MILLISECOND);

	(void)arg;
	gd_waitgroup_add(&group, 8);
	for (uint32_t i = 0; i < 8; i++)
		gd_go(churn, .root = gd_context_ref(root), .seed = i * 7919 + 1);
	gd_context_unref(root);
	gd_waitgroup_wait(&group);
}

CASE(many_at_once)
{
	on_procs(churning);
}

static void no_parent(void *arg)
{
	(void)arg;
	gd_context_with_cancel(NULL);
}

#ifndef UNIT_ASAN /* which finds these itself */
static gd_context *gone(void)
{
	gd_context *ctx = gd_context_with_cancel(gd_context_background());

	gd_context_unref(ctx);
	return ctx;
}

static void wait_for_gone(void *arg)
{
	(void)arg;
	gd_chan_recv(gd_context_done(gone()), NULL);
}

static void cancel_gone(void *arg)
{
	(void)arg;
	gd_context_cancel(gone());
}

static void child_of_gone(void *arg)
{
	(void)arg;
	gd_context_with_cancel(gone());
}

CASE(use_of_a_gone_context_is_fatal)
{
	expect_fatal(wait_for_gone, "use of a context after its last gd_context_unref");
	expect_fatal(cancel_gone, "use of a context after its last gd_context_unref");
	expect_fatal(child_of_gone, "use of a context after its last gd_context_unref");
}
#endif

CASE(missing_parent_is_fatal)
{
	expect_fatal(no_parent, "the parent is NULL");
}

UNIT_MAIN
