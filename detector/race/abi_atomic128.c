/*
 * abi_atomic128.c - atomic operations of 16 bytes, by cmpxchg16b.
 *
 * All are loops around one compare-and-swap, the load too: it writes back what
 * it found, so the memory must be writable, as with libatomic on older CPUs.
 */
#include "detector/race/abi.h"
#include "detector/race/atomic_sync.h"

typedef gd__u128 u128;

#define OP(a)                                                                                      \
	{                                                                                          \
		gd__race_cur, (uintptr_t)(a), 16, (uintptr_t)__builtin_return_address(0)           \
	}

/* *expected becomes what was found. */
static bool swap_if(volatile u128 *a, u128 *expected, u128 v)
{
	uint64_t lo = (uint64_t)*expected, hi = (uint64_t)(*expected >> 64);
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*a), "+a"(lo), "+d"(hi)
			 : "b"((uint64_t)v), "c"((uint64_t)(v >> 64))
			 : "memory");
	*expected = (u128)hi << 64 | lo;
	return done;
}

static u128 load(const volatile u128 *a)
{
	u128 v = 0;

	swap_if((volatile u128 *)a, &v, 0);
	return v;
}

static u128 pick_exchange(u128 old, u128 v)
{
	return v;
}

static u128 pick_add(u128 old, u128 v)
{
	return old + v;
}

static u128 pick_sub(u128 old, u128 v)
{
	return old - v;
}

static u128 pick_and(u128 old, u128 v)
{
	return old & v;
}

static u128 pick_or(u128 old, u128 v)
{
	return old | v;
}

static u128 pick_xor(u128 old, u128 v)
{
	return old ^ v;
}

static u128 pick_nand(u128 old, u128 v)
{
	return ~(old & v);
}

static GD__ALWAYS_INLINE u128 modify(volatile u128 *a, u128 v, u128 (*f)(u128, u128))
{
	u128 old = load(a);

	while (!swap_if(a, &old, f(old, v)))
		;
	return old;
}

u128 __tsan_atomic128_load(const volatile u128 *a, int order)
{
	const struct gd__atomic_op op = OP(a);
	u128 v = load(a);

	if (!op.g)
		return v;
	struct gd__syncobj *o = gd__atomic_lock_load(&op, order);

	if (o)
		v = load(a);
	gd__atomic_loaded(&op, o, order);
	return v;
}

void __tsan_atomic128_store(volatile u128 *a, u128 v, int order)
{
	const struct gd__atomic_op op = OP(a);
	struct gd__syncobj *o = op.g ? gd__atomic_lock(&op, order) : NULL;

	modify(a, v, pick_exchange);
	if (op.g)
		gd__atomic_stored(&op, o, order);
}

#define MODIFY(name, f)                                                                            \
	u128 __tsan_atomic128_##name(volatile u128 *a, u128 v, int order)                          \
	{                                                                                          \
		const struct gd__atomic_op op = OP(a);                                             \
		struct gd__syncobj *o = op.g ? gd__atomic_lock(&op, order) : NULL;                 \
		u128 old = modify(a, v, f);                                                        \
                                                                                                   \
		if (op.g)                                                                          \
			gd__atomic_modified(&op, o, order);                                        \
		return old;                                                                        \
	}

MODIFY(exchange, pick_exchange)
MODIFY(fetch_add, pick_add)
MODIFY(fetch_sub, pick_sub)
MODIFY(fetch_and, pick_and)
MODIFY(fetch_or, pick_or)
MODIFY(fetch_xor, pick_xor)
MODIFY(fetch_nand, pick_nand)

static bool cas(const struct gd__atomic_op *op, volatile u128 *a, u128 *expected, u128 v, int order,
		int failure)
{
	struct gd__syncobj *o = op->g ? gd__atomic_lock(op, order) : NULL;
	bool done = swap_if(a, expected, v);

	if (op->g && done)
		gd__atomic_modified(op, o, order);
	else if (op->g)
		gd__atomic_loaded(op, o ? o : gd__atomic_lock_load(op, failure), failure);
	return done;
}

int __tsan_atomic128_compare_exchange_strong(volatile u128 *a, u128 *expected, u128 v, int order,
					     int failure)
{
	const struct gd__atomic_op op = OP(a);

	return cas(&op, a, expected, v, order, failure);
}

int __tsan_atomic128_compare_exchange_weak(volatile u128 *a, u128 *expected, u128 v, int order,
					   int failure)
{
	const struct gd__atomic_op op = OP(a);

	return cas(&op, a, expected, v, order, failure);
}

u128 __tsan_atomic128_compare_exchange_val(volatile u128 *a, u128 expected, u128 v, int order,
					   int failure)
{
	const struct gd__atomic_op op = OP(a);

	cas(&op, a, &expected, v, order, failure);
	return expected;
}
