/* link: gdetect_leak gdetect_detect gdetect */
/*
 * image_self_test.c - our own process as an image: who is there, by rising id, whatever has come
 * and gone; and what it says when not all is known.
 */
#include "detector/image/image.h"

#include <gdetect/error.h>
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "runtime/base/options.h"
#include "tests/support/unit.h"

#define MANY 3000

static struct gd__image im;
static struct gd__self_how how;
static int error;

static void make(void *unused)
{
	(void)unused;
	error = gd__image_self(&im, &how);
}

/* Looks while the world stands still; what is asked of the image later is what it has copied. */
static int look(void)
{
	gd__roots_self_prepare();
	gd__inspect_stop();
	gd__inspect_on_system_stack(make, NULL);
	gd__inspect_start();
	return error;
}

static gd_chan *gate[MANY];

static void wait_at(void *arg)
{
	char v;

	gd_chan_recv_raw(gate[(uintptr_t)arg], &v);
}

static void start(size_t i)
{
	gate[i] = gd_chan_make_raw(1, 0, GD__SITE);
	gd_go_fn(wait_at, (void *)i);
}

static void end(size_t i)
{
	gd_chan_close_raw(gate[i]);
}

static size_t by_rising_id(void)
{
	for (size_t i = 1; i < im.ng; i++)
		CHECK(im.g[i - 1].id < im.g[i].id);
	return im.ng;
}

static void until(size_t n)
{
	while (gd_go_count() != n)
		gd_yield();
}

/*
 * Some end, others take their records; which, differs from round to round. Ids go up all the time,
 * so that in the end hardly a record is where its id would put it.
 */
static void churn(void *arg)
{
	uint64_t seed = 12345;
	size_t alive = MANY;

	(void)arg;
	for (size_t i = 0; i < MANY; i++)
		start(i);
	for (int round = 0; round < 20; round++) {
		static bool gone[MANY];

		for (size_t i = 0; i < MANY; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			gone[i] = seed >> 62 == 0 || round == 19;
			if (gone[i] && round == 19)
				gone[i] = i % 3 != 0;
			if (gone[i]) {
				end(i);
				alive--;
			}
		}
		until(alive + 1);
		if (round == 19)
			break;
		for (size_t i = MANY; i-- > 0;)
			if (gone[i]) {
				start(i);
				alive++;
			}
		CHECK_EQ(look(), GD_OK);
		CHECK_EQ(by_rising_id(), MANY + 1);
		im.release(&im);
	}
	CHECK_EQ(look(), GD_OK); /* many records are empty */
	CHECK_EQ(by_rising_id(), MANY / 3 + 1);
	for (size_t i = 0; i < im.ng; i++) /* each with all that is its own */
		CHECK(im.g[i].id == 1 ||
		      (im.g[i].stack_lo < im.g[i].stack_hi && im.g[i].sp > im.g[i].stack_lo &&
		       im.g[i].sp < im.g[i].stack_hi && strcmp(im.g[i].name, "wait_at") == 0));
	im.release(&im);
}

static void on_a_goroutine(void (*fn)(void *))
{
	gd__options.leak_at_exit = false;
	gd__options.exitcode = 0;
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

CASE(goroutines_by_rising_id)
{
	on_a_goroutine(churn);
}

CASE(before_gd_run_there_is_none)
{
	gd__roots_self_prepare();
	make(NULL);
	CHECK_EQ(error, GD_EINVAL);
}

static bool in_roots;
static uint64_t wanted;

static void see(void *arg, enum gd__root_kind kind, struct gd__range r)
{
	(void)arg;
	(void)kind;
	in_roots |= wanted >= r.lo && wanted < r.hi;
}

static void run_whole(void *arg)
{
	static int global;
	int *block = malloc(40);
	struct gd__block b;
	size_t got;

	(void)arg;
	start(0);
	until(2);
	CHECK_EQ(look(), GD_OK);
	CHECK(!im.truncated && im.missing[0] == '\0');
	CHECK(im.has_heap);
	CHECK(im.block(&im, (uintptr_t)block + 30, &b) && b.start == (uintptr_t)block);
	CHECK((uintptr_t)block >= im.heap_lo && (uintptr_t)block < im.heap_hi);
	CHECK(*(const int *)im.view(&im, (uintptr_t)&global, sizeof(global), &got) == 0);
	CHECK_EQ(got, sizeof(global));
	wanted = (uintptr_t)&global;
	im.roots(&im, see, NULL);
	CHECK(in_roots);
	CHECK_EQ(im.checker_id, 1);
	im.release(&im);
	free(block);
}

CASE(all_is_known)
{
	on_a_goroutine(run_whole);
}

static void run_not_stopped(void *arg)
{
	(void)arg;
	how.not_stopped = true;
	CHECK_EQ(look(), GD_OK);
	CHECK(im.truncated);
	CHECK_HAS(im.missing, "a thread could not be stopped");
	im.release(&im);
}

CASE(a_thread_that_did_not_stop_is_missing)
{
	on_a_goroutine(run_not_stopped);
}

UNIT_MAIN
