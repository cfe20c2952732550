/*
 * concurrent_account.h - an account that one goroutine owns and others ask.
 *
 * Shared by concurrent_account.c and concurrent_account_overdraft.c. The
 * balance is a local variable of the owner, so nobody else can touch it.
 * Who wants to know it sends a channel for the answer: a channel of channels.
 */
#ifndef GD_SAMPLES_CONCURRENT_ACCOUNT_H
#define GD_SAMPLES_CONCURRENT_ACCOUNT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;
typedef gd_chan_of(int_chan) int_chan_chan;

struct account {
	int_chan changes;       /* deposits are positive, withdrawals negative */
	int_chan_chan balances; /* each element is where the answer goes */
	gd_signal_chan closed;
};

/* The owner's own handles, a reference each: the account may be closed and gone before it ends. */
struct account_owner_args {
	struct account account;
};

/* Says what is wrong, shows all goroutines, and ends the process as other fatal errors do. */
static inline void account_fatal(int balance, int change)
{
	fprintf(stderr, "fatal error: account overdrawn: %d%+d\n", balance, change);
	gd_stacks(STDERR_FILENO);
	_Exit(2);
}

static inline void account_unref(const struct account *a)
{
	gd_chan_unref(a->changes);
	gd_chan_unref(a->balances);
	gd_chan_unref(a->closed);
}

static void account_owner(struct account_owner_args *args)
{
	const struct account *a = &args->account;
	int balance = 0, change;
	int_chan answer;

	for (;;) {
		switch (gd_select(GD_RECV(a->changes, &change), GD_RECV(a->balances, &answer),
				  GD_RECV(a->closed, NULL))) {
		case 0:
			if (balance + change < 0)
				account_fatal(balance, change);
			balance += change;
			break;
		case 1:
			gd_chan_send(answer, balance);
			break;
		default:
			account_unref(a);
			return;
		}
	}
}

static inline void account_open(struct account *a)
{
	a->changes = gd_chan_make(int_chan, 0);
	a->balances = gd_chan_make(int_chan_chan, 0);
	a->closed = gd_chan_make(gd_signal_chan, 0);
	gd_chan_ref(a->changes);
	gd_chan_ref(a->balances);
	gd_chan_ref(a->closed);
	gd_go(account_owner, .account = *a);
}

static inline void account_change(struct account *a, int amount)
{
	gd_chan_send(a->changes, amount);
}

static inline int account_balance(struct account *a)
{
	int_chan answer = gd_chan_make(int_chan, 0);
	int balance;

	gd_chan_send(a->balances, answer);
	gd_chan_recv(answer, &balance);
	gd_chan_unref(answer);
	return balance;
}

static inline void account_close(struct account *a)
{
	gd_chan_send(a->closed, (gd_unit){});
	account_unref(a);
}

#endif
