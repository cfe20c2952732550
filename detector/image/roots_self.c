/* roots_self.c - gathers the roots of our own process. */
#include "detector/image/roots_self.h"

#include <errno.h>
#include <gdetect/leak.h>
#include <link.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "detector/common/interpose.h"
#include "detector/image/core_io.h"
#include "detector/image/thread_regs.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/fmt.h"
#include "runtime/base/lock.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"
#include "runtime/inspect/traceback.h"

#define MODULE_RANGES 1024
#define RED_ZONE      128
/* The C library's thread descriptor: at the thread pointer, at most this long. */
#define DESCRIPTOR 2304
/* It lies at the top of a thread's stack; so far below the end it is looked for. */
#define TOP_BYTES ((uint64_t)64 << 10)
/* Thread-local storage that belongs to the program and the libraries it starts with. */
#define STATIC_TLS ((uint64_t)1 << 20)

/* Written by prepare, one caller at a time. */
static struct {
	struct gd__range *range; /* MODULE_RANGES of them */
	size_t n;
	uint64_t tls_size; /* below the thread pointer */
	uint64_t own_tp;
} modules;

/* Threads that are not stopped, as a stopped world has found them. Written by note. */
static struct {
	struct noted_thread {
		int32_t tid;
		uint64_t sp; /* below all that is live on its stack, if it is in there at all */
	} * thread;
	size_t n, cap;
	struct gd__traced *traced; /* registers of some of them */
	size_t ntraced, traced_cap;
} noted;

size_t gd__copy_foreign(uint64_t addr, void *buf, size_t n)
{
	struct iovec to = { buf, n }, from = { (void *)(uintptr_t)addr, n };
	int saved = errno;
	long got = syscall(SYS_process_vm_readv, (long)gd__os_tid(), &to, 1UL, &from, 1UL, 0UL);

	if (got < 0 && errno != EFAULT) { /* not allowed here: then at our own risk */
		gd__memcpy(buf, (const void *)(uintptr_t)addr, n);
		got = (long)n;
	}
	errno = saved;
	return got > 0 ? (size_t)got : 0;
}

static int see_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint64_t tls = (uintptr_t)info->dlpi_tls_data;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t lo = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && (p->p_flags & PF_W) && modules.n < MODULE_RANGES)
			modules.range[modules.n++] = (struct gd__range){ lo, lo + p->p_memsz };
	}
	/* Of a library loaded later the storage is a heap block that the thread descriptor leads
	 * to. */
	if (tls && tls < modules.own_tp && modules.own_tp - tls < STATIC_TLS &&
	    modules.own_tp - tls > modules.tls_size)
		modules.tls_size = modules.own_tp - tls;
	return 0;
}

void gd__roots_self_prepare(void)
{
	if (!modules.range)
		modules.range = gd__dalloc(MODULE_RANGES * sizeof(*modules.range));
	modules.n = 0;
	modules.own_tp = (uintptr_t)__builtin_thread_pointer();
	if (modules.range)
		dl_iterate_phdr(see_module, NULL);
	gd__roots_prepare_kernel();
}

void gd__roots_add(struct gd__roots_self *r, enum gd__root_kind kind, uint64_t lo, uint64_t hi,
		   bool foreign)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;
		struct gd__root *root = gd__arena_get(&r->arena, cap * sizeof(*root));

		if (!root) {
			r->no_memory = true;
			return;
		}
		if (r->n)
			gd__memcpy(root, r->root, r->n * sizeof(*root));
		r->root = root;
		r->cap = cap;
	}
	r->root[r->n++] = (struct gd__root){ kind, { lo, hi }, foreign };
}

/* Words that lie nowhere in memory: copied to where they can be looked at. */
void gd__roots_add_words(struct gd__roots_self *r, enum gd__root_kind kind, const uint64_t *words,
			 size_t n)
{
	uint64_t *copy = gd__arena_get(&r->arena, n * sizeof(*copy));

	if (!copy) {
		r->no_memory = true;
		return;
	}
	gd__memcpy(copy, words, n * sizeof(*copy));
	gd__roots_add(r, kind, (uintptr_t)copy, (uintptr_t)(copy + n), false);
}

/*
 * The thread pointer, found in the top of a thread's stack: the descriptor holds its own address
 * twice. Copied, because the thread may end meanwhile. 0 if it is not there.
 */
static uint64_t find_tp(struct gd__roots_self *r, uint64_t lo, uint64_t hi)
{
	uint64_t from = hi - lo > TOP_BYTES ? hi - TOP_BYTES : lo;
	uint64_t *top = r->top ? r->top : gd__arena_get(&r->arena, TOP_BYTES);

	r->top = top;
	if (!top || gd__copy_foreign(from, top, hi - from) < hi - from)
		return 0;
	for (uint64_t at = (hi - 192) & ~UINT64_C(63); at >= from; at -= 64) {
		const uint64_t *d = top + (at - from) / 8;

		if (d[0] == at && d[2] == at)
			return at;
		if (at < 64)
			break;
	}
	return 0;
}

