/* go_chan.c - what sends, receives and closes order, and what they do not. */
#include "tests/conformance/race/race_case.h"

typedef gd_chan_of(int) int_chan;

int x, y;
int_chan c0, c1, c2, c10;

static void set_up(void)
{
	c0 = gd_chan_make(int_chan, 0);
	c1 = gd_chan_make(int_chan, 1);
	c2 = gd_chan_make(int_chan, 2);
	c10 = gd_chan_make(int_chan, 10);
}

/* A receive from an unbuffered channel happens before the send is over. */
NORACE(chan_sync_rev)
LEFT(norace_chan_sync_rev)
{
	gd_chan_send(c0, 0);
	x = 2;
}
RIGHT(norace_chan_sync_rev)
{
	x = 1;
	gd_chan_recv(c0, NULL);
}

NORACE(chan_async)
LEFT(norace_chan_async)
{
	x = 1;
	gd_chan_send(c10, 0);
}
RIGHT(norace_chan_async)
{
	gd_chan_recv(c10, NULL);
	x = 2;
}

RACE(chan_async_rev)
LEFT(race_chan_async_rev)
{
	x = 1; /* race */
	gd_chan_recv(c10, NULL);
	DONE();
}
RIGHT(race_chan_async_rev)
{
	gd_chan_send(c10, 0);
	AFTER(1);
	x = 2; /* race */
}

NORACE(chan_async_close_recv)
LEFT(norace_chan_async_close_recv)
{
	x = 1;
	gd_chan_close(c10);
}
RIGHT(norace_chan_async_close_recv)
{
	gd_chan_recv(c10, NULL);
	x = 2;
}

NORACE(chan_async_close_recv2)
LEFT(norace_chan_async_close_recv2)
{
	x = 1;
	gd_chan_close(c10);
}
RIGHT(norace_chan_async_close_recv2)
{
	int v = 7;
	bool ok = gd_chan_recv(c10, &v);

	CHECK(!ok && v == 0);
	x = 2;
}

NORACE(chan_async_close_recv3)
LEFT(norace_chan_async_close_recv3)
{
	x = 1;
	gd_chan_close(c10);
}
RIGHT(norace_chan_async_close_recv3)
{
	gd_chan_range(c10, v)
	{
		USE(v);
	}
	x = 2;
}

NORACE(chan_sync_close_recv)
LEFT(norace_chan_sync_close_recv)
{
	x = 1;
	gd_chan_close(c0);
}
RIGHT(norace_chan_sync_close_recv)
{
	gd_chan_recv(c0, NULL);
	x = 2;
}

NORACE(chan_sync_close_recv2)
LEFT(norace_chan_sync_close_recv2)
{
	x = 1;
	gd_chan_close(c0);
}
RIGHT(norace_chan_sync_close_recv2)
{
	int v = 7;
	bool ok = gd_chan_recv(c0, &v);

	CHECK(!ok && v == 0);
	x = 2;
}

NORACE(chan_sync_close_recv3)
LEFT(norace_chan_sync_close_recv3)
{
	x = 1;
	gd_chan_close(c0);
}
RIGHT(norace_chan_sync_close_recv3)
{
	gd_chan_range(c0, v)
	{
		USE(v);
	}
	x = 2;
}

/* Waiting for a length is no receive. */
RACE(chan_send_len)
LEFT(race_chan_send_len)
{
	x = 1; /* race */
	gd_chan_send(c1, 1);
}
RIGHT(race_chan_send_len)
{
	while (gd_chan_len(c1) == 0)
		gd_yield();
	x = 2; /* race */
}

RACE(chan_recv_len)
LEFT(race_chan_recv_len)
{
	x = 1; /* race */
	gd_chan_recv(c1, NULL);
}
RIGHT(race_chan_recv_len)
{
	gd_chan_send(c1, 1);
	while (gd_chan_len(c1) != 0)
		gd_yield();
	x = 2; /* race */
}

/* Each sends if there is room; who finds none is not ordered after who did. */
RACE(chan_send_send)
LEFT(race_chan_send_send)
{
	x = 1; /* race */
	CHECK_EQ(gd_chan_try_send(c1, 1), GD_OK);
	DONE();
}
RIGHT(race_chan_send_send)
{
	AFTER(1);
	CHECK_EQ(gd_chan_try_send(c1, 1), GD_EAGAIN);
	x = 2; /* race */
}

