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

#include "runtime/arch/signal.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/options.h"

#define LIBRARY  "libunwind.so.8"
#define NAME2(f) #f
#define NAME(f)  NAME2(f) /* the symbol behind libunwind.h's macro */

static __typeof__(&unw_init_local2) init_local2;
static __typeof__(&unw_step) step;
static __typeof__(&unw_get_reg) get_reg;
static __typeof__(&unw_get_save_loc) get_save_loc;

enum { UNTRIED, READY, MISSING };
static _Atomic int library;

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
		get_save_loc = (__typeof__(get_save_loc))dlsym(lib, NAME(unw_get_save_loc));
	}
	bool ready = lib != NULL && init_local2 != NULL && step != NULL && get_reg != NULL &&
		     get_save_loc != NULL;

	gd__store_release(&library, ready ? READY : MISSING); /* pairs with the load above */
	errno = saved;
	return ready;
}

static void note(struct gd__unwind_log *log, unw_cursor_t *cursor, unw_word_t sp)
{
	unw_save_loc_t at;
	unw_word_t fp;

	if (get_reg(cursor, GD__DWARF_FP, &fp) != 0 || get_save_loc(cursor, GD__DWARF_FP, &at) != 0)
		return; /* log->n stays behind */
	log->frame[log->n].sp = sp;
	log->frame[log->n].fp = fp;
	log->frame[log->n].fp_at = at.type == UNW_SLT_MEMORY ? at.u.addr : 0;
	log->n++;
}

/* NOLINTNEXTLINE(readability-function-size): a stack, the answer, and a log if wanted */
size_t gd__unwind(const struct gd__unwind_regs *regs, bool exact, uintptr_t lo, uintptr_t hi,
		  uintptr_t *pcs, size_t max, struct gd__unwind_log *log)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t pc, sp, last = 0;
	size_t n = 0;
	int saved = errno;

	memset(&context, 0, sizeof(context));
	for (unsigned i = 0; i < GD__REGS; i++)
		GD__MCONTEXT_REG(&context.uc_mcontext, i) =
			(__typeof__(GD__MCONTEXT_REG(&context.uc_mcontext, i)))regs->r[i];
	if (init_local2(&cursor, &context, exact ? UNW_INIT_SIGNAL_FRAME : 0) == 0) {
		while (n < max && get_reg(&cursor, UNW_REG_IP, &pc) == 0 && pc != 0 &&
		       get_reg(&cursor, UNW_REG_SP, &sp) == 0 && sp >= lo && sp <= hi &&
		       sp > last) {
			pcs[n++] = gd__code_address(pc);
			last = sp;
			if (log)
				note(log, &cursor, sp);
			if (step(&cursor) <= 0)
				break;
		}
	}
	errno = saved;
	return n;
}
