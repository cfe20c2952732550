/*
 * symbolize.c - addresses as text.
 *
 * libdw does the work, one thread at a time, on the thread's big stack; what
 * it said is kept. Without it: the dynamic symbol table, module and offset.
 *
 * libdw allocates, so our malloc may find a bug in here and want a stack
 * printed: the thread that holds the lock goes without libdw then. A thread
 * that was stopped while it held the lock never lets it go: others wait for a
 * while and then go without it too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fmt.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/dw.h"
#include "runtime/inspect/symbolize.h"
#include "runtime/inspect/traceback.h"
#include "runtime/sched/sched.h"

#define PATIENCE_NS INT64_C(3000000000)
#define CACHE       2048u
#define WAYS        4u /* entries that an answer may be in: addresses that meet do not oust each other */

static _Atomic int owner; /* tid of the thread that uses libdw and the cache; 0: nobody */

struct cached {
	uintptr_t pc; /* after the step back from a return address; 0: empty */
	uint32_t depth;
	bool found;
	struct gd__symbol symbol;
};
static struct cached *cache; /* guarded by owner; NULL: not made yet */

static bool enter(void)
{
	int me = gd__os_tid();

	for (int64_t waited = 0; waited < PATIENCE_NS; waited += 1000000) {
		int nobody = 0;

		if (gd__cas_acquire(&owner, &nobody, me)) /* pairs with leave */
			return true;
		if (nobody == me)
			return false;
		gd__os_nanosleep(1000000);
	}
	return false;
}

static void leave(void)
{
	gd__store_release(&owner, 0); /* pairs with enter */
}

struct search {
	uintptr_t addr;
	struct gd__module *m;
	bool found;
};

static int visit_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || s->addr < info->dlpi_addr + p->p_vaddr ||
		    s->addr >= info->dlpi_addr + p->p_vaddr + p->p_memsz)
			continue;
		s->found = true;
		s->m->bias = info->dlpi_addr;
		gd__fmt(s->m->path, sizeof(s->m->path), "%s", info->dlpi_name);
		return 1;
	}
	return 0;
}

/* The binary or library that contains addr. */
static bool find_module(uintptr_t addr, struct gd__module *m)
{
	struct search s = { addr, m, false };

	dl_iterate_phdr(visit_module, &s);
	if (s.found && m->path[0] == '\0') {
		ssize_t n = readlink("/proc/self/exe", m->path, sizeof(m->path) - 1);

		m->path[n > 0 ? n : 0] = '\0';
	}
	return s.found;
}

/* Directory of our sources as this file was compiled: what lies below is ours. */
static size_t source_root(void)
{
	static const char here[] = "runtime/inspect/symbolize.c";
	size_t n = strlen(__FILE__), tail = sizeof(here) - 1;

	return n < tail ? 0 : n - tail;
}

