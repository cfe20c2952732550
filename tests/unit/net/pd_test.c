/* link: gdetect */
/*
 * pd_test.c - the state machine of waits, over a fake poller: every order of events, deadlines,
 * closes and waits against a model; generations; turns; errors of the system.
 */
#include "tests/unit/net/fake_poller.h"

#include "runtime/base/atomic.h"

enum { NONE = 1000 }; /* no result yet */

struct waiter {
	int fd;
	enum gd__pd_dir dir;
	int64_t until;
	int result;
	int order;
};

static int order; /* counts results, in the order they came */

struct wait_for_args {
	struct waiter *w;
};

static void wait_for(struct wait_for_args *a)
{
	struct waiter *w = a->w;
	struct gd__pd_use u;
	int r = gd__pd_begin(&u, w->fd, w->dir, w->until);

	if (r == GD_OK) {
		r = gd__pd_wait(&u, w->until);
		gd__pd_end(&u);
	}
	w->order = ++order;
	w->result = r;
}

/* Everybody who can run has had a turn, also where a slice of time ends in between. */
static void let_run(void)
{
	for (int i = 0; i < 10; i++)
		gd_yield();
}

static void begin(struct waiter *w, int fd, enum gd__pd_dir dir, int64_t until)
{
	*w = (struct waiter){ .fd = fd, .dir = dir, .until = until, .result = NONE };
	gd_go(wait_for, .w = w);
	let_run();
}

/* --- the model --- */

struct model {
	bool ready, late, closed, waiting, added;
	int result;
};

/* What action does to the one who waits, and to who comes later. */
static void model_step(struct model *m, char action)
{
	switch (action) {
	case 'W':
		m->result = m->closed ? GD_ECLOSED : m->late ? GD_ETIMEDOUT : GD_OK;
		if (m->result == GD_OK)
			m->added = true;
		if (m->result == GD_OK && !m->ready) {
			m->result = NONE;
			m->waiting = true;
		} else if (m->result == GD_OK) {
			m->ready = false;
		}
		break;
	case 'E':
		if (m->closed || !m->added)
			break;
		if (m->waiting)
			m->result = GD_OK;
		m->ready = !m->waiting;
		m->waiting = false;
		break;
	case 'T':
		m->late = !m->closed;
		if (m->waiting)
			m->result = GD_ETIMEDOUT;
		m->waiting = false;
		break;
	case 'D':
		m->late = false;
		break;
	case 'C':
		m->closed = true;
		if (m->waiting)
			m->result = GD_ECLOSED;
		m->waiting = false;
		break;
	}
}

static void real_step(int fd, enum gd__pd_dir dir, char action, struct waiter *w)
{
	switch (action) {
	case 'W':
		begin(w, fd, dir, GD__FOREVER);
		break;
	case 'E':
		fake_ready(fd, dir == GD__PD_READ, dir == GD__PD_WRITE);
		fake_settle();
		break;
	case 'T':
		gd__pd_set_deadline(fd, dir, gd_now() - 20 * GD_MILLISECOND);
		break;
	case 'D':
		gd__pd_set_deadline(fd, dir, GD__FOREVER);
		break;
	case 'C':
		gd__pd_close(fd);
		break;
	}
	let_run();
}

static void try_sequence(int fd, enum gd__pd_dir dir, const char *sequence)
{
	struct model m = { .result = NONE };
	struct waiter w = { .result = NONE };

	CHECK_EQ(gd__pd_open(fd, GD__PD_STREAM), GD_OK);
	for (const char *a = sequence; *a; a++) {
		if (*a == 'W' && m.waiting)
			continue; /* turns have their own cases */
		model_step(&m, *a);
		real_step(fd, dir, *a, &w);
		if (w.result != m.result) {
			fprintf(stderr, "%s, after %td: result %d, expected %d\n", sequence,
				a - sequence + 1, w.result, m.result);
			CHECK(false);
		}
	}
	gd__pd_close(fd);
	let_run();
}

static void every_order(void *arg)
{
	static const char actions[] = "WETDC";
	char s[5] = "";

	for (int i = 0; i < 5 * 5 * 5 * 5; i++) {
		for (int k = 0, v = i; k < 4; k++, v /= 5)
			s[k] = actions[v % 5];
		try_sequence(10 + i % 7, i & 1 ? GD__PD_READ : GD__PD_WRITE, s);
	}
}

CASE(every_order_of_wait_event_deadline_and_close)
{
	fake_run(every_order);
}

