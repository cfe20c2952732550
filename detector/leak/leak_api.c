/* leak_api.c - checks that the program asks for. */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/leak/leak_run.h"
#include "runtime/base/compiler.h"

static GD__NOINLINE int check_on_demand(uint64_t caller_sp)
{
	struct gd__leak_run r = { .known_too = true, .recover = true, .how.caller_sp = caller_sp };

	gd__leak_install();
	gd__leak_begin(true);
	gd__leak_run(&r);
	gd__leak_end();
	gd__arena_release(&r.arena);
	return r.error == GD_OK ? (int)r.found : r.error;
}

/*
 * What our own frames leave on the stack must not look like the caller's pointers. So this
 * one holds nothing but the caller's registers, and what lies below it is not scanned.
 */
int gd_leak_check(void)
{
	uint64_t sp;

	__builtin_unwind_init();
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
	int found = check_on_demand(sp);

	__asm__ volatile("" : "+r"(found)); /* no tail call: it would give up this frame */
	return found;
}