static bool is_ours(const struct gd__symbol *s)
{
	size_t root = source_root();

	if (s->file[0] != '\0')
		return strncmp(s->file, __FILE__, root) == 0 &&
		       (strncmp(s->file + root, "runtime/", 8) == 0 ||
			strncmp(s->file + root, "detector/", 9) == 0);
	return strncmp(s->module, "libgdetect", 10) == 0 || strncmp(s->function, "gd_", 3) == 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Without libdw: what the dynamic symbol table says. */
static void from_dynamic_symbols(uintptr_t pc, struct gd__symbol *s)
{
	Dl_info info;

	if (gd__options.symbolize && dladdr((void *)pc, &info) != 0 && info.dli_sname != NULL)
		gd__fmt(s->function, sizeof(s->function), "%s", info.dli_sname);
}

/* As the user wants to see it. */
static void strip_prefix(char *file)
{
	size_t n = strlen(gd__options.strip_path_prefix);

	if (n > 0 && strncmp(file, gd__options.strip_path_prefix, n) == 0)
		memmove(file, file + n, strlen(file + n) + 1);
}

/* pc of an instruction, not a return address. */
static bool look_up(uintptr_t pc, size_t depth, struct gd__symbol *s, bool with_libdw)
{
	struct gd__module m = { 0 };

	memset(s, 0, sizeof(*s));
	if (!find_module(pc, &m))
		return depth == 0;
	gd__fmt(s->module, sizeof(s->module), "%s", base_name(m.path));
	s->offset = pc - m.bias;
	if (with_libdw && gd__dw_load()) {
		gd__dw_module(&m, pc);
		if (!gd__dw_code(pc, depth, s) && depth > 0)
			return false;
	} else if (depth > 0) {
		return false;
	}
	if (s->function[0] == '\0')
		from_dynamic_symbols(pc, s);
	s->ours = is_ours(s);
	strip_prefix(s->file);
	return true;
}

/* The entry of this answer, or the one that it is to replace; NULL: no memory. */
static struct cached *slot_of(uintptr_t pc, size_t depth)
{
	static uint32_t turn; /* guarded by owner */
	uint64_t h = (pc * 0x9e3779b97f4a7c15u >> 40) + depth * 7;

	if (cache == NULL)
		cache = gd__os_map(CACHE * sizeof(*cache));
	for (uint32_t way = 0; cache != NULL && way < WAYS; way++) {
		struct cached *c = &cache[(h + way) % CACHE];

		if (c->pc == pc && c->depth == depth)
			return c;
	}
	return cache ? &cache[(h + turn++ % WAYS) % CACHE] : NULL;
}

static bool look_up_cached(uintptr_t pc, size_t depth, struct gd__symbol *s)
{
	struct cached *c = slot_of(pc, depth);

	if (c == NULL)
		return look_up(pc, depth, s, true);
	if (c->pc != pc || c->depth != depth) {
		c->found = look_up(pc, depth, &c->symbol, true);
		c->pc = pc;
		c->depth = (uint32_t)depth;
	}
	*s = c->symbol;
	return c->found;
}

struct request {
	uintptr_t addr;
	size_t depth;
	struct gd__symbol *s;
	/* of data */
	char *name;
	size_t n;
	uint64_t *base, *size;
	bool found;
};

static void serve_code(void *arg)
{
	struct request *r = arg;
	int saved = errno;

	if (enter()) {
		r->found = look_up_cached(r->addr, r->depth, r->s);
		leave();
	} else {
		r->found = look_up(r->addr, r->depth, r->s, false);
	}
	errno = saved;
}

bool gd__symbolize(uintptr_t pc, bool is_return, size_t inline_depth, struct gd__symbol *s)
{
	struct request r = { .addr = is_return ? pc - 1 : pc, .depth = inline_depth, .s = s };

	gd__on_system_stack(serve_code, &r);
	if (r.found && is_return && s->module[0] != '\0')
		s->offset++;
	return r.found;
}

static void serve_data(void *arg)
{
	struct request *r = arg;
	struct gd__module m = { 0 };
	int saved = errno;

	if (enter()) {
		if (gd__dw_load() && find_module(r->addr, &m)) {
			gd__dw_module(&m, r->addr);
			r->found = gd__dw_data(r->addr, r->name, r->n, r->base, r->size);
		}
		leave();
	}
	errno = saved;
}

bool gd__symbolize_data(uintptr_t addr, char *name, size_t n, uint64_t *base, uint64_t *size)
{
	struct request r = { .addr = addr, .name = name, .n = n, .base = base, .size = size };

	gd__on_system_stack(serve_data, &r);
	return r.found;
}

static void prepare(void *ready)
{
	int saved = errno;

	if (enter()) {
		*(bool *)ready = gd__dw_load();
		leave();
	}
	errno = saved;
}

const char *gd__symbolize_prepare(void)
{
	bool ready = false;

	gd__on_system_stack(prepare, &ready);
	return ready ? NULL : "libdw.so.1";
}
