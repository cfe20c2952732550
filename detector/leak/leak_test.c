/*
 * leak_test.c - a test in a goroutine and a scope of its own, and a check of what it leaves.
 *
 * The caller looks at the clock and at the records of the goroutines while the test runs: nothing
 * tells it of the end of a goroutine by gd_go_exit, nor of a test that is stuck. Time to settle is
 * time in which none of the goroutines left gets on or could, so that a busy machine makes no
 * leaks.
 */
#include <gdetect/error.h>
#include <gdetect/go.h>
#include <gdetect/leak.h>
#include <gdetect/time.h>

#include "detector/common/interpose.h"
#include "detector/leak/leak_expect.h"
#include "detector/leak/leak_run.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/scope.h"

#define MS INT64_C(1000000)

#define FIRST_NAP (MS / 50)
#define LAST_NAP  (2 * MS)
/* A test that has not ended after so long is asked whether it ever will; again after twice that. */
#define FIRST_DOUBT (100 * MS)
#define LAST_DOUBT  (10000 * MS)
#define SETTLE_MS   500
/* Goroutines that get on are waited for longer, in case it is the CPU that is missing. */
#define PATIENCE 10
/* Who all wait after so long are asked whether they are stuck for good: then why wait. */
#define ASK_AFTER (20 * MS)

/* Of memory of our own: a test that is stuck keeps it. */
struct test {
	int (*fn)(void *);
	void (*plain)(void);
	void *arg;
	bool returns_int; /* plain does */
	uint32_t scope;
	int code;
	_Atomic uint64_t goid;
	_Atomic uint32_t done;
};

static _Atomic uint32_t last_scope;

static int call(const struct test *t)
{
	int (*plain)(void) = (int (*)(void))(void *)t->plain;

	if (!t->plain)
		return t->fn(t->arg);
	if (t->returns_int)
		return plain();
	t->plain();
	return 0;
}

static void run(void *arg)
{
	struct test *t = arg;

	gd__scope_enter(t->scope);
	gd__store_release(&t->goid, gd_go_id()); /* pairs with watch: the scope */
	t->code = call(t);
	gd__store_release(&t->done, 1); /* pairs with watch: the code */
}

bool gd__leak_alone(const struct gd__image *im)
{
	struct gd__thread_info t;
	uint64_t root[2];

	if (im->truncated || gd__inspect_timer(&im->rt, 0, root))
		return false;
	for (size_t i = 0; gd__thread_walk(i, &t); i++)
		if (t.tid)
			return false;
	for (size_t i = 0; i < im->ng; i++) {
		const struct gd__ginfo *g = &im->g[i];

		if (g->id != im->checker_id &&
		    (g->state != GD__GI_WAITING || g->timed || !gd__wait_stuck(g->reason)))
			return false;
	}
	return true;
}

static void check(struct gd__leak_run *r)
{
	gd__leak_begin(true);
	gd__leak_run(r);
	gd__leak_end();
}

static bool lists(const struct gd__leak_run *r, uint64_t id)
{
	for (size_t i = 0; r->error == GD_OK && i < r->out.result.count; i++)
		if (r->out.result.leaks[i].g.id == id)
			return true;
	return false;
}

/* Of the goroutines of the test, so many are stuck for good; *self: among them that of the test. */
static size_t count_stuck(const struct test *t, uint64_t sp, bool *self)
{
	bool done = gd__load_acquire(&t->done) != 0; /* pairs with run: then the caller goes on */
	struct gd__leak_run r = { .how.caller_sp = sp,
				  .level = GD_LEAK_OWNER,
				  .known_too = true,
				  .quiet = true,
				  .only_waits = !done,
				  .scope = t->scope };
	size_t n;

	check(&r);
	n = r.error == GD_OK ? r.out.result.count : 0;
	*self = lists(&r, gd__load_relaxed(&t->goid)); /* its own thread has told */
	gd__leak_run_release(&r);
	return n;
}

static int64_t longer(int64_t ns, int64_t most)
{
	return 2 * ns < most ? 2 * ns : most;
}

/* Until the test has ended in whatever way. The bits. */
static int watch(const struct test *t, uint64_t sp)
{
	int64_t doubt = FIRST_DOUBT, asked = gd__os_now();
	struct gd__scope_census c;
	bool stuck;

	for (int64_t nap = FIRST_NAP;; nap = longer(nap, LAST_NAP)) {
		uint64_t goid = gd__load_acquire(&t->goid); /* pairs with run */

		if (goid)
			gd__scope_count(t->scope, goid, &c);
		if (gd__load_acquire(&t->done)) /* pairs with run */
			return t->code ? GD_LEAK_TEST_FAILED : GD_LEAK_TEST_OK;
		if (goid && !c.there)
			return GD_LEAK_TEST_FAILED;
		if (goid && c.moving == 0 && gd__os_now() - asked > doubt) {
			count_stuck(t, sp, &stuck);
			if (stuck)
				return GD_LEAK_TEST_STUCK | GD_LEAK_TEST_LEAKED;
			asked = gd__os_now();
			doubt = longer(doubt, LAST_DOUBT);
		}
		gd_sleep(nap);
	}
}

