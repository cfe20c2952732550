/* atomic.h - C11 atomics with the memory order in the name. */
#ifndef GD_RUNTIME_BASE_ATOMIC_H
#define GD_RUNTIME_BASE_ATOMIC_H

#include <stdatomic.h>

#define gd__load_relaxed(p)     atomic_load_explicit((p), memory_order_relaxed)
#define gd__load_acquire(p)     atomic_load_explicit((p), memory_order_acquire)
#define gd__load_seq_cst(p)     atomic_load_explicit((p), memory_order_seq_cst)
#define gd__store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define gd__store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define gd__store_seq_cst(p, v) atomic_store_explicit((p), (v), memory_order_seq_cst)

#define gd__add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define gd__add_acq_rel(p, v) atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define gd__add_seq_cst(p, v) atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
/* A counter that one thread writes and others read: no locked instruction. */
#define gd__count_relaxed(p, v) gd__store_relaxed((p), gd__load_relaxed(p) + (v))
/* The same where the others are signal handlers of that thread: the compiler moves nothing over it.
 */
#define gd__count_signal(p, v)                                                                     \
	do {                                                                                       \
		gd__fence_compiler();                                                              \
		gd__count_relaxed((p), (v));                                                       \
		gd__fence_compiler();                                                              \
	} while (0)
#define gd__or_relaxed(p, v)  atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define gd__and_relaxed(p, v) atomic_fetch_and_explicit((p), (v), memory_order_relaxed)
#define gd__and_release(p, v) atomic_fetch_and_explicit((p), (v), memory_order_release)
#define gd__or_seq_cst(p, v)  atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define gd__and_seq_cst(p, v) atomic_fetch_and_explicit((p), (v), memory_order_seq_cst)

#define gd__swap_relaxed(p, v) atomic_exchange_explicit((p), (v), memory_order_relaxed)
#define gd__swap_acquire(p, v) atomic_exchange_explicit((p), (v), memory_order_acquire)
#define gd__swap_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define gd__swap_seq_cst(p, v) atomic_exchange_explicit((p), (v), memory_order_seq_cst)

/* On failure *old holds the value found, read with the order given last (relaxed by default). */
#define gd__cas_relaxed(p, old, new)                                                               \
	atomic_compare_exchange_strong_explicit((p), (old), (new), memory_order_relaxed,           \
						memory_order_relaxed)
#define gd__cas_acquire(p, old, new)                                                               \
	atomic_compare_exchange_strong_explicit((p), (old), (new), memory_order_acquire,           \
						memory_order_relaxed)
#define gd__cas_release(p, old, new)                                                               \
	atomic_compare_exchange_strong_explicit((p), (old), (new), memory_order_release,           \
						memory_order_relaxed)
#define gd__cas_acq_rel(p, old, new)                                                               \
	atomic_compare_exchange_strong_explicit((p), (old), (new), memory_order_acq_rel,           \
						memory_order_acquire)
#define gd__cas_seq_cst(p, old, new)                                                               \
	atomic_compare_exchange_strong_explicit((p), (old), (new), memory_order_seq_cst,           \
						memory_order_relaxed)

#define gd__fence_seq_cst() atomic_thread_fence(memory_order_seq_cst)
#define gd__fence_acquire() atomic_thread_fence(memory_order_acquire)
#define gd__fence_release() atomic_thread_fence(memory_order_release)
/* For the compiler alone: the other side orders the CPU by gd__os_barrier(). */
#define gd__fence_compiler() atomic_signal_fence(memory_order_seq_cst)

#endif
