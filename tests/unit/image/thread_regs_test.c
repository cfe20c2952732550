/* link: gdetect_leak gdetect_detect gdetect */
/*
 * thread_regs_test.c - registers of threads that compute, sleep, have signals coming or cannot be
 * stopped, and that none of them notices.
 */
#include "detector/image/thread_regs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"
#include "tests/support/unit.h"

/* In each register another one. */
#define GENERAL 13
#define VECTOR  16
#define MARK(i) (UINT64_C(0x5a5a000000000000) + 0x1000 + (uint64_t)(i))

static struct gd__traced traced;
static _Atomic int32_t tid;
static _Atomic uint32_t go_on;

static void *compute(void *arg)
{
	uint64_t mark[GENERAL + VECTOR], *m = mark;
	_Atomic uint32_t *end = &go_on;

	(void)arg;
	for (int i = 0; i < GENERAL + VECTOR; i++)
		mark[i] = MARK(i);
	gd__store_release(&tid, gd__os_tid()); /* pairs with start */
	/* All but rsp, rbp and that of the loop. */
	__asm__ volatile("movq 104(%%rdi), %%xmm0\n\t"
			 "movq 112(%%rdi), %%xmm1\n\t"
			 "movq 120(%%rdi), %%xmm2\n\t"
			 "movq 128(%%rdi), %%xmm3\n\t"
			 "movq 136(%%rdi), %%xmm4\n\t"
			 "movq 144(%%rdi), %%xmm5\n\t"
			 "movq 152(%%rdi), %%xmm6\n\t"
			 "movq 160(%%rdi), %%xmm7\n\t"
			 "movq 168(%%rdi), %%xmm8\n\t"
			 "movq 176(%%rdi), %%xmm9\n\t"
			 "movq 184(%%rdi), %%xmm10\n\t"
			 "movq 192(%%rdi), %%xmm11\n\t"
			 "movq 200(%%rdi), %%xmm12\n\t"
			 "movq 208(%%rdi), %%xmm13\n\t"
			 "movq 216(%%rdi), %%xmm14\n\t"
			 "movq 224(%%rdi), %%xmm15\n\t"
			 "movq 0(%%rdi), %%rax\n\t"
			 "movq 8(%%rdi), %%rbx\n\t"
			 "movq 16(%%rdi), %%rcx\n\t"
			 "movq 24(%%rdi), %%rdx\n\t"
			 "movq 40(%%rdi), %%r8\n\t"
			 "movq 48(%%rdi), %%r9\n\t"
			 "movq 56(%%rdi), %%r10\n\t"
			 "movq 64(%%rdi), %%r11\n\t"
			 "movq 72(%%rdi), %%r12\n\t"
			 "movq 80(%%rdi), %%r13\n\t"
			 "movq 88(%%rdi), %%r14\n\t"
			 "movq 96(%%rdi), %%r15\n\t"
			 "movq 32(%%rdi), %%rdi\n"
			 "1:	pause\n\t"
			 "cmpl $0, (%%rsi)\n\t"
			 "je 1b\n\t"
			 : "+D"(m), "+S"(end)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15", "memory", "cc");
	return NULL;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, fn, arg), 0);
	while (gd__load_acquire(&tid) == 0) /* pairs with the store of the thread */
		sched_yield();
	return t;
}

static void finish(pthread_t t)
{
	gd__store_release(&go_on, 1); /* pairs with nothing: a loop is left */
	CHECK_EQ(pthread_join(t, NULL), 0);
}

static bool has(uint64_t word)
{
	for (uint32_t i = 0; i < traced.n; i++)
		if (traced.word[i] == word)
			return true;
	return false;
}

static size_t marks(void)
{
	size_t n = 0;

	for (int i = 0; i < GENERAL + VECTOR; i++)
		n += has(MARK(i));
	return n;
}

static void trace(void)
{
	traced.tid = gd__load_relaxed(&tid);
	traced.n = 77;
	gd__threads_trace(&traced, 1);
}

/* The first look may come before all is loaded, or the thread does not get the CPU in time. */
static void trace_until(bool (*done)(void))
{
	do
		trace();
	while (!done());
}