/* --- generations --- */

static void stale(void *arg)
{
	struct waiter w;
	uint64_t old;

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	old = fake.data[7];
	CHECK_EQ(gd__pd_close(7), GD_OK);
	let_run();
	CHECK_EQ(w.result, GD_ECLOSED);
	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	CHECK(fake.data[7] != old);
	fake_event((struct gd__poll_event){ .data = old, .read = true });
	fake_event((struct gd__poll_event){ .data = UINT64_C(5) << 32 | 4000, .read = true });
	fake_settle();
	CHECK_EQ(w.result, NONE);
	fake_ready(7, true, false);
	fake_settle();
	CHECK_EQ(w.result, GD_OK);
}

CASE(an_event_of_another_generation_wakes_nobody)
{
	fake_run(stale);
}

static void taken_over(void *arg)
{
	struct waiter r, r2, w, again;

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&r, 7, GD__PD_READ, GD__FOREVER);
	begin(&r2, 7, GD__PD_READ, GD__FOREVER);
	begin(&w, 7, GD__PD_WRITE, GD__FOREVER);
	/* close(2) behind our back; the kernel gives the number out again */
	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&again, 7, GD__PD_READ, GD__FOREVER);
	CHECK_EQ(r.result, GD_ECLOSED);
	CHECK_EQ(r2.result, GD_ECLOSED);
	CHECK_EQ(w.result, GD_ECLOSED);
	CHECK_EQ(again.result, NONE);
	fake_ready(7, true, true);
	fake_settle();
	CHECK_EQ(again.result, GD_OK);
}

CASE(a_number_given_out_again_ends_the_old_waits)
{
	fake_run(taken_over);
}

/* --- turns --- */

static void turns(void *arg)
{
	struct waiter w[3];

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	for (int i = 0; i < 3; i++)
		begin(&w[i], 7, GD__PD_READ, GD__FOREVER);
	for (int i = 0; i < 3; i++) {
		fake_ready(7, true, false);
		fake_settle();
		CHECK_EQ(w[i].result, GD_OK);
		CHECK_EQ(w[i].order, i + 1);
		CHECK(i == 2 || w[i + 1].result == NONE);
	}
}

CASE(readers_take_turns_in_order)
{
	fake_run(turns);
}

static void late_in_line(void *arg)
{
	struct waiter first, second, third;

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&first, 7, GD__PD_READ, GD__FOREVER);
	begin(&second, 7, GD__PD_READ, gd_now() + GD_MILLISECOND);
	begin(&third, 7, GD__PD_READ, GD__FOREVER);
	while (second.result == NONE)
		gd_sleep(100 * GD_MICROSECOND);
	CHECK_EQ(second.result, GD_ETIMEDOUT);
	CHECK_EQ(first.result, NONE);
	fake_ready(7, true, false);
	fake_settle();
	CHECK_EQ(first.result, GD_OK);
	CHECK_EQ(third.result, NONE);
	CHECK_EQ(gd__pd_close(7), GD_OK);
	let_run();
	CHECK_EQ(third.result, GD_ECLOSED);
}

CASE(a_deadline_takes_one_out_of_the_line)
{
	fake_run(late_in_line);
}

struct hold_args {
	int fd;
	bool *let_go, *closed;
};

static void hold(struct hold_args *a)
{
	struct gd__pd_use u;

	CHECK_EQ(gd__pd_begin(&u, a->fd, GD__PD_WRITE, GD__FOREVER), GD_OK);
	while (!*a->let_go)
		gd_yield();
	CHECK(!*a->closed); /* the kernel could have given the number to somebody else */
	CHECK_EQ(gd__pd_wait(&u, GD__FOREVER), GD_ECLOSED);
	gd__pd_end(&u);
}

struct close_it_args {
	int fd;
	bool *closed;
};

static void close_it(struct close_it_args *a)
{
	CHECK_EQ(gd__pd_close(a->fd), GD_OK);
	*a->closed = true;
}

static void close_waits(void *arg)
{
	bool let_go = false, closed = false;
	struct gd__pd_use u;

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	gd_go(hold, .fd = 7, .let_go = &let_go, .closed = &closed);
	let_run();
	gd_go(close_it, .fd = 7, .closed = &closed);
	let_run();
	CHECK(!closed);
	CHECK_EQ(gd__pd_close(7), GD_ECLOSED); /* who comes second */
	CHECK_EQ(gd__pd_begin(&u, 7, GD__PD_READ, GD__FOREVER), GD_ECLOSED);
	let_go = true;
	let_run();
	CHECK(closed);
}

