/*
 * abi_atomic.c - the calls that -fsanitize=thread makes of atomic operations of 1 to 8 bytes.
 *
 * Each does the operation itself, always with seq_cst: on x86-64 it costs no
 * more but for stores, which are done as asked. The edges are in atomic_sync.c.
 */
#include "detector/race/abi.h"
#include "detector/race/atomic_sync.h"

#define OP(n, a)                                                                                   \
	{                                                                                          \
		gd__race_cur, (uintptr_t)(a), (n) / 8, (uintptr_t)__builtin_return_address(0)      \
	}

/* A loop that waits for another goroutine by looking at an atomic must let it run. */
#define SAFE_POINT()                                                                               \
	do {                                                                                       \
		if (gd__unlikely(gd__race_preempted()))                                            \
			gd__preempt_here();                                                        \
	} while (0)

#define LOAD(n, type)                                                                              \
	type __tsan_atomic##n##_load(const volatile type *a, int order)                            \
	{                                                                                          \
		SAFE_POINT();                                                                      \
		const struct gd__atomic_op op = OP(n, a);                                          \
		type v = __atomic_load_n(a, __ATOMIC_SEQ_CST);                                     \
		struct gd__syncobj *o;                                                             \
                                                                                                   \
		if (!op.g)                                                                         \
			return v;                                                                  \
		o = gd__atomic_lock_load(&op, order);                                              \
		if (o)                                                                             \
			v = __atomic_load_n(a, __ATOMIC_SEQ_CST);                                  \
		gd__atomic_loaded(&op, o, order);                                                  \
		return v;                                                                          \
	}

#define STORE(n, type)                                                                             \
	static void store##n(volatile type *a, type v, int order)                                  \
	{                                                                                          \
		if ((order & GD__ORDER_MASK) == GD__SEQ_CST)                                       \
			__atomic_store_n(a, v, __ATOMIC_SEQ_CST);                                  \
		else                                                                               \
			__atomic_store_n(a, v, __ATOMIC_RELEASE);                                  \
	}                                                                                          \
	void __tsan_atomic##n##_store(volatile type *a, type v, int order)                         \
	{                                                                                          \
		SAFE_POINT();                                                                      \
		const struct gd__atomic_op op = OP(n, a);                                          \
		struct gd__syncobj *o;                                                             \
                                                                                                   \
		if (!op.g) {                                                                       \
			store##n(a, v, order);                                                     \
			return;                                                                    \
		}                                                                                  \
		o = gd__atomic_lock(&op, order);                                                   \
		store##n(a, v, order);                                                             \
		gd__atomic_stored(&op, o, order);                                                  \
	}

#define MODIFY(n, type, name, operation)                                                           \
	type __tsan_atomic##n##_##name(volatile type *a, type v, int order)                        \
	{                                                                                          \
		SAFE_POINT();                                                                      \
		const struct gd__atomic_op op = OP(n, a);                                          \
		struct gd__syncobj *o;                                                             \
		type old;                                                                          \
                                                                                                   \
		if (!op.g)                                                                         \
			return operation(a, v, __ATOMIC_SEQ_CST);                                  \
		o = gd__atomic_lock(&op, order);                                                   \
		old = operation(a, v, __ATOMIC_SEQ_CST);                                           \
		gd__atomic_modified(&op, o, order);                                                \
		return old;                                                                        \
	}

/* A compare-and-swap that fails is a load. */
#define CAS(n, type)                                                                               \
	static bool cas##n(const struct gd__atomic_op *op, volatile type *a, type *expected,       \
			   type v, int order, int failure)                                         \
	{                                                                                          \
		struct gd__syncobj *o = op->g ? gd__atomic_lock(op, order) : NULL;                 \
		bool done = __atomic_compare_exchange_n(a, expected, v, false, __ATOMIC_SEQ_CST,   \
							__ATOMIC_SEQ_CST);                         \
                                                                                                   \
		if (op->g && done)                                                                 \
			gd__atomic_modified(op, o, order);                                         \
		else if (op->g)                                                                    \
			gd__atomic_loaded(op, o ? o : gd__atomic_lock_load(op, failure), failure); \
		return done;                                                                       \
	}                                                                                          \
	int __tsan_atomic##n##_compare_exchange_strong(volatile type *a, type *expected, type v,   \
						       int order, int failure)                     \
	{                                                                                          \
		SAFE_POINT();                                                                      \
		const struct gd__atomic_op op = OP(n, a);                                          \
                                                                                                   \
		return cas##n(&op, a, expected, v, order, failure);                                \
	}                                                                                          \
	int __tsan_atomic##n##_compare_exchange_weak(volatile type *a, type *expected, type v,     \
						     int order, int failure)                       \
	{                                                                                          \
		SAFE_POINT();                                                                      \
		const struct gd__atomic_op op = OP(n, a);                                          \
                                                                                                   \
		return cas##n(&op, a, expected, v, order, failure);                                \
	}                                                                                          \
	type __tsan_atomic##n##_compare_exchange_val(volatile type *a, type expected, type v,      \
						     int order, int failure)                       \
	{                                                                                          \
		SAFE_POINT();                                                                      \
		const struct gd__atomic_op op = OP(n, a);                                          \
                                                                                                   \
		cas##n(&op, a, &expected, v, order, failure);                                      \
		return expected;                                                                   \
	}

#define ATOMICS(n, type)                                                                           \
	LOAD(n, type)                                                                              \
	STORE(n, type)                                                                             \
	MODIFY(n, type, exchange, __atomic_exchange_n)                                             \
	MODIFY(n, type, fetch_add, __atomic_fetch_add)                                             \
	MODIFY(n, type, fetch_sub, __atomic_fetch_sub)                                             \
	MODIFY(n, type, fetch_and, __atomic_fetch_and)                                             \
	MODIFY(n, type, fetch_or, __atomic_fetch_or)                                               \
	MODIFY(n, type, fetch_xor, __atomic_fetch_xor)                                             \
	MODIFY(n, type, fetch_nand, __atomic_fetch_nand)                                           \
	CAS(n, type)

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)
