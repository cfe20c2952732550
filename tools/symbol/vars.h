/*
 * vars.h - variables and types out of DWARF: what a word in memory is called.
 *
 * Debug information comes with the dump's files and may be broken: all walks
 * are bounded, and what makes no sense has no name.
 */
#ifndef GD_TOOLS_SYMBOL_VARS_H
#define GD_TOOLS_SYMBOL_VARS_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/symbol/symbol.h"
#include "tools/util/pool.h"

struct vars;

/* An empty index: modules are read when a variable of theirs is asked for. In pool. */
struct vars *vars_make(struct pool *pool);

/* The variable with static storage that contains addr, as "registry.lock". */
bool vars_static(struct vars *v, Dwfl_Module *mod, uint64_t addr, struct symbols_word *out);
/*
 * The variable of the function at pc that contains addr. cfa: of the frame; call frame addresses
 * are the only base that is understood, so variables in registers and most of optimised code have
 * no name.
 */
bool vars_local(Dwfl_Module *mod, uint64_t pc, uint64_t cfa, uint64_t addr,
		struct symbols_word *out);
/* The member of type at byte off, as "lock"; "[3].lock" beyond the first of an array. */
bool vars_member(const struct symbols_type *type, uint64_t off, struct symbols_word *out);
/* "struct server"; "" if it has no name. */
void vars_type_name(const struct symbols_type *type, char *text, size_t n);

#endif
