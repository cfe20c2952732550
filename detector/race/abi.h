/*
 * abi.h - what compilers and tsan_interface.h call: every __tsan_* name that gcc 12's and clang
 * 14 to 19's own runtimes export (tests/unit/race/tsan_symbols.txt).
 */
#ifndef GD_DETECTOR_RACE_ABI_H
#define GD_DETECTOR_RACE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 gd__u128;

/* Accesses: abi_access.c. */
#define GD__ABI_ACCESS(n)                                                                          \
	void __tsan_read##n(void *p);                                                              \
	void __tsan_write##n(void *p);                                                             \
	void __tsan_read##n##_pc(void *p, void *pc);                                               \
	void __tsan_write##n##_pc(void *p, void *pc);                                              \
	void __tsan_volatile_read##n(void *p);                                                     \
	void __tsan_volatile_write##n(void *p);                                                    \
	void __tsan_read_write##n(void *p);
#define GD__ABI_UNALIGNED(n)                                                                       \
	void __tsan_unaligned_read##n(const void *p);                                              \
	void __tsan_unaligned_write##n(void *p);                                                   \
	void __tsan_unaligned_volatile_read##n(const void *p);                                     \
	void __tsan_unaligned_volatile_write##n(void *p);                                          \
	void __tsan_unaligned_read_write##n(void *p);
GD__ABI_ACCESS(1)
GD__ABI_ACCESS(2)
GD__ABI_ACCESS(4)
GD__ABI_ACCESS(8)
GD__ABI_ACCESS(16)
GD__ABI_UNALIGNED(2)
GD__ABI_UNALIGNED(4)
GD__ABI_UNALIGNED(8)
GD__ABI_UNALIGNED(16)
void __tsan_read_range(void *p, unsigned long n);
void __tsan_write_range(void *p, unsigned long n);
void __tsan_read_range_pc(void *p, unsigned long n, void *pc);
void __tsan_write_range_pc(void *p, unsigned long n, void *pc);
void __tsan_vptr_update(void **vptr, void *value);
void __tsan_vptr_read(void **vptr);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);

/* Atomics: abi_atomic.c, abi_atomic128.c, abi_fence.c. The return value is the old one. */
#define GD__ABI_MODIFY(n, type, name)                                                              \
	type __tsan_atomic##n##_##name(volatile type *a, type v, int order);
#define GD__ABI_CAS(n, type, name)                                                                 \
	int __tsan_atomic##n##_compare_exchange_##name(volatile type *a, type *expected, type v,   \
						       int order, int failure);
#define GD__ABI_ATOMIC(n, type)                                                                    \
	type __tsan_atomic##n##_load(const volatile type *a, int order);                           \
	void __tsan_atomic##n##_store(volatile type *a, type v, int order);                        \
	GD__ABI_MODIFY(n, type, exchange)                                                          \
	GD__ABI_MODIFY(n, type, fetch_add)                                                         \
	GD__ABI_MODIFY(n, type, fetch_sub)                                                         \
	GD__ABI_MODIFY(n, type, fetch_and)                                                         \
	GD__ABI_MODIFY(n, type, fetch_or)                                                          \
	GD__ABI_MODIFY(n, type, fetch_xor)                                                         \
	GD__ABI_MODIFY(n, type, fetch_nand)                                                        \
	GD__ABI_CAS(n, type, strong)                                                               \
	GD__ABI_CAS(n, type, weak)                                                                 \
	type __tsan_atomic##n##_compare_exchange_val(volatile type *a, type expected, type v,      \
						     int order, int failure);
GD__ABI_ATOMIC(8, uint8_t)
GD__ABI_ATOMIC(16, uint16_t)
GD__ABI_ATOMIC(32, uint32_t)
GD__ABI_ATOMIC(64, uint64_t)
GD__ABI_ATOMIC(128, gd__u128)
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

/* Start: abi_init.c. */
void __tsan_init(void);

