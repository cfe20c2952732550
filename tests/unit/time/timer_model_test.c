/* link: gdetect */
/*
 * timer_model_test.c - the timer heaps against a model, with the clock in hand: every short
 * sequence of starts, restarts, stops and moves of the clock over three timers, and long ones by
 * chance. What each call returns, which timers fire, at what time, in which order, and the earliest
 * deadline must agree after each step.
 *
 * No two deadlines are equal, so there is one right order where one heap has all timers: with one
 * P, or if a thread without a P sets them.
 */
#include "runtime/time/timer.h"

#include <pthread.h>
#include <time.h>

#include "tests/unit/sync/goroutines.h"
#include "tests/unit/time/helper.h"

enum { TIMERS = 3, LOG = 4096, UNIT = 1000 };

/* What a fire does besides being noted. */
enum behaviour {
	PLAIN,
	FIRST_STOPS_SECOND,
	SECOND_STARTS_FIRST,
	THIRD_RESTARTS_ITSELF,
	BEHAVIOURS
};

struct entry {
	int timer;
	int64_t now;
};

/* Which P a call is made on: the caller's, or where the helper happens to be. */
static struct {
	enum behaviour behaviour;
	bool one_heap;
	bool helped;
} way;

/* --- the model --- */

static struct {
	bool pending[TIMERS];
	int64_t when[TIMERS], period[TIMERS], now;
	struct entry log[LOG];
	int n;
} model;

static int model_first(void)
{
	int first = -1;

	for (int i = 0; i < TIMERS; i++)
		if (model.pending[i] && (first < 0 || model.when[i] < model.when[first]))
			first = i;
	return first;
}

static bool model_start(int i, int64_t when, int64_t period)
{
	bool was = model.pending[i];

	model.pending[i] = true;
	model.when[i] = when;
	model.period[i] = period;
	return was;
}

static bool model_stop(int i)
{
	bool was = model.pending[i];

	model.pending[i] = false;
	return was;
}

static void model_fire(int i)
{
	model.log[model.n++] = (struct entry){ i, model.now };
	model.pending[i] = model.period[i] > 0;
	while (model.pending[i] && model.when[i] <= model.now)
		model.when[i] += model.period[i];
	if (way.behaviour == FIRST_STOPS_SECOND && i == 0)
		model_stop(1);
	if (way.behaviour == SECOND_STARTS_FIRST && i == 1)
		model_start(0, model.now + UNIT + 6, 0);
	if (way.behaviour == THIRD_RESTARTS_ITSELF && i == 2)
		model_start(2, model.now + UNIT + 8, 0);
}

static void model_run(void)
{
	for (int i; (i = model_first()) >= 0 && model.when[i] <= model.now;)
		model_fire(i);
}

/* --- the same with real timers --- */

static struct gd__timer timers[TIMERS];
static struct entry seen[LOG];
static _Atomic int nseen;

static void fire(struct gd__timer *t, int64_t now)
{
	int i = (int)(t - timers);

	seen[gd__add_seq_cst(&nseen, 1)] = (struct entry){ i, now }; /* read after settle */
	if (way.behaviour == FIRST_STOPS_SECOND && i == 0)
		gd__timer_stop(&timers[1]);
	if (way.behaviour == SECOND_STARTS_FIRST && i == 1)
		gd__timer_start(&timers[0], now + UNIT + 6, 0);
	if (way.behaviour == THIRD_RESTARTS_ITSELF && i == 2)
		gd__timer_start(&timers[2], now + UNIT + 8, 0);
}

struct call {
	char what;
	int timer;
	int64_t when, period;
	bool result;
};

static void make_call(void *arg)
{
	struct call *c = arg;
	struct gd__timer *t = &timers[c->timer];

	c->result = c->what == 'S' ? gd__timer_start(t, c->when, c->period) : gd__timer_stop(t);
}

static bool result_of(struct call *c, int step)
{
	if (way.helped && step % 2)
		helper_do(make_call, c);
	else
		make_call(c);
	return c->result;
}

/* --- one step of both --- */

static const char ops[] = "aAbBcCp123xyz"; /* restarts, stops, moves of the clock */
enum { OPS = sizeof(ops) - 1 };

static char text[LOG];

static void fail(int step, const char *what, int64_t real, int64_t expected)
{
	fprintf(stderr, "%s, behaviour %d, step %d (%c): %s is %ld, expected %ld\n", text,
		way.behaviour, step, text[step], what, (long)real, (long)expected);
	CHECK(false);
}

static void check(int step, const char *what, int64_t real, int64_t expected)
{
	if (real != expected)
		fail(step, what, real, expected);
}

/*
 * The call of an operation; what 0: it is a move. The clock is at half units, and each step has an
 * odd number of its own, what fires start an even one: so no two deadlines are equal.
 */
static struct call call_of(char op, int step)
{
	int64_t odd = 2 * step + 1;

