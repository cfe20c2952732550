/* go_select.c - the cases of select order as the operations that they are. */
#include "tests/conformance/race/race_case.h"

typedef gd_chan_of(int) int_chan;

int x, y;
int_chan c0, c1, d0, d1, done;

static void set_up(void)
{
	c0 = gd_chan_make(int_chan, 0);
	d0 = gd_chan_make(int_chan, 0);
	c1 = gd_chan_make(int_chan, 1);
	d1 = gd_chan_make(int_chan, 1);
	done = gd_chan_make(int_chan, 1);
}

NORACE(select1)
LEFT(norace_select1)
{
	x = 1;
	gd_select(GD_SEND(c0, 1), GD_RECV(d0, NULL));
}
RIGHT(norace_select1)
{
	gd_select(GD_RECV(d0, NULL), GD_RECV(c0, NULL));
	x = 2;
}

NORACE(select2)
LEFT(norace_select2)
{
	x = 1;
	gd_chan_close(c0);
}
RIGHT(norace_select2)
{
	bool ok = true;

	gd_select(GD_RECV_OK(c0, NULL, &ok), GD_RECV(d0, NULL));
	CHECK(!ok);
	x = 2;
}

NORACE(select3)
LEFT(norace_select3)
{
	x = 1;
	gd_select(GD_SEND(c1, 1), GD_RECV(d0, NULL));
}
RIGHT(norace_select3)
{
	gd_chan_recv(c1, NULL);
	x = 2;
}

NORACE(select4)
struct job {
	void (*run)(void);
	bool last;
};
typedef gd_chan_of(struct job) job_chan;
job_chan jobs;
static void x_is_one(void)
{
	x = 1;
}
static void x_is_two(void)
{
	x = 2;
}
static void serves(void)
{
	struct job j = { NULL, false };

	while (!j.last) {
		gd_select(GD_RECV(jobs, &j), GD_RECV(d0, NULL));
		j.run();
		gd_chan_send(done, 1);
	}
}
MAIN(norace_select4)
{
	jobs = gd_chan_make(job_chan, 1);
	spawn(serves);
	gd_select(GD_SEND(jobs, ((struct job){ x_is_one, false })), GD_RECV(d0, NULL));
	gd_select(GD_RECV(done, NULL), GD_RECV(d0, NULL));
	x++;
	gd_select(GD_SEND(jobs, ((struct job){ x_is_two, true })), GD_RECV(d0, NULL));
	gd_select(GD_RECV(done, NULL), GD_RECV(d0, NULL));
	CHECK_EQ(x, 2);
	join();
}

/* Select or not, early or late, on both sides. */
NORACE(select5)
struct sides {
	bool select_send, select_recv, late_send, late_recv;
};
struct sides sides;
static void lets_run(bool late)
{
	for (int i = 0; late && i < 100; i++)
		gd_yield();
}
static void one_side_sends(void)
{
	lets_run(sides.late_send);
	x++;
	if (sides.select_send)
		gd_select(GD_SEND(c0, 1), GD_RECV(d0, NULL));
	else
		gd_chan_send(c0, 1);
	y++;
	gd_chan_send(done, 1);
}
static void one_side_receives(void)
{
	lets_run(sides.late_recv);
	y++;
	if (sides.select_recv)
		gd_select(GD_RECV(c0, NULL), GD_RECV(d0, NULL));
	else
		gd_chan_recv(c0, NULL);
	x++;
	gd_chan_recv(done, NULL);
}
MAIN(norace_select5)
{
	for (int i = 0; i < 16; i++) {
		sides = (struct sides){ i & 1, i & 2, i & 4, i & 8 };
		spawn(one_side_sends);
		one_side_receives();
		join();
	}
	CHECK_EQ(x + y, 64);
}

RACE(select3)
LEFT(race_select3)
{
	x = 1; /* race */
	DONE();
	gd_select(GD_SEND(c1, 1), GD_RECV(d0, NULL));
}
RIGHT(race_select3)
{
	AFTER(1);
	x = 2; /* race */
	gd_select(GD_RECV(c1, NULL));
}

RACE(select4)
LEFT(race_select4)
{
	x = 1; /* race */
	gd_chan_try_recv(c1, NULL);
	DONE();
}
RIGHT(race_select4)
{
	AFTER(1);
	CHECK_EQ(gd_select(GD_RECV(c1, NULL), GD_DEFAULT), 1);
	x = 2; /* race */
}

RACE(select5)
LEFT(race_select5)
{
	AFTER(1);
	gd_chan_recv(c1, NULL);
	USE(y); /* race */
	DONE();
}
RIGHT(race_select5)
{
	gd_select(GD_SEND(c1, 1), GD_RECV(d0, NULL));
	DONE();
	AFTER(2);
	y = 1; /* race */
}

/* What a select sends is read, where it receives to is written. */
RACE(select_read_write_async)
LEFT(race_select_read_write_async)
{
	gd_select(GD_SEND(c1, x), GD_RECV(d0, NULL)); /* race */
	DONE();
}
RIGHT(race_select_read_write_async)
{
	gd_chan_send(d1, 4);
	AFTER(1);
	gd_select(GD_RECV(d1, &x), GD_RECV(d0, NULL)); /* race */
}

NORACE(select_read_write_async)
LEFT(norace_select_read_write_async)
{
	gd_select(GD_SEND(c1, x), GD_RECV(d0, NULL));
}
RIGHT(norace_select_read_write_async)
{
	gd_select(GD_RECV(c1, &x), GD_RECV(d0, NULL));
}

CONFORM_MAIN
