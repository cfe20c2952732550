/*
 * ctx.h - save and restore the context of a goroutine.
 *
 * Contract of an implementation (ctx_<cpu>.S): callee-saved registers lie on
 * the saved stack below a return address, so that the context is one stack
 * pointer, and call-frame information at gd__ctx_resume lets an unwinder
 * continue from it. Floating-point control words are not switched.
 */
#ifndef GD_RUNTIME_ARCH_CTX_H
#define GD_RUNTIME_ARCH_CTX_H

#include <stdint.h>

struct gd__g;

struct gd__ctx {
	uintptr_t sp; /* a stack that gd__gogo can continue */
};

/*
 * Saves the caller in *save, moves to the stack at system_sp and calls
 * fn(g) there. fn never returns. The caller goes on when somebody calls
 * gd__gogo(save). (Go's mcall.)
 */
void gd__mcall(struct gd__ctx *save, uintptr_t system_sp, void (*fn)(struct gd__g *),
	       struct gd__g *g);

/* Leaves the current stack for good and continues *to. (Go's gogo.) */
void gd__gogo(const struct gd__ctx *to) __attribute__((noreturn));

/*
 * Prepares a fresh stack whose top is hi so that gd__gogo calls entry() on it; entry never returns.
 * Until then arg, which entry gets in a way of its own, lies on the live part of the stack: a leak
 * check must see what a goroutine will use that has not run yet.
 */
void gd__ctx_prepare(struct gd__ctx *c, uintptr_t hi, void (*entry)(void), void *arg);

/* Calls fn(arg) on the stack at sp and comes back. (Go's systemstack.) */
void gd__call_on(uintptr_t sp, void (*fn)(void *), void *arg);

/*
 * gd_syscall_enter is here: it calls this with the caller's callee-saved registers as they are,
 * frame[1..7] = r15 r14 r13 r12 rbx rbp pc; the caller's stack begins at frame + 8.
 */
void gd__syscall_enter(const uintptr_t *frame);

/* Where a saved context continues: the pc of frame 0 of a goroutine that does not run. */
extern const char gd__ctx_resume[];
/* First code of a goroutine: the return address in the context of one that has not run yet. */
extern const char gd__ctx_start[];

#endif
