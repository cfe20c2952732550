/*
 * golf_caller.c - the only pointers to what goroutines wait for are in the registers that a
 * function keeps for its caller, of the one who calls gd_run. A program of its own for the sake of
 * its main().
 */
#include "tests/conformance/leak/held.h"

static gd_chan *start_from[5];

NOLEAK(registers_of_gd_runs_caller)
MAIN(noleak_registers_of_gd_runs_caller)
{
	for (int i = 0; i < 5; i++)
		gd_go_fn(waits, start_from[i]);
	memset(start_from, 0, sizeof(start_from));
	settle();
	CHECK_EQ(gd_leak_check(), 0);
}

static void starts(void *unused)
{
	main_noleak_registers_of_gd_runs_caller();
}

/* What comes back in the registers, so that the compiler keeps them there. */
#if defined(__x86_64__)
#	define KEEP(a, b, c, d, e)                                                                \
		register gd_chan *r0 __asm__("rbx") = a;                                           \
		register gd_chan *r1 __asm__("r12") = b;                                           \
		register gd_chan *r2 __asm__("r13") = c;                                           \
		register gd_chan *r3 __asm__("r14") = d;                                           \
		register gd_chan *r4 __asm__("r15") = e
#elif defined(__aarch64__)
#	define KEEP(a, b, c, d, e)                                                                \
		register gd_chan *r0 __asm__("x19") = a;                                           \
		register gd_chan *r1 __asm__("x20") = b;                                           \
		register gd_chan *r2 __asm__("x22") = c;                                           \
		register gd_chan *r3 __asm__("x24") = d;                                           \
		register gd_chan *r4 __asm__("x28") = e
#endif

int main(int argc, char **argv)
{
	if (argc != 2)
		return conform_main(argc, argv);
	for (int i = 0; i < 5; i++)
		start_from[i] = gd_chan_make(int_chan, 0).raw;
	KEEP(start_from[0], start_from[1], start_from[2], start_from[3], start_from[4]);

	__asm__ volatile("" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4));

	int code = gd_run(starts, NULL);

	__asm__ volatile("" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4));
	return code;
}
