/* sleep.c - the clock of the public API, and sleep. */
#include <gdetect/time.h>

#include "runtime/sched/sched.h"
#include "runtime/time/timer.h"

int64_t gd_now(void)
{
	return gd__clock_now();
}

static void wake(struct gd__timer *t, int64_t now)
{
	(void)now;
	gd__ready(t->arg);
}

/* All in one piece: a hole between two would keep a dead word, which the leak detector reads. */
struct sleeping {
	struct gd__timer timer;
	int64_t when;
	struct gd__park park;
};

/* The timer may fire before the goroutine has left its stack, so it is started here. */
static bool start_timer(struct gd__g *g, void *arg)
{
	struct sleeping *s = arg;

	(void)g;
	gd__timer_start(&s->timer, s->when, 0);
	return true;
}

void gd_sleep(int64_t ns)
{
	struct gd__g *g = gd__self_or_die("gd_sleep");
	struct sleeping s = { .timer = { .fire = wake, .arg = g },
			      .park = { .reason = GD__WAIT_SLEEP, .commit = start_timer } };
	int64_t now = gd__clock_now();

	if (ns <= 0) {
		gd__yield();
		return;
	}
	s.when = ns > INT64_MAX - now ? INT64_MAX - 1 : now + ns;
	s.park.arg = &s;
	gd__park(&s.park);
	/* fire has readied us but may still be about to leave: the timer is on our stack. */
	gd__timer_stop(&s.timer);
}
