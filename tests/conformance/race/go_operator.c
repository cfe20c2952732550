/* go_operator.c - reads and writes inside of expressions and statements. */
#include "tests/conformance/race/race_case.h"

int x, y, z = 1;
unsigned int u = 1;
typedef gd_chan_of(int) int_chan;
int_chan sync0;

static void set_up(void)
{
	sync0 = gd_chan_make(int_chan, 0);
}

static void write_x(void)
{
	x = 1;
}

RACE(int_rw_global_funcs)
static NOINLINE int read_global(void)
{
	return x + 1; /* race */
}
static NOINLINE void write_global(void)
{
	x = 3; /* race */
}
FIRST(race_int_rw_global_funcs)
{
	USE(read_global());
}
SECOND(race_int_rw_global_funcs)
{
	write_global();
}

RACE(int_rw_closures)
int *captured;
static void reads_captured(void)
{
	USE(*captured); /* race */
	DONE();
}
MAIN(race_int_rw_closures)
{
	int local = 0;

	captured = &local;
	spawn(reads_captured);
	AFTER(1);
	local = 2; /* race */
	join();
}

NORACE(int_rw_closures)
LEFT(norace_int_rw_closures)
{
	y = x;
	gd_chan_send(sync0, 0);
}
RIGHT(norace_int_rw_closures)
{
	gd_chan_recv(sync0, NULL);
	x = 1;
}

RACE(int32_rw_closures)
int32_t x32;
FIRST(race_int32_rw_closures)
{
	USE(x32 + 1); /* race */
}
SECOND(race_int32_rw_closures)
{
	x32 = 3; /* race */
}

NORACE(case)
MAIN(norace_case)
{
	for (x = -1; x <= 1; x++)
		switch (x) {
		case -1:
			y = -1;
			break;
		case 0:
			y = 0;
			break;
		default:
			y = 1;
		}
	CHECK_EQ(y, 1);
}

RACE(case_condition)
FIRST(race_case_condition)
{
	x = 2; /* race */
}
SECOND(race_case_condition)
{
	switch (x) { /* race */
	case 1:
		y = 1;
		break;
	case 40:
		y = 2;
		break;
	}
}

RACE(case_condition2)
FIRST(race_case_condition2)
{
	x = 2; /* race */
}
SECOND(race_case_condition2)
{
	if (x < 2) /* race */
		y = 1;
	else
		z = 2;
}

RACE(case_body)
FIRST(race_case_body)
{
	y = x + 1; /* race */
}
SECOND(race_case_body)
{
	switch (OPAQUE(7)) {
	case 1:
		y = 10;
		break;
	default:
		x = 1; /* race */
	}
}

NORACE(case_fallthrough)
FIRST(norace_case_fallthrough)
{
	USE(x);
}
SECOND(norace_case_fallthrough)
{
	switch (OPAQUE(1)) {
	case 1:
		USE(z);
		break;
	case 2:
		x = 1;
	}
}

RACE(case_fallthrough)
FIRST(race_case_fallthrough)
{
	USE(x); /* race */
}
SECOND(race_case_fallthrough)
{
	switch (OPAQUE(1)) {
	case 1:
		USE(z);
		__attribute__((fallthrough));
	case 2:
		x = 1; /* race */
	}
}

NORACE(range)
int elements[] = { 1, 2, 3 };
static void sends_elements(void)
{
	for (size_t i = 0; i < 3; i++)
		gd_chan_send(sync0, elements[i]);
}
MAIN(norace_range)
{
	int sum = 0, v;

	spawn(sends_elements);
	for (size_t i = 0; i < 3; i++) {
		gd_chan_recv(sync0, &v);
		sum += v;
	}
	elements[0] = sum;
	join();
}

NORACE(for_init)
LEFT(norace_for_init)
{
	gd_chan_recv(sync0, NULL);
	for (int i = 0; i < 10; i++)
		x++;
}
RIGHT(norace_for_init)
{
	for (x = OPAQUE(5); x < 6; x++) {
		gd_chan_send(sync0, 0);
		break;
	}
}

RACE(for_test)
bool stop;
LEFT(race_for_test)
{
	gd_chan_recv(sync0, NULL);
	stop = true; /* race */
	DONE();
}
RIGHT(race_for_test)
{
	for (int i = 0; !stop; i++) { /* race */
		if (i == 0) {
			gd_chan_send(sync0, 0);
			AFTER(1);
		}
	}
}

RACE(plus2)
FIRST(race_plus2)
{
	USE(+x); /* race */
}
SECOND(race_plus2)
{
	x = 1; /* race */
}

