/* go_call.c - arguments, results and errors of calls; objects with methods. */
#include "tests/conformance/race/race_case.h"

#include <setjmp.h>

int x, y;

static void set_up(void)
{
}

static NOINLINE int adds(int a, int b)
{
	return OPAQUE(a) + b;
}

RACE(func_args_rw)
static NOINLINE void takes_pointer(int *p)
{
	USE(*p); /* race */
}
FIRST(race_func_args_rw)
{
	takes_pointer(&x);
}
SECOND(race_func_args_rw)
{
	x = 1; /* race */
}

RACE(func_call)
FIRST(race_func_call)
{
	USE(adds(1, x)); /* race */
}
SECOND(race_func_call)
{
	x = 1; /* race */
}

struct counter {
	int base;
	int *also;
};
struct counter counter = { 0, &y };
static NOINLINE int counter_add(const struct counter *c, int v)
{
	return OPAQUE(v) + (c != NULL);
}

RACE(method_call)
FIRST(race_method_call)
{
	USE(counter_add(&counter, x)); /* race */
}
SECOND(race_method_call)
{
	x = 1; /* race */
}

RACE(as_func2)
static inline int inlined(int v)
{
	return v + 1;
}
FIRST(race_as_func2)
{
	y = inlined(x); /* race */
}
SECOND(race_as_func2)
{
	x = 1; /* race */
}

/* Calls with two results. */
static NOINLINE int two_ints(int *second)
{
	*second = OPAQUE(2); /* race? */
	return OPAQUE(1);
}

int first_int, second_int;

RACE(block_call1)
FIRST(race_block_call1)
{
	first_int = two_ints(&y); /* race */
}
SECOND(race_block_call1)
{
	USE(first_int); /* race */
}

RACE(block_call2)
static NOINLINE int stores_second(int *second)
{
	*second = OPAQUE(2); /* race */
	return OPAQUE(1);
}
FIRST(race_block_call2)
{
	first_int = stores_second(&second_int);
}
SECOND(race_block_call2)
{
	USE(second_int); /* race */
}

int *first_pointer, *second_pointer;
static NOINLINE int *two_pointers(int **second)
{
	*second = OPAQUE(&y);
	return OPAQUE(&x);
}

RACE(block_call3)
FIRST(race_block_call3)
{
	first_pointer = two_pointers(&second_pointer); /* race */
}
SECOND(race_block_call3)
{
	USE(first_pointer); /* race */
}

/* The two results land in one array, the reader takes what the second wrote. */
RACE(block_call6)
static NOINLINE int *stores_second_pointer(int **second)
{
	*second = OPAQUE(&y); /* race */
	return OPAQUE(&x);
}
FIRST(race_block_call6)
{
	second_pointer = stores_second_pointer(&first_pointer);
}
SECOND(race_block_call6)
{
	USE(first_pointer); /* race */
}

/* The result is only read by both: returning it is no store. */
NORACE(returned)
static void reads_result(void)
{
	USE(*first_pointer);
	DONE();
}
static NOINLINE int returns(void)
{
	int result = OPAQUE(4);

	first_pointer = &result;
	spawn(reads_result);
	AFTER(1);
	return result;
}
MAIN(norace_returned)
{
	CHECK_EQ(returns(), 4);
	join();
}

/* The channel comes from a call that must be made once only. */
NORACE(rpc_chan)
typedef gd_chan_of(int) int_chan;
int_chan made;
int calls;
static void sends(void)
{
	x = 1;
	gd_chan_send(made, 3);
}
static NOINLINE int_chan call(void)
{
	calls++;
	made = gd_chan_make(int_chan, 1);
	spawn(sends);
	return made;
}
MAIN(norace_rpc_chan)
{
	int v = 0;

	gd_chan_recv(call(), &v);
	x++;
	CHECK_EQ(calls + v, 4);
	join();
}

/* Objects with a table of methods, as C programs make interfaces. */
struct shape;
struct shape_methods {
	int (*area)(const struct shape *s, int scale);
};
struct shape {
	const struct shape_methods *methods;
	int side;
};
static int square_area(const struct shape *s, int scale)
{
	return s->side * OPAQUE(scale); /* race? */
}
static const struct shape_methods square = { square_area };
struct shape shape1 = { &square, 2 }, shape2 = { &square, 3 };
struct shape *interface = &shape1;

RACE(inter_call)
FIRST(race_inter_call)
{
	USE(interface->methods->area(interface, 1)); /* race */
}
SECOND(race_inter_call)
{
	interface = &shape2; /* race */
}

