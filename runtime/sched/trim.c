/*
 * trim.c - giving back the stacks of goroutines that have ended.
 *
 * A free stack keeps its pages: the next goroutine on it costs no page fault. Those that no P
 * keeps for itself sysmon hands to the kernel in steps, some thousand a second, by MADV_FREE: the
 * kernel takes them when memory is short (the machine's, or the control group's), and else they
 * stay as they are. So pressure needs no watching here, and without it nothing is lost. gd_trim
 * gives them back at once.
 *
 * The page of the record stays: strangers may look at it at any time. A stack whose goroutine runs
 * is never touched: what is worked on is off the free list meanwhile.
 */
#include <gdetect/go.h>

#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"

#define STEP_NS INT64_C(1000000000)
#define STEP    4096u /* 0.3 to 1 us each (2026) */
#define CHUNK   64u   /* records off the free list at a time */
#define LEAST   256u  /* free ones: fewer are not worth it */

/* Of the present pass over the free list. Sysmon's own. */
static uint32_t left, seen_spills;
static int64_t last;

/* Somebody is at it: two at a time would each see a part of the list. */
static _Atomic uint32_t trimming;

/* The pages of a free stack that may go. */
static struct gd__os_range stack_of(const struct gd__g *g)
{
	uintptr_t end = g->stack_hi & ~(GD__PAGE - 1);

	return (struct gd__os_range){ (void *)g->stack_lo, end - g->stack_lo };
}

/* Those of the n stacks that have something to give; returns how many. pages: rises by theirs. */
static uint32_t choose(struct gd__g *const *g, uint32_t n, bool lazily, struct gd__os_range *r,
		       size_t *pages)
{
	uint32_t chosen = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t seq = gd__load_relaxed(&g[i]->seq); /* the record is ours */
		struct gd__os_range stack = stack_of(g[i]);
		uintptr_t lowest;
		size_t in = lazily ? 0 : gd__os_resident(stack.p, stack.n, &lowest);

		if (lazily ? g[i]->trimmed == seq : in == 0)
			continue;
		g[i]->trimmed = seq;
		*pages += in;
		/* Zeros from here on, so there is nothing to wipe. */
		if (!lazily && g[i]->stack_low < (uintptr_t)stack.p + stack.n)
			g[i]->stack_low = (uintptr_t)stack.p + stack.n;
		r[chosen++] = stack;
	}
	return chosen;
}

/* Up to CHUNK records; how many there were. */
static uint32_t trim_chunk(bool lazily, size_t *pages)
{
	struct gd__os_range r[CHUNK];
	struct gd__g *g[CHUNK];
	uint32_t taken = gd__g_take_free(g, CHUNK), n = choose(g, taken, lazily, r, pages);

	if (n > 0)
		gd__os_release(r, n, lazily);
	gd__g_give_free(g, taken);
	return taken;
}

bool gd__trim_due(void)
{
	return left > 0 || gd__g_spills() != seen_spills;
}

void gd__trim_forget(void)
{
	gd__store_relaxed(&trimming, 0); /* there is one thread */
}

void gd__trim_step(int64_t now)
{
	uint32_t spills = gd__g_spills(), n = 1;
	size_t pages = 0;

	if (!gd__trim_due() || now - last < STEP_NS ||
	    gd__swap_acquire(&trimming, 1)) /* pairs with the end of it: order in the list */
		return;
	last = now;
	if (spills != seen_spills) {
		seen_spills = spills;
		left = gd__g_free();
		left = left < LEAST ? 0 : left;
	}
	for (uint32_t done = 0; done < STEP && left > 0; done += n) {
		n = trim_chunk(true, &pages);
		left = n > 0 && n < left ? left - n : 0;
	}
	gd__store_release(&trimming, 0); /* pairs with the swaps */
}

size_t gd_trim(void)
{
	uint32_t n = 1, all;
	size_t pages = 0;

	while (gd__swap_acquire(&trimming, 1)) /* pairs with the end of it: order in the list */
		gd__os_nanosleep(100000);
	all = gd__g_free();
	for (uint32_t done = 0; done < all && n > 0; done += n)
		n = trim_chunk(false, &pages);
	gd__store_release(&trimming, 0); /* pairs with the swaps */
	return pages * GD__PAGE;
}
