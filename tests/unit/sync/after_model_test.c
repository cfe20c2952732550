/* link: gdetect */
/*
 * after_model_test.c - timers and tickers against a model, with the clock in hand: every short
 * sequence of what one can do with a timer with a channel, one with a function and a ticker, and
 * long ones by chance. After each step results, values, calls, what is buffered and the next
 * deadline must be those of Go 1.23.
 */
#include "tests/unit/sync/goroutines.h"
#include "tests/unit/time/helper.h"

enum { UNIT = 1000, NONE = -1000 };

/* --- the model --- */

struct model_timer {
	bool pending, buffered;
	int64_t when, period, value;
};

static struct {
	int64_t now, got; /* got: what the receiver that waited was given; 0: nothing yet */
	struct model_timer t, f, k;
	int calls;
	bool waiting; /* a goroutine receives from t's channel */
} model;

static void model_set(struct model_timer *t, int64_t ns)
{
	t->pending = true;
	t->when = model.now + ns;
}

/* Whether a value or a firing was taken back. */
static bool model_cancel(struct model_timer *t)
{
	bool was = t->pending || t->buffered;

	t->pending = t->buffered = false;
	return was;
}

static void model_post(struct model_timer *t)
{
	if (t == &model.t && model.waiting) {
		model.waiting = false;
		model.got = model.now;
	} else if (!t->buffered) {
		t->buffered = true;
		t->value = model.now;
	}
}

static void model_run_one(struct model_timer *t)
{
	if (!t->pending || t->when > model.now)
		return;
	t->pending = t->period > 0;
	while (t->pending && t->when <= model.now)
		t->when += t->period;
	if (t == &model.f)
		model.calls++;
	else
		model_post(t);
}

static void model_run(void)
{
	model_run_one(&model.t);
	model_run_one(&model.f);
	model_run_one(&model.k);
}

static int64_t model_recv(struct model_timer *t)
{
	if (!t->buffered)
		return GD_EAGAIN;
	t->buffered = false;
	return t->value;
}

static int64_t model_deadline(void)
{
	const struct model_timer *all[] = { &model.t, &model.f, &model.k };
	int64_t first = INT64_MAX;

	for (int i = 0; i < 3; i++)
		if (all[i]->pending && all[i]->when < first)
			first = all[i]->when;
	return first;
}

/* The result of the call, or NONE. */
static int64_t model_step(char op)
{
	bool was;

	switch (op) {
	case 'a':
	case 'b':
	case 'c':
		was = model_cancel(&model.t);
		model_set(&model.t, (op == 'a' ? 1 : op == 'b' ? 3 : 0) * UNIT);
		return was;
	case 's':
		return model_cancel(&model.t);
	case 'r':
		return model_recv(&model.t);
	case 'w':
		model.waiting = !model.t.buffered;
		model.got = model.t.buffered ? model.t.value : 0;
		model.t.buffered = false;
		return NONE;
	case 'm':
		model_cancel(&model.t);
		model_set(&model.t, UNIT);
		return NONE;
	case 'f':
	case 'g':
		was = model_cancel(&model.f);
		model_set(&model.f, (op == 'f' ? 1 : 0) * UNIT);
		return was;
	case 'q':
		return model_cancel(&model.f);
	case 'p':
		model_cancel(&model.k);
		model_set(&model.k, model.k.period = 2 * UNIT);
		return NONE;
	case 'u':
		model_cancel(&model.k);
		return NONE;
	case 'k':
		return model_recv(&model.k);
	default:
		model.now += (op == 'x' ? 1 : op == 'y' ? 2 : 5) * UNIT;
		return NONE;
	}
}

/* --- the same with real ones --- */

static gd_timer *timer, *func;
static gd_ticker *ticker;
static _Atomic int calls;
static _Atomic int64_t got;

static void count(void *arg)
{
	(void)arg;
	gd__add_seq_cst(&calls, 1); /* read after settle */
}

static void receive(void *arg)
{
	gd_time_chan c = { .raw = arg };
	int64_t value;

	CHECK(gd_chan_recv(c, &value));
	gd__store_seq_cst(&got, value); /* read after settle */
}

static int64_t try_recv(gd_time_chan c)
{
	int64_t value;
	int r = gd_chan_try_recv(c, &value);

	return r == GD_OK ? value : r;
}

static int64_t real_step(char op)
{
	switch (op) {
	case 'a':
	case 'b':
	case 'c':
		return gd_timer_reset(timer, (op == 'a' ? 1 : op == 'b' ? 3 : 0) * UNIT);
	case 's':
		return gd_timer_stop(timer);
	case 'r':
		return try_recv(gd_timer_chan(timer));
	case 'w':
		gd__store_seq_cst(&got, 0); /* nobody receives */
		gd_go_fn(receive, gd_timer_chan(timer).raw);
		return NONE;
	case 'm':
		gd_timer_free(timer);
		timer = gd_timer_make(UNIT);
		return NONE;
	case 'f':
	case 'g':
		return gd_timer_reset(func, (op == 'f' ? 1 : 0) * UNIT);
	case 'q':
		return gd_timer_stop(func);
	case 'p':
		gd_ticker_reset(ticker, 2 * UNIT);
		return NONE;
	case 'u':
		gd_ticker_stop(ticker);
		return NONE;
	case 'k':
		return try_recv(gd_ticker_chan(ticker));
	default:
		fake_clock_advance((op == 'x' ? 1 : op == 'y' ? 2 : 5) * UNIT);
		return NONE;
	}
}

