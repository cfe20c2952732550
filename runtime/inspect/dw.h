/*
 * dw.h - symbols and lines from libdw, loaded when first needed.
 *
 * Not thread-safe and needs a big stack: symbolize.c sees to both.
 */
#ifndef GD_RUNTIME_INSPECT_DW_H
#define GD_RUNTIME_INSPECT_DW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/inspect/traceback.h"

/* A loaded binary or library. */
struct gd__module {
	char path[256];
	uintptr_t bias; /* what the loader added to the addresses in the file */
};

/* Loads libdw if that was not tried yet. */
bool gd__dw_load(void);

/* Makes m, which contains addr, known. Cheap if it is. */
void gd__dw_module(const struct gd__module *m, uintptr_t addr);

/* Fills in function, file and line of frame `depth` of the inlined functions at pc. */
bool gd__dw_code(uintptr_t pc, size_t depth, struct gd__symbol *s);
/* The symbol of a global variable that holds addr. */
bool gd__dw_data(uintptr_t addr, char *name, size_t n, uint64_t *base, uint64_t *size);

#endif
