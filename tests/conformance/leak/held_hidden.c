/*
 * held_hidden.c - the only pointer to what a goroutine waits for is where only C programs keep
 * pointers: mappings of their own, allocators in them, the kernel, beside tags.
 */
#include "tests/conformance/leak/held.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

static void *map(size_t n, int flags)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* An arena of the program's own, of which only a global tells; the waiter's struct lies in it. */
NOLEAK(mapped_arena)
struct arena {
	char *at;
	char *memory;
} arena;
static void *arena_get(size_t n)
{
	void *p = arena.at;

	arena.at += n;
	return p;
}
MAIN(noleak_mapped_arena)
{
	arena.memory = arena.at = map(1 << 20, MAP_PRIVATE);
	arena_get(5000);
	gd_chan **p = arena_get(64);

	p[7] = waited_for();
	settle();
}

/* Nobody points to the mapping: its address is computed. */
NOLEAK(mapped_at_fixed_address)
MAIN(noleak_mapped_at_fixed_address)
{
	uintptr_t at = UINT64_C(0x123450000000);
	gd_chan **p = mmap((void *)at, 1 << 20, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	CHECK((uintptr_t)p == at);
	p[100000] = waited_for();
	settle();
}

NOLEAK(mapped_shared)
MAIN(noleak_mapped_shared)
{
	gd_chan **p = map(1 << 16, MAP_SHARED);

	p[8191] = waited_for();
	settle();
}

NOLEAK(mapped_then_moved)
MAIN(noleak_mapped_then_moved)
{
	gd_chan **p = map(1 << 16, MAP_PRIVATE), *waiting = waited_for();

	map(1 << 16, MAP_PRIVATE);
	p[5] = waiting;
	gd_chan **q = mremap(p, 1 << 16, 1 << 26, MREMAP_MAYMOVE);

	CHECK(q != MAP_FAILED && q[5] == waiting);
	settle();
}

/* A big reservation, hardly touched, of which the middle is given back. */
NOLEAK(mapped_sparsely)
MAIN(noleak_mapped_sparsely)
{
	size_t big = (size_t)16 << 30;
	char *p = mmap(NULL, big, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_EQ(munmap(p + big / 2, 1 << 20), 0);
	CHECK_EQ(mprotect(p + big - 8192, 8192, PROT_READ | PROT_WRITE), 0);
	((gd_chan **)(p + big))[-1] = waited_for();
	settle();
}

/* What was in it is gone with it. */
LEAK(unmapped)
static void waits_for_unmapped(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL); /* leak: chan receive; nothing that can still run reaches */
}
MAIN(leak_unmapped)
{
	char *p = map(1 << 16, MAP_PRIVATE);
	int_chan c = gd_chan_make(int_chan, 0);

	((gd_chan **)p)[512] = c.raw;
	gd_go_fn(waits_for_unmapped, c.raw);
	settle();
	CHECK_EQ(munmap(p + 4096, 4096), 0);
}

/* An allocator inside of a block of malloc. */
NOLEAK(allocator_in_a_block)
MAIN(noleak_allocator_in_a_block)
{
	arena.memory = malloc(1 << 20);
	arena.at = arena.memory + 3000;
	gd_chan **p = arena_get(64);

	p[1] = waited_for();
	arena.memory += 7; /* from a pointer to the inside of the block */
	arena.at = NULL;
	settle();
}

NOLEAK(every_allocation)
gd_chan **hidden_block[10]; /* not static: what is never read is dropped */
static gd_chan **keep(int i, void *p, size_t n)
{
	CHECK(p != NULL);
	memset(p, 0, n);
	hidden_block[i] = p;
	return (gd_chan **)p + n / sizeof(gd_chan *) - 1;
}
MAIN(noleak_every_allocation)
{
	void *p;

	*keep(0, memalign(512, 1000), 1000) = waited_for();
	CHECK_EQ(posix_memalign(&p, 64, 200), 0);
	*keep(1, p, 200) = waited_for();
	*keep(2, valloc(100), 96) = waited_for();
	*keep(3, pvalloc(100), 4096) = waited_for();
	*keep(4, reallocarray(NULL, 10, 24), 240) = waited_for();
	*keep(5, reallocarray(malloc(8), 100, 24), 2400) = waited_for();
	*keep(6, aligned_alloc(4096, 8192), 8192) = waited_for();
	*keep(7, calloc(3, 8), 24) = waited_for();
	settle();
}

/* A flag in the pointer's low bits. */
NOLEAK(low_tag)
static volatile uintptr_t tagged;
MAIN(noleak_low_tag)
{
	tagged = (uintptr_t)waited_for() | 7;
	settle();
}

/* A count of changes in the upper 16 bits, as lock-free stacks have it; or a boxed number. */
NOLEAK(high_tag)
MAIN(noleak_high_tag)
{
	tagged = (uintptr_t)waited_for() | (uintptr_t)0xfff9 << 48;
	settle();
}

/* The kernel has it, and gives it back with the event. */
NOLEAK(epoll_data)
static void serves_events(void *arg)
{
	struct epoll_event e;

	barrier_post(&ready);
	CHECK_EQ(gd_syscall(epoll_wait(*(int *)arg, &e, 1, 3600 * 1000)), 1);
	gd_chan_close_raw(e.data.ptr);
}
MAIN(noleak_epoll_data)
{
	static int ep;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = waited_for() };

	settle_n(1);
	ep = epoll_create1(0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, eventfd(0, 0), &e), 0);
	memset(&e, 0, sizeof(e));
	gd_go_fn(serves_events, &ep);
	barrier_await_go(&ready, 1);
}

LEAK(epoll_data_deleted)
static void waits_for_event(void *arg)
{
	int_chan c = { .raw = arg };

	gd_chan_recv(c, NULL); /* leak: chan receive */
}
MAIN(leak_epoll_data_deleted)
{
	int_chan c = gd_chan_make(int_chan, 0);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c.raw };
	int ep = epoll_create1(0), fd = eventfd(0, 0);

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	gd_go_fn(waits_for_event, c.raw);
	settle();
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), 0);
}

NOLEAK(timer_value)
static void on_timer(int sig, siginfo_t *info, void *context)
{
}
MAIN(noleak_timer_value)
{
	struct sigaction action = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	struct itimerspec hour = { .it_value.tv_sec = 3600 };
	timer_t t;

	event.sigev_value.sival_ptr = waited_for();
	CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &t), 0);
	CHECK_EQ(timer_settime(t, 0, &hour, NULL), 0);
	memset(&event, 0, sizeof(event));
	settle();
}

CONFORM_MAIN
