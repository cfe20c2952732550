/*
 * ctx.h - save and restore the context of a goroutine.
 *
 * A context is a stack pointer, a frame pointer and the address to go on at. The switch is inlined
 * into the function that parks, and the compiler spills what it needs there: so unwinding from a
 * context needs no more than the function's own call-frame information, and nothing is saved that
 * is not in use. Floating-point control words are not switched.
 *
 * A switch leaves the CPU's stack of return addresses as it found it: fn is called and returns,
 * the rest are jumps. So the returns of a goroutine that goes on are predicted where it parked in
 * the same place as the one before; a call without a return, or a return without a call, would
 * mispredict each of them (7 ns a switch against 2, measured 2026). For returns to other places
 * there is GD__BACK.
 */
#ifndef GD_RUNTIME_ARCH_CTX_H
#define GD_RUNTIME_ARCH_CTX_H

#include <stdint.h>

#include "runtime/base/compiler.h"

struct gd__g;

struct gd__ctx {
	uintptr_t sp, bp, pc;
};

/*
 * gd__mcall(save, system_sp, fn, g), in ctx_<cpu>.h: saves the caller in *save, moves to the
 * stack at system_sp (16-byte aligned) and calls fn(g) there, which returns the context to go on
 * with: another goroutine's, or save. The caller goes on, perhaps on another thread, when its
 * context is returned in this way. (Go's mcall and gogo.)
 *
 * GD__TLS_LOAD(out, symbol), there too: reads the pointer in an initial-exec thread-local.
 * Compilers keep the address of a thread-local across a context switch, after which the goroutine
 * may run on another thread: so this is a load they cannot look into.
 */
/*
 * GD__BACK(entry, op), there too, at file scope: defines the function entry, of op's type, that
 * calls op. op is a global function of at most six words, with the switch in its own frame. entry
 * is for tail calls of what the user has called.
 *
 * What is predicted is that the goroutine returns to where the one before it on this thread has
 * come from. The frames between the switch and the entry are the same for all operations; but the
 * callers differ, unless the goroutines run the same code, and then the CPU runs ahead in the
 * wrong one until it has loaded what the goroutine's stack holds: 12 ns, a tenth of a round trip
 * (2026). So entries note in the M where they were called from, and if that is another address
 * than the goroutine returns to, they jump there instead: a jump is predicted by the branches that
 * led to it, and goroutines that take turns are told apart by these. The CPU then keeps an address
 * too many, and the returns of frames further out, which belong to the other goroutine as well,
 * are mispredicted as before.
 */
#if defined(__x86_64__)
#	include "runtime/arch/ctx_x86_64.h"
#elif defined(__aarch64__)
#	include "runtime/arch/ctx_aarch64.h"
#else
#	error "no context switch for this CPU"
#endif

/* First code of a goroutine: calls the entry function that gd__ctx_prepare has left on the stack.
 * Also the pc in the context of one that has not run yet. Unwinders end here. */
extern const char gd__ctx_start[];

/*
 * Prepares a fresh stack whose top is hi so that the goroutine begins with entry(&seen), which
 * never returns. seen lies on the live part of the stack and is arg, until entry clears it: a leak
 * check must see what a goroutine will use that has not run yet, and not what it no longer uses.
 */
static inline void gd__ctx_prepare(struct gd__ctx *c, uintptr_t hi, void (*entry)(void **seen),
				   void *arg)
{
	uintptr_t *top = (uintptr_t *)(hi & ~(uintptr_t)15) - 4;

	top[0] = (uintptr_t)entry;
	top[1] = (uintptr_t)arg;
	top[2] = top[3] = 0;
	c->sp = (uintptr_t)top;
	c->bp = 0;
	c->pc = (uintptr_t)gd__ctx_start;
}

/* Calls fn(arg) on the stack at sp and comes back. (Go's systemstack.) */
void gd__call_on(uintptr_t sp, void (*fn)(void *), void *arg);

/*
 * gd_syscall_enter is here: it calls this with the caller's callee-saved registers as they are,
 * the GD__CALL_REGS of regs.h, then the return address; the caller's stack begins behind it.
 */
void gd__syscall_enter(const uintptr_t *frame);

#endif
