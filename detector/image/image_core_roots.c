/*
 * image_core_roots.c - where live pointers may be in a core.
 *
 * Data segments of modules; of each thread its registers, its thread-local
 * storage and, if it is not one of the runtime's, its stack; pending timers.
 * The system stacks of the runtime's threads hold frames of the runtime only
 * and would keep everything alive that they ever touched; but of the main
 * thread, the frames above gd_run() are the user's.
 */
#include <stdlib.h>
#include <string.h>

#include "detector/image/image_core.h"
#include "runtime/inspect/anchor.h"

/* Words are given addresses in the kernel's half, where no process has memory. */
#define WORDS_BASE 0xffffd00000000000ull

/* glibc: the thread's descriptor begins with its own address, repeated at 16, and holds its id. */
#define TCB_SELF 16
#define TCB_TID  0x2d0
#define TCB_SIZE 4096 /* more than struct pthread has; clipped to the mapping */
#define TLS_MAX  ((uint64_t)64 << 20)
#define PAGE     4096
/* Below the stack pointer a leaf function may keep data. */
#define RED_ZONE 128

#define CALL_REGS (sizeof(((struct gd__ginfo *)0)->call_regs) / sizeof(uint64_t))

/* Address space in root ranges; unmapped pages in it cost a look-up each. */
#define ADDRESSES_MAX  ((uint64_t)256 << 30)
#define REGISTERED_MAX 65536
#define TIMERS_MAX     ((uint64_t)1 << 22)

static bool add_word(struct gd__core_words *w, uint64_t value)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		void *grown = realloc(w->word, cap * sizeof(*w->word));

		if (!grown)
			return false;
		w->word = grown;
		w->cap = cap;
	}
	w->word[w->n++] = value;
	return true;
}

static bool is_tcb(const struct gd__core *c, const struct gd__segment *s, uint64_t at, int32_t *tid)
{
	const unsigned char *p = c->file.data + s->offset + at;
	uint64_t self[3];

	if (s->bytes - at < TCB_TID + sizeof(*tid))
		return false;
	memcpy(self, p, sizeof(self));
	if (self[0] != s->lo + at || self[TCB_SELF / 8] != s->lo + at)
		return false;
	memcpy(tid, p + TCB_TID, sizeof(*tid));
	return true;
}

/* A dump made in process does not know the fs register of other threads: looks for descriptors. */
static void search_descriptors(struct gd__core *c)
{
	for (size_t i = 0; i < c->file.nsegments; i++) {
		const struct gd__segment *s = &c->file.segments[i];

		for (uint64_t at = 0; s->writable && at + 64 <= s->bytes; at += 64) {
			int32_t tid;

			if (!is_tcb(c, s, at, &tid))
				continue;
			for (size_t t = 0; t < c->file.nthreads; t++)
				if (c->file.threads[t].tid == tid && !c->fs_base[t])
					c->fs_base[t] = s->lo + at;
		}
	}
}

static bool find_descriptors(struct gd__core *c)
{
	bool missing = false;

	c->fs_base = calloc(c->file.nthreads + 1, sizeof(*c->fs_base));
	if (!c->fs_base)
		return false;
	for (size_t i = 0; i < c->file.nthreads; i++) {
		c->fs_base[i] = c->file.threads[i].regs[GD__REG_FS_BASE];
		missing |= c->fs_base[i] == 0;
	}
	if (missing)
		search_descriptors(c);
	return true;
}

bool gd__core_roots_prepare(struct gd__core *c)
{
	uint64_t root[2];

	for (size_t i = 0; i < c->file.nthreads; i++)
		for (size_t k = 0; k < GD__CORE_REGS; k++)
			if (!add_word(&c->words, c->file.threads[i].regs[k]))
				return false;
	/* What a goroutine had in registers when it called the kernel or the scheduler. */
	for (size_t i = 0; i < c->im.ng; i++)
		for (size_t k = 0; k < CALL_REGS && c->im.g[i].state == GD__GI_SYSCALL; k++)
			if (!add_word(&c->words, c->im.g[i].call_regs[k]))
				return false;
	c->timers_at = c->words.n;
	for (uint64_t i = 0; i < TIMERS_MAX && gd__inspect_timer(&c->im.rt, i, root); i++)
		if (!add_word(&c->words, root[0]) || !add_word(&c->words, root[1]))
			return false;
	return find_descriptors(c);
}

