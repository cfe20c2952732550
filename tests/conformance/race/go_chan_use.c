/* go_chan_use.c - channels as mutexes, semaphores, wait groups and token banks; waiting senders. */
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

/* A channel with room for one is a mutex, */
NORACE(chan_mutex)
static void counts_with_channel(void)
{
	for (int i = 0; i < 10; i++) {
		gd_chan_send(c1, 1);
		x++;
		gd_chan_recv(c1, NULL);
	}
}
MAIN(norace_chan_mutex)
{
	for (int i = 0; i < 4; i++)
		spawn(counts_with_channel);
	join();
	CHECK_EQ(x, 40);
}

/* with room for two it is none. */
RACE(chan_sem)
LEFT(race_chan_sem)
{
	gd_chan_send(c2, 1);
	x = 1; /* race */
	DONE();
	AFTER(2);
	gd_chan_recv(c2, NULL);
}
RIGHT(race_chan_sem)
{
	AFTER(1);
	gd_chan_send(c2, 1);
	x = 2; /* race */
	DONE();
	gd_chan_recv(c2, NULL);
}

NORACE(chan_wait_group)
enum { WORKERS = 5 };
typedef gd_chan_of(gd_unit) slot_chan;
slot_chan slots;
int results[WORKERS];
struct slot_worker_args {
	int index;
};
static void slot_worker(struct slot_worker_args *a)
{
	results[a->index] = a->index + 1;
	gd_chan_recv(slots, NULL);
}
MAIN(norace_chan_wait_group)
{
	int sum = 0;

	slots = gd_chan_make(slot_chan, WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		gd_chan_send(slots, (gd_unit){});
		gd_go(slot_worker, .index = i);
	}
	for (int i = 0; i < WORKERS; i++)
		gd_chan_send(slots, (gd_unit){});
	for (int i = 0; i < WORKERS; i++)
		sum += results[i];
	CHECK_EQ(sum, 15);
}

/* The k-th receive takes the value of a sender that had to wait for the room. */
NORACE(blocked_send_sync)
static void send_blocks(void)
{
	x = 1;
	gd_chan_send(c1, 2);
}
static void takes_older(void)
{
	gd_chan_recv(c1, NULL);
	DONE();
}
static void until_blocked(void)
{
	for (int i = 0; i < 1000; i++)
		gd_yield();
}
MAIN(norace_blocked_send_sync)
{
	int v = 0;

	gd_chan_send(c1, 1);
	spawn(send_blocks);
	until_blocked();
	spawn(takes_older);
	AFTER(1);
	gd_chan_recv(c1, &v);
	CHECK_EQ(v, 2);
	x = 2;
	join();
}

NORACE(blocked_select_send_sync)
MAIN(norace_blocked_select_send_sync)
{
	int v = 0;

	gd_chan_send(c1, 1);
	spawn(send_blocks);
	until_blocked();
	spawn(takes_older);
	AFTER(1);
	CHECK_EQ(gd_select(GD_RECV(c1, &v), GD_RECV(c0, NULL)), 0);
	CHECK_EQ(v, 2);
	x = 2;
	join();
}

/* main's receive is not ordered before another one's through the sender that it let go on. */
RACE(chanmm)
static void sends_blocked(void)
{
	gd_chan_send(c1, 2);
}
static void receives_second(void)
{
	AFTER(1);
	gd_chan_recv(c1, NULL);
	x = 1; /* race */
}
MAIN(race_chanmm)
{
	gd_chan_send(c1, 1);
	spawn(sends_blocked);
	spawn(receives_second);
	until_blocked();
	x = 2; /* race */
	gd_chan_recv(c1, NULL);
	DONE();
	join();
}

/* 100 times: sees the close, or not, and only then reads. */
NORACE(close_happens_before_read)
static void writes_and_closes(void)
{
	x = 1;
	gd_chan_close(c0);
}
MAIN(norace_close_happens_before_read)
{
	for (int i = 0; i < 100; i++) {
		c0 = gd_chan_make(int_chan, 0);
		spawn(writes_and_closes);
		while (gd_select(GD_RECV(c0, NULL), GD_DEFAULT) != 0)
			gd_yield();
		USE(x);
		join();
		gd_chan_unref(c0);
	}
}

/* Elements of no size have slots too: tokens of a bank of one. */
NORACE(elemet_size0)
gd_signal_chan tokens;
static void uses_token(void)
{
	for (int i = 0; i < 5; i++) {
		gd_chan_recv(tokens, NULL);
		x++;
		gd_chan_send(tokens, (gd_unit){});
	}
}
MAIN(norace_elemet_size0)
{
	tokens = gd_chan_make(gd_signal_chan, 1);
	gd_chan_send(tokens, (gd_unit){});
	for (int i = 0; i < 3; i++)
		spawn(uses_token);
	join();
	CHECK_EQ(x, 15);
}

/* and a bank of two tokens lets two in. */
RACE(token_bank_of_two)
LEFT(race_token_bank_of_two)
{
	gd_signal_chan bank = gd_chan_make(gd_signal_chan, 2);

	gd_chan_send(bank, (gd_unit){});
	gd_chan_send(bank, (gd_unit){});
	tokens = bank;
	DONE();
	gd_chan_recv(bank, NULL);
	x = 1; /* race */
	gd_chan_send(bank, (gd_unit){});
	DONE();
}
RIGHT(race_token_bank_of_two)
{
	AFTER(2);
	gd_signal_chan bank;

	__asm__ volatile("movq %1, %0" : "=r"(bank.raw) : "m"(tokens.raw));
	gd_chan_recv(bank, NULL);
	x = 2; /* race */
	gd_chan_send(bank, (gd_unit){});
}

NORACE(mutex)
static void counts_a_lot(void)
{
	for (int i = 0; i < 20000; i++) {
		gd_chan_send(c1, 1);
		x++;
		gd_chan_recv(c1, NULL);
	}
}
MAIN(norace_mutex)
{
	spawn(counts_a_lot);
	counts_a_lot();
	join();
	CHECK_EQ(x, 40000);
}

CONFORM_MAIN
