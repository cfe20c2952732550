/* input.c - a core, opened and checked for leaks. */
#include "tools/input/input.h"

bool input_open(struct input *in, const char *path, const char *const *exe, size_t nexe,
		char error[GD__CORE_TEXT])
{
	*in = (struct input){ 0 };
	in->core = gd__core_open(path, exe, nexe, error);
	return in->core != NULL;
}

bool input_check(struct input *in)
{
	struct gd__leak_options opt = { .at_end = in->core->im.rt.ended };

	return gd__leak_check_image(&in->core->im, &opt, &in->arena, &in->result) == 0;
}

void input_close(struct input *in)
{
	gd__arena_release(&in->arena);
	gd__core_close(in->core);
	*in = (struct input){ 0 };
}
