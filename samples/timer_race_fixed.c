/* verdict: none; only one goroutine uses the variable */
/* timer_race_fixed.c - timer_race.c repaired: the timer's function only asks for a reset. */
#include <stdio.h>

#include <gdetect/gdetect.h>

static gd_signal_chan reset;

static void tick(void *arg)
{
	(void)arg;
	gd_chan_send(reset, (gd_unit){}); /* the repair */
}

static void start(void *failed)
{
	reset = gd_chan_make(gd_signal_chan, 0);
	gd_timer *timer = gd_after_func(GD_MILLISECOND, tick, NULL);
	int ticks = 0;

	for (;;) {
		gd_chan_recv(reset, NULL);
		if (++ticks == 3)
			break;
		gd_timer_reset(timer, GD_MILLISECOND);
	}
	printf("%d ticks\n", ticks);
	*(int *)failed = ticks != 3;
	gd_timer_free(timer);
	gd_chan_unref(reset);
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
