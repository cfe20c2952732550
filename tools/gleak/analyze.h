/*
 * analyze.h - from the path of a core to a dump that can be reported.
 */
#ifndef GD_TOOLS_GLEAK_ANALYZE_H
#define GD_TOOLS_GLEAK_ANALYZE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/gleak/process.h"
#include "tools/input/input.h"
#include "tools/model/dump.h"
#include "tools/symbol/symbol.h"

struct analysis {
	struct input in;
	struct dump dump;
	struct symbols *symbols;
	struct gd__tongue tongue;
	char name[32]; /* of a process */
};

/*
 * check: run the leak check and name the stacks of the findings only; else
 * name the stacks of all goroutines. false: said why.
 */
bool analyze(struct analysis *a, const struct target *t, const char *const *exe, size_t nexe,
	     bool check);
void analysis_release(struct analysis *a);

#endif