	switch (op) {
	case 'a':
	case 'b':
	case 'c':
		return (struct call){ 'S', op - 'a', model.now + UNIT + odd, 0, false };
	case 'A':
	case 'B':
	case 'C':
		return (struct call){ 'S', op - 'A', model.now + 3 * UNIT + odd, 0, false };
	case 'p':
		return (struct call){ 'S', 2, model.now + UNIT + odd, 2 * UNIT, false };
	case '1':
	case '2':
	case '3':
		return (struct call){ 'E', op - '1', 0, 0, false };
	default:
		return (struct call){ 0 };
	}
}

static void compare(int step)
{
	int first = model_first();
	int n = gd__load_seq_cst(&nseen); /* after settle */
	int count[TIMERS] = { 0 };

	check(step, "number of fires", n, model.n);
	for (int i = 0; i < n; i++) {
		check(step, "time of a fire", seen[i].now, model.log[i].now);
		if (way.one_heap)
			check(step, "the timer that fires", seen[i].timer, model.log[i].timer);
		count[seen[i].timer]++;
		count[model.log[i].timer]--;
	}
	for (int i = 0; i < TIMERS; i++)
		check(step, "fires of a timer too many", count[i], 0);
	check(step, "deadline", gd__sources_deadline(), first < 0 ? INT64_MAX : model.when[first]);
	/* Only what comes from here on is compared next. */
	model.n = 0;
	gd__store_seq_cst(&nseen, 0); /* nothing fires */
}

static void take_step(int step)
{
	char op = text[step];
	struct call c = call_of(op, step);

	if (c.what == 'S') {
		bool was = model_start(c.timer, c.when, c.period);

		check(step, "start's result", result_of(&c, step), was);
	} else if (c.what == 'E') {
		bool was = model_stop(c.timer);

		check(step, "stop's result", result_of(&c, step), was);
	} else {
		int64_t ns = (op == 'x' ? 1 : op == 'y' ? 2 : 5) * UNIT + UNIT / 2;

		model.now += ns;
		model_run();
		fake_clock_advance(ns);
	}
	settle();
	compare(step);
}

static void try_sequence(int n)
{
	model.now = gd_now();
	for (int i = 0; i < TIMERS; i++) {
		gd__timer_stop(&timers[i]);
		model_stop(i);
		timers[i] = (struct gd__timer){ .fire = fire };
	}
	for (int step = 0; step < n; step++)
		take_step(step);
	for (int i = 0; i < TIMERS; i++)
		gd__timer_stop(&timers[i]);
}

static void try_all(int length)
{
	int total = 1;

	for (int i = 0; i < length; i++)
		total *= OPS;
	for (int i = 0; i < total; i++) {
		for (int k = 0, v = i; k < length; k++, v /= OPS)
			text[k] = ops[v % OPS];
		text[length] = 0;
		try_sequence(length);
	}
}

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

/* GD_SEED repeats a run. */
static void try_some(int sequences, int length)
{
	const char *given = getenv("GD_SEED");

	random_state = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)gd__os_now();
	fprintf(stderr, "GD_SEED=%u\n", random_state);
	for (int i = 0; i < sequences; i++) {
		way.behaviour = gd_procs() == 1 ? (enum behaviour)draw(BEHAVIOURS) : PLAIN;
		for (int k = 0; k < length; k++)
			text[k] = ops[draw(OPS)];
		text[length] = 0;
		try_sequence(length);
	}
}

/* --- who drives --- */

static void run(void (*fn)(void *), int procs)
{
	fake_clock_install();
	gd_set_procs(procs);
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

static void every_short_one(void *arg)
{
	(void)arg;
	way.one_heap = true;
	for (int b = PLAIN; b < BEHAVIOURS; b++) {
		way.behaviour = (enum behaviour)b;
		try_all(b == PLAIN ? 5 : 4);
	}
}

CASE(every_short_sequence_on_one_p)
{
	run(every_short_one, 1);
}

static void long_ones(void *arg)
{
	(void)arg;
	way.one_heap = true;
	try_some(2000, 40);
}

CASE(long_sequences_on_one_p)
{
	run(long_ones, 1);
}

static void moving(void *arg)
{
	(void)arg;
	try_all(4);
	helper_start();
	settle();
	way.helped = true;
	try_all(3);
	try_some(50, 40);
}

CASE(timers_that_move_between_two_ps)
{
	run(moving, 2);
}

static gd_chan_of(int) over;

static void *drive(void *arg)
{
	(void)arg;
	way.one_heap = true;
	try_some(100, 20);
	CHECK_EQ(gd_chan_try_send(over, 1), GD_OK);
	return NULL;
}

static void driven(void *arg)
{
	pthread_t t;

	(void)arg;
	over = gd_chan_make(__typeof__(over), 1);
	CHECK_EQ(pthread_create(&t, NULL, drive, NULL), 0);
	gd_chan_recv(over, NULL);
	pthread_join(t, NULL);
}

/* All Ps are idle: each fire wakes one. */
CASE(a_thread_without_a_p_sets_them)
{
	run(driven, 2);
}

UNIT_MAIN
