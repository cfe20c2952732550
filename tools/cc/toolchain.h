/*
 * toolchain.h - the real compiler behind the wrapper, and where our own files are.
 */
#ifndef GD_TOOLS_CC_TOOLCHAIN_H
#define GD_TOOLS_CC_TOOLCHAIN_H

#include <stdbool.h>

#include "tools/cc/args.h"

struct toolchain {
	struct args compiler; /* one word or more: "ccache gcc" */
	bool clang;           /* takes clang's flags; else gcc's */
	const char *include;  /* directory of gdetect/gdetect.h */
	const char *lib;      /* directory of libgdetect.a and of gdetect/gcc.specs */
};

/*
 * The compiler is GDETECT_CC if set, else what follows "gdetect-" in the name
 * the wrapper was called by. Our files are found beside the wrapper's own, in
 * ../include and ../lib. Does not return if something is missing.
 */
void toolchain_find(struct toolchain *t, const char *argv0);

#endif
