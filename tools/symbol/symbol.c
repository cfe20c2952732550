/*
 * symbol.c - unwinds with libdwfl and keeps what each address is called.
 *
 * libdwfl knows threads, not goroutines: there is one made-up thread whose
 * registers are those of the context to unwind. A parked goroutine has saved
 * its registers on its stack, and the tables at the place where it resumes
 * say how to get them back.
 */
#include "tools/symbol/symbol.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/symbol/names.h"
#include "tools/symbol/vars.h"

/* The made-up process and thread. */
#define FAKE_PID 1
#define FAKE_TID 1

#define STACK_POINTER 7 /* DWARF's number */

#define CACHE_START 1024

struct cached {
	uint64_t pc; /* of the instruction; 0: empty */
	struct frame *frame;
	size_t n;
};

struct symbols {
	const struct gd__modules *modules;
	const struct gd__mem *mem;
	struct pool *pool;
	Dwfl *dwfl;
	struct context at;
	struct vars *vars;

	/* What is collected while frames are walked. */
	uint64_t pc[SYMBOL_FRAMES_MAX];
	bool exact[SYMBOL_FRAMES_MAX];
	uint64_t sp[SYMBOL_FRAMES_MAX]; /* 0: unknown */
	size_t n;

	struct cached *cache; /* open addressing; cap is a power of two */
	size_t cached, cap;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	bool first = *thread_arg == NULL;

	(void)dwfl;
	*thread_arg = arg;
	return first ? FAKE_TID : 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl;
	*thread_arg = arg;
	return tid == FAKE_TID;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *word, void *arg)
{
	const struct symbols *s = arg;

	(void)dwfl;
	return s->mem->read(s->mem, addr, word, sizeof(*word));
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	struct symbols *s = arg;

	if (!dwfl_thread_state_registers(thread, 0, 16, s->at.regs))
		return false;
	dwfl_thread_state_register_pc(thread, s->at.pc);
	return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

static char *debuginfo_path; /* NULL: the usual places */
static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

static void report_modules(struct symbols *s)
{
	dwfl_report_begin(s->dwfl);
	for (size_t i = 0; i < s->modules->n; i++) {
		const struct gd__module *m = &s->modules->module[i];

		if (m->elf && m->image)
			dwfl_report_elf(s->dwfl, m->path, m->disk, -1, m->base, true);
	}
	dwfl_report_end(s->dwfl, NULL, NULL);
}

struct symbols *symbols_open(const struct gd__modules *m, const struct gd__mem *mem,
			     struct pool *pool)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct symbols){ .modules = m, .mem = mem, .pool = pool, .cap = CACHE_START };
	s->vars = vars_make(pool);
	s->cache = calloc(s->cap, sizeof(*s->cache));
	s->dwfl = s->cache ? dwfl_begin(&callbacks) : NULL;
	if (!s->dwfl) {
		symbols_close(s);
		return NULL;
	}
	report_modules(s);
	/* Without any module there is nothing to unwind with; frames are bare addresses then. */
	dwfl_attach_state(s->dwfl, NULL, FAKE_PID, &thread_callbacks, s);
	return s;
}

void symbols_close(struct symbols *s)
{
	if (s->dwfl)
		dwfl_end(s->dwfl);
	free(s->cache);
	free(s);
}

static void grow_cache(struct symbols *s)
{
	struct cached *old = s->cache;
	size_t cap = s->cap * 2;
	struct cached *fresh = calloc(cap, sizeof(*fresh));

	if (!fresh)
		pool_exhausted();
	for (size_t i = 0; i < s->cap; i++) {
		size_t at = old[i].pc * 0x9e3779b97f4a7c15u >> 20;

		if (!old[i].pc)
			continue;
		while (fresh[at & (cap - 1)].pc)
			at++;
		fresh[at & (cap - 1)] = old[i];
	}
	free(old);
	s->cache = fresh;
	s->cap = cap;
}

/* The frames of one instruction, inlined functions first. */
static const struct cached *look_up(struct symbols *s, uint64_t pc)
{
	if (s->cached * 2 >= s->cap)
		grow_cache(s);

	size_t at = pc * 0x9e3779b97f4a7c15u >> 20;

	for (;; at++) {
		struct cached *c = &s->cache[at & (s->cap - 1)];

		if (c->pc == pc && c->n)
			return c;
		if (c->n)
			continue;
		c->pc = pc;
		c->n = names_of(s->dwfl, s->modules, pc, s->pool, &c->frame);
		s->cached++;
		return c;
	}
}