static bool all_marks(void)
{
	return marks() == GENERAL + VECTOR;
}

CASE(all_registers_of_one_that_computes)
{
	pthread_t t = start(compute, NULL);

	alarm(30);
	trace_until(all_marks);
	CHECK(traced.n <= GD__TRACED_WORDS);
	finish(t);
}

/* In read() with rbx and others full: the kernel restarts it. */
static int ends[2];
static _Atomic int64_t came;

static void *wait_in_read(void *arg)
{
	char c;
	long r;

	(void)arg;
	gd__store_release(&tid, gd__os_tid()); /* pairs with start */
	register uint64_t r12 __asm__("r12") = MARK(1);

	__asm__ volatile("syscall"
			 : "=a"(r), "+r"(r12)
			 : "a"(SYS_read), "D"(ends[0]), "S"(&c), "d"(1)
			 : "rcx", "r11", "memory");
	gd__store_release(&came, r); /* pairs with nothing: joined */
	return NULL;
}

static bool second_mark(void)
{
	return has(MARK(1));
}

CASE(one_that_sleeps_in_the_kernel_does_not_notice)
{
	pthread_t t;

	alarm(30);
	CHECK(pipe(ends) == 0);
	t = start(wait_in_read, NULL);
	for (int i = 0; i < 5; i++)
		trace_until(second_mark);
	CHECK_EQ(gd__load_relaxed(&came), 0);
	CHECK(write(ends[1], "x", 1) == 1);
	finish(t);
	CHECK_EQ(gd__load_relaxed(&came), 1);
}

CASE(calls_that_would_end)
{
	CHECK(gd__traceable_call(-1));
	CHECK(gd__traceable_call(SYS_read));
	CHECK(gd__traceable_call(SYS_futex));
	CHECK(gd__traceable_call(SYS_poll));
	CHECK(!gd__traceable_call(SYS_epoll_wait));
	CHECK(!gd__traceable_call(SYS_epoll_pwait));
	CHECK(!gd__traceable_call(SYS_semop));
	CHECK(!gd__traceable_call(SYS_semtimedop));
	CHECK(!gd__traceable_call(SYS_io_getevents));
	CHECK(!gd__traceable_call(SYS_rt_sigtimedwait));
	CHECK(!gd__traceable_call(SYS_msgrcv));
	CHECK(!gd__traceable_call(SYS_msgsnd));
}

static _Atomic int handled;

static void on_signal(int sig)
{
	(void)sig;
	gd__add_relaxed(&handled, 1); /* a number */
}

/* Traced while signals come: none is lost, none comes twice, and the caller's stay blocked. */
CASE(signals_are_delivered_once)
{
	struct sigaction a = { .sa_handler = on_signal };
	pthread_t t;

	alarm(30);
	sigaction(SIGRTMIN + 1, &a, NULL);
	t = start(compute, NULL);
	for (int i = 1; i <= 200; i++) {
		union sigval v = { .sival_int = i };

		CHECK_EQ(pthread_sigqueue(t, SIGRTMIN + 1, v), 0);
		trace();
	}
	while (gd__load_relaxed(&handled) < 200)
		sched_yield();
	trace();
	CHECK_EQ(gd__load_relaxed(&handled), 200);
	finish(t);
}

static pid_t own; /* the helper has another id */

static long send_before_interrupt(long nr, const long *arg)
{
	struct timespec ms = { 0, 1000000 }; /* for it to stop at the signal: a stronger test */

	if (nr == SYS_ptrace && arg[0] == PTRACE_INTERRUPT) {
		syscall(SYS_tgkill, own, arg[1], SIGRTMIN + 1);
		syscall(SYS_nanosleep, &ms, NULL);
	}
	return 0;
}

/* One that comes first is what the thread stops for. */
CASE(a_signal_that_comes_first_is_delivered)
{
	struct sigaction a = { .sa_handler = on_signal };
	pthread_t t;

	alarm(30);
	own = getpid();
	sigaction(SIGRTMIN + 1, &a, NULL);
	t = start(compute, NULL);
	for (int i = 1; i <= 20; i++) {
		gd__os_filter = send_before_interrupt;
		trace();
		gd__os_filter = NULL;
		while (gd__load_relaxed(&handled) < i)
			sched_yield();
	}
	CHECK_EQ(gd__load_relaxed(&handled), 20);
	trace_until(all_marks);
	finish(t);
}

