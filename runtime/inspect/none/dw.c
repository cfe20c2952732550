/*
 * dw.c - symbols in a build without the headers of libdw: those of the dynamic symbol tables
 * alone (symbolize.c).
 */
#include "runtime/inspect/dw.h"

bool gd__dw_load(void)
{
	return false;
}

void gd__dw_module(const struct gd__module *m, uintptr_t addr)
{
}

bool gd__dw_code(uintptr_t pc, size_t depth, struct gd__symbol *s)
{
	return false;
}

bool gd__dw_data(uintptr_t addr, char *name, size_t n, uint64_t *base, uint64_t *size)
{
	return false;
}
