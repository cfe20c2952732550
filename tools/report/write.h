/*
 * write.h - pieces that several text reports share.
 */
#ifndef GD_TOOLS_REPORT_WRITE_H
#define GD_TOOLS_REPORT_WRITE_H

#include <stdio.h>

#include "tools/model/dump.h"

/* Text out of a dump: control characters become '?'. */
void write_safe(FILE *f, const char *text);
/* Go's layout: "function(...)" newline, tab, position. */
void write_stack(FILE *f, const struct stack *s);
/* "file.c:14", "module+0x1f"; "an unknown place" for NULL. */
void write_position(FILE *f, const struct frame *frame);
/* "function at file.c:14" of the innermost frame of the user; "an unknown place". */
void write_place(FILE *f, const struct stack *s);
/* "3 minutes", "5 seconds"; nothing and false below a second. */
bool write_age(FILE *f, int64_t ns);
/* The ids of the first goroutines of a group. */
void write_ids(FILE *f, const struct group *group);
/* "created by f in goroutine 1", newline, tab, position; nothing for main. */
void write_creator(FILE *f, const struct goroutine *g);
/* The frame of the user that counts as the place of s; NULL if s is empty. */
const struct frame *place_of(const struct stack *s);
void write_notes(FILE *f, const struct dump *d);

#endif
