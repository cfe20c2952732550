/*
 * input.h - a core, opened and checked for leaks.
 */
#ifndef GD_TOOLS_INPUT_INPUT_H
#define GD_TOOLS_INPUT_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "detector/image/image_core.h"
#include "detector/leak/check.h"

struct input {
	struct gd__core *core;
	struct gd__arena arena;
	struct gd__leak_result result;
};

/* false: error is one line that goes on after the path. */
bool input_open(struct input *in, const char *path, const char *const *exe, size_t nexe,
		char error[GD__CORE_TEXT]);
/* Runs the leak check; the result is in in->result. false: no memory. */
bool input_check(struct input *in);
void input_close(struct input *in);

#endif
