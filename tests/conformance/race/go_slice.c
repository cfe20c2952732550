/* go_slice.c - elements of arrays, and slices: a pointer, a length and a capacity. */
#include "tests/conformance/race/race_case.h"

#include <wchar.h>

struct slice {
	int *data;
	size_t len, cap;
};

int array[16], spare[32], x;
int *a;
size_t index_var;
struct slice slice, other_slice;
char bytes[64];
wchar_t wide[8];
char *text;

static void set_up(void)
{
	a = malloc(16 * sizeof(*a));
	memset(a, 0, 16 * sizeof(*a));
	slice = (struct slice){ a, 8, 16 };
	memset(bytes, 'a', 20);
	for (size_t i = 0; i < 7; i++)
		wide[i] = L'a';
}

/* s[from:to]. */
#define SUB(s, from, to)                                                                           \
	((struct slice){ (s).data + (from), (size_t)(to) - (from), (s).cap - (from) })

RACE(slice_rw)
FIRST(race_slice_rw)
{
	a[1] = 1; /* race */
}
SECOND(race_slice_rw)
{
	USE(a[1]); /* race */
}

NORACE(slice_rw)
FIRST(norace_slice_rw)
{
	a[0] = 1;
}
SECOND(norace_slice_rw)
{
	USE(a[1]);
}

RACE(slice_ww)
FIRST(race_slice_ww)
{
	a[1] = 1; /* race */
}
SECOND(race_slice_ww)
{
	a[1] = 2; /* race */
}

RACE(array_ww)
int *local_array;
static void writes_local(void)
{
	local_array[1] = 1; /* race */
	DONE();
}
MAIN(race_array_ww)
{
	int local[5];

	local_array = local;
	spawn(writes_local);
	AFTER(1);
	local_array[1] = 2; /* race */
	join();
}

RACE(slice_copy_write2)
FIRST(race_slice_copy_write2)
{
	int copy[10];

	memcpy(copy, OPAQUE(a), sizeof(copy)); /* race */
	ESCAPE(copy);
}
SECOND(race_slice_copy_write2)
{
	a[5] = 1; /* race */
}

RACE(slice_copy_write3)
FIRST(race_slice_copy_write3)
{
	memcpy(bytes, OPAQUE("qwertyqwerty"), 12); /* race */
}
SECOND(race_slice_copy_write3)
{
	bytes[3] = 'x'; /* race */
}

NORACE(slice_copy_read)
FIRST(norace_slice_copy_read)
{
	int copy[10];

	memcpy(copy, OPAQUE(a), sizeof(copy));
	ESCAPE(copy);
}
SECOND(norace_slice_copy_read)
{
	USE(a[5]);
}

int *pointers[10], *more_pointers[10];

RACE(pointer_slice_copy_read)
FIRST(race_pointer_slice_copy_read)
{
	memcpy(pointers, more_pointers, sizeof(pointers)); /* race */
}
SECOND(race_pointer_slice_copy_read)
{
	USE(pointers[1]); /* race */
}

NORACE(pointer_slice_write_copy)
FIRST(norace_pointer_slice_write_copy)
{
	memcpy(pointers, more_pointers, 5 * sizeof(*pointers));
}
SECOND(norace_pointer_slice_write_copy)
{
	pointers[5] = &x;
}

NORACE(pointer_slice_copy_read)
FIRST(norace_pointer_slice_copy_read)
{
	memcpy(more_pointers, pointers, sizeof(pointers));
}
SECOND(norace_pointer_slice_copy_read)
{
	USE(pointers[1]);
}

NORACE(slice_write_slice2)
FIRST(norace_slice_write_slice2)
{
	slice.data[5] = 1;
}
SECOND(norace_slice_write_slice2)
{
	struct slice part = SUB(slice, 4, 7);

	USE(part);
}

RACE(slice_write_slice)
FIRST(race_slice_write_slice)
{
	slice.data[1] = 1; /* race */
}
SECOND(race_slice_write_slice)
{
	slice = (struct slice){ OPAQUE(a) + 5, 3, 11 }; /* race */
}

