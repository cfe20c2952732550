/* verdict: none; one goroutine owns the balance */
/* concurrent_account.c - simple_account.c repaired: share by communicating. */
#include "concurrent_account.h"

enum { CUSTOMERS = 8, DEPOSITS = 100 };

struct customer_args {
	struct account *account;
	gd_waitgroup *customers;
};

static void customer(struct customer_args *a)
{
	for (int i = 0; i < DEPOSITS; i++) {
		account_change(a->account, 2);
		account_change(a->account, -1);
	}
	gd_waitgroup_done(a->customers);
}

static void start(void *failed)
{
	struct account account;
	gd_waitgroup customers = { 0 };

	account_open(&account);
	gd_waitgroup_add(&customers, CUSTOMERS);
	for (int i = 0; i < CUSTOMERS; i++)
		gd_go(customer, .account = &account, .customers = &customers);
	gd_waitgroup_wait(&customers);

	int balance = account_balance(&account);

	printf("the balance is %d, it should be %d\n", balance, CUSTOMERS * DEPOSITS);
	*(int *)failed = balance != CUSTOMERS * DEPOSITS;
	account_close(&account);
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
