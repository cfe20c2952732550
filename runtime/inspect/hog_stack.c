/*
 * hog_stack.c - the stack of a goroutine that runs too long, for sched/hog.c. One at a time.
 */
#include "runtime/inspect/hog_stack.h"

#include "runtime/inspect/inspect.h"
#include "runtime/inspect/traceback.h"

static struct {
	struct gd__runtime rt;
	struct gd__ginfo g;
	uint64_t index; /* of its record */
	size_t n;
	uintptr_t pcs[GD__FRAMES_MAX];
} hog;

/* What may wait for others, while all of them go on: libraries are loaded, the record is found. */
static void prepare(uint64_t goid)
{
	bool broken;

	gd__trace_prepare();
	hog.n = 0;
	hog.index = UINT64_MAX;
	if (gd__inspect_open(&hog.rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		return;
	for (uint64_t i = 0; i < hog.rt.ngoroutines; i++) {
		if (!gd__inspect_goroutine(&hog.rt, i, &hog.g, &broken) || hog.g.id != goid)
			continue;
		hog.index = i;
		return;
	}
}

static void take(void)
{
	bool broken;

	if (hog.index == UINT64_MAX || !gd__inspect_goroutine(&hog.rt, hog.index, &hog.g, &broken))
		return;
	gd__trace_drop_kept(); /* it may be in an earlier dump */
	hog.n = gd__trace_goroutine(&hog.rt, &hog.g, hog.pcs, GD__FRAMES_MAX);
}

static void print(void)
{
	char buf[1024];
	struct gd__out o;

	if (hog.n == 0)
		return;
	gd__out_init(&o, buf, sizeof(buf), 2);
	gd__print_goroutine(&o, &hog.rt, &hog.g, hog.pcs, hog.n);
	gd__out_flush(&o);
}

const struct gd__hog_hooks gd__hog_stack = { prepare, take, print };