/* Waits for those that are about to end. True if nobody is left. */
static bool settle(const struct test *t, uint64_t sp, int64_t limit)
{
	int64_t start = gd__os_now(), last = start, still = 0;
	uint64_t did = 0;
	struct gd__scope_census c;
	bool asked = false, self;

	for (int64_t nap = FIRST_NAP;; nap = longer(nap, LAST_NAP)) {
		int64_t now = gd__os_now();

		gd__scope_count(t->scope, 0, &c);
		if (c.alive == 0)
			return true;
		still = c.did != did ? 0 : c.moving == 0 ? still + now - last : still;
		did = c.did;
		last = now;
		if (still >= limit || now - start >= PATIENCE * limit)
			return false;
		if (!asked && still > ASK_AFTER) {
			asked = true;
			if (count_stuck(t, sp, &self) >= c.alive)
				return false;
		}
		gd_sleep(nap);
	}
}

/* What is left of the test, in full. */
static int look(const struct test *t, const char *name, const struct gd_leak_opts *o, uint64_t sp)
{
	bool done = gd__load_acquire(&t->done) != 0; /* pairs with run */
	struct gd__leak_run r = { .how.caller_sp = sp,
				  .level = o->level ? o->level : GD_LEAK_END,
				  .known_too = true,
				  .quiet = o->quiet,
				  .forked = o->forked,
				  .scope = t->scope,
				  .only_waits = !done,
				  .ends_scope = true,
				  .test = name };
	int bits = 0;

	r.opt.at_end = r.level == GD_LEAK_END;
	r.limit_ns = gd__leak_limit_ns(o);
	check(&r);
	gd__leak_hand_out(o, &r);
	if (r.error != GD_OK || (gd__leak_count(&r) == 0 && !r.out.result.complete))
		bits = GD_LEAK_TEST_NOT_CHECKED;
	if (gd__leak_count(&r) > 0 || r.missed > 0)
		bits |= GD_LEAK_TEST_LEAKED;
	gd__leak_run_release(&r);
	return bits;
}

/* Nobody is left, and nobody was expected: there is nothing to stop the world for. */
static void tell_nothing(const struct gd_leak_opts *o)
{
	if (o->result)
		*o->result = (struct gd_leak_result){ .ran = true, .complete = true };
}

static bool expects(const struct test *t)
{
	bool any;

	gd__leak_begin(true);
	any = gd__expect_any(t->scope);
	gd__leak_end();
	return any;
}

static GD__NOINLINE int test(struct test *t, const char *name, const struct gd_leak_opts *given,
			     uint64_t sp)
{
	struct gd_leak_opts o = gd__leak_options(given);
	int64_t limit = (o.settle_ms ? o.settle_ms : SETTLE_MS) * MS;
	int bits;

	gd__leak_install();
	if (!t || gd__inspect_self() == 0) {
		gd__warn("the test %s was not run: %s", name,
			 t ? "it must be called on a goroutine, within gd_run" : "out of memory");
		return GD_LEAK_TEST_NOT_CHECKED;
	}
	t->scope = gd__add_relaxed(&last_scope, 1) + 1; /* a number */
	gd_go_fn_raw(run, t, name, "");
	bits = watch(t, sp);
	if (bits & GD_LEAK_TEST_STUCK)
		return bits | look(t, name, &o, sp); /* t stays: the test has it */
	if (settle(t, sp, limit) && !expects(t))
		tell_nothing(&o);
	else
		bits |= look(t, name, &o, sp);
	gd__dfree(t, sizeof(*t));
	return bits;
}

static struct test *make(int (*fn)(void *), void (*plain)(void), void *arg)
{
	struct test *t = gd__dalloc(sizeof(*t));

	if (t)
		*t = (struct test){ .fn = fn, .plain = plain, .arg = arg };
	return t;
}

/* The caller's registers and stack are all that is live of this goroutine: see gd_leak_check_opts.
 */
int gd_leak_test(const char *name, int (*fn)(void *arg), void *arg, const struct gd_leak_opts *opts)
{
	struct test *t = make(fn, NULL, arg);
	uint64_t sp;

	__builtin_unwind_init();
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
	int bits = test(t, name, opts, sp);

	__asm__ volatile("" : "+r"(bits));
	return bits;
}

int gd_leak_test_plain(const char *name, void (*fn)(void), bool returns_int)
{
	struct test *t = make(NULL, fn, NULL);
	uint64_t sp;

	__builtin_unwind_init();
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
	if (t)
		t->returns_int = returns_int;
	int bits = test(t, name, NULL, sp);

	__asm__ volatile("" : "+r"(bits));
	return bits;
}
