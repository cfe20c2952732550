/* stacks.c - stacks of goroutines out of a core. */
#include "tools/gleak/stacks.h"

#include "tools/symbol/symbol.h"

static struct context context_of(const struct gd__core *c, const struct gd__ginfo *g)
{
	static const uint8_t saved[] = GD__CALL_REG_NUMBERS;
	/* The kernel's places of DWARF's rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15. */
	static const uint8_t kernel[] = { GD__REG_RAX, GD__REG_RDX, GD__REG_RCX, GD__REG_RBX,
					  GD__REG_RSI, GD__REG_RDI, GD__REG_RBP, GD__REG_RSP,
					  GD__REG_R8,  GD__REG_R9,  GD__REG_R10, GD__REG_R11,
					  GD__REG_R12, GD__REG_R13, GD__REG_R14, GD__REG_R15 };
	struct context at = { .pc = g->resume_pc, .exact = true };
	const struct gd__core_thread *t = gd__core_thread_of(c, g);

	if (t) {
		for (size_t i = 0; i < 16; i++)
			at.regs[i] = t->regs[kernel[i]];
		at.pc = t->regs[GD__REG_RIP];
	} else if (g->sp) {
		for (size_t i = 0; i < sizeof(saved); i++)
			at.regs[saved[i]] = g->call_regs[i];
		if (g->state != GD__GI_SYSCALL)
			at.regs[6] = g->bp;
		at.regs[7] = g->sp;
	} else {
		at.pc = 0;
	}
	return at;
}

struct stack stack_of(struct analysis *a, const struct gd__ginfo *g)
{
	struct context at = context_of(a->in.core, g);

	if (!at.pc)
		return (struct stack){ .cut = true };

	struct stack s = symbols_unwind(a->symbols, &at);

	/* It has not run yet and stands where every goroutine starts: name its own function. */
	if (g->state == GD__GI_RUNNABLE && s.n <= 2 && g->entry) {
		uint64_t as_return = g->entry + 1;

		return symbols_name(a->symbols, &as_return, 1);
	}
	return s;
}

bool frame_of(struct analysis *a, const struct gd__ginfo *g, uint64_t addr, struct stack *frame,
	      struct symbols_word *variable)
{
	struct context at = context_of(a->in.core, g);

	return at.pc && symbols_frame(a->symbols, &at, addr, frame, variable);
}
