/*
 * trap.c - faults and signals that the runtime answers: stack overflow, SIGQUIT.
 *
 * A fault in the guard of the current goroutine's stack is an overflow. The
 * handler runs on the thread's alternate stack, hands over to sysmon and
 * waits for the end. Every other fault goes to whoever had the signal before.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "runtime/arch/signal.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/stack.h"
#include "runtime/sched/state.h"

/* Handlers of the program run there, too. Memory is used as touched. */
#define ALT_STACK ((size_t)64 * 1024)

static struct sigaction old_segv, old_bus;

static void pass_on(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *old = sig == SIGSEGV ? &old_segv : &old_bus;

	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, context);
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(sig);
	} else {
		/* The instruction faults again, with the default action. */
		struct sigaction plain = { .sa_handler = SIG_DFL };

		if (sigaction(sig, &plain, NULL) != 0)
			gd__os_exit(128 + sig);
		if (info->si_code <= 0) /* sent, not met: no instruction faults again */
			gd__os_tgkill(gd__os_tid(), sig);
	}
}

/* The most that the kernel puts on a stack for a handler: all registers with AVX-512 and AMX. */
#define SIGNAL_FRAME ((uintptr_t)12 * 1024)

/*
 * A handler of the program without SA_ONSTACK found no room for its frame on the goroutine's
 * stack: the kernel says so by a fault that has no address.
 */
static bool no_room_for_handler(const struct gd__g *g, const siginfo_t *info, uintptr_t sp)
{
	return info->si_code == SI_KERNEL && sp >= g->stack_lo && sp - g->stack_lo < SIGNAL_FRAME;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g = m ? m->cur : NULL;
	const ucontext_t *uc = context;

	if (!g || (!gd__stack_in_guard(g->stack_lo, (uintptr_t)info->si_addr) &&
		   !no_room_for_handler(g, info, gd__signal_reg(uc, GD__DWARF_SP)))) {
		pass_on(sig, info, context);
		return;
	}
	g->call_sp = gd__signal_reg(uc, GD__DWARF_SP);
	g->call_pc = gd__signal_reg(uc, GD__DWARF_PC);
	g->call_bp = gd__signal_reg(uc, GD__DWARF_FP);
	m->faulted = true; /* a stop signal finds it on this stack */
	gd__sysmon_ask_fault(m, g);
	for (;;)
		gd__os_nanosleep(INT64_C(1000000000));
}

static void on_quit(int sig)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };

	/* The child of a fork that runs but its caller has no sysmon: it ends as without us. */
	if (gd__load_relaxed(&gd__fork.asleep) && sigaction(sig, &plain, NULL) == 0) /* alone */
		gd__os_tgkill(gd__os_tid(), sig);
	else
		gd__sysmon_ask_dump();
}

static void install(int sig, struct sigaction *action, struct sigaction *old)
{
	if (sigaction(sig, action, old) != 0)
		gd__warn("cannot install the handler of signal %d: error %d", sig, errno);
}

void gd__trap_init(void)
{
	static bool done;
	struct sigaction action, now;

	if (done)
		return;
	done = true;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	install(SIGSEGV, &action, &old_segv);
	install(SIGBUS, &action, &old_bus);

	/* SIGQUIT only where the program has not taken it. */
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_quit;
	action.sa_flags = SA_RESTART | SA_ONSTACK;
	if (sigaction(SIGQUIT, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		install(SIGQUIT, &action, &now);
}

void gd__trap_thread_init(struct gd__m *m)
{
	stack_t alt = { .ss_size = ALT_STACK };

	m->alt_before = (stack_t){ .ss_flags = SS_DISABLE }; /* what to go back to if it fails */
	if (!m->alt_stack)
		m->alt_stack = gd__os_map(ALT_STACK);
	alt.ss_sp = m->alt_stack;
	/* Without one, an overflow is a plain crash: worse, but no reason to stop. */
	if (!alt.ss_sp || sigaltstack(&alt, &m->alt_before) != 0)
		gd__warn("no alternate signal stack: a stack overflow will be a plain crash");
}

/* A sanitizer that has set one of its own unmaps at the thread's end what it finds. */
void gd__trap_thread_end(struct gd__m *m)
{
	if (sigaltstack(&m->alt_before, NULL) != 0)
		gd__warn("cannot give the signal stack of a thread back: %d", errno);
}
