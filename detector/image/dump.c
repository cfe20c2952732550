/*
 * dump.c - gd_dump(): an ELF core of our own process, which goes on afterwards.
 *
 * The world is stopped meanwhile, so goroutines and primitives are
 * consistent. Registers of a thread come, best first, from the caller's
 * own context, from the runtime (threads stopped by signal), from
 * /proc/self/task/<tid>/syscall (threads that wait in the kernel: stack
 * pointer and pc). A foreign thread that computes has none; it is listed
 * with zeros, and a reader must take its whole stack for live.
 */
#include <gdetect/error.h>
#include <gdetect/leak.h>

#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "detector/image/core_io.h"
#include "detector/image/core_writer.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/inspect.h"

/* Threads that may start between counting and listing. */
#define SLACK 64

struct dump {
	const char *path;
	struct gd__core_thread self;
	struct gd__core_thread *threads; /* the caller's first */
	size_t n, cap;
	int error;
};

static void count_thread(void *arg, int32_t tid)
{
	(void)tid;
	*(size_t *)arg += 1;
}

static void add_thread(void *arg, int32_t tid)
{
	struct dump *d = arg;

	if (tid != d->self.tid && d->n < d->cap)
		d->threads[d->n++].tid = tid;
}

/* From DWARF's numbering of registers to the kernel's. */
static void from_inspect(struct gd__core_thread *to, const struct gd__tinfo *t)
{
	static const uint8_t reg[16] = {
		GD__REG_RAX, GD__REG_RDX, GD__REG_RCX, GD__REG_RBX, GD__REG_RSI, GD__REG_RDI,
		GD__REG_RBP, GD__REG_RSP, GD__REG_R8,  GD__REG_R9,  GD__REG_R10, GD__REG_R11,
		GD__REG_R12, GD__REG_R13, GD__REG_R14, GD__REG_R15,
	};

	for (size_t i = 0; i < 16; i++)
		to->regs[reg[i]] = t->regs[i];
	to->regs[GD__REG_RIP] = t->pc;
	to->regs[GD__REG_RSP] = t->sp;
}

/* The words of "nr arg0 ... arg5 sp pc" or "-1 sp pc"; "running" leaves the registers zero. */
static void from_kernel(struct gd__core_thread *to)
{
	char name[64], text[256];
	uint64_t last[2] = { 0, 0 };

	gd__fmt(name, sizeof(name), "task/%d/syscall", to->tid);
	int64_t n = gd__io_slurp(gd__os_pid(), name, text, sizeof(text) - 1);

	if (n <= 0 || text[0] == 'r')
		return;
	text[n] = 0;
	for (const char *p = text; (p = strstr(p, " 0x")) != NULL;) {
		uint64_t v = 0;

		for (p += 3; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
			v = v << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
		last[0] = last[1];
		last[1] = v;
	}
	to->regs[GD__REG_RSP] = last[0];
	to->regs[GD__REG_RIP] = last[1];
}

static void fill_registers(struct dump *d)
{
	struct gd__runtime rt;
	bool open = gd__inspect_open(&rt, &gd__mem_self, 0) == GD__INSPECT_OK;

	for (size_t i = 1; i < d->n; i++) {
		struct gd__core_thread *to = &d->threads[i];
		struct gd__tinfo t;

		for (uint64_t k = 0; open && gd__inspect_thread(&rt, k, &t); k++)
			if (t.tid == to->tid && t.pc)
				from_inspect(to, &t);
		if (!to->regs[GD__REG_RIP])
			from_kernel(to);
	}
}

#define XFSZ ((uint64_t)1 << (SIGXFSZ - 1))

/* A limit of file size (ulimit -f) is to be an error of gd_dump, not the end of the process. */
static void hold_signal(uint64_t *mask)
{
	uint64_t block = XFSZ;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &block, mask, sizeof(*mask));
}

