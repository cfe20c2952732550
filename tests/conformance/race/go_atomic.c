/* go_atomic.c - atomics between goroutines. */
#include "tests/conformance/race/race_case.h"

#include <stdatomic.h>
#include <sys/mman.h>

int x;
signed char mine[2];
atomic_int flag;
_Atomic int64_t count64;
_Atomic int32_t count32;
_Atomic uint64_t word64;

static void set_up(void)
{
}

/* Only who comes last writes the other's byte. */
NORACE(atomic_add_int64)
static void last_writes64(int self)
{
	mine[self] = 1;
	if (atomic_fetch_add(&count64, 1) + 1 == 2)
		mine[!self] = 1;
}
FIRST(norace_atomic_add_int64)
{
	last_writes64(0);
}
SECOND(norace_atomic_add_int64)
{
	last_writes64(1);
}

RACE(atomic_add_int64)
static void first_writes64(int self)
{
	mine[self] = 1; /* race */
	if (atomic_fetch_add(&count64, 1) + 1 == 1)
		mine[!self] = 1; /* race */
}
FIRST(race_atomic_add_int64)
{
	first_writes64(0);
}
SECOND(race_atomic_add_int64)
{
	first_writes64(1);
}

NORACE(atomic_add_int32)
static void last_writes32(int self)
{
	mine[self] = 1;
	if (atomic_fetch_add(&count32, 1) + 1 == 2)
		mine[!self] = 1;
}
FIRST(norace_atomic_add_int32)
{
	last_writes32(0);
}
SECOND(norace_atomic_add_int32)
{
	last_writes32(1);
}

NORACE(atomic_load_add_int32)
LEFT(norace_atomic_load_add_int32)
{
	x = 2;
	atomic_fetch_add(&flag, 1);
}
RIGHT(norace_atomic_load_add_int32)
{
	while (atomic_load(&flag) != 1)
		gd_yield();
	x = 1;
}

NORACE(atomic_load_store_int32)
LEFT(norace_atomic_load_store_int32)
{
	x = 2;
	atomic_store(&flag, 1);
}
RIGHT(norace_atomic_load_store_int32)
{
	while (atomic_load(&flag) != 1)
		gd_yield();
	x = 1;
}

/* The one that fails has seen what the other did before. */
NORACE(atomic_cascas_int32_2)
static void tries_once(int self)
{
	int32_t none = 0;

	mine[self] = 1;
	if (!atomic_compare_exchange_strong(&count32, &none, 1))
		mine[!self] = 1;
}
FIRST(norace_atomic_cascas_int32_2)
{
	tries_once(0);
}
SECOND(norace_atomic_cascas_int32_2)
{
	tries_once(1);
}

NORACE(atomic_load_int64)
LEFT(norace_atomic_load_int64)
{
	x = 2;
	atomic_fetch_add(&count64, 1);
}
RIGHT(norace_atomic_load_int64)
{
	while (atomic_load(&count64) != 1)
		gd_yield();
	x = 1;
}

NORACE(atomic_store_cas_uint64)
LEFT(norace_atomic_store_cas_uint64)
{
	x = 2;
	atomic_store(&word64, 1);
}
RIGHT(norace_atomic_store_cas_uint64)
{
	uint64_t one = 1;

	while (!atomic_compare_exchange_strong(&word64, &one, 0)) {
		one = 1;
		gd_yield();
	}
	x = 1;
}

RACE(atomic_load_store)
FIRST(race_atomic_load_store)
{
	USE(atomic_load(&flag)); /* race */
}
SECOND(race_atomic_load_store)
{
	*(int *)OPAQUE(&flag) = 1; /* race */
}

RACE(atomic_add_store)
FIRST(race_atomic_add_store)
{
	atomic_fetch_add(&flag, 1); /* race */
}
SECOND(race_atomic_add_store)
{
	*(int *)OPAQUE(&flag) = 42; /* race */
}

/* Memory that no allocator knows. */
NORACE(atomic_mmap)
_Atomic uint64_t *mapped;
static void adds_100(void)
{
	for (int i = 0; i < 100; i++)
		atomic_fetch_add(&mapped[3], 2);
}
MAIN(norace_atomic_mmap)
{
	uint64_t expected = 400;

	mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mapped != MAP_FAILED);
	spawn(adds_100);
	adds_100();
	join();
	CHECK_EQ(atomic_load(&mapped[3]), expected);
	CHECK(atomic_compare_exchange_strong(&mapped[3], &expected, 1));
	CHECK_EQ(atomic_exchange(&mapped[3], 7), 1);
	munmap(mapped, 1 << 20);
}

/* Many short goroutines, each with an object of its own. */
NORACE(defer_atomic_store)
struct node_args {
	int depth;
};
static void stores_late(void *object)
{
	atomic_store((atomic_int *)object, 1);
	free(object);
	gd_waitgroup_done(&case_goroutines);
}
static void node(struct node_args *a)
{
	gd_defer(stores_late, calloc(1, 64));
	for (int i = 0; i < 2 && a->depth > 0; i++) {
		gd_waitgroup_add(&case_goroutines, 1);
		gd_go(node, .depth = a->depth - 1);
	}
}
MAIN(norace_defer_atomic_store)
{
	gd_waitgroup_add(&case_goroutines, 1);
	gd_go(node, .depth = 7);
	join();
}

CONFORM_MAIN
