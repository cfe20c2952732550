/* go_value.c - structs, arrays, strings, floating point and function pointers as variables. */
#include "tests/conformance/race/race_case.h"

#include <complex.h>

struct point {
	int x, y;
};
struct named {
	struct point a, b;
	double depth[4];
};
struct string {
	const char *text;
	size_t length;
};

int n;
struct point point;
struct named named;
struct string string;
double real;
_Complex double number;
static void set_up(void)
{
	string = (struct string){ "abc", 3 };
}

RACE(struct_rw)
FIRST(race_struct_rw)
{
	point = (struct point){ OPAQUE(1), OPAQUE(2) }; /* race */
}
SECOND(race_struct_rw)
{
	USE(point); /* race */
}

NORACE(struct_field_rw2)
FIRST(norace_struct_field_rw2)
{
	point.x = 1;
}
SECOND(norace_struct_field_rw2)
{
	USE(point.y);
}

RACE(struct_field_rw3)
FIRST(race_struct_field_rw3)
{
	named.b.y = 1; /* race */
}
SECOND(race_struct_field_rw3)
{
	USE(named.b.y); /* race */
}

NORACE(comp2)
FIRST(norace_comp2)
{
	named.a.x = 1;
}
SECOND(norace_comp2)
{
	named.a.y = 2;
}

RACE(comp)
FIRST(race_comp)
{
	named.a.x = 1; /* race */
}
SECOND(race_comp)
{
	named.a.x = 2; /* race */
}

RACE(comp2)
FIRST(race_comp2)
{
	named.a.x = 1; /* race */
}
SECOND(race_comp2)
{
	named = (struct named){ 0 }; /* race */
}

RACE(comp3)
FIRST(race_comp3)
{
	named.depth[3] = 1; /* race */
}
SECOND(race_comp3)
{
	named = (struct named){ 0 }; /* race */
}

RACE(comp_array)
int field[10];
FIRST(race_comp_array)
{
	field[n] = 1; /* race */
}
SECOND(race_comp_array)
{
	n = 2; /* race */
}

/* The same layout under another name. */
typedef struct point converted;
struct holds_converted {
	converted inner;
	int list[4];
};
struct holds_converted holds;

RACE(conv1)
FIRST(race_conv1)
{
	converted c = point; /* race */

	USE(c.y);
}
SECOND(race_conv1)
{
	point.y = 1; /* race */
}

RACE(conv3)
FIRST(race_conv3)
{
	struct point p = holds.inner; /* race */

	USE(p.x);
}
SECOND(race_conv3)
{
	holds.inner.x = 1; /* race */
}

RACE(conv4)
FIRST(race_conv4)
{
	USE(holds); /* race */
}
SECOND(race_conv4)
{
	holds.list[3] = 1; /* race */
}

RACE(comp_ptr)
FIRST(race_comp_ptr)
{
	struct point *p = OPAQUE(&point);

	p->x = 1; /* race */
}
SECOND(race_comp_ptr)
{
	struct point *p = OPAQUE(&point);

	p->x = 2; /* race */
}

struct holds_pointer {
	struct point *p;
};
struct holds_pointer pointing = { &point };

RACE(comp_ptr2)
FIRST(race_comp_ptr2)
{
	pointing.p->x = 1; /* race */
}
SECOND(race_comp_ptr2)
{
	pointing.p = &named.a; /* race */
}

RACE(struct_init)
FIRST(race_struct_init)
{
	struct point p = { n, 1 }; /* race */

	USE(p);
}
SECOND(race_struct_init)
{
	n = 1; /* race */
}

RACE(array_init)
FIRST(race_array_init)
{
	int list[] = { 1, n, 3 }; /* race */

	USE(list[1]);
}
SECOND(race_array_init)
{
	n = 1; /* race */
}

RACE(struct_ind)
FIRST(race_struct_ind)
{
	struct named *p = OPAQUE(&named);

	*p = (struct named){ 0 }; /* race */
}
SECOND(race_struct_ind)
{
	named.b.y = 4; /* race */
}

/* A member of no size has no neighbour's bytes. */
NORACE(empty_struct)
struct with_nothing {
	int first;
	gd_unit nothing;
};
struct beside {
	struct with_nothing a;
	int neighbour;
};
struct beside beside;
FIRST(norace_empty_struct)
{
	struct with_nothing copy = beside.a;

	USE(copy.first);
}
SECOND(norace_empty_struct)
{
	beside.neighbour = 1;
}

RACE(nested_struct)
typedef gd_chan_of(struct named) named_chan;
named_chan messages;
FIRST(race_nested_struct)
{
	messages = gd_chan_make(named_chan, 1);
	gd_chan_send(messages, named); /* race */
}
SECOND(race_nested_struct)
{
	named.b.x = 1; /* race */
}

RACE(intptr_rw)
FIRST(race_intptr_rw)
{
	n = 5; /* race */
}
SECOND(race_intptr_rw)
{
	int *p = OPAQUE(&n);

	USE(*p); /* race */
}

RACE(string_rw)
FIRST(race_string_rw)
{
	string = (struct string){ OPAQUE("abcdef"), 6 }; /* race */
}
SECOND(race_string_rw)
{
	USE(string); /* race */
}

RACE(string_ptr_rw)
FIRST(race_string_ptr_rw)
{
	string = (struct string){ OPAQUE("a"), 1 }; /* race */
}
SECOND(race_string_ptr_rw)
{
	struct string *p = OPAQUE(&string);

	USE(*p); /* race */
}

RACE(concat_string)
FIRST(race_concat_string)
{
	char text[32];

	snprintf(text, sizeof(text), "%s!", string.text); /* race */
	USE(text[0]);
}
SECOND(race_concat_string)
{
	string = (struct string){ OPAQUE("b"), 1 }; /* race */
}

RACE(compare_string)
FIRST(race_compare_string)
{
	USE(strcmp(string.text, OPAQUE("abd"))); /* race */
}
SECOND(race_compare_string)
{
	string.text = OPAQUE("c"); /* race */
}

RACE(slice_string)
FIRST(race_slice_string)
{
	struct string part = { string.text + 1, 1 }; /* race */

	USE(part);
}
SECOND(race_slice_string)
{
	string.text = OPAQUE("d"); /* race */
}

RACE(float64_ww)
FIRST(race_float64_ww)
{
	real = 1.0; /* race */
}
SECOND(race_float64_ww)
{
	real = 2.0; /* race */
}

RACE(complex128_ww)
FIRST(race_complex128_ww)
{
	number = OPAQUE(2.0) + 2.0 * I; /* race */
}
SECOND(race_complex128_ww)
{
	number = OPAQUE(3.0) + 3.0 * I; /* race */
}

static int one(void)
{
	return 1;
}
static int two(void)
{
	return 2;
}
int (*function)(void) = one;

RACE(func_variable_rw)
FIRST(race_func_variable_rw)
{
	function = two; /* race */
}
SECOND(race_func_variable_rw)
{
	USE(function()); /* race */
}

RACE(func_variable_ww)
FIRST(race_func_variable_ww)
{
	function = one; /* race */
}
SECOND(race_func_variable_ww)
{
	function = two; /* race */
}

RACE(sprint)
FIRST(race_sprint)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", n); /* race */
	USE(text[0]);
}
SECOND(race_sprint)
{
	n = 1; /* race */
}

RACE(addr_expr)
FIRST(race_addr_expr)
{
	int *p = &pointing.p->y; /* race */

	USE(p);
}
SECOND(race_addr_expr)
{
	pointing.p = &named.b; /* race */
}

CONFORM_MAIN