/* Memory and annotations: abi_misc.c. */
void *__tsan_memcpy(void *dst, const void *src, size_t n);
void *__tsan_memmove(void *dst, const void *src, size_t n);
void *__tsan_memset(void *dst, int c, size_t n);
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void __tsan_mutex_create(void *addr, unsigned flags);
void __tsan_mutex_destroy(void *addr, unsigned flags);
void __tsan_mutex_pre_lock(void *addr, unsigned flags);
void __tsan_mutex_post_lock(void *addr, unsigned flags, int recursion);
int __tsan_mutex_pre_unlock(void *addr, unsigned flags);
void __tsan_mutex_post_unlock(void *addr, unsigned flags);
void __tsan_mutex_pre_signal(void *addr, unsigned flags);
void __tsan_mutex_post_signal(void *addr, unsigned flags);
void __tsan_mutex_pre_divert(void *addr, unsigned flags);
void __tsan_mutex_post_divert(void *addr, unsigned flags);
void __tsan_check_no_mutexes_held(void);
void __tsan_on_thread_idle(void);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_set_fiber_name(void *fiber, const char *name);
void *__tsan_external_register_tag(const char *object_type);
void __tsan_external_register_header(void *tag, const char *header);
void __tsan_external_assign_tag(void *addr, void *tag);
void __tsan_external_read(void *addr, void *caller_pc, void *tag);
void __tsan_external_write(void *addr, void *caller_pc, void *tag);
void __tsan_setjmp(uintptr_t sp);
void __tsan_testonly_barrier_init(uint64_t *barrier, unsigned count);
void __tsan_testonly_barrier_wait(uint64_t *barrier);
size_t __tsan_testonly_shadow_stack_current_size(void);
void __tsan_flush_memory(void);
void __tsan_resume(void);
void __tsan_test_only_on_fork(void);
void *__tsan_thread_start_func(void *arg);
void __tsan_stack_initialization(void);
void __tsan_tls_initialization(void);

/* Managed heaps: abi_java.c. */
void __tsan_java_init(uintptr_t heap, uintptr_t size);
int __tsan_java_fini(void);
void __tsan_java_alloc(uintptr_t p, uintptr_t n);
void __tsan_java_free(uintptr_t p, uintptr_t n);
void __tsan_java_move(uintptr_t src, uintptr_t dst, uintptr_t n);
uintptr_t __tsan_java_find(uintptr_t *from, uintptr_t to);
void __tsan_java_finalize(void);
void __tsan_java_mutex_lock(uintptr_t addr);
void __tsan_java_mutex_unlock(uintptr_t addr);
void __tsan_java_mutex_read_lock(uintptr_t addr);
void __tsan_java_mutex_read_unlock(uintptr_t addr);
void __tsan_java_mutex_lock_rec(uintptr_t addr, int depth);
int __tsan_java_mutex_unlock_rec(uintptr_t addr);
void __tsan_java_acquire(uintptr_t addr);
void __tsan_java_release(uintptr_t addr);
void __tsan_java_release_store(uintptr_t addr);

/* The report, seen by a program that defines __tsan_on_report: abi_report.c. */
void __tsan_on_report(void *report);
const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);
void *__tsan_get_current_report(void);
int __tsan_get_report_data(void *report, const char **description, int *count, int *stacks,
			   int *mops, int *locs, int *mutexes, int *threads, int *tids,
			   void **sleep_trace, unsigned long n);
int __tsan_get_report_tag(void *report, uintptr_t *tag);
int __tsan_get_report_stack(void *report, unsigned long i, void **trace, unsigned long n);
int __tsan_get_report_mop(void *report, unsigned long i, int *tid, void **addr, int *size,
			  int *write, int *atomic, void **trace, unsigned long n);
int __tsan_get_report_loc(void *report, unsigned long i, const char **type, void **addr,
			  uintptr_t *start, unsigned long *size, int *tid, int *fd,
			  int *suppressable, void **trace, unsigned long n);
int __tsan_get_report_loc_object_type(void *report, unsigned long i, const char **type);
int __tsan_get_report_mutex(void *report, unsigned long i, unsigned long *id, void **addr,
			    int *destroyed, void **trace, unsigned long n);
int __tsan_get_report_thread(void *report, unsigned long i, int *tid, uint64_t *os_id, int *running,
			     const char **name, int *parent, void **trace, unsigned long n);
int __tsan_get_report_unique_tid(void *report, unsigned long i, int *tid);
const char *__tsan_locate_address(uintptr_t addr, char *name, size_t name_size, uintptr_t *start,
				  uintptr_t *size);
int __tsan_get_alloc_stack(uintptr_t addr, uintptr_t *trace, size_t n, int *thread,
			   uint64_t *os_id);
int __tsan_symbolize_external(void *pc, char *func, size_t func_size, char *file, size_t file_size,
			      int *line, int *column);
void __tsan_symbolize_external_ex(uintptr_t pc,
				  void (*add)(void *, const char *, const char *, int, int),
				  void *ctx);

#endif
