/* held.h - a goroutine that waits for what only one place knows, for the cases of held_*.c. */
#ifndef GD_TESTS_CONFORMANCE_LEAK_HELD_H
#define GD_TESTS_CONFORMANCE_LEAK_HELD_H

#include "tests/conformance/leak/leak_case.h"

#define HOUR (3600 * GD_SECOND)

/* A waiter on a channel that only the caller of this knows. */
static void waits(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL);
}
__attribute__((unused)) static NOINLINE gd_chan *waited_for(void)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_go_fn(waits, c.raw);
	return c.raw;
}

/* Keeps p in use over an hour's sleep. */
__attribute__((unused)) static NOINLINE void hold(void *p)
{
	gd_sleep(HOUR);
	__asm__ volatile("" : : "r"(p) : "memory");
}

static struct barrier ready __attribute__((unused));

__attribute__((unused)) static void closes(void *arg)
{
	gd_chan_close_raw(arg);
}

#endif
