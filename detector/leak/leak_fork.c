/* leak_fork.c - makes the copy, waits for it, and takes its answer. */
#include "detector/leak/leak_fork.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <gdetect/error.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"

/* Address space for the analysis, memory as it is touched: tried from the largest down. */
#define LARGEST  ((size_t)16 << 30)
#define SMALLEST ((size_t)16 << 20)
/* A program that has a limit of address space keeps most of it. */
#define SHARE_OF_LIMIT 8

#define NICE         10
#define MOST_FILES   65536
#define SHORT_NAP_NS 100000
#define LONG_NAP_NS  10000000

/* At the beginning of the shared memory; the arena is the rest. */
struct gd__leak_box {
	_Atomic uint32_t done; /* the copy has written what follows */
	int error;
	int64_t judge_ns;
	struct gd__leak_answer answer;
};

int gd__leak_fork_prepare(struct gd__leak_fork *f)
{
	uint64_t most = gd__os_address_space();
	long at = -ENOMEM;

	f->size = LARGEST;
	while (most != UINT64_MAX && f->size > SMALLEST && f->size > most / SHARE_OF_LIMIT)
		f->size /= 2;
	for (; f->size >= SMALLEST; f->size /= 2) {
		at = gd__os_call(SYS_mmap, 0, (long)f->size, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (at >= 0 || at <= -4096)
			break;
	}
	if (f->size < SMALLEST) {
		gd__fmt(f->why, sizeof(f->why), "no memory for the result of the copy");
		return GD_ENOMEM;
	}
	f->box = (struct gd__leak_box *)at; /* NOLINT(performance-no-int-to-ptr): what mmap gives */
	gd__os_nodump(f->box, f->size);
	return GD_OK;
}

/* A socket that the program closes is to be closed, though there was a copy of it here. */
static void close_all(void)
{
	struct rlimit limit = { 0 };

	if (gd__os_call(SYS_close_range, 0, ~0U, 0, 0, 0, 0) == 0)
		return;
	gd__os_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
	for (rlim_t fd = 0; fd < limit.rlim_cur && fd < MOST_FILES; fd++)
		gd__os_call(SYS_close, (long)fd, 0, 0, 0, 0, 0);
}

/* Nobody but the parent is to notice the copy, and it is not to outlive the thread that waits. */
static void settle_in(const struct gd__leak_fork *f, int parent)
{
	static const char name[] = "gdetect-leaks";

	gd__os_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
	if (gd__os_call(SYS_getppid, 0, 0, 0, 0, 0, 0) != parent)
		gd__os_exit(1);
	gd__os_call(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0, 0);
	gd__os_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
	close_all();
	if (f->modest) {
		struct sched_param none = { 0 };
		/* The kernel gives 20 - nice, so that it is never negative. */
		long nice = 20 - gd__os_call(SYS_getpriority, PRIO_PROCESS, 0, 0, 0, 0, 0);

		gd__os_call(SYS_sched_setscheduler, 0, SCHED_BATCH, (long)&none, 0, 0, 0);
		gd__os_call(SYS_setpriority, PRIO_PROCESS, 0, nice + NICE, 0, 0, 0);
	}
}

static void analyse(struct gd__leak_fork *f, gd__leak_judge *judge, void *arg)
{
	struct gd__leak_box *box = f->box;
	struct gd__arena arena = { .at = (char *)box + GD__PAGE, .end = (char *)box + f->size };
	int64_t start = gd__os_now();

	box->error = judge(arg, &arena, &box->answer);
	if (arena.chunks) /* it has gone on in memory of its own, which dies with the copy */
		box->error = GD_ENOMEM;
	box->judge_ns = gd__os_now() - start;
	gd__store_release(&box->done, 1); /* pairs with take_answer */
	gd__os_exit(0);
}

int gd__leak_fork_go(struct gd__leak_fork *f, gd__leak_judge *judge, void *arg)
{
	int64_t start = gd__os_now();
	uint64_t all = ~UINT64_C(0), mask;
	int parent = gd__os_pid();
	long pid;

	/* The program's handlers are not to run in the copy. A fault then ends it at once. */
	gd__os_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&mask, sizeof(mask), 0, 0);
	pid = gd__os_call(SYS_clone, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		settle_in(f, parent);
		analyse(f, judge, arg);
	}
	gd__os_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask), 0, 0);
	f->fork_ns = gd__os_now() - start;
	if (pid < 0) {
		gd__fmt(f->why, sizeof(f->why), "no copy of the process could be made: %s",
			pid == -EAGAIN ? "there are too many processes"
				       : "not enough memory, or not allowed");
		return pid == -EAGAIN ? GD_EAGAIN : GD_ENOMEM;
	}
	f->pid = (int)pid;
	return GD_OK;
}

/* Whether the copy has ended, and how (0 if nobody knows any more). */
static bool ended(const struct gd__leak_fork *f, bool wait, int *status)
{
	long r;

	*status = 0;
	do
		r = gd__os_call(SYS_wait4, f->pid, (long)status, __WCLONE | (wait ? 0 : WNOHANG), 0,
				0, 0);
	while (r == -EINTR);
	return r != 0;
}

static int take_answer(struct gd__leak_fork *f, int status, struct gd__leak_answer *answer)
{
	if (gd__load_acquire(&f->box->done) == 0) { /* pairs with analyse */
		if (WIFSIGNALED(status))
			gd__fmt(f->why, sizeof(f->why), "its process was ended by signal %d",
				WTERMSIG(status));
		else
			gd__fmt(f->why, sizeof(f->why), "its process ended without an answer");
		return GD_EIO;
	}
	*answer = f->box->answer;
	f->judge_ns = f->box->judge_ns;
	return f->box->error;
}

int gd__leak_fork_wait(struct gd__leak_fork *f, int64_t limit_ns, struct gd__leak_answer *answer)
{
	int64_t start = gd__os_now(), nap = SHORT_NAP_NS;
	int status;

	/* A fork of the program's own has no use for it. */
	gd__os_call(SYS_madvise, (long)f->box, (long)f->size, MADV_DONTFORK, 0, 0, 0);
	while (!ended(f, false, &status)) {
		if (gd__os_now() - start >= limit_ns) {
			gd__os_call(SYS_kill, f->pid, SIGKILL, 0, 0, 0, 0);
			ended(f, true, &status);
			if (gd__load_acquire(&f->box->done) != 0) /* pairs with analyse */
				break;
			gd__fmt(f->why, sizeof(f->why), "no answer within %d ms",
				(int)(limit_ns / 1000000));
			return GD_ETIMEDOUT;
		}
		gd__os_nanosleep(nap);
		nap = 2 * nap < LONG_NAP_NS ? 2 * nap : LONG_NAP_NS;
	}
	return take_answer(f, status, answer);
}

void gd__leak_fork_release(struct gd__leak_fork *f)
{
	if (f->box)
		gd__os_unmap(f->box, f->size);
	f->box = NULL;
}