/* Frames of pcs; a return address is looked up one byte before, where the call is. */
static struct stack name_all(struct symbols *s, const uint64_t *pc, const bool *exact, size_t n)
{
	struct stack out = { 0 };
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += look_up(s, pc[i] - !exact[i])->n;
	out.frame = pool_array(s->pool, total, sizeof(*out.frame));
	for (size_t i = 0; i < n; i++) {
		const struct cached *c = look_up(s, pc[i] - !exact[i]);

		for (size_t k = 0; k < c->n && out.n < total; k++) {
			struct frame *f = &out.frame[out.n++];

			*f = c->frame[k];
			f->pc = pc[i];
			f->offset += !exact[i];
		}
	}
	return out;
}

static int collect(Dwfl_Frame *frame, void *arg)
{
	struct symbols *s = arg;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(frame, &pc, &exact) || pc == 0)
		return DWARF_CB_ABORT;
	if (dwfl_frame_reg(frame, STACK_POINTER, &s->sp[s->n]) != 0)
		s->sp[s->n] = 0;
	s->pc[s->n] = pc;
	s->exact[s->n++] = exact;
	return s->n < SYMBOL_FRAMES_MAX ? DWARF_CB_OK : DWARF_CB_ABORT;
}

struct stack symbols_unwind(struct symbols *s, const struct context *c)
{
	s->at = *c;
	s->n = 0;

	/* -1: an error, which is how it ends when memory or tables are missing. */
	int r = dwfl_getthread_frames(s->dwfl, FAKE_TID, collect, s);

	if (s->n == 0 && c->pc) {
		s->pc[0] = c->pc;
		s->exact[s->n++] = c->exact;
	}
	struct stack out = name_all(s, s->pc, s->exact, s->n);

	out.cut = r != 0;
	return out;
}

struct stack symbols_name(struct symbols *s, const uint64_t *pcs, size_t n)
{
	static const bool exact[SYMBOL_FRAMES_MAX];

	return name_all(s, pcs, exact, n < SYMBOL_FRAMES_MAX ? n : SYMBOL_FRAMES_MAX);
}

struct stack symbols_at(struct symbols *s, uint64_t pc, bool is_return)
{
	bool exact = !is_return;

	return name_all(s, &pc, &exact, pc ? 1 : 0);
}

bool symbols_frame(struct symbols *s, const struct context *c, uint64_t addr, struct stack *frame,
		   struct symbols_word *out)
{
	*out = (struct symbols_word){ 0 };
	symbols_unwind(s, c);
	for (size_t i = 0; i + 1 < s->n; i++) {
		uint64_t pc = s->pc[i] - !s->exact[i];
		Dwfl_Module *mod;

		if (!s->sp[i] || addr < s->sp[i] || addr >= s->sp[i + 1])
			continue;
		*frame = name_all(s, &s->pc[i], &s->exact[i], 1);
		mod = dwfl_addrmodule(s->dwfl, pc);
		/* On this machine the call frame address is the caller's stack pointer. */
		if (mod)
			vars_local(mod, pc, s->sp[i + 1], addr, out);
		return true;
	}
	return false;
}

static bool from_symbols(struct symbols *s, uint64_t addr, struct symbols_word *out)
{
	Dwfl_Module *mod = dwfl_addrmodule(s->dwfl, addr);
	GElf_Off off;
	GElf_Sym sym;
	const char *text =
		mod ? dwfl_module_addrinfo(mod, addr, &off, &sym, NULL, NULL, NULL) : NULL;

	if (!text || GELF_ST_TYPE(sym.st_info) != STT_OBJECT || off >= sym.st_size)
		return false;
	*out = (struct symbols_word){ 0 };
	snprintf(out->name, sizeof(out->name), off ? "%s+%lu" : "%s", text, (unsigned long)off);
	return true;
}

bool symbols_variable(struct symbols *s, uint64_t addr, struct symbols_word *out)
{
	Dwfl_Module *mod = dwfl_addrmodule(s->dwfl, addr);

	return mod && (vars_static(s->vars, mod, addr, out) || from_symbols(s, addr, out));
}

bool symbols_member(const struct symbols_type *type, uint64_t off, struct symbols_word *out)
{
	return vars_member(type, off, out);
}

void symbols_type_name(const struct symbols_type *type, char *text, size_t n)
{
	vars_type_name(type, text, n);
}