const void *gd__core_words_view(const struct gd__core *c, uint64_t addr, size_t n, size_t *got)
{
	size_t size = c->words.n * sizeof(uint64_t);

	if (addr < WORDS_BASE || addr - WORDS_BASE >= size)
		return NULL;

	size_t at = addr - WORDS_BASE, left = size - at;

	*got = n < left ? n : left;
	return (const char *)c->words.word + at;
}

struct walk {
	struct gd__core *c;
	void (*visit)(void *arg, enum gd__root_kind kind, struct gd__range r);
	void *arg;
	uint64_t left; /* bytes of address space that may still be given */
};

/* Sizes come from the core: a broken one is not to make the engine walk through 2^63 bytes. */
static void give(struct walk *w, enum gd__root_kind kind, uint64_t lo, uint64_t hi)
{
	if (lo >= hi)
		return;
	if (hi - lo > w->left) {
		w->c->im.truncated = true;
		return;
	}
	w->left -= hi - lo;
	w->visit(w->arg, kind, (struct gd__range){ lo, hi });
}

static void give_words(struct walk *w, enum gd__root_kind kind, size_t first, size_t n)
{
	give(w, kind, WORDS_BASE + first * 8, WORDS_BASE + (first + n) * 8);
}

static void give_data(struct walk *w)
{
	for (size_t i = 0; i < w->c->modules.n; i++) {
		const struct gd__module *m = &w->c->modules.module[i];

		/* The allocator's own data points at blocks whether they are in use or not. */
		if (strstr(m->path, "/libjemalloc.so"))
			continue;
		for (size_t k = 0; k < m->ndata; k++)
			give(w, GD__ROOT_DATA, m->data[k].lo, m->data[k].hi);
	}
}

/*
 * Of an ELF file that is mapped privately (libelf's, which names our stacks) and was never written
 * to, the kernel dumps the first page: the rest holds no addresses of this process. Of files
 * that are shared, and may hold some, it dumps nothing: that is missed when it is looked at.
 */
static void give_mapped(struct walk *w, uint64_t lo, uint64_t hi)
{
	while (lo < hi) {
		const struct gd__segment *s = gd__corefile_segment(&w->c->file, lo);
		uint64_t end = s && s->hi < hi ? s->hi : hi, there = end;

		if (s && s->bytes == PAGE && gd__corefile_filemap(&w->c->file, lo))
			there = s->lo + PAGE < end ? s->lo + PAGE : end;
		give(w, GD__ROOT_DATA, lo, there);
		lo = end;
	}
}

/* What the program has registered with gd_leak_add_root, or mapped by itself. */
static void give_registered(struct walk *w)
{
	const struct gd__mem *mem = &w->c->mem;
	struct gd__anchor a;
	struct gd__range r;

	if (!mem->read(mem, w->c->im.rt.anchor, &a, sizeof(a)) || !a.user_roots)
		return;
	for (uint64_t i = 0; i < a.user_roots_n && i < REGISTERED_MAX; i++)
		if (mem->read(mem, a.user_roots + i * sizeof(r), &r, sizeof(r)) && r.lo)
			give_mapped(w, r.lo, r.hi);
}

/*
 * The blocks of all modules lie below the descriptor, and below them the thread's stack begins:
 * not a word too much, or dead frames count as live.
 */
static void give_tls(struct walk *w, uint64_t fs_base)
{
	const struct gd__segment *s = gd__corefile_segment(&w->c->file, fs_base);
	uint64_t size = 0;

	if (!fs_base || !s)
		return;
	for (size_t i = 0; i < w->c->modules.n && size < TLS_MAX; i++) {
		const struct gd__module *m = &w->c->modules.module[i];

		if (m->tls_size < TLS_MAX && m->tls_align < TLS_MAX)
			size += m->tls_size + m->tls_align;
	}
	uint64_t lo = fs_base - s->lo > size ? fs_base - size : s->lo;
	uint64_t hi = s->hi - fs_base > TCB_SIZE ? fs_base + TCB_SIZE : s->hi;

	give(w, GD__ROOT_THREAD, lo & ~7ull, hi);
}

