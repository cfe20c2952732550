/* verdict: race; deposits are read, added and written without any order */
/*
 * simple_account.c - an account that is right as long as one goroutine uses it.
 *
 * concurrent_account.c is the repair.
 */
#include <stdio.h>

#include <gdetect/gdetect.h>

enum { CUSTOMERS = 8, DEPOSITS = 100 };

struct account {
	int balance;
};

static void account_deposit(struct account *a, int amount)
{
	a->balance += amount; /* expect: simple_account\.c:@LINE */
}

struct customer_args {
	struct account *account;
	gd_waitgroup *customers;
};

static void customer(struct customer_args *a)
{
	for (int i = 0; i < DEPOSITS; i++)
		account_deposit(a->account, 1);
	gd_waitgroup_done(a->customers);
}

static void start(void *failed)
{
	struct account account = { 0 };
	gd_waitgroup customers = { 0 };

	gd_waitgroup_add(&customers, CUSTOMERS);
	for (int i = 0; i < CUSTOMERS; i++)
		gd_go(customer, .account = &account, .customers = &customers);
	gd_waitgroup_wait(&customers);
	printf("the balance is %d, it should be %d\n", account.balance, CUSTOMERS * DEPOSITS);
	*(int *)failed = account.balance <= 0 || account.balance > CUSTOMERS * DEPOSITS;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
