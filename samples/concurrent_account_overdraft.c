/* verdict: fatal; the account refuses to go below zero */
/* concurrent_account_overdraft.c - an overdraft ends the program, with all goroutines shown. */
#include "concurrent_account.h"

static void start(void *failed)
{
	struct account account;

	account_open(&account);
	account_change(&account, 10);
	account_change(&account, -11); /* expect: fatal error: account overdrawn: 10-11 */
	account_balance(&account);     /* expect: goroutine 1 \[ */
	*(int *)failed = 1;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
