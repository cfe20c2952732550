/*
 * golf_caller.c - the only pointer to what a goroutine waits for is in a register that gd_run keeps
 * for its caller. A program of its own for the sake of its main().
 */
#include "tests/conformance/leak/held.h"

static gd_chan *start_from;

NOLEAK(register_of_gd_runs_caller)
MAIN(noleak_register_of_gd_runs_caller)
{
	gd_go_fn(waits, start_from);
	start_from = NULL;
	settle();
	CHECK_EQ(gd_leak_check(), 0);
}

static NOINLINE int runs_with_register(int argc, char **argv)
{
	register gd_chan *only __asm__("r12") = gd_chan_make(int_chan, 0).raw;

	__asm__ volatile("" : "+r"(only));
	start_from = only;

	int code = conform_main(argc, argv);

	__asm__ volatile("" : "+r"(only));
	return code;
}

int main(int argc, char **argv)
{
	return runs_with_register(argc, argv);
}
