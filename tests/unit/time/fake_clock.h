/*
 * fake_clock.h - a clock that stands still until the test moves it, and the end of all that a move
 * has set off.
 *
 * Threads without work sleep until they are woken, whatever deadlines there are. settle returns
 * when nothing is due and all goroutines but the caller wait: from a goroutine, which gives way
 * meanwhile, or from a thread of the test's own, while all Ps may be idle.
 */
#ifndef GD_TESTS_UNIT_TIME_FAKE_CLOCK_H
#define GD_TESTS_UNIT_TIME_FAKE_CLOCK_H

#include <sched.h>

#include <gdetect/gdetect.h>

#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"
#include "runtime/time/timers.h"
#include "tests/support/unit.h"

#define FAKE_CLOCK_START (1000 * GD_SECOND)

static _Atomic int64_t fake_clock;

static int64_t fake_clock_read(void)
{
	return gd__load_seq_cst(&fake_clock); /* pairs with fake_clock_advance */
}

static bool fake_clock_passed(int64_t until, int64_t os_now)
{
	(void)os_now;
	return fake_clock_read() >= until;
}

static int64_t fake_clock_left(int64_t until)
{
	return fake_clock_read() >= until ? 0 : -1;
}

/* Before gd_run, while there is one thread. */
static void fake_clock_install(void)
{
	gd__store_seq_cst(&fake_clock, FAKE_CLOCK_START); /* before any thread */
	gd__timebase = (struct gd__timebase){ fake_clock_read, fake_clock_read, fake_clock_passed,
					      fake_clock_left };
}

/* Any thread; does not wait for what it sets off. */
__attribute__((unused)) static void fake_clock_advance(int64_t ns)
{
	gd__add_seq_cst(&fake_clock, ns); /* pairs with fake_clock_read: see sched/steal.c */
	gd__source_changed(INT64_MIN);
}

/*
 * What is due leaves its heap once it is said to be fired, and is fired until those whom it wakes
 * can run: who looks in this order misses nothing that is on its way.
 */
static bool nothing_due(void)
{
	if (gd__sources_deadline() <= fake_clock_read())
		return false;
	for (int i = 0; i < gd_procs(); i++) {
		/* pairs with run_one, which says what it fires before the heap forgets it */
		if (gd__load_seq_cst(&gd__timers[i].firing) != NULL)
			return false;
	}
	return true;
}

/* Changes when a goroutine is taken from a queue to run. */
static uint32_t switches(void)
{
	uint32_t n = 0;

	for (int i = 0; i < gd_procs(); i++)
		n += gd__load_seq_cst(&gd__allp[i].schedtick); /* compared with a later look */
	return n;
}

/* All but self wait, are blocked in a system call, or have ended. */
static bool others_wait(const struct gd__g *self)
{
	/* pairs with the stores of who makes records */
	for (uint32_t i = 0, n = gd__load_seq_cst(&gd__gtab.head.n); i < n; i++) {
		const struct gd__arena *a = &gd__gtab.arena[i];
		uint32_t used = gd__load_seq_cst(&a->used); /* as above */

		for (uint32_t k = 0; k < used; k++) {
			const struct gd__g *g = (const struct gd__g *)gd__g_address(
				(uintptr_t)a->base, gd__gtab.head.slot_size, k);
			uint32_t status = gd__load_seq_cst(&g->status); /* polled */

			if (g != self && (status == GD__G_RUNNABLE || status == GD__G_RUNNING))
				return false;
		}
	}
	return true;
}

static bool between_two(const struct gd__p *p)
{
	const struct gd__m *m = __atomic_load_n(&p->m, __ATOMIC_SEQ_CST); /* polled */

	return gd__load_seq_cst(&p->status) != GD__P_IDLE && /* polled */
	       (!m || !__atomic_load_n(&m->cur, __ATOMIC_SEQ_CST));
}

/*
 * A goroutine that has parked counts as waiting a bit before its timer is set and its locks are let
 * go. A thread that is seen with a goroutine, or to have given up its P, is done with the one it
 * had before. The caller does not give way meanwhile: it would keep the others from their locks.
 */
static bool parks_are_done(void)
{
	for (int i = 0; i < gd_procs(); i++) {
		int looks = 0;

		while (between_two(&gd__allp[i])) {
			if (++looks % 1000 == 0)
				sched_yield();
			if (looks > 100000)
				return false;
		}
	}
	return true;
}

/*
 * Looks from cause to effect, twice: one goroutine that was seen running may have readied another
 * that was seen waiting before. If none was taken from a queue, the second look finds that one.
 */
static bool all_quiet(const struct gd__g *self)
{
	uint32_t before = switches();

	for (int look = 0; look < 2; look++)
		if (!nothing_due() || !parks_are_done() || !others_wait(self))
			return false;
	return switches() == before;
}

__attribute__((unused)) static void settle(void)
{
	const struct gd__g *self = gd__self();

	while (!all_quiet(self)) {
		if (self)
			gd_yield();
		else
			gd__os_nanosleep(10000);
	}
}

/* What the move sets off has happened on return. */
__attribute__((unused)) static void fake_clock_step(int64_t ns)
{
	fake_clock_advance(ns);
	settle();
}

#endif
