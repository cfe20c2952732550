/* verdict: none; a switch keeps stack, registers and errno */
/*
 * mcall_gogo.c - what a goroutine finds when it comes back.
 *
 * Many goroutines recurse to a depth of their own, give way at each level and
 * check, on the way up, that locals, values in registers and errno are theirs,
 * and that their stacks lie apart.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <gdetect/gdetect.h>

enum { GOROUTINES = 50, DEPTH = 20 };

/* Each goroutine writes its own element only, and main reads after the wait. */
static uintptr_t stack_of[GOROUTINES];
static int wrong[GOROUTINES];

/*
 * errno is found through the thread, and a compiler keeps its address within a
 * function. Who gives way between two uses must find it anew: so, in a call.
 */
__attribute__((noinline)) static int get_errno(void)
{
	return errno;
}

__attribute__((noinline)) static void set_errno(int value)
{
	errno = value;
}

static int descend(int self, int depth)
{
	volatile int local = self * 1000 + depth;
	int in_register = self ^ depth;
	double product = self * 1.5;

	set_errno(self);
	gd_yield();
	int bad = get_errno() != self;

	if (depth > 0)
		bad += descend(self, depth - 1);
	gd_yield();
	bad += local != self * 1000 + depth;
	bad += in_register != (self ^ depth);
	bad += product != self * 1.5;
	return bad;
}

struct walker_args {
	int index;
	gd_waitgroup *walkers;
};

static void walker(struct walker_args *a)
{
	char here;

	stack_of[a->index] = (uintptr_t)&here;
	wrong[a->index] = descend(a->index, a->index % DEPTH);
	gd_waitgroup_done(a->walkers);
}

static void start(void *failed)
{
	gd_waitgroup walkers = { 0 };
	int bad = 0, close_by = 0;

	gd_waitgroup_add(&walkers, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go(walker, .index = i, .walkers = &walkers);
	gd_waitgroup_wait(&walkers);
	for (int i = 0; i < GOROUTINES; i++) {
		bad += wrong[i];
		for (int j = 0; j < i; j++) {
			uintptr_t a = stack_of[i], b = stack_of[j];

			close_by += (a > b ? a - b : b - a) < 4096;
		}
	}
	printf("%d goroutines came back, %d things changed, %d stacks too close\n", GOROUTINES, bad,
	       close_by);
	*(int *)failed = bad || close_by;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
