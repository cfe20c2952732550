/*
 * atfork.c - the list behind atfork.h, and the one pthread_atfork of ours.
 *
 * It is registered by a constructor of low number, so that of all prepare handlers ours comes
 * late: those of the program may wait for a mutex whose holder has to run to give it back, and
 * ours stop the world. libc's own locks (malloc, stdio) are taken after all handlers: no
 * thread that ours stop may hold one, so they stop by asking alone.
 */
#include "runtime/base/atfork.h"

#include <pthread.h>
#include <stddef.h>

#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"

static struct gd__atfork *lowest, *highest;
/* The last one that takes part in this thread's fork; several threads may be in one. */
static GD__TLS struct gd__atfork *prepared;

static void prepare(void)
{
	prepared = NULL;
	for (struct gd__atfork *a = lowest; a && (!a->prepare || a->prepare()); a = a->up)
		prepared = a;
}

static void parent(void)
{
	for (struct gd__atfork *a = prepared; a; a = a->down)
		if (a->parent)
			a->parent();
}

static void child(void)
{
	gd__fatal_forget();
	for (struct gd__atfork *a = prepared; a; a = a->down)
		a->child();
}

void gd__atfork_register(struct gd__atfork *a)
{
	struct gd__atfork *up = lowest;

	while (up && up->rank < a->rank)
		up = up->up;
	a->up = up;
	a->down = up ? up->down : highest;
	if (a->down)
		a->down->up = a;
	else
		lowest = a;
	if (up)
		up->down = a;
	else
		highest = a;
}

__attribute__((constructor(101))) static void install(void)
{
	if (pthread_atfork(prepare, parent, child) != 0)
		gd__warn("out of memory: the child of a fork cannot use goroutines");
}