NORACE(slice_write_slice)
FIRST(norace_slice_write_slice)
{
	slice.data[1] = 1;
}
SECOND(norace_slice_write_slice)
{
	USE(SUB(slice, 5, 8));
}

NORACE(slice_len_cap)
FIRST(norace_slice_len_cap)
{
	USE(slice.len);
}
SECOND(norace_slice_len_cap)
{
	USE(slice.cap);
}

NORACE(struct_slices_range_write)
struct two_lists {
	int first[5], second[5];
};
struct two_lists lists;
FIRST(norace_struct_slices_range_write)
{
	for (size_t i = 0; i < 5; i++)
		USE(lists.first[i]);
}
SECOND(norace_struct_slices_range_write)
{
	lists.second[0] = 1;
}

RACE(slice_different)
FIRST(race_slice_different)
{
	int *alias = OPAQUE(a);

	alias[3] = 1; /* race */
}
SECOND(race_slice_different)
{
	int *alias = OPAQUE(a + 2);

	alias[1] = 2; /* race */
}

RACE(slice_range_write)
FIRST(race_slice_range_write)
{
	int sum = 0;

	for (size_t i = 0; i < 10; i++)
		sum += a[i]; /* race */
	USE(sum);
}
SECOND(race_slice_range_write)
{
	a[8] = 3; /* race */
}

NORACE(slice_range_write)
FIRST(norace_slice_range_write)
{
	size_t sum = 0;

	for (size_t i = 0; i < slice.len; i++)
		sum += i;
	USE(sum);
}
SECOND(norace_slice_range_write)
{
	slice.data[3] = 3;
}

RACE(slice_var_write)
FIRST(race_slice_var_write)
{
	slice.data[3] = 1; /* race */
}
SECOND(race_slice_var_write)
{
	slice.data = OPAQUE(spare); /* race */
}

RACE(slice_var_read)
FIRST(race_slice_var_read)
{
	USE(slice.data[3]); /* race */
}
SECOND(race_slice_var_read)
{
	slice.data = OPAQUE(spare); /* race */
}

RACE(slice_var_copy2)
FIRST(race_slice_var_copy2)
{
	int copy[3];

	memcpy(copy, slice.data, sizeof(copy)); /* race */
	ESCAPE(copy);
}
SECOND(race_slice_var_copy2)
{
	slice.data = OPAQUE(spare); /* race */
}

RACE(slice_index_access)
FIRST(race_slice_index_access)
{
	index_var = 1; /* race */
}
SECOND(race_slice_index_access)
{
	array[index_var] = 3; /* race */
}

RACE(slice_index_access2)
FIRST(race_slice_index_access2)
{
	index_var = 1; /* race */
}
SECOND(race_slice_index_access2)
{
	USE(array[index_var]); /* race */
}

RACE(slice_byte_to_string)
FIRST(race_slice_byte_to_string)
{
	text = strdup(bytes); /* race */
}
SECOND(race_slice_byte_to_string)
{
	bytes[0] = 'b'; /* race */
}

RACE(slice_rune_to_string)
FIRST(race_slice_rune_to_string)
{
	char narrow[64];

	USE(wcstombs(narrow, wide, sizeof(narrow))); /* race */
}
SECOND(race_slice_rune_to_string)
{
	wide[6] = L'c'; /* race */
}

RACE(slice3)
FIRST(race_slice3)
{
	struct slice part = { array, index_var, 10 }; /* race */

	USE(part);
}
SECOND(race_slice3)
{
	index_var = 7; /* race */
}

RACE(slice4)
FIRST(race_slice4)
{
	memmove(bytes + 2, bytes, 15); /* race */
}
SECOND(race_slice4)
{
	char copy[64];

	strcpy(copy, bytes); /* race */
	USE(copy[3]);
}

RACE(slice_slice)
FIRST(race_slice_slice)
{
	USE(SUB(slice, 1, 2)); /* race */
}
SECOND(race_slice_slice)
{
	slice = other_slice; /* race */
}

RACE(slice_slice2)
FIRST(race_slice_slice2)
{
	struct slice part = { array + index_var, 1, 1 }; /* race */

	USE(part);
}
SECOND(race_slice_slice2)
{
	index_var = 1; /* race */
}

CONFORM_MAIN