RACE(inter_call2)
FIRST(race_inter_call2)
{
	USE(shape1.methods->area(OPAQUE(&shape1), x)); /* race */
}
SECOND(race_inter_call2)
{
	x = 1; /* race */
}

/* A method bound to its object, to be called later. */
struct bound {
	struct shape copy;
	const struct shape *self;
};

RACE(method_value)
FIRST(race_method_value)
{
	struct bound b = { .copy = shape1 }; /* race */

	USE(b.copy.side);
}
SECOND(race_method_value)
{
	shape1 = (struct shape){ &square, 4 }; /* race */
}

RACE(method_value2)
FIRST(race_method_value2)
{
	struct bound b = { .self = interface }; /* race */

	USE(b.self);
}
SECOND(race_method_value2)
{
	interface = &shape2; /* race */
}

RACE(method_value3)
FIRST(race_method_value3)
{
	struct shape *p = OPAQUE(&shape1);
	struct bound b = { .copy = *p }; /* race */

	USE(b.copy.side);
}
SECOND(race_method_value3)
{
	struct shape *p = OPAQUE(&shape1);

	*p = shape2; /* race */
}

NORACE(method_value)
FIRST(norace_method_value)
{
	struct bound b = { .self = &shape1 };

	USE(b.self);
}
SECOND(norace_method_value)
{
	shape1 = (struct shape){ &square, 4 };
}

/* An object within an object: the outer one's method is the inner one's. */
struct outer {
	struct shape inner;
	struct shape *pointed;
};
struct outer outer1 = { { &square, 1 }, &shape1 };
static NOINLINE int by_address(const struct shape *s)
{
	return s != NULL;
}
static NOINLINE int by_value(struct shape s)
{
	return s.side;
}

NORACE(method_thunk)
FIRST(norace_method_thunk)
{
	USE(by_address(&outer1.inner));
}
SECOND(norace_method_thunk)
{
	outer1 = (struct outer){ { &square, 1 }, OPAQUE(&shape2) };
}

RACE(method_thunk)
FIRST(race_method_thunk)
{
	USE(by_address(outer1.pointed)); /* race */
}
SECOND(race_method_thunk)
{
	outer1 = (struct outer){ { &square, 1 }, OPAQUE(&shape2) }; /* race */
}

/* Known miss with gcc -O0: it gives no hook to the load of a struct that is passed by value. */
RACE(method_thunk2)
FIRST(race_method_thunk2)
{
	USE(by_value(outer1.inner)); /* race */
}
SECOND(race_method_thunk2)
{
	outer1 = (struct outer){ { &square, OPAQUE(1) }, &shape2 }; /* race */
}

RACE(method_thunk3)
FIRST(race_method_thunk3)
{
	USE(by_value(*outer1.pointed)); /* race */
}
SECOND(race_method_thunk3)
{
	outer1.pointed = &shape2; /* race */
}

/* What is deferred is fixed where it is deferred. */
static void deferred(void *p)
{
	USE(p);
}
void *later;

RACE(defer_arg)
FIRST(race_defer_arg)
{
	gd_defer(deferred, later); /* race */
}
SECOND(race_defer_arg)
{
	later = &x; /* race */
}

RACE(defer_arg2)
FIRST(race_defer_arg2)
{
	gd_defer(deferred, interface); /* race */
}
SECOND(race_defer_arg2)
{
	interface = &shape2; /* race */
}

/* An error that is raised, carried by setjmp and longjmp as panics of C programs are. */
RACE(panic_arg)
static NOINLINE void raises(jmp_buf *to, int code)
{
	longjmp(*to, code);
}
FIRST(race_panic_arg)
{
	jmp_buf handler;

	if (setjmp(handler) == 0)
		raises(&handler, x + 1); /* race */
}
SECOND(race_panic_arg)
{
	x = 1; /* race */
}

RACE(panic)
static NOINLINE int divides(jmp_buf *to, int by)
{
	if (by == 0)
		longjmp(*to, 1);
	return 10 / by;
}
FIRST(race_panic)
{
	jmp_buf handler;

	if (setjmp(handler) == 0)
		USE(divides(&handler, OPAQUE(0)));
	else
		x = 1; /* race */
}
SECOND(race_panic)
{
	jmp_buf handler;

	if (setjmp(handler) == 0)
		USE(divides(&handler, OPAQUE(0)));
	else
		x = 2; /* race */
}

RACE(error)
struct failure {
	const struct shape_methods *kind;
	const void *value;
};
struct failure failure;
FIRST(race_error)
{
	failure = (struct failure){ &square, OPAQUE(&x) }; /* race */
}
SECOND(race_error)
{
	USE(failure); /* race */
}

CONFORM_MAIN
