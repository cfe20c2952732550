/* stack.c - what of a stack is shown, and which stacks are the same. */
#include "tools/model/stack.h"

#include <string.h>

struct stack stack_shown(const struct stack *s)
{
	size_t skip = 0, n = s->n;

	while (skip < n && s->frame[skip].ours)
		skip++;
	if (skip == n)
		skip = 0;
	/* The runtime's outermost frame starts every goroutine and says nothing. */
	while (n > skip + 1 && s->frame[n - 1].ours)
		n--;
	return (struct stack){ s->frame + skip, n - skip, s->cut };
}

/* By place in the program, not by pc: the same call may be compiled twice. */
static bool frame_same(const struct frame *a, const struct frame *b)
{
	if (!a->function[0] || !b->function[0])
		return a->offset == b->offset && strcmp(a->module, b->module) == 0;
	return a->line == b->line && strcmp(a->function, b->function) == 0 &&
	       strcmp(a->file, b->file) == 0 && strcmp(a->module, b->module) == 0;
}

bool stack_same(const struct stack *a, const struct stack *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!frame_same(&a->frame[i], &b->frame[i]))
			return false;
	return true;
}
