/*
 * analyze.h - from the path of a core to a dump that can be reported.
 */
#ifndef GD_TOOLS_GLEAK_ANALYZE_H
#define GD_TOOLS_GLEAK_ANALYZE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/input/input.h"
#include "tools/model/dump.h"
#include "tools/symbol/symbol.h"

struct analysis {
	struct input in;
	struct dump dump;
	struct symbols *symbols;
	struct gd__tongue tongue;
};

/*
 * check: run the leak check and name the stacks of the findings only; else
 * name the stacks of all goroutines. false: said why.
 */
bool analyze(struct analysis *a, const char *path, const char *const *exe, size_t nexe, bool check);
void analysis_release(struct analysis *a);

#endif
