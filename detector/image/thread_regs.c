/*
 * thread_regs.c - the helper process and what it does.
 *
 * It runs with our thread-local storage and must not touch it: raw system calls alone, no errno.
 * Where tracing is refused (a debugger is there already, or the kernel's policy) the registers stay
 * unknown.
 */
#include "detector/image/thread_regs.h"

#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "detector/common/alloc.h"
#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"

#define STACK_BYTES ((size_t)64 << 10)
/* A thread that does not stop in this time sleeps where it cannot be woken. */
#define LIMIT_NS 20000000
#define STEP_NS  20000

enum state { TRYING, REFUSED, ALLOWED, DONE };

struct helper {
	struct gd__traced *t;
	size_t n;
	_Atomic uint32_t state; /* enum state; futex word */
};

bool gd__traceable_call(long number)
{
	static const long excepted[] = { SYS_epoll_wait, SYS_epoll_pwait,  SYS_semop,
					 SYS_semtimedop, SYS_io_getevents, SYS_rt_sigtimedwait,
					 SYS_msgrcv,     SYS_msgsnd };

	for (size_t i = 0; i < sizeof(excepted) / sizeof(excepted[0]); i++)
		if (number == excepted[i])
			return false;
	return true;
}

static long trace(long request, int32_t tid, long addr, void *data)
{
	return gd__os_call(SYS_ptrace, request, tid, addr, (long)data, 0, 0);
}

static void set_state(struct helper *h, enum state s)
{
	gd__store_release(&h->state, s); /* pairs with wait_while */
	gd__os_futex_wake(&h->state, 1);
}

static enum state wait_while(struct helper *h, enum state s)
{
	uint32_t now;

	while ((now = gd__load_acquire(&h->state)) == s) /* pairs with set_state */
		gd__os_futex_wait(&h->state, s, -1);
	return (enum state)now;
}

static uint32_t read_set(int32_t tid, long set, uint64_t *word, size_t room)
{
	struct iovec io = { word, room * sizeof(*word) };

	return trace(PTRACE_GETREGSET, tid, set, &io) == 0 ? (uint32_t)(io.iov_len / sizeof(*word))
							   : 0;
}

/* Waits for the thread to stop, looks, and lets it go; a signal that came first is delivered. */
static void look_at(struct gd__traced *t)
{
	int64_t until = gd__os_now() + LIMIT_NS;
	int status = 0;
	long got;

	while ((got = gd__os_call(SYS_wait4, t->tid, (long)&status, __WALL | WNOHANG, 0, 0, 0)) ==
	       0) {
		if (gd__os_now() > until)
			return; /* our end lets it go */
		gd__os_nanosleep(STEP_NS);
	}
	if (got != t->tid || !WIFSTOPPED(status))
		return;
	t->n = read_set(t->tid, NT_PRSTATUS, t->word, GD__TRACED_WORDS);
	t->n += read_set(t->tid, NT_PRFPREG, t->word + t->n, GD__TRACED_WORDS - t->n);
	trace(PTRACE_DETACH, t->tid, 0, (void *)(intptr_t)(status >> 16 ? 0 : WSTOPSIG(status)));
}

static int help(void *arg)
{
	struct helper *h = arg;

	for (size_t i = 0; i < h->n; i++) {
		long error = trace(PTRACE_SEIZE, h->t[i].tid, 0, NULL);

		if (error == -EPERM && gd__load_relaxed(&h->state) == TRYING) { /* our own store */
			set_state(h, REFUSED);
			wait_while(h, REFUSED);
			error = trace(PTRACE_SEIZE, h->t[i].tid, 0, NULL);
		}
		if (error == 0 && trace(PTRACE_INTERRUPT, h->t[i].tid, 0, NULL) == 0)
			look_at(&h->t[i]);
	}
	set_state(h, DONE);
	gd__os_call(SYS_exit, 0, 0, 0, 0, 0, 0);
	return 0;
}

static void run_helper(struct helper *h, char *stack)
{
	int saved = errno;
	int pid = clone(help, stack + STACK_BYTES, CLONE_VM | CLONE_FS | CLONE_FILES, h);

	errno = saved;
	if (pid < 0)
		return;
	if (wait_while(h, TRYING) == REFUSED) {
		/* Only descendants of a thread may be traced where Yama is strict. */
		gd__os_call(SYS_prctl, PR_SET_PTRACER, pid, 0, 0, 0, 0);
		set_state(h, ALLOWED);
		wait_while(h, ALLOWED);
		gd__os_call(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0, 0);
	}
	gd__os_call(SYS_wait4, pid, 0, __WALL, 0, 0, 0);
}

void gd__threads_trace(struct gd__traced *t, size_t n)
{
	struct helper h = { .t = t, .n = n };
	uint64_t all = ~UINT64_C(0), before = 0;
	char *stack = n ? gd__dalloc(STACK_BYTES) : NULL;

	for (size_t i = 0; i < n; i++)
		t[i].n = 0;
	if (!stack)
		return;
	/* The helper has our handlers, and must run none of them. */
	gd__os_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof(all), 0, 0);
	run_helper(&h, stack);
	gd__os_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof(all), 0, 0);
	gd__dfree(stack, STACK_BYTES);
}
