/* layout.c - the tables of layout.inc and waitreason.inc, as a stranger gets them. */
#include "runtime/inspect/layout.h"

#include <stddef.h>

#include "runtime/base/compiler.h"
#include "runtime/base/waitreason.h"
#include "runtime/inspect/anchor.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/m.h"

enum {
#define FIELD(type, field)  +1
#define SIZE(type)          +1
#define NUMBER(name, value) +1
	ENTRIES =
#include "runtime/inspect/layout.inc"
#undef FIELD
#undef SIZE
#undef NUMBER
};

#define WHOLE(type) sizeof(struct gd__##type)

/* Not const: cores of the kernel leave out what is read-only in a file. */
static struct {
	struct gd__layout_head head;
	struct gd__layout_entry entry[ENTRIES];
	char state[GD__G_DEAD + 1][GD__LAYOUT_TEXT];
	char reason[GD__WAIT_COUNT][GD__LAYOUT_TEXT];
} layout = {
	.head = { .entries = ENTRIES,
		  .entry_size = sizeof(struct gd__layout_entry),
		  .states = GD__G_DEAD + 1,
		  .reasons = GD__WAIT_COUNT,
		  .text_size = GD__LAYOUT_TEXT },
#define FIELD(type, field)                                                                         \
	{ #type "." #field, offsetof(struct gd__##type, field),                                    \
	  sizeof(((struct gd__##type *)0)->field) },
#define SIZE(type)          { #type, 0, WHOLE(type) },
#define NUMBER(name, value) { #name, (value), 0 },
	.entry = {
#include "runtime/inspect/layout.inc"
	},
#define X(name, text, stuck) text,
	.reason = {
#include "runtime/base/waitreason.inc"
	},
#undef X
	.state = { [GD__G_FREE] = "free",
		   [GD__G_RUNNABLE] = "runnable",
		   [GD__G_RUNNING] = "running",
		   [GD__G_SYSCALL] = "syscall",
		   [GD__G_WAITING] = "waiting",
		   [GD__G_DEAD] = "dead" },
};

struct gd__layout_head *const gd__layout = &layout.head;
