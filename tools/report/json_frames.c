/* json_frames.c - frames and stacks as JSON. Unknown is left out, never made up. */
#include "tools/report/json_frames.h"

void json_frame(struct json *j, const struct frame *f)
{
	if (f->function[0])
		json_text(j, "function", f->function);
	if (f->file[0])
		json_text(j, "file", f->file);
	if (f->line > 0)
		json_int(j, "line", f->line);
	if (f->module[0])
		json_text(j, "module", f->module);
	json_hex(j, "offset", f->offset);
}

void json_frames(struct json *j, const char *key, const struct stack *s)
{
	struct stack shown = stack_shown(s);

	json_array(j, key);
	for (size_t i = 0; i < shown.n; i++) {
		json_object(j, NULL);
		json_frame(j, &shown.frame[i]);
		json_end_object(j);
	}
	json_end_array(j);
}
