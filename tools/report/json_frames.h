/*
 * json_frames.h - frames and stacks as JSON.
 */
#ifndef GD_TOOLS_REPORT_JSON_FRAMES_H
#define GD_TOOLS_REPORT_JSON_FRAMES_H

#include "tools/model/stack.h"
#include "tools/util/json.h"

/* The members of a frame, into the object that is open. */
void json_frame(struct json *j, const struct frame *f);
/* The frames of s that are shown, as an array. */
void json_frames(struct json *j, const char *key, const struct stack *s);

#endif
