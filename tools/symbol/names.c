/*
 * names.c - function, file and line of an instruction out of DWARF.
 *
 * With inlining, one instruction stands for several frames: the innermost
 * gets the line of the instruction, each outer one the line of the call that
 * was inlined into it.
 */
#include "tools/symbol/names.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_MAX 32

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory of our sources as this file was compiled: what lies below is ours. */
static size_t source_root(void)
{
	static const char here[] = "tools/symbol/names.c";
	size_t n = strlen(__FILE__), tail = sizeof(here) - 1;

	return n < tail ? 0 : n - tail;
}

/* The same rule as in the process (runtime/inspect), so that fingerprints agree. */
static bool is_ours(const struct frame *f)
{
	size_t root = source_root();

	if (f->file[0])
		return strncmp(f->file, __FILE__, root) == 0 &&
		       (strncmp(f->file + root, "runtime/", 8) == 0 ||
			strncmp(f->file + root, "detector/", 9) == 0);
	return strncmp(f->module, "libgdetect", 10) == 0 || strncmp(f->function, "gd_", 3) == 0;
}

static const char *die_name(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name ? name : "";
}

/* The place of the call that inlined die: the line of the next outer frame. */
static void call_site(Dwarf_Die *die, struct frame *outer)
{
	Dwarf_Attribute a;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	Dwarf_Die unit;

	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &a), &line) == 0)
		outer->line = (int)line;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &a), &file) == 0 &&
	    dwarf_diecu(die, &unit, NULL, NULL) && dwarf_getsrcfiles(&unit, &files, NULL) == 0) {
		const char *name = dwarf_filesrc(files, file, NULL, NULL);

		if (name)
			outer->file = name;
	}
}

/* Fills in frames from the scopes at pc; returns how many functions there are, 0 if unknown. */
static size_t from_scopes(Dwfl_Module *mod, uint64_t pc, struct frame *f)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(mod, pc, &bias);
	Dwarf_Die *scopes = NULL;
	int n = unit ? dwarf_getscopes(unit, pc - bias, &scopes) : -1;
	size_t used = 0;

	for (int i = 0; i < n && used < INLINE_MAX; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
			f[used++].function = die_name(&scopes[i]);
		if (tag == DW_TAG_inlined_subroutine && used < INLINE_MAX)
			call_site(&scopes[i], &f[used]);
		if (tag == DW_TAG_subprogram)
			break;
	}
	free(scopes);
	return used;
}

static void source_line(Dwfl_Module *mod, uint64_t pc, struct frame *f)
{
	Dwfl_Line *line = dwfl_module_getsrc(mod, pc);
	const char *file = line ? dwfl_lineinfo(line, NULL, &f->line, NULL, NULL, NULL) : NULL;

	if (file)
		f->file = file;
}

/* The symbol table, for functions without DWARF. */
static const char *symbol_at(Dwfl_Module *mod, uint64_t pc)
{
	GElf_Off offset;
	GElf_Sym sym;
	const char *name = dwfl_module_addrinfo(mod, pc, &offset, &sym, NULL, NULL, NULL);

	return name ? name : "";
}

size_t names_of(Dwfl *dwfl, const struct gd__modules *m, uint64_t pc, struct pool *pool,
		struct frame **frames)
{
	struct frame f[INLINE_MAX + 1];
	const struct gd__module *module = gd__modules_find(m, pc);
	Dwfl_Module *mod = dwfl_addrmodule(dwfl, pc);
	size_t n = 0;

	for (size_t i = 0; i <= INLINE_MAX; i++)
		f[i] = (struct frame){ .function = "", .file = "", .module = "" };
	if (mod) {
		source_line(mod, pc, &f[0]);
		n = from_scopes(mod, pc, f);
		if (n == 0 || !f[n - 1].function[0])
			f[n ? n - 1 : 0].function = symbol_at(mod, pc);
	}
	n = n ? n : 1;
	*frames = pool_array(pool, n, sizeof(**frames));
	for (size_t i = 0; i < n; i++) {
		f[i].module = module ? base_name(module->path) : "";
		f[i].offset = module ? pc - module->base : pc;
		f[i].ours = is_ours(&f[i]);
		f[i].function = pool_text(pool, f[i].function);
		f[i].file = pool_text(pool, f[i].file);
		(*frames)[i] = f[i];
	}
	return n;
}