RACE(complement)
FIRST(race_complement)
{
	USE(~x); /* race */
}
SECOND(race_complement)
{
	x = 1; /* race */
}

RACE(div)
FIRST(race_div)
{
	USE(x / z); /* race */
}
SECOND(race_div)
{
	x = 1; /* race */
}

RACE(div_const)
FIRST(race_div_const)
{
	USE(u / 3); /* race */
}
SECOND(race_div_const)
{
	u = 1; /* race */
}

RACE(mod)
FIRST(race_mod)
{
	USE(x % z); /* race */
}
SECOND(race_mod)
{
	x = 1; /* race */
}

RACE(mod_const)
FIRST(race_mod_const)
{
	USE(x % 3); /* race */
}
SECOND(race_mod_const)
{
	x = 1; /* race */
}

RACE(rotate)
FIRST(race_rotate)
{
	USE(u << 12 | u >> 20); /* race */
}
SECOND(race_rotate)
{
	u = 1; /* race */
}

static NOINLINE bool yes(void)
{
	return OPAQUE(true);
}
static NOINLINE bool no(void)
{
	return OPAQUE(false);
}

RACE(and2)
FIRST(race_and2)
{
	x = 1; /* race */
}
SECOND(race_and2)
{
	if (yes() && x == 1) /* race */
		y = 1;
}

NORACE(and)
FIRST(norace_and)
{
	x = 1;
}
SECOND(norace_and)
{
	if (no() && x == 1)
		y = 1;
}

RACE(or)
FIRST(race_or)
{
	x = 1; /* race */
}
SECOND(race_or)
{
	if (x == 7 || no()) /* race */
		y = 1;
}

RACE(or2)
FIRST(race_or2)
{
	x = 1; /* race */
}
SECOND(race_or2)
{
	if (no() || x == 7) /* race */
		y = 1;
}

NORACE(or)
FIRST(norace_or)
{
	x = 1;
}
SECOND(norace_or)
{
	if (yes() || x == 7)
		y = 1;
}

NORACE(short_calc)
FIRST(norace_short_calc)
{
	x = 1;
}
SECOND(norace_short_calc)
{
	bool b = yes() || x == 2 || yes();

	USE(b);
}

/* Parallel assignment: all reads come before the stores. */
RACE(block_as)
FIRST(race_block_as)
{
	x = 1; /* race */
}
SECOND(race_block_as)
{
	int was = x; /* race */

	USE(y);
	y = was;
}

RACE(indirection)
FIRST(race_indirection)
{
	int *p = OPAQUE(&x);

	*p = 1; /* race */
}
SECOND(race_indirection)
{
	int *p = OPAQUE(&x);

	*p = 2; /* race */
}

/* The result is stored after the callee has taken the lock. */
NORACE(as_func4)
gd_mutex mu;
static NOINLINE int takes_lock(void)
{
	gd_mutex_lock(&mu);
	return OPAQUE(42);
}
FIRST(norace_as_func4)
{
	x = takes_lock();
	gd_mutex_unlock(&mu);
}
SECOND(norace_as_func4)
{
	gd_mutex_lock(&mu);
	x = 1;
	gd_mutex_unlock(&mu);
}

NORACE(blank)
int pair_of[2];
FIRST(norace_blank)
{
	USE(pair_of[0]);
}
SECOND(norace_blank)
{
	pair_of[1] = 1;
}

/* Another goroutine's stack, by a pointer it was given. */
RACE(tls)
typedef gd_chan_of(int *) pointer_chan;
pointer_chan pointers;
static void gives_its_own(void)
{
	int own = 0;

	gd_chan_send(pointers, &own);
	own = 1; /* race */
	DONE();
	AFTER(2);
}
MAIN(race_tls)
{
	int *p = NULL;

	pointers = gd_chan_make(pointer_chan, 0);
	spawn(gives_its_own);
	gd_chan_recv(pointers, &p);
	AFTER(1);
	*p = 2; /* race */
	DONE();
	join();
}

/* A variable of a goroutine's stack comes back in another one's. */
NORACE(stack_push_pop)
NOINLINE static void looks_at(void *p)
{
	USE(p);
}
NOINLINE static void pushes(int depth)
{
	volatile int frame[64];

	for (size_t i = 0; i < 64; i++)
		frame[i] = depth;
	if (depth > 0)
		pushes(depth - 1);
	gd_go_fn(looks_at, (void *)frame);
}
MAIN(norace_stack_push_pop)
{
	write_x();
	for (int i = 0; i < 100; i++)
		pushes(i % 8);
	while (gd_go_count() > 1)
		gd_yield();
}

CONFORM_MAIN