static void add_tls(struct gd__roots_self *r, uint64_t tp)
{
	if (tp)
		gd__roots_add(r, GD__ROOT_THREAD, tp - modules.tls_size, tp + DESCRIPTOR, true);
}

/* Stack pointer of a thread that sleeps in the kernel; 0 if it runs or nobody may know. *call: the
 * system call it is in, -1 if none. */
static uint64_t sleeping_sp(int32_t tid, long *call)
{
	char name[48], text[256];
	uint64_t last[2] = { 0, 0 }, value = 0;
	bool digits = false;

	gd__fmt(name, sizeof(name), "task/%d/syscall", tid);
	int64_t n = gd__io_slurp(gd__os_pid(), name, text, sizeof(text) - 1);

	*call = -1;
	if (n <= 0 || text[0] == 'r')
		return 0;
	text[n] = '\0';
	if (text[0] != '-')
		*call = 0;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		*call = *call * 10 + (*p - '0');
	/* "nr arg... sp pc": the last but one number. */
	for (const char *p = text;; p++) {
		unsigned c = (unsigned char)*p | 0x20, d = c - '0' < 10 ? c - '0' : c - 'a' + 10;

		if (*p == 'x') {
			value = 0;
		} else if (*p != '\0' && d < 16) {
			value = value << 4 | d;
			digits = true;
		} else {
			if (digits) {
				last[0] = last[1];
				last[1] = value;
			}
			value = 0;
			digits = false;
			if (*p == '\0')
				break;
		}
	}
	return last[0];
}

/* The thread that has called main(): not made by pthread_create, so in no table. */
static struct gd__thread_info main_thread;
static uint64_t main_tp;

__attribute__((constructor)) static void note_main_thread(void)
{
	if (gd__os_tid() != gd__os_pid())
		return;
	main_thread.tid = gd__os_pid();
	main_tp = (uintptr_t)__builtin_thread_pointer();
	gd__stack_bounds(&main_thread.stack_lo, &main_thread.stack_hi);
}

/* Where the live part of a thread's stack begins; 0: nobody knows. */
static uint64_t noted_sp(int32_t tid)
{
	for (size_t i = 0; i < noted.n; i++)
		if (noted.thread[i].tid == tid)
			return noted.thread[i].sp;
	return 0;
}

/*
 * Of the thread in gd_run only what lies above is the program's. Below are the scheduler's frames,
 * or what is left of them, and words there that lead to goroutines say nothing.
 */
static void add_thread(struct gd__roots_self *r, const struct gd__runtime *rt,
		       const struct gd__thread_info *t)
{
	bool in_run = t->tid == rt->run_tid && r->in_run;
	uint64_t lo = t->stack_lo, sp = in_run ? rt->run_frame - RED_ZONE : noted_sp(t->tid);

	if (t->stack_lo >= t->stack_hi)
		return;
	if (sp > lo && sp < t->stack_hi)
		lo = sp;
	gd__roots_add(r, GD__ROOT_THREAD, lo, t->stack_hi, true);
	if (t->tid != main_thread.tid)
		add_tls(r, find_tp(r, t->stack_lo, t->stack_hi));
}

static void add_foreign_threads(struct gd__roots_self *r, const struct gd__runtime *rt)
{
	struct gd__thread_info t;

	add_thread(r, rt, &main_thread);
	add_tls(r, main_tp);
	for (size_t i = 0; gd__thread_walk(i, &t); i++)
		if (t.tid && t.tid != main_thread.tid)
			add_thread(r, rt, &t);
	for (size_t i = 0; i < noted.ntraced; i++)
		if (noted.traced[i].n > 0)
			gd__roots_add_words(r, GD__ROOT_THREAD, noted.traced[i].word,
					    noted.traced[i].n);
}

static bool note(int32_t tid, uint64_t sp)
{
	if (noted.n == noted.cap) {
		size_t cap = noted.cap ? 2 * noted.cap : 64;
		struct noted_thread *bigger = gd__dalloc(cap * sizeof(*bigger));

		if (!bigger)
			return false;
		if (noted.n)
			gd__memcpy(bigger, noted.thread, noted.n * sizeof(*bigger));
		gd__dfree(noted.thread, noted.cap * sizeof(*bigger));
		noted.thread = bigger;
		noted.cap = cap;
	}
	noted.thread[noted.n++] = (struct noted_thread){ tid, sp };
	return true;
}

/* Room for the registers of n threads. */
static bool reserve_traced(size_t n)
{
	noted.ntraced = 0;
	if (n <= noted.traced_cap)
		return true;
	gd__dfree(noted.traced, noted.traced_cap * sizeof(*noted.traced));
	noted.traced = gd__dalloc(2 * n * sizeof(*noted.traced));
	noted.traced_cap = noted.traced ? 2 * n : 0;
	return noted.traced != NULL;
}