NORACE(chan_ptr)
struct message {
	int value;
};
typedef gd_chan_of(struct message *) message_chan;
message_chan messages;
static void sends_message(void)
{
	struct message *m = malloc(sizeof(*m));

	m->value = 1;
	gd_chan_send(messages, m);
}
MAIN(norace_chan_ptr)
{
	struct message *m = NULL;

	messages = gd_chan_make(message_chan, 0);
	spawn(sends_message);
	gd_chan_recv(messages, &m);
	m->value = 2;
	free(m);
	join();
}

/* What was received is the first sender's value; the second one's data are its own. */
RACE(chan_wrong_send)
static void sends_first(void)
{
	x = 1;
	gd_chan_send(c2, 1);
	DONE();
}
static void sends_second(void)
{
	AFTER(1);
	y = 1; /* race */
	gd_chan_send(c2, 2);
	DONE();
}
MAIN(race_chan_wrong_send)
{
	int v = 0;

	spawn(sends_first);
	spawn(sends_second);
	AFTER(2);
	gd_chan_recv(c2, &v);
	CHECK_EQ(v, 1);
	x = 2;
	y = 2; /* race */
	join();
}

/* The value comes from one, the close from the other. */
RACE(chan_wrong_close)
static void sends_one(void)
{
	x = 1;
	gd_chan_send(c1, 1); /* race */
	DONE();
}
static void closes_it(void)
{
	AFTER(1);
	y = 1;             /* race */
	gd_chan_close(c1); /* race */
	DONE();
}
MAIN(race_chan_wrong_close)
{
	spawn(sends_one);
	spawn(closes_it);
	AFTER(2);
	gd_chan_recv(c1, NULL);
	y = 2; /* race */
	x = 2;
	join();
}

RACE(chan_send_close)
LEFT(race_chan_send_close)
{
	gd_chan_send(c2, 1); /* race */
	DONE();
}
RIGHT(race_chan_send_close)
{
	AFTER(1);
	gd_chan_close(c2); /* race */
}

RACE(chan_close_send)
static void closes_later(void)
{
	AFTER(1);
	gd_chan_close(c10); /* race */
	DONE();
}
MAIN(race_chan_close_send)
{
	spawn(closes_later);
	gd_chan_send(c10, 0); /* race */
	DONE();
	AFTER(2);
	join();
}

NORACE(chan_close_len)
LEFT(norace_chan_close_len)
{
	gd_chan_close(c10);
	DONE();
}
RIGHT(norace_chan_close_len)
{
	USE(gd_chan_len(c10));
	AFTER(1);
	USE(gd_chan_len(c10));
}

NORACE(chan_close_cap)
LEFT(norace_chan_close_cap)
{
	gd_chan_close(c10);
	DONE();
}
RIGHT(norace_chan_close_cap)
{
	USE(gd_chan_cap(c10));
	AFTER(1);
	USE(gd_chan_cap(c10));
}

/* The operand of a send is read, the target of a receive is written. */
RACE(chan_read_write_sync)
static void feeds_c0(void)
{
	gd_chan_send(c0, 5);
}
int_chan other;
static void receives_into_x(void)
{
	gd_chan_recv(c0, &x); /* race */
	DONE();
}
static void takes_other(void)
{
	gd_chan_recv(other, NULL);
}
MAIN(race_chan_read_write_sync)
{
	other = gd_chan_make(int_chan, 0);
	spawn(feeds_c0);
	spawn(takes_other);
	spawn(receives_into_x);
	AFTER(1);
	gd_chan_send(other, x); /* race */
	join();
}

NORACE(chan_read_write_async)
LEFT(norace_chan_read_write_async)
{
	gd_chan_recv(c10, &x);
}
RIGHT(norace_chan_read_write_async)
{
	gd_chan_send(c10, x + 1);
}

NORACE(producer_consumer_unbuffered)
struct task {
	int (*run)(void);
	int result;
	gd_signal_chan done;
};
typedef gd_chan_of(struct task *) task_chan;
task_chan tasks;
static int answers(void)
{
	return OPAQUE(42);
}
static void works(void)
{
	gd_chan_range(tasks, t)
	{
		t->result = t->run();
		gd_chan_send(t->done, (gd_unit){});
	}
}
MAIN(norace_producer_consumer_unbuffered)
{
	struct task t = { answers, 0, gd_chan_make(gd_signal_chan, 0) };

	tasks = gd_chan_make(task_chan, 0);
	spawn(works);
	gd_chan_send(tasks, &t);
	gd_chan_recv(t.done, NULL);
	CHECK_EQ(t.result, 42);
	gd_chan_close(tasks);
	join();
}

CONFORM_MAIN
