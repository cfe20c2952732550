/* go_start.c - starting goroutines, their stacks, the heap between them. */
#include "tests/conformance/race/race_case.h"

#include <stdatomic.h>

int x;

static void set_up(void)
{
}

/* Several levels of goroutines write; each side comes with its own creation. */
RACE(announce_threads)
struct level_args {
	int depth;
};
static void level(struct level_args *a)
{
	if (a->depth > 0) {
		gd_waitgroup_add(&case_goroutines, 1);
		gd_go(level, .depth = a->depth - 1); /* expect: #0 level .*go_start\.c:@LINE */
	} else {
		x = 1; /* race */
		DONE();
	}
	gd_waitgroup_done(&case_goroutines);
}
MAIN(race_announce_threads)
{
	gd_waitgroup_add(&case_goroutines, 1);
	gd_go(level, .depth = 3);
	AFTER(1);
	x = 2; /* race */
	join();
}

RACE(goroutine_creation_stack)
static void writes_at_last(void *unused)
{
	x = 1; /* race */
	DONE();
}
static NOINLINE void starts_fourth(void *unused)
{
	gd_go_fn(writes_at_last, NULL); /* expect: #0 starts_fourth .*go_start\.c:@LINE */
	__asm__ volatile("");
}
static NOINLINE void starts_third(void *unused)
{
	gd_go_fn(starts_fourth, NULL);
	__asm__ volatile("");
}
static NOINLINE void starts_second(void *unused)
{
	gd_go_fn(starts_third, NULL);
	__asm__ volatile("");
}
MAIN(race_goroutine_creation_stack)
{
	gd_go_fn(starts_second, NULL);
	AFTER(1);
	x = 2; /* race */
}

/* The creator's past is the new goroutine's; its end is nobody's. */
NORACE(start)
static void adds_one(void)
{
	x++;
}
MAIN(norace_start)
{
	x = 1;
	spawn(adds_one);
	join();
	x++;
	CHECK_EQ(x, 3);
}

RACE(end)
static void writes_and_ends(void *unused)
{
	x = 1; /* race */
}
MAIN(race_end)
{
	gd_go_fn(writes_and_ends, NULL);
	while (gd_go_count() > 1)
		gd_yield();
	x = 2; /* race */
}

/* Long after: 20,000 goroutines have come and gone, each with its id. */
RACE(after_many_goroutines)
static void does_nothing(void *unused)
{
}
static void writes_early(void *unused)
{
	x = 1; /* race */
	DONE();
}
MAIN(race_after_many_goroutines)
{
	gd_go_fn(writes_early, NULL);
	AFTER(1);
	for (int i = 0; i < 20000; i++) {
		gd_go_fn(does_nothing, NULL);
		if (i % 100 == 0)
			gd_yield();
	}
	x = 2; /* race */
}

/* Blocks are freed and had again by others at the same address. */
NORACE(heap_reallocation)
static void allocates_and_writes(void)
{
	for (int i = 0; i < 1000; i++) {
		int *p = malloc(32);

		p[7] = i;
		USE(p[7]);
		free(p);
		gd_yield();
	}
}
MAIN(norace_heap_reallocation)
{
	for (int i = 0; i < 8; i++)
		spawn(allocates_and_writes);
	join();
}

/* Objects of one byte share a cell of the shadow, and race only with themselves. */
NORACE(tiny_alloc)
enum { TINY = 100000 };
static void allocates_bytes(void)
{
	char *last = NULL;

	for (int i = 0; i < TINY; i++) {
		char *c = malloc(1);

		*c = (char)i;
		free(last);
		last = c;
	}
	free(last);
}
MAIN(norace_tiny_alloc)
{
	for (int i = 0; i < 4; i++)
		spawn(allocates_bytes);
	join();
}

/* Neighbouring bytes, each one goroutine's. */
NORACE(neighbour_bytes)
char bytes[8];
atomic_int next_byte;
static void writes_own_byte(void)
{
	int own = atomic_fetch_add_explicit(&next_byte, 1, memory_order_relaxed);

	for (int i = 0; i < 100; i++) {
		bytes[own]++;
		gd_yield();
	}
}
MAIN(norace_neighbour_bytes)
{
	for (int i = 0; i < 8; i++)
		spawn(writes_own_byte);
	join();
}