/* --- both --- */

static const char all_ops[] = "abcsrwmfgqpukxyz", fewer_ops[] = "asrwmfqpkxy";
enum { LONGEST = 60 };

static char text[LONGEST + 1];
static bool helped;

static void check(int step, const char *what, int64_t real, int64_t expected)
{
	if (real == expected)
		return;
	fprintf(stderr, "%s, step %d (%c): %s is %ld, expected %ld\n", text, step,
		step < 0 ? '-' : text[step], what, (long)real, (long)expected);
	CHECK(false);
}

static void compare(int step)
{
	check(step, "calls", gd__load_seq_cst(&calls), model.calls);          /* settled */
	check(step, "value of who waits", gd__load_seq_cst(&got), model.got); /* settled */
	check(step, "length", gd_chan_len(gd_timer_chan(timer)), model.t.buffered);
	check(step, "ticker's length", gd_chan_len(gd_ticker_chan(ticker)), model.k.buffered);
	check(step, "deadline", gd__sources_deadline(), model_deadline());
}

struct call {
	char op;
	int64_t result;
};

static void make_call(void *arg)
{
	struct call *c = arg;

	c->result = real_step(c->op);
}

static void take_step(int step)
{
	struct call c = { .op = text[step] };

	/* One receiver at a time; and it keeps its channel from being dropped. */
	if (model.waiting && (c.op == 'w' || c.op == 'm'))
		return;
	int64_t expected = model_step(c.op);

	if (helped && step % 2)
		helper_do(make_call, &c);
	else
		make_call(&c);
	check(step, "result", c.result, expected);
	model_run();
	settle();
	compare(step);
}

static void begin(void)
{
	memset(&model, 0, sizeof(model));
	model.now = gd_now();
	gd__store_seq_cst(&calls, 0); /* nothing fires */
	gd__store_seq_cst(&got, 0);   /* as above */
	timer = gd_timer_make(UNIT);
	func = gd_after_func(2 * UNIT, count, NULL);
	ticker = gd_ticker_make(2 * UNIT);
	model_set(&model.t, UNIT);
	model_set(&model.f, 2 * UNIT);
	model_set(&model.k, model.k.period = 2 * UNIT);
}

static void end(void)
{
	if (model.waiting) {
		gd_timer_reset(timer, 0);
		settle();
		CHECK_EQ(gd__load_seq_cst(&got), model.now); /* settled */
	}
	gd_timer_free(timer);
	gd_timer_free(func);
	gd_ticker_free(ticker);
	CHECK_EQ(gd__sources_deadline(), INT64_MAX);
}

static void try_sequence(int n)
{
	begin();
	for (int step = 0; step < n; step++)
		take_step(step);
	end();
}

static void try_all(const char *ops, int length)
{
	int n = (int)strlen(ops), total = 1;

	for (int i = 0; i < length; i++)
		total *= n;
	for (int i = 0; i < total; i++) {
		for (int k = 0, v = i; k < length; k++, v /= n)
			text[k] = ops[v % n];
		text[length] = 0;
		try_sequence(length);
	}
}

/* GD_SEED repeats a run. */
static void try_some(int sequences, int length)
{
	const char *given = getenv("GD_SEED");
	uint32_t state = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)gd__os_now();

	fprintf(stderr, "GD_SEED=%u\n", state);
	for (int i = 0; i < sequences; i++) {
		for (int k = 0; k < length; k++) {
			state = state * 1664525u + 1013904223u;
			text[k] = all_ops[(state >> 8) % (sizeof(all_ops) - 1)];
		}
		text[length] = 0;
		try_sequence(length);
	}
}

static void short_ones(void *arg)
{
	(void)arg;
	try_all(all_ops, 4);
}

/* On two Ps each move of the clock, and each call of the helper, wakes a thread. */
static void short_ones_on_two(void *arg)
{
	(void)arg;
	try_all(fewer_ops, 4);
	helper_start();
	settle();
	helped = true;
	try_all(fewer_ops, 3);
}

static void run(void (*fn)(void *), int procs)
{
	fake_clock_install();
	gd_set_procs(procs);
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

CASE(every_short_sequence_on_one_p)
{
	run(short_ones, 1);
}

CASE(every_short_sequence_on_two_ps)
{
	run(short_ones_on_two, 2);
}

static void long_ones(void *arg)
{
	(void)arg;
	helper_start();
	settle();
	helped = true;
	try_some(gd_procs() == 1 ? 500 : 25, LONGEST);
}

CASE(long_sequences)
{
	fake_clock_install();
	on_procs(long_ones);
}

UNIT_MAIN
