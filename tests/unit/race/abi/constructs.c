/*
 * constructs.c - every construct that compilers instrument, on one thread, with its result checked.
 *
 * Built by tests/cli/tsan_abi_test.sh with -fsanitize=thread by each compiler there is, and linked
 * with our archives instead of the compiler's runtime. Exit code 0: all of it linked and worked.
 */
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

__extension__ typedef unsigned __int128 u128;

uint8_t g8;
uint16_t g16;
uint32_t g32;
uint64_t g64;
u128 g128;
volatile uint32_t v32;
struct __attribute__((packed)) odd {
	char c;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	u128 wide;
} odd;
struct bits {
	unsigned a : 3, b : 7, c : 22;
} bits;
struct big {
	char bytes[200];
} big1, big2;

static void scalars(void)
{
	g8++;
	g16 += 2;
	g32 += 3;
	g64 += 4;
	g128 += 5;
	v32 = v32 + 1;
	CHECK(g8 == 1 && g16 == 2 && g32 == 3 && g64 == 4 && g128 == 5 && v32 == 1);
	odd.u16++;
	odd.u32++;
	odd.u64++;
	odd.wide++;
	CHECK(odd.u16 + odd.u32 + odd.u64 + odd.wide == 4);
	bits.b++;
	bits.c--;
	CHECK(bits.a == 0 && bits.b == 1 && bits.c == 0x3fffff);
}

__attribute__((noinline)) static struct big make_big(char c)
{
	struct big b;

	memset(&b, c, sizeof(b));
	return b;
}

static void blocks(char *heap, size_t n)
{
	big1 = make_big('x');
	big2 = big1;
	CHECK(memcmp(&big1, &big2, sizeof(big1)) == 0);
	memset(&big2, 0, sizeof(big2));
	memcpy(heap, &big1, n);
	memmove(heap + 1, heap, n - 1);
	CHECK(heap[0] == 'x' && heap[n - 1] == 'x' && big2.bytes[7] == 0);
	stpcpy(heap, "hello");
	CHECK(strlen(heap) == 5 && strcmp(heap, "hello") == 0 && strchr(heap, 'l') == heap + 2);
}

/* Orders must be constants to the compilers. */
#define ATOMIC_OPS(type, load, store, rmw, cas, fail)                                              \
	do {                                                                                       \
		type x = 5, expected = 6;                                                          \
		type *volatile p = &x;                                                             \
		CHECK(__atomic_load_n(p, load) == 5);                                              \
		__atomic_store_n(p, 6, store);                                                     \
		CHECK(__atomic_exchange_n(p, 12, rmw) == 6);                                       \
		CHECK(__atomic_fetch_add(p, 3, rmw) == 12);                                        \
		CHECK(__atomic_fetch_sub(p, 1, rmw) == 15);                                        \
		CHECK(__atomic_fetch_and(p, 6, rmw) == 14);                                        \
		CHECK(__atomic_fetch_or(p, 9, rmw) == 6);                                          \
		CHECK(__atomic_fetch_xor(p, 3, rmw) == 15);                                        \
		CHECK(__atomic_fetch_nand(p, 4, rmw) == 12);                                       \
		CHECK(x == (type) ~(type)4);                                                       \
		CHECK(!__atomic_compare_exchange_n(p, &expected, 1, false, cas, fail));            \
		CHECK(expected == (type) ~(type)4);                                                \
		while (!__atomic_compare_exchange_n(p, &expected, 9, true, cas, fail))             \
			;                                                                          \
		CHECK(__atomic_add_fetch(p, 1, rmw) == 10);                                        \
		CHECK(__sync_val_compare_and_swap(p, 10, 11) == 10);                               \
	} while (0)

#define ATOMIC_TYPE(type)                                                                          \
	do {                                                                                       \
		ATOMIC_OPS(type, __ATOMIC_RELAXED, __ATOMIC_RELAXED, __ATOMIC_RELAXED,             \
			   __ATOMIC_RELAXED, __ATOMIC_RELAXED);                                    \
		ATOMIC_OPS(type, __ATOMIC_CONSUME, __ATOMIC_RELEASE, __ATOMIC_CONSUME,             \
			   __ATOMIC_CONSUME, __ATOMIC_CONSUME);                                    \
		ATOMIC_OPS(type, __ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE,             \
			   __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);                                    \
		ATOMIC_OPS(type, __ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_RELEASE,             \
			   __ATOMIC_RELEASE, __ATOMIC_RELAXED);                                    \
		ATOMIC_OPS(type, __ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_ACQ_REL,             \
			   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);                                    \
		ATOMIC_OPS(type, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST,             \
			   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                    \
	} while (0)

static void atomics(void)
{
	ATOMIC_TYPE(uint8_t);
	ATOMIC_TYPE(uint16_t);
	ATOMIC_TYPE(uint32_t);
	ATOMIC_TYPE(uint64_t);
	ATOMIC_TYPE(u128);
	atomic_thread_fence(memory_order_acquire);
	atomic_thread_fence(memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	atomic_signal_fence(memory_order_seq_cst);
}

static jmp_buf env;

__attribute__((noinline)) static void leap(int depth)
{
	g32++;
	if (depth == 0)
		_longjmp(env, 1);
	leap(depth - 1);
	g32++;
}

__attribute__((noinline)) static int tail(int n)
{
	g32++;
	return n == 0 ? 7 : tail(n - 1);
}

static void loops(int *a, const int *b, int n)
{
	for (int i = 0; i < n; i++)
		a[i] += b[i];
}

#if defined(__has_feature)
#	if __has_feature(thread_sanitizer)
#		define INTERFACE 1
#	endif
#elif defined(__SANITIZE_THREAD__)
#	define INTERFACE 1
#endif

#ifdef INTERFACE
/* As <sanitizer/tsan_interface.h> declares them; not every package installs it. */
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void __tsan_mutex_create(void *addr, unsigned flags);
void __tsan_mutex_pre_lock(void *addr, unsigned flags);
void __tsan_mutex_post_lock(void *addr, unsigned flags, int recursion);
int __tsan_mutex_pre_unlock(void *addr, unsigned flags);
void __tsan_mutex_post_unlock(void *addr, unsigned flags);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);

static void annotations(void)
{
	void *fiber = __tsan_create_fiber(0);

	__tsan_release(&g8);
	__tsan_acquire(&g8);
	__tsan_mutex_create(&g16, 0);
	__tsan_mutex_pre_lock(&g16, 0);
	__tsan_mutex_post_lock(&g16, 0, 0);
	CHECK(__tsan_mutex_pre_unlock(&g16, 0) == 0);
	__tsan_mutex_post_unlock(&g16, 0);
	CHECK(fiber && fiber != __tsan_get_current_fiber());
	__tsan_destroy_fiber(fiber);
}
#else
#	error "not instrumented"
#endif

int main(void)
{
	static int a[103], b[103];
	char *heap = malloc(128);

	scalars();
	blocks(heap, 128);
	free(heap);
	atomics();
	if (_setjmp(env) == 0)
		leap(5);
	CHECK(tail(10) == 7);
	loops(a + 1, b, 99);
	annotations();
	return 0;
}