/* Goroutines are not run in the order of their start, also on one P. */
NORACE(random_scheduling)
int order[10];
atomic_int place;
struct noted_args {
	int index;
};
static void noted(struct noted_args *a)
{
	order[atomic_fetch_add(&place, 1)] = a->index;
	gd_waitgroup_done(&case_goroutines);
}
MAIN(norace_random_scheduling)
{
	int seen[10], same = 0, rounds = 30;

	for (int round = 0; round < rounds; round++) {
		atomic_store(&place, 0);
		gd_waitgroup_add(&case_goroutines, 10);
		for (int i = 0; i < 10; i++)
			gd_go(noted, .index = i);
		join();
		if (round == 0)
			memcpy(seen, order, sizeof(seen));
		same += memcmp(seen, order, sizeof(seen)) == 0;
	}
	CHECK(same < rounds);
}

/* A request that is changed in a goroutine, with the repair: a copy. */
RACE(request_changed)
struct request {
	int id, saved;
};
struct save_args {
	struct request *request;
};
static void save(struct save_args *a)
{
	a->request->id += 1000; /* race */
	DONE();
}
MAIN(race_request_changed)
{
	struct request *r = calloc(1, sizeof(*r)); /* expect: heap block of size 8 */

	gd_go(save, .request = r);
	AFTER(1);
	r->id = 2; /* race */
	ESCAPE(r);
	free(r);
}

NORACE(request_copied)
struct save_copy_args {
	struct request request;
};
static void save_copy(struct save_copy_args *a)
{
	a->request.id += 1000;
	DONE();
}
MAIN(norace_request_copied)
{
	struct request r = { 1, 0 };

	gd_go(save_copy, .request = r);
	AFTER(1);
	r.id = 2;
	ESCAPE(&r);
}

/* Accounts: read, add, write by all; and one goroutine that owns the balance. */
RACE(simple_account)
struct account {
	int balance;
};
struct account account;
static NOINLINE void deposit(struct account *a, int amount)
{
	a->balance += amount; /* race */
}
static void customer(void)
{
	for (int i = 0; i < 10; i++)
		deposit(&account, 1);
	DONE();
}
static void late_customer(void)
{
	AFTER(1);
	customer();
}
MAIN(race_simple_account)
{
	spawn(customer);
	spawn(late_customer);
	join();
}

NORACE(concurrent_account)
typedef gd_chan_of(int) int_chan;
typedef gd_chan_of(int_chan) question_chan;
int_chan changes;
question_chan questions;
static void owns_balance(void)
{
	int_chan answer;
	int balance = 0, amount, open = 1;

	while (open)
		switch (gd_select(GD_RECV(changes, &amount), GD_RECV(questions, &answer))) {
		case 0:
			balance += amount;
			break;
		case 1:
			gd_chan_send(answer, balance);
			open = 0;
		}
}
static void deposits(void)
{
	for (int i = 0; i < 10; i++)
		gd_chan_send(changes, 1);
	DONE();
}
MAIN(norace_concurrent_account)
{
	int_chan answer = gd_chan_make(int_chan, 0);
	int balance = 0;

	changes = gd_chan_make(int_chan, 0);
	questions = gd_chan_make(question_chan, 0);
	spawn(owns_balance);
	spawn(deposits);
	deposits();
	AFTER(2);
	gd_chan_send(questions, answer);
	gd_chan_recv(answer, &balance);
	CHECK_EQ(balance, 20);
	join();
}

/* First(): the results of the slow ones go to a buffer that nobody reads. */
NORACE(first)
int replicas[3];
struct search_args {
	int replica;
	int_chan out;
};
static void search(struct search_args *a)
{
	replicas[a->replica] = 1;
	gd_chan_send(a->out, a->replica);
	gd_waitgroup_done(&case_goroutines);
}
MAIN(norace_first)
{
	int_chan c = gd_chan_make(int_chan, 3);
	int first = -1;

	gd_waitgroup_add(&case_goroutines, 3);
	for (int i = 0; i < 3; i++)
		gd_go(search, .replica = i, .out = c);
	gd_chan_recv(c, &first);
	CHECK_EQ(replicas[first], 1);
	join();
	gd_chan_unref(c);
}

/* First() that also looks at what the slow ones write. */
RACE(first_reads_others)
struct slow_args {
	int replica;
	int_chan out;
};
static void slow(struct slow_args *a)
{
	AFTER((uint32_t)a->replica);
	replicas[a->replica] = 1; /* race */
	gd_chan_send(a->out, a->replica);
	DONE();
}
MAIN(race_first_reads_others)
{
	int_chan c = gd_chan_make(int_chan, 2);
	int first = -1;

	for (int i = 0; i < 2; i++)
		gd_go(slow, .replica = i, .out = c);
	AFTER(2);
	gd_chan_recv(c, &first);
	CHECK_EQ(first, 0);
	USE(replicas[0] + replicas[1]); /* race */
}

CONFORM_MAIN