/* Takes back a signal that came meanwhile before it is let through again. */
static void release_signal(const uint64_t *mask)
{
	static const struct timespec at_once;
	uint64_t wait = XFSZ;

	if (!(*mask & XFSZ))
		syscall(SYS_rt_sigtimedwait, &wait, NULL, &at_once, sizeof(wait));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, sizeof(*mask));
}

/* On the system stack: the caller's goroutine stack may be small. */
static void write_dump(void *arg)
{
	struct dump *d = arg;
	int32_t pid = gd__os_pid();
	const char *doing;

	gd__io_tasks(pid, count_thread, &d->cap);
	d->cap += SLACK;

	size_t bytes = d->cap * sizeof(*d->threads);

	d->threads = gd__os_map(bytes);
	if (!d->threads) {
		d->error = -ENOMEM;
		return;
	}
	gd__os_nodump(d->threads, bytes);
	d->threads[d->n++] = d->self;
	gd__io_tasks(pid, add_thread, d);
	fill_registers(d);

	struct gd__core_source src = { .pid = pid, .threads = d->threads, .nthreads = d->n };
	uint64_t mask;

	hold_signal(&mask);
	d->error = gd__core_write(&src, d->path, &doing);
	release_signal(&mask);
	gd__os_unmap(d->threads, bytes);
}

/* What gd_dump calls; regs are those at its entry. */
int gd__dump_from(const char *path, const uint64_t *regs);

int gd__dump_from(const char *path, const uint64_t *regs)
{
	struct dump d = { .path = path, .self = { .tid = gd__os_tid() } };
	unsigned long fs = 0;

	memcpy(d.self.regs, regs, sizeof(d.self.regs));
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
	d.self.regs[GD__REG_FS_BASE] = fs;
	(void)gd__inspect_stop(); /* a thread that goes on is in the dump as it is caught */
	gd__inspect_on_system_stack(write_dump, &d);
	gd__inspect_start();
	if (d.error == 0)
		return GD_OK;
	errno = -d.error;
	return d.error == -ENOMEM ? GD_ENOMEM : GD_EIO;
}

/*
 * Captures the caller as it is: the dump shows this thread at the first
 * instruction of gd_dump, so that no frame of ours, which may hold stale
 * pointers of the caller's, counts as live stack. Offsets are 8 * GD__REG_x.
 */
_Static_assert(GD__REG_R15 == 0 && GD__REG_R14 == 1 && GD__REG_R13 == 2 && GD__REG_R12 == 3 &&
		       GD__REG_RBP == 4 && GD__REG_RBX == 5 && GD__REG_RDI == 14 &&
		       GD__REG_RIP == 16 && GD__REG_RSP == 19 && GD__CORE_REGS == 27,
	       "offsets in gd_dump");

__attribute__((naked)) int gd_dump(const char *path)
{
	__asm__("1:\tsubq $216, %rsp\n\t"
		".cfi_adjust_cfa_offset 216\n\t"
		"xorl %eax, %eax\n\t"
		"movl $27, %ecx\n\t"
		"movq %rdi, %rdx\n\t"
		"movq %rsp, %rdi\n\t"
		"rep stosq\n\t"
		"movq %r15, 0(%rsp)\n\t"
		"movq %r14, 8(%rsp)\n\t"
		"movq %r13, 16(%rsp)\n\t"
		"movq %r12, 24(%rsp)\n\t"
		"movq %rbp, 32(%rsp)\n\t"
		"movq %rbx, 40(%rsp)\n\t"
		"movq %rdx, 112(%rsp)\n\t"
		"leaq 1b(%rip), %rax\n\t"
		"movq %rax, 128(%rsp)\n\t"
		"leaq 216(%rsp), %rax\n\t"
		"movq %rax, 152(%rsp)\n\t"
		"movq %rdx, %rdi\n\t"
		"movq %rsp, %rsi\n\t"
		"call gd__dump_from@PLT\n\t"
		"addq $216, %rsp\n\t"
		".cfi_adjust_cfa_offset -216\n\t"
		"ret");
}