CASE(the_caller_stays_as_it_is)
{
	sigset_t before, after;
	pthread_t t = start(compute, NULL);

	alarm(30);
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = EDOM;
	trace();
	CHECK_EQ(errno, EDOM);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	CHECK(sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGUSR1) == 0);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	finish(t);
}

CASE(nobody_to_trace)
{
	pthread_t t = start(compute, NULL);

	gd__threads_trace(NULL, 0);
	finish(t);
	trace(); /* it has ended */
	CHECK_EQ(traced.n, 0);
	traced.tid = 0;
	traced.n = 5;
	gd__threads_trace(&traced, 1);
	CHECK_EQ(traced.n, 0);
}

CASE(one_that_is_gone_among_others)
{
	static struct gd__traced three[3];
	pthread_t gone = start(compute, NULL), t;

	alarm(30);
	three[1].tid = gd__load_relaxed(&tid);
	finish(gone);
	gd__store_relaxed(&go_on, 0); /* the next one starts after it */
	gd__store_relaxed(&tid, 0);
	t = start(compute, NULL);
	do {
		three[0].tid = three[2].tid = gd__load_relaxed(&tid);
		gd__threads_trace(three, 3);
	} while (three[0].n == 0 || three[2].n == 0);
	CHECK_EQ(three[1].n, 0);
	finish(t);
}

/* As where Yama is strict: refused until the caller has named its tracer. */
static long nth, times, named, unnamed;

static long refuse(long nr, const long *arg)
{
	if (nr == SYS_prctl && arg[0] == PR_SET_PTRACER) {
		named += arg[1] != 0;
		unnamed += arg[1] == 0;
	}
	return nr == SYS_ptrace && arg[0] == PTRACE_SEIZE && nth++ < times ? -EPERM : 0;
}

static bool any(void)
{
	return traced.n > 0;
}

CASE(allowed_when_asked_for)
{
	pthread_t t = start(compute, NULL);

	alarm(30);
	times = 1;
	gd__os_filter = refuse;
	trace();
	CHECK_EQ(named, 1);
	CHECK_EQ(unnamed, 1);
	trace_until(any);
	CHECK_EQ(named, 1); /* the others were not refused */
	gd__os_filter = NULL;
	finish(t);
}

CASE(refused_for_good)
{
	pthread_t t = start(compute, NULL);

	alarm(30);
	times = 1000;
	gd__os_filter = refuse;
	trace();
	CHECK_EQ(traced.n, 0);
	CHECK_EQ(named, 1);
	gd__os_filter = NULL;
	trace_until(any);
	finish(t);
}

/* It sleeps, and not even a tracer can wake it, until its child goes on. */
static int wait_to_go_on(void *arg)
{
	(void)arg;
	gd__add_relaxed(&handled, 1);         /* read by the case */
	while (gd__load_acquire(&go_on) == 0) /* pairs with finish */
		gd__os_nanosleep(100000);
	gd__os_call(SYS_exit, 0, 0, 0, 0, 0, 0);
	return 0;
}

static void *wait_for_child(void *arg)
{
	static char stack[65536];
	int pid;

	(void)arg;
	gd__store_release(&tid, gd__os_tid()); /* pairs with start */
	pid = clone(wait_to_go_on, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, NULL);
	CHECK(pid > 0 && waitpid(pid, NULL, __WCLONE) == pid);
	return NULL;
}

CASE(one_that_does_not_stop_is_given_up)
{
	pthread_t t = start(wait_for_child, NULL);
	int64_t before;

	alarm(30);
	while (gd__load_relaxed(&handled) == 0)
		sched_yield();
	before = gd__os_now();
	trace();
	CHECK_EQ(traced.n, 0);
	CHECK(gd__os_now() - before >= 20000000); /* it was waited for */
	finish(t);                                /* and is none the worse for it */
}

UNIT_MAIN
