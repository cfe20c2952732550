/*
 * dw.c - looking up code and data with libdw.
 *
 * Modules are reported one by one as addresses in them turn up: a program has
 * many libraries and a report names few. Compilation units are found through
 * .debug_aranges or, where the compiler writes none (clang), by asking each;
 * libdwfl takes an address between two units for the first one's, so its answer is checked.
 */
#include "runtime/inspect/dw.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fmt.h"
#include "runtime/base/options.h"

#define LIBRARY "libdw.so.1"

#define FUNCTIONS(X)                                                                               \
	X(dwarf_attr_integrate)                                                                    \
	X(dwarf_diecu)                                                                             \
	X(dwarf_diename)                                                                           \
	X(dwarf_dieoffset)                                                                         \
	X(dwarf_filesrc)                                                                           \
	X(dwarf_formudata)                                                                         \
	X(dwarf_getscopes)                                                                         \
	X(dwarf_getscopes_die)                                                                     \
	X(dwarf_getsrc_die)                                                                        \
	X(dwarf_getsrcfiles)                                                                       \
	X(dwarf_haspc)                                                                             \
	X(dwarf_lineno)                                                                            \
	X(dwarf_linesrc)                                                                           \
	X(dwarf_offdie)                                                                            \
	X(dwarf_tag)                                                                               \
	X(dwfl_addrmodule)                                                                         \
	X(dwfl_begin)                                                                              \
	X(dwfl_module_addrdie)                                                                     \
	X(dwfl_module_addrinfo)                                                                    \
	X(dwfl_module_getdwarf)                                                                    \
	X(dwfl_module_nextcu)                                                                      \
	X(dwfl_report_begin_add)                                                                   \
	X(dwfl_report_elf)                                                                         \
	X(dwfl_report_end)                                                                         \
	X(dwfl_standard_find_debuginfo)

static struct {
#define X(f) __typeof__(&(f)) f;
	FUNCTIONS(X)
#undef X
} dw;

static Dwfl *session;

/* Separate debug files are looked for on this machine; a report must not wait for the network. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are libdwfl's. */
/* NOLINTNEXTLINE(readability-function-size): the signature is libdwfl's */
static int find_debuginfo(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **out)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls != NULL && *urls != '\0')
		return -1;
	return dw.dwfl_standard_find_debuginfo(mod, data, name, base, file, link, crc, out);
}

/* Never called: modules are reported with their files. */
static int find_elf(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, char **file,
		    Elf **elf)
{
	return -1;
}

static bool load(void)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = find_elf,
						  .find_debuginfo = find_debuginfo };
	void *lib = gd__options.symbolize ? dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL) : NULL;

	if (lib == NULL)
		return false;
#define X(f)                                                                                       \
	dw.f = (__typeof__(dw.f))dlsym(lib, #f);                                                   \
	if (dw.f == NULL)                                                                          \
		return false;
	FUNCTIONS(X)
#undef X
	session = dw.dwfl_begin(&callbacks);
	return session != NULL;
}

bool gd__dw_load(void)
{
	static bool tried;

	if (!tried) {
		tried = true;
		load();
	}
	return session != NULL;
}

void gd__dw_module(const struct gd__module *m, uintptr_t addr)
{
	if (dw.dwfl_addrmodule(session, addr) != NULL)
		return;
	dw.dwfl_report_begin_add(session);
	dw.dwfl_report_elf(session, m->path, m->path, -1, m->bias, false);
	dw.dwfl_report_end(session, NULL, NULL);
}

/* The unit of pc, and what to subtract from pc for its addresses. */
static Dwarf_Die *find_unit(Dwfl_Module *mod, uintptr_t pc, Dwarf_Addr *bias)
{
	Dwarf_Die *cu = dw.dwfl_module_addrdie(mod, pc, bias);

	if (cu != NULL && dw.dwarf_haspc(cu, pc - *bias) == 1)
		return cu;
	cu = NULL;
	do
		cu = dw.dwfl_module_nextcu(mod, cu, bias);
	while (cu != NULL && dw.dwarf_haspc(cu, pc - *bias) != 1);
	return cu;
}

static void copy(char *out, size_t n, const char *text)
{
	gd__fmt(out, n, "%s", text ? text : "");
}