/* A thread that is not stopped, other than this one. */
static bool note_other(int32_t tid)
{
	long call;
	uint64_t sp = sleeping_sp(tid, &call);

	if (gd__traceable_call(call) && noted.ntraced < noted.traced_cap)
		noted.traced[noted.ntraced++].tid = tid;
	return note(tid, sp - RED_ZONE);
}

bool gd__roots_self_note(uint64_t caller_sp)
{
	uint64_t own_sp = caller_sp ? caller_sp : (uintptr_t)__builtin_frame_address(0);
	struct gd__thread_info t;
	struct gd__runtime rt;
	int32_t self = gd__os_tid();
	bool whole = true;
	size_t n = 1;

	noted.n = 0;
	gd__roots_note_kernel();
	for (size_t i = 0; gd__thread_walk(i, &t); i++)
		n += t.tid != 0;
	whole = reserve_traced(n);
	for (size_t i = 0; whole && gd__thread_walk(i, &t); i++)
		if (t.tid && t.tid != main_thread.tid)
			whole = t.tid == self ? note(t.tid, own_sp) : note_other(t.tid);
	if (whole)
		whole = main_thread.tid == self ? note(self, own_sp) : note_other(main_thread.tid);
	/* What the runtime's own have in registers it has saved, or it is nothing to us. */
	if (gd__inspect_open(&rt, &gd__mem_self, 0) == GD__INSPECT_OK && noted.ntraced > 0 &&
	    noted.traced[noted.ntraced - 1].tid == rt.run_tid)
		noted.ntraced--;
	gd__threads_trace(noted.traced, noted.ntraced);
	return whole;
}

static const struct gd__ginfo *goroutine(const struct gd__image *im, uint64_t id)
{
	for (size_t i = 0; i < im->ng; i++)
		if (im->g[i].id == id)
			return &im->g[i];
	return NULL;
}

/* What a running goroutine has on its stack and in the registers t. */
static void add_running(struct gd__roots_self *r, const struct gd__image *im,
			const struct gd__ginfo *g, const struct gd__tinfo *t)
{
	uint64_t sp = t->sp - RED_ZONE;

	if (r->caller_sp && g->id == im->checker_id)
		sp = r->caller_sp;
	else
		gd__roots_add_words(r, GD__ROOT_G, t->regs, GD__DWARF_REGS);
	if (t->vec_lo)
		gd__roots_add(r, GD__ROOT_G, t->vec_lo, t->vec_hi, false);
	if (t->sp > g->stack_lo && t->sp < g->stack_hi)
		gd__roots_add(r, GD__ROOT_G, sp > g->stack_lo ? sp : g->stack_lo, g->stack_hi,
			      false);
}

/* Threads of the runtime. */
static void add_workers(struct gd__roots_self *r, const struct gd__image *im)
{
	struct gd__tinfo t;

	for (uint64_t i = 0; gd__inspect_thread(&im->rt, i, &t); i++) {
		const struct gd__ginfo *g = t.goid ? goroutine(im, t.goid) : NULL;

		if (t.stack_lo < t.stack_hi)
			add_tls(r, find_tp(r, t.stack_lo, t.stack_hi));
		if (g && t.goid != r->main_goid && t.pc != 0)
			add_running(r, im, g, &t);
	}
}

static void add_goroutines(struct gd__roots_self *r, const struct gd__image *im)
{
	for (size_t i = 0; i < im->ng; i++) {
		const struct gd__ginfo *g = &im->g[i];

		if (g->state == GD__GI_SYSCALL)
			gd__roots_add_words(r, GD__ROOT_G, g->call_regs, GD__CALL_REGS);
		if (g->id == r->main_goid) /* nothing of it is live */
			gd__roots_add(r, GD__ROOT_G, g->stack_hi, g->stack_hi, false);
	}
}

static void add_timers(struct gd__roots_self *r, const struct gd__image *im)
{
	uint64_t root[2];

	for (uint64_t i = 0; gd__inspect_timer(&im->rt, i, root); i++)
		gd__roots_add_words(r, GD__ROOT_TIMER, root, 2);
}

bool gd__roots_self_gather(struct gd__roots_self *r, const struct gd__image *im)
{
	if (!modules.range)
		return false;
	for (size_t i = 0; i < modules.n; i++)
		gd__roots_add(r, GD__ROOT_DATA, modules.range[i].lo, modules.range[i].hi, false);
	add_workers(r, im);
	add_goroutines(r, im);
	add_foreign_threads(r, &im->rt);
	add_timers(r, im);
	gd__roots_mapped(r);
	gd__roots_of_kernel(r);
	gd__roots_sort_foreign(r);
	return !r->no_memory;
}
