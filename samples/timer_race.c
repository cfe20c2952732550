/* verdict: race; the timer's function reads a variable that is assigned after the start */
/*
 * timer_race.c - a timer that resets itself.
 *
 * gd_after_func() starts the timer and then returns it: the function may run,
 * in a goroutine of its own, before or while main assigns `timer`.
 * timer_race_fixed.c is the repair.
 */
#include <stdio.h>

#include <gdetect/gdetect.h>

static gd_timer *timer; /* expect: timer */
static gd_signal_chan done;
static int ticks;

static void tick(void *arg)
{
	(void)arg;
	gd_timer *self = timer; /* expect: timer_race\.c:@LINE */

	if (++ticks < 3 && self)
		gd_timer_reset(self, GD_MILLISECOND);
	else
		gd_chan_close(done);
}

static void start(void *failed)
{
	done = gd_chan_make(gd_signal_chan, 0);
	timer = gd_after_func(GD_MILLISECOND, tick, NULL); /* expect: timer_race\.c:@LINE */
	gd_chan_recv(done, NULL);
	printf("%d ticks\n", ticks);
	*(int *)failed = ticks < 1;
	gd_timer_free(timer);
	gd_chan_unref(done);
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
