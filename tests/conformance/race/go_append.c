/* go_append.c - vectors that grow: in place while there is room, else in a new block. */
#include "tests/conformance/race/race_case.h"

struct slice {
	int *data;
	size_t len, cap;
};

int array[16], spare[32], x;
int *a;
struct slice slice;
char bytes[64];

static void set_up(void)
{
	a = calloc(16, sizeof(*a));
	slice = (struct slice){ a, 8, 16 };
	memset(bytes, 'a', 20);
}

/* Appends, as a library does: in place while there is room, else to a new block. */
static NOINLINE struct slice append(struct slice s, int v)
{
	if (s.len == s.cap) {
		int *grown = malloc((2 * s.cap + 4) * sizeof(*grown));

		memcpy(grown, s.data, s.len * sizeof(*grown)); /* race? */
		s.data = grown;
		s.cap = 2 * s.cap + 4;
	}
	s.data[s.len++] = v; /* race? */
	return s;
}

RACE(slice_range_append)
FIRST(race_slice_range_append)
{
	for (size_t i = 0; i < slice.len; i++) /* race */
		ESCAPE(array);
}
SECOND(race_slice_range_append)
{
	slice.len = append((struct slice){ slice.data, 8, 16 }, 3).len; /* race */
}

/* The result is dropped: elements are copied, and the vector stays what it was. */
NORACE(slice_range_append)
FIRST(norace_slice_range_append)
{
	int sum = 0;

	for (size_t i = 0; i < slice.len; i++)
		sum += slice.data[i];
	USE(sum);
}
SECOND(norace_slice_range_append)
{
	struct slice full = { slice.data, 8, 8 };

	USE(append(full, 3).len);
}

RACE(slice_var_append)
FIRST(race_slice_var_append)
{
	struct slice part = { slice.data, 0, 16 }; /* race */

	USE(append(part, 10).len);
}
SECOND(race_slice_var_append)
{
	slice.data = OPAQUE(spare); /* race */
}

RACE(slice_append)
static NOINLINE void append_in_place(int v)
{
	struct slice s = { a, 4, 16 };

	s.data[s.len] = OPAQUE(v); /* race */
}
FIRST(race_slice_append)
{
	append_in_place(1);
}
SECOND(race_slice_append)
{
	append_in_place(2);
}

static NOINLINE int *grow(const int *from, size_t n)
{
	int *grown = malloc(2 * n * sizeof(*grown));

	memcpy(grown, from, n * sizeof(*grown));
	grown[n] = 1;
	return grown;
}

RACE(slice_append_write)
FIRST(race_slice_append_write)
{
	USE(grow(a, 8)); /* race */
}
SECOND(race_slice_append_write)
{
	a[0] = 1; /* race */
}

RACE(slice_append_slice2)
FIRST(race_slice_append_slice2)
{
	memcpy(spare + 4, a, 10 * sizeof(*a)); /* race */
}
SECOND(race_slice_append_slice2)
{
	a[9] = 1; /* race */
}

RACE(slice_append_string)
FIRST(race_slice_append_string)
{
	char *grown = malloc(100);

	memcpy(grown, bytes, 10); /* race */
	strcpy(grown + 10, OPAQUE("qwerty"));
	USE(grown);
}
SECOND(race_slice_append_string)
{
	bytes[0] = 1; /* race */
}

int *pointers[10], *more_pointers[10];

RACE(pointer_slice_append)
static NOINLINE void append_pointer(int *p)
{
	pointers[4] = OPAQUE(p); /* race */
}
FIRST(race_pointer_slice_append)
{
	append_pointer(&x);
}
SECOND(race_pointer_slice_append)
{
	append_pointer(array);
}

RACE(pointer_slice_append_write)
FIRST(race_pointer_slice_append_write)
{
	int **grown = malloc(20 * sizeof(*grown));

	memcpy(grown, pointers, sizeof(pointers)); /* race */
	USE(grown);
}
SECOND(race_pointer_slice_append_write)
{
	pointers[0] = &x; /* race */
}

RACE(pointer_slice_append_slice2)
FIRST(race_pointer_slice_append_slice2)
{
	memmove(more_pointers + 3, pointers, 5 * sizeof(*pointers)); /* race */
}
SECOND(race_pointer_slice_append_slice2)
{
	pointers[4] = &x; /* race */
}

RACE(append_rw)
FIRST(race_append_rw)
{
	USE(grow(a, 16)); /* race */
}
SECOND(race_append_rw)
{
	a[15] = 1; /* race */
}

RACE(append_len_rw)
FIRST(race_append_len_rw)
{
	slice = (struct slice){ OPAQUE(spare), 9, 32 }; /* race */
}
SECOND(race_append_len_rw)
{
	USE(slice.len); /* race */
}

RACE(append_cap_rw)
FIRST(race_append_cap_rw)
{
	slice = (struct slice){ OPAQUE(spare), 9, 32 }; /* race */
}
SECOND(race_append_cap_rw)
{
	USE(slice.cap); /* race */
}

RACE(append_slice_struct)
struct item {
	int i, j;
	double weight;
};
struct item items[8];
FIRST(race_append_slice_struct)
{
	struct item *grown = malloc(sizeof(items) * 2);

	memcpy(grown, items, sizeof(items)); /* race */
	USE(grown);
}
SECOND(race_append_slice_struct)
{
	items[7].j = 1; /* race */
}

CONFORM_MAIN
