/* link: gdetect */
/* chan_hook_test.c - what channel operations order, and what they do not. */
#include "runtime/sync/chan.h"
#include "tests/unit/sync/toy_detector.h"

typedef gd_chan_of(int) int_chan;
static int_chan chan;
static gd_signal_chan tokens;

static void make_chan(size_t cap)
{
	chan = gd_chan_make(int_chan, cap);
	next();
}

/* --- unbuffered --- */

static void unbuffered_send(void)
{
	make_chan(0);
	writes(&x);
	gd_chan_send(chan, 1);
	reads(&y);
}

static void unbuffered_recv(void)
{
	int v;

	reach(1);
	writes(&y);
	gd_chan_recv(chan, &v);
	reads(&x);
}

CASE(norace_unbuffered_both_ways)
{
	halves(unbuffered_send, unbuffered_recv, 0);
}

static void parked_send(void)
{
	make_chan(0);
	writes(&x);
	gd_chan_send(chan, 1); /* parks: its partner comes later */
	reads(&y);
}

static void late_recv(void)
{
	reach(1);
	while (gd__waitq_empty(&chan.raw->sendq))
		gd_yield();
	writes(&y);
	gd_chan_recv(chan, NULL);
	reads(&x);
}

CASE(norace_unbuffered_parked_sender)
{
	halves(parked_send, late_recv, 0);
}

static void select_send(void)
{
	make_chan(0);
	writes(&x);
	CHECK_EQ(gd_select(GD_SEND(chan, 1), GD_RECV(chan, &z)), 0);
	reads(&y);
}

static void select_recv(void)
{
	int v;

	reach(1);
	writes(&y);
	CHECK_EQ(gd_select(GD_RECV(chan, &v), GD_RECV(chan, &v)) / 2, 0);
	reads(&x);
}

CASE(norace_select)
{
	halves(select_send, select_recv, 0);
}

/* --- buffered --- */

static void buffered_send(void)
{
	make_chan(1);
	writes(&x);
	gd_chan_send(chan, 1);
	writes(&z);
	gd_chan_send(chan, 2); /* waits for the first receive: which came after writes(&y) */
	reads(&y);
}

static void buffered_recv(void)
{
	reach(1);
	writes(&y);
	gd_chan_recv(chan, NULL);
	reads(&x);
	gd_chan_recv(chan, NULL);
	reads(&z);
}

CASE(norace_buffered_slot)
{
	halves(buffered_send, buffered_recv, 0);
}

static void send_then_write(void)
{
	make_chan(1);
	gd_chan_send(chan, 1);
	writes(&x); /* after the send: unordered */
	next();
}

static void recv_then_read(void)
{
	reach(2);
	gd_chan_recv(chan, NULL);
	reads(&x);
}

CASE(race_write_after_send)
{
	halves(send_then_write, recv_then_read, 1);
}

static void receiver_unordered_before_buffered_send(void)
{
	make_chan(2);
	gd_chan_send(chan, 1);
	next();
	reach(3);
	reads(&y); /* a buffered send does not wait for its receive */
}

static void write_then_recv(void)
{
	reach(2);
	writes(&y);
	gd_chan_recv(chan, NULL);
	next();
}

CASE(race_buffered_is_one_way)
{
	halves(receiver_unordered_before_buffered_send, write_then_recv, 1);
}

static void take_token(void)
{
	tokens = gd_chan_make(gd_signal_chan, 2);
	next();
	reach(2);
	gd_chan_send(tokens, (gd_unit){}); /* the second slot: of no receive yet */
	writes(&x);
	next();
}

static void other_token(void)
{
	reach(1);
	gd_chan_send(tokens, (gd_unit){});
	writes(&x);
	gd_chan_recv(tokens, NULL);
	next();
	reach(3);
}

CASE(race_tokens_of_size_zero_have_slots)
{
	halves(take_token, other_token, 1);
}

/* --- close --- */

static void write_and_close(void)
{
	make_chan(0);
	writes(&x);
	gd_chan_close(chan);
}

static void recv_closed(void)
{
	reach(1);
	CHECK(!gd_chan_recv(chan, NULL));
	reads(&x);
}

CASE(norace_close_before_receive)
{
	halves(write_and_close, recv_closed, 0);
}

static void send_and_go(void)
{
	make_chan(4);
	gd_chan_send(chan, 1);
	next();
}

static void close_unordered(void)
{
	reach(2);
	gd_chan_len(chan);
	gd_chan_close(chan);
}

CASE(race_close_against_send)
{
	halves(send_and_go, close_unordered, 1);
}

static void only_len(void)
{
	make_chan(4);
	CHECK_EQ(gd_chan_len(chan), 0);
	next();
}

CASE(norace_close_against_len)
{
	halves(only_len, close_unordered, 0);
}

static void write_and_wait(void)
{
	make_chan(0);
	writes(&x);
	next();
}

static void try_and_read(void)
{
	reach(2);
	CHECK_EQ(gd_chan_try_recv(chan, NULL), GD_EAGAIN);
	CHECK_EQ(gd_select(GD_RECV(chan, NULL), GD_DEFAULT), 1);
	reads(&x);
}

CASE(race_failed_try_is_no_edge)
{
	halves(write_and_wait, try_and_read, 1);
}

UNIT_MAIN