static bool is_function(Dwarf_Die *die)
{
	int tag = dw.dwarf_tag(die);

	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram;
}

/* The scopes around pc as the code is nested (not as the source is), innermost first. */
static int physical_scopes(Dwfl_Module *mod, Dwarf_Die *cu, Dwarf_Addr pc, Dwarf_Die **scopes)
{
	Dwarf_Die *lexical = NULL, innermost;
	Dwarf_Addr bias;
	int n = dw.dwarf_getscopes(cu, pc, &lexical);

	if (n <= 0)
		return 0;
	const Dwarf_Die *found = dw.dwarf_offdie(dw.dwfl_module_getdwarf(mod, &bias),
						 dw.dwarf_dieoffset(&lexical[0]), &innermost);

	free(lexical);
	n = found ? dw.dwarf_getscopes_die(&innermost, scopes) : 0;
	return n < 0 ? 0 : n;
}

/* Where the inlined function `callee` was called. */
static void call_site(Dwarf_Die *cu, Dwarf_Die *callee, struct gd__symbol *s)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;
	Dwarf_Files *files;
	size_t nfiles;

	if (dw.dwarf_formudata(dw.dwarf_attr_integrate(callee, DW_AT_call_line, &attr), &v) == 0)
		s->line = (int)v;
	if (dw.dwarf_getsrcfiles(cu, &files, &nfiles) == 0 &&
	    dw.dwarf_formudata(dw.dwarf_attr_integrate(callee, DW_AT_call_file, &attr), &v) == 0)
		copy(s->file, sizeof(s->file), dw.dwarf_filesrc(files, v, NULL, NULL));
}

static void line_of(Dwarf_Die *cu, Dwarf_Addr pc, struct gd__symbol *s)
{
	Dwarf_Line *line = dw.dwarf_getsrc_die(cu, pc);

	if (line == NULL)
		return;
	dw.dwarf_lineno(line, &s->line);
	copy(s->file, sizeof(s->file), dw.dwarf_linesrc(line, NULL, NULL));
}

/* From debug information. False if there is no function at that depth. */
static bool from_dwarf(Dwfl_Module *mod, uintptr_t pc, size_t depth, struct gd__symbol *s)
{
	Dwarf_Addr bias;
	Dwarf_Die *cu = find_unit(mod, pc, &bias), *scopes = NULL, *callee = NULL;

	if (cu == NULL)
		return false;
	int n = physical_scopes(mod, cu, pc - bias, &scopes);
	bool found = false;

	for (int i = 0; i < n && !found; i++) {
		if (!is_function(&scopes[i]))
			continue;
		found = depth-- == 0;
		if (!found)
			callee = &scopes[i];
		else
			copy(s->function, sizeof(s->function), dw.dwarf_diename(&scopes[i]));
	}
	if (found && callee != NULL)
		call_site(cu, callee, s);
	else if (found || depth == 0)
		line_of(cu, pc - bias, s);
	free(scopes);
	return found;
}

bool gd__dw_code(uintptr_t pc, size_t depth, struct gd__symbol *s)
{
	Dwfl_Module *mod = dw.dwfl_addrmodule(session, pc);
	GElf_Off off;
	GElf_Sym sym;

	if (mod == NULL)
		return false;
	if (from_dwarf(mod, pc, depth, s) && s->function[0] != '\0')
		return true;
	if (depth > 0)
		return false;
	copy(s->function, sizeof(s->function),
	     dw.dwfl_module_addrinfo(mod, pc, &off, &sym, NULL, NULL, NULL));
	return s->function[0] != '\0' || s->file[0] != '\0';
}

bool gd__dw_data(uintptr_t addr, char *name, size_t n, uint64_t *base, uint64_t *size)
{
	Dwfl_Module *mod = dw.dwfl_addrmodule(session, addr);
	GElf_Off off;
	GElf_Sym sym;
	const char *text =
		mod ? dw.dwfl_module_addrinfo(mod, addr, &off, &sym, NULL, NULL, NULL) : NULL;

	if (text == NULL || GELF_ST_TYPE(sym.st_info) != STT_OBJECT || off >= sym.st_size)
		return false;
	copy(name, n, text);
	*base = addr - off;
	*size = sym.st_size;
	return true;
}
