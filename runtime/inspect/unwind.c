/*
 * unwind.c - one stack through libunwind.
 *
 * The library validates an address before it reads it (it is built with
 * conservative checks, and tests/unit/inspect holds it to that); we add that
 * each frame lies in the stack and above the one before.
 */
#include "runtime/inspect/unwind.h"

#define UNW_LOCAL_ONLY
#include <dlfcn.h>
#include <errno.h>
#include <libunwind.h>
#include <string.h>
#include <sys/ucontext.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/options.h"

#define LIBRARY  "libunwind.so.8"
#define NAME2(f) #f
#define NAME(f)  NAME2(f) /* the symbol behind libunwind.h's macro */

static __typeof__(&unw_init_local2) init_local2;
static __typeof__(&unw_step) step;
static __typeof__(&unw_get_reg) get_reg;

enum { UNTRIED, READY, MISSING };
static _Atomic int library;

/* Where the general registers stand in a ucontext, by DWARF number. */
static const uint8_t greg[16] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
				  REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
				  REG_R12, REG_R13, REG_R14, REG_R15 };

bool gd__unwind_load(void)
{
	int state = gd__load_acquire(&library); /* pairs with the store below: the functions */

	if (state != UNTRIED)
		return state == READY;
	int saved = errno;
	/* Two threads may do this at once: both store the same values. */
	void *lib = gd__options.unwind ? dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL) : NULL;

	if (lib != NULL) {
		init_local2 = (__typeof__(init_local2))dlsym(lib, NAME(unw_init_local2));
		step = (__typeof__(step))dlsym(lib, NAME(unw_step));
		get_reg = (__typeof__(get_reg))dlsym(lib, NAME(unw_get_reg));
	}
	bool ready = lib != NULL && init_local2 != NULL && step != NULL && get_reg != NULL;

	gd__store_release(&library, ready ? READY : MISSING); /* pairs with the load above */
	errno = saved;
	return ready;
}

size_t gd__unwind(const struct gd__unwind_regs *regs, bool exact, uintptr_t lo, uintptr_t hi,
		  uintptr_t *pcs, size_t max)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t pc, sp, last = 0;
	size_t n = 0;
	int saved = errno;

	memset(&context, 0, sizeof(context));
	for (unsigned i = 0; i < gd__countof(greg); i++)
		context.uc_mcontext.gregs[greg[i]] = (greg_t)regs->r[i];
	context.uc_mcontext.gregs[REG_RIP] = (greg_t)regs->pc;
	if (init_local2(&cursor, &context, exact ? UNW_INIT_SIGNAL_FRAME : 0) == 0) {
		while (n < max && get_reg(&cursor, UNW_REG_IP, &pc) == 0 && pc != 0 &&
		       get_reg(&cursor, UNW_REG_SP, &sp) == 0 && sp >= lo && sp <= hi &&
		       sp > last) {
			pcs[n++] = pc;
			last = sp;
			if (step(&cursor) <= 0)
				break;
		}
	}
	errno = saved;
	return n;
}