/* The stack of a thread that is not the runtime's, from sp to its descriptor or the mapping's end;
 * with an unknown sp, all of it. */
static void give_stack(struct walk *w, uint64_t sp, uint64_t fs_base)
{
	const struct gd__segment *s = gd__corefile_segment(&w->c->file, sp ? sp : fs_base);

	if (!s || !s->writable)
		return;
	uint64_t hi = fs_base > sp && fs_base >= s->lo && fs_base < s->hi ? fs_base : s->hi;
	uint64_t lo = sp - s->lo > RED_ZONE ? sp - RED_ZONE : s->lo;

	give(w, GD__ROOT_THREAD, sp ? lo & ~7ull : s->lo, hi);
}

static bool runtime_thread(const struct gd__core *c, int32_t tid, struct gd__tinfo *found)
{
	for (uint64_t i = 0; i < TIMERS_MAX && gd__inspect_thread(&c->im.rt, i, found); i++)
		if (found->tid == tid)
			return true;
	return false;
}

/* Main whose function has returned: nothing on its stack is live. */
static bool finished(const struct gd__core *c, const struct gd__ginfo *g)
{
	return g->id == 1 && c->im.rt.ended;
}

/* The goroutine whose stack holds sp, if it runs. */
static const struct gd__ginfo *running_at(const struct gd__core *c, uint64_t sp)
{
	for (size_t i = 0; i < c->im.ng; i++) {
		const struct gd__ginfo *g = &c->im.g[i];

		if (gd__core_on_thread(g) && !finished(c, g) && sp >= g->stack_lo &&
		    sp < g->stack_hi)
			return g;
	}
	return NULL;
}

/*
 * A dump made in process has no registers of a thread that was computing. The one that waits in
 * gd_run is known all the same: what is live of the program lies above gd_run's frame.
 */
static uint64_t thread_sp(struct gd__core *c, const struct gd__core_thread *t)
{
	const struct gd__runtime *rt = &c->im.rt;

	if (t->regs[GD__REG_RSP])
		return t->regs[GD__REG_RSP];
	if (t->tid == rt->run_tid && rt->run_frame && !rt->ended)
		return rt->run_frame;
	if (t->tid == c->file.pid) /* its stack cannot be found by its descriptor, as others' can */
		c->im.truncated = true;
	return 0;
}

static void give_thread(struct walk *w, size_t i)
{
	const struct gd__core_thread *t = &w->c->file.threads[i];
	uint64_t sp = thread_sp(w->c, t);
	const struct gd__ginfo *g = running_at(w->c, sp);
	struct gd__tinfo info;

	give_tls(w, w->c->fs_base[i]);
	if (g) {
		uint64_t lo = sp - g->stack_lo > RED_ZONE ? sp - RED_ZONE : g->stack_lo;

		give_words(w, GD__ROOT_G, i * GD__CORE_REGS, GD__CORE_REGS);
		give(w, GD__ROOT_G, lo & ~7ull, g->stack_hi);
	}
	if (!runtime_thread(w->c, t->tid, &info)) {
		if (!g && (sp || t->tid != w->c->file.pid))
			give_stack(w, sp, w->c->fs_base[i]);
		give_words(w, GD__ROOT_THREAD, i * GD__CORE_REGS, GD__CORE_REGS);
	}
}

void gd__core_roots(struct gd__image *im,
		    void (*visit)(void *arg, enum gd__root_kind kind, struct gd__range r),
		    void *arg)
{
	struct walk w = { im->priv, visit, arg, ADDRESSES_MAX };
	size_t registers = w.c->file.nthreads * GD__CORE_REGS;

	give_data(&w);
	give_registered(&w);
	for (size_t i = 0; i < w.c->file.nthreads; i++)
		give_thread(&w, i);
	for (size_t i = 0; i < w.c->im.ng; i++)
		if (finished(w.c, &im->g[i]))
			visit(arg, GD__ROOT_G,
			      (struct gd__range){ im->g[i].stack_hi, im->g[i].stack_hi });
	give_words(&w, GD__ROOT_G, registers, w.c->timers_at - registers);
	give_words(&w, GD__ROOT_TIMER, w.c->timers_at, w.c->words.n - w.c->timers_at);
}