CASE(a_close_waits_for_the_calls_in_progress)
{
	fake_run(close_waits);
}

/* --- deadlines --- */

static void moved(void *arg)
{
	struct waiter w;
	int64_t start = gd_now();

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	CHECK_EQ(gd__pd_set_deadline(7, GD__PD_READ, start + GD_MILLISECOND), GD_OK);
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	/* later, while it waits: the timer set for the first one does not end it */
	CHECK_EQ(gd__pd_set_deadline(7, GD__PD_READ, start + 30 * GD_MILLISECOND), GD_OK);
	while (w.result == NONE)
		gd_sleep(100 * GD_MICROSECOND);
	CHECK_EQ(w.result, GD_ETIMEDOUT);
	CHECK(gd_now() - start >= 30 * GD_MILLISECOND);

	/* sooner, while it waits with one of its own */
	CHECK_EQ(gd__pd_set_deadline(7, GD__PD_READ, GD__FOREVER), GD_OK);
	begin(&w, 7, GD__PD_READ, gd_now() + 3600 * GD_SECOND);
	CHECK_EQ(gd__pd_set_deadline(7, GD__PD_READ, gd_now() + GD_MILLISECOND), GD_OK);
	while (w.result == NONE)
		gd_sleep(100 * GD_MICROSECOND);
	CHECK_EQ(w.result, GD_ETIMEDOUT);
}

CASE(a_deadline_moves_while_somebody_waits)
{
	fake_run(moved);
}

static void one_timer(void *arg)
{
	const int64_t ahead = 20 * GD_MILLISECOND;
	int64_t start = gd_now(), deadline;
	struct waiter w;

	/* A deadline per wait, each a bit later; the timer fires several times, always too early.
	 */
	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	while (gd_now() - start < 5 * ahead) {
		deadline = gd_now() + ahead;
		CHECK_EQ(gd__pd_set_deadline(7, GD__PD_READ, deadline), GD_OK);
		begin(&w, 7, GD__PD_READ, GD__FOREVER);
		fake_ready(7, true, false);
		fake_settle();
		CHECK(w.result == GD_OK || (w.result == GD_ETIMEDOUT && gd_now() >= deadline));
	}
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	while (w.result == NONE)
		gd_sleep(100 * GD_MICROSECOND);
	CHECK_EQ(w.result, GD_ETIMEDOUT);
}

CASE(a_deadline_that_moves_with_each_wait_still_ends_the_last)
{
	fake_run(one_timer);
}

/* --- errors of the system --- */

static void refusals(void *arg)
{
	struct waiter w;

	fake.open_error = -EMFILE;
	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	CHECK_EQ(w.result, GD_ERRNO(EMFILE));
	fake.add_error = -ENOSPC;
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	CHECK_EQ(w.result, GD_ERRNO(ENOSPC));
	fake.add_error = -ENOMEM;
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	CHECK_EQ(w.result, GD_ENOMEM);
	begin(&w, 7, GD__PD_READ, GD__FOREVER);
	CHECK_EQ(w.result, NONE);
	fake_ready(7, true, false);
	fake_settle();
	CHECK_EQ(w.result, GD_OK);
	CHECK_EQ(fake.opens, 2);
	CHECK_EQ(fake.adds, 3);
	begin(&w, 7, GD__PD_WRITE, GD__FOREVER);
	CHECK_EQ(fake.adds, 3); /* once for both directions */
}

CASE(what_the_system_refuses_is_a_code_and_can_be_tried_again)
{
	fake_run(refusals);
}

static void deadlock(void *arg)
{
	struct waiter w;
	gd_chan_of(int) c = gd_chan_make(__typeof__(c), 0);
	int v;

	CHECK_EQ(gd__pd_open(7, GD__PD_STREAM), GD_OK);
	begin(&w, 7, GD__PD_READ, gd_now() + 20 * GD_MILLISECOND);
	gd_chan_recv(c, &v); /* nobody sends: dead once the deadline has ended the other wait */
}

CASE(a_deadlock_is_found_when_nobody_waits_in_the_poller_any_more)
{
	struct waiter w;
	int status;
	pid_t pid = fork();

	(void)w;
	if (pid == 0) {
		close(2);
		fake_run(deadlock);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 2);
}

UNIT_MAIN
