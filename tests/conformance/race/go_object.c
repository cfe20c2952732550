/*
 * go_object.c - values behind a table of functions, iterators by callback, destructors:
 * what interfaces, reflection, range functions and finalizers of Go are in C.
 */
#include "tests/conformance/race/race_case.h"

#include <stdatomic.h>

struct methods {
	const char *name;
	int (*get)(const void *self);
};

/* An interface: what it is, and where. */
struct value {
	const struct methods *methods;
	void *self;
};

static int get_int(const void *self)
{
	return *(const int *)self; /* race? */
}
static int get_first(const void *self)
{
	return ((const int *)self)[0] + 1;
}
static const struct methods int_methods = { "int", get_int }, pair_methods = { "pair", get_first };

int x, y, global;
int *pointer = &x;
struct value value = { &int_methods, &x };
const struct value other = { &pair_methods, &y };

static void set_up(void)
{
}

RACE(iface_ww)
FIRST(race_iface_ww)
{
	value = (struct value){ &int_methods, OPAQUE(&y) }; /* race */
}
SECOND(race_iface_ww)
{
	value = other; /* race */
}

RACE(iface_cmp)
FIRST(race_iface_cmp)
{
	bool same = value.methods == &int_methods && value.self == &x; /* race */

	USE(same);
}
SECOND(race_iface_cmp)
{
	value = other; /* race */
}

RACE(iface_cmp_nil)
FIRST(race_iface_cmp_nil)
{
	USE(value.methods == NULL); /* race */
}
SECOND(race_iface_cmp_nil)
{
	value = other; /* race */
}

/* What a goroutine is given is read where it is started. */
RACE(eface_conv)
typedef gd_chan_of(struct value) value_chan;
struct takes_int_args {
	int v;
};
static void takes_int(struct takes_int_args *a)
{
	USE(a->v);
}
FIRST(race_eface_conv)
{
	gd_go(takes_int, .v = x); /* race */
}
SECOND(race_eface_conv)
{
	x = 1; /* race */
}

RACE(iface_conv)
struct takes_value_args {
	struct value v;
};
static void takes_value(struct takes_value_args *a)
{
	USE(a->v);
}
FIRST(race_iface_conv)
{
	gd_go(takes_value, .v = { &int_methods, pointer }); /* race */
}
SECOND(race_iface_conv)
{
	pointer = &y; /* race */
}

RACE(empty_interface1)
void *box = &x;
FIRST(race_empty_interface1)
{
	box = NULL; /* race */
}
SECOND(race_empty_interface1)
{
	USE(box); /* race */
}

RACE(empty_interface2)
FIRST(race_empty_interface2)
{
	box = &y; /* race */
}
SECOND(race_empty_interface2)
{
	USE(*(int *)box); /* race */
}

RACE(type_assert)
FIRST(race_type_assert)
{
	if (value.methods == &int_methods) /* race */
		x = 1;
}
SECOND(race_type_assert)
{
	value = other; /* race */
}

RACE(case_type_issue5890)
struct value elements[3] = { { &int_methods, &x }, { &int_methods, &x }, { &int_methods, &x } };
FIRST(race_case_type_issue5890)
{
	switch (elements[1].methods->name[0]) { /* race */
	case 'i':
		y = 1;
		break;
	default:
		y = 2;
	}
}
SECOND(race_case_type_issue5890)
{
	elements[1] = other; /* race */
}

RACE(issue12664_3)
FIRST(race_issue12664_3)
{
	global = *(int *)value.self; /* race */
}
SECOND(race_issue12664_3)
{
	global = 2; /* race */
}

RACE(issue12664_4)
FIRST(race_issue12664_4)
{
	global = value.methods->get(value.self); /* race */
}
SECOND(race_issue12664_4)
{
	global = 3; /* race */
}

/* Access by an address and a size that are known at run time only. */
static NOINLINE void set_by_size(void *to, const void *from, size_t n)
{
	memcpy(to, from, n); /* race? */
}

RACE(reflect_rw)
FIRST(race_reflect_rw)
{
	int copy;

	set_by_size(&copy, &x, OPAQUE(sizeof(x))); /* race */
	USE(copy);
}
SECOND(race_reflect_rw)
{
	x = 1; /* race */
}

RACE(reflect_ww)
FIRST(race_reflect_ww)
{
	int one = 1;

	set_by_size(&x, &one, OPAQUE(sizeof(x))); /* race */
}
SECOND(race_reflect_ww)
{
	int two = 2;

	set_by_size(&x, &two, OPAQUE(sizeof(x))); /* race */
}

/* An iterator that calls back and remembers whether it was told to stop. */
struct iterator {
	bool stopped;
	atomic_int next;
};
struct iterator iterator;
static NOINLINE bool yields(struct iterator *it, int most)
{
	if (it->stopped) /* race? */
		return false;
	if (atomic_fetch_add(&it->next, 1) < most)
		return true;
	it->stopped = true; /* race? */
	return false;
}

RACE(range_func_iterator)
LEFT(race_range_func_iterator)
{
	for (int i = 0; i < 3; i++)
		USE(yields(&iterator, 2)); /* race */
	DONE();
}
RIGHT(race_range_func_iterator)
{
	AFTER(1);
	USE(yields(&iterator, 2)); /* race */
}

NORACE(range_func_iterator)
FIRST(norace_range_func_iterator)
{
	for (int i = 0; i < 3; i++)
		USE(yields(&iterator, 100));
}
SECOND(norace_range_func_iterator)
{
	for (int i = 0; i < 3; i++)
		USE(yields(&iterator, 100));
}

/* An object with a count of its owners; who drops the last reference runs the destructor. */
struct counted {
	atomic_int owners;
	int data;
	void (*destroy)(struct counted *c);
};
struct counted *shared;
gd_mutex mutex;
static void drop(struct counted *c)
{
	if (atomic_fetch_sub(&c->owners, 1) == 1) {
		c->destroy(c);
		free(c);
	}
}
static void makes_shared(void (*destroy)(struct counted *c))
{
	shared = calloc(1, sizeof(*shared));
	atomic_init(&shared->owners, 2);
	shared->destroy = destroy;
}

NORACE(fin)
static void writes_data(struct counted *c)
{
	c->data = 42;
}
static void owner(void)
{
	drop(shared);
}
MAIN(norace_fin)
{
	makes_shared(writes_data);
	shared->data = 1;
	spawn(owner);
	owner();
	join();
}

NORACE(fin_global)
static void counts_locked(struct counted *c)
{
	gd_mutex_lock(&mutex);
	global++;
	gd_mutex_unlock(&mutex);
}
MAIN(norace_fin_global)
{
	makes_shared(counts_locked);
	spawn(owner);
	owner();
	gd_mutex_lock(&mutex);
	global++;
	gd_mutex_unlock(&mutex);
	join();
}

/* The destructor comes after what the owners did before they let go, and not after the rest. */
RACE(fin)
static void writes_global(struct counted *c)
{
	global = 1; /* race */
	DONE();
}
static void last_owner(void)
{
	AFTER(1);
	owner();
}
MAIN(race_fin)
{
	makes_shared(writes_global);
	spawn(last_owner);
	owner();
	DONE();
	AFTER(2);
	global = 2; /* race */
	join();
}

CONFORM_MAIN
