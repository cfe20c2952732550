/* go_chan_itself.c - the variable that holds a channel; channels that are misused. */
#include "tests/conformance/race/race_case.h"

typedef gd_chan_of(int) int_chan;

int x;
int_chan c, fresh, blocked;

static void set_up(void)
{
	c = gd_chan_make(int_chan, 10);
	fresh = gd_chan_make(int_chan, 10);
	blocked = gd_chan_make(int_chan, 0);
}

RACE(chan_itself_send)
FIRST(race_chan_itself_send)
{
	gd_chan_send(c, 0); /* race */
}
SECOND(race_chan_itself_send)
{
	c = fresh; /* race */
}

RACE(chan_itself_nil)
FIRST(race_chan_itself_nil)
{
	USE(gd_chan_try_recv(c, NULL)); /* race */
}
SECOND(race_chan_itself_nil)
{
	c.raw = NULL; /* race */
}

RACE(chan_itself_close)
FIRST(race_chan_itself_close)
{
	gd_chan_close(c); /* race */
}
SECOND(race_chan_itself_close)
{
	c = fresh; /* race */
}

RACE(chan_itself_len)
FIRST(race_chan_itself_len)
{
	USE(gd_chan_len(c)); /* race */
}
SECOND(race_chan_itself_len)
{
	c = fresh; /* race */
}

RACE(chan_itself_cap)
FIRST(race_chan_itself_cap)
{
	USE(gd_chan_cap(c)); /* race */
}
SECOND(race_chan_itself_cap)
{
	c = fresh; /* race */
}

/*
 * In C a send on a closed channel ends the program: there is no handler that could go on and
 * touch data. The operations themselves race, and that is said before the end.
 */
RACEFATAL(chan_sync_close_send)
LEFT(racefatal_chan_sync_close_send)
{
	gd_chan_close(blocked); /* race */
	DONE();
}
RIGHT(racefatal_chan_sync_close_send)
{
	AFTER(1);
	gd_chan_send(blocked, 1); /* race; expect: send on closed channel */
}

RACEFATAL(chan_async_close_send)
LEFT(racefatal_chan_async_close_send)
{
	AFTER(1);
	gd_chan_close(c); /* race */
	DONE();
}
RIGHT(racefatal_chan_async_close_send)
{
	for (int i = 0; i < 5; i++)
		gd_chan_send(c, i); /* race */
	DONE();
	AFTER(2);
	gd_chan_send(c, 5); /* race; expect: send on closed channel */
}

RACEFATAL(chan_close_close)
LEFT(racefatal_chan_close_close)
{
	gd_chan_close(c); /* race */
	DONE();
}
RIGHT(racefatal_chan_close_close)
{
	AFTER(1);
	gd_chan_close(c); /* race; expect: close of closed channel */
}

CONFORM_MAIN
