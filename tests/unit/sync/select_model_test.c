/* link: gdetect */
/*
 * select_model_test.c - select against a model: up to three channels in every state there is, a
 * receive or a send on each, with nothing else, a default or a deadline; or several cases on one
 * channel. Where it has to wait every thing that may happen to one of its channels does, and right
 * after it the same to the others, before the selecting goroutine has run.
 *
 * Checked: the case taken was ready, values, what the others see, that each queue afterwards has
 * whom it should, and that a deadline ends a select when the clock is moved, not before.
 */
#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"
#include "tests/unit/time/fake_clock.h"

typedef gd_chan_of(int) int_chan;

enum { CHANS = 3, CASES = CHANS + 1, QUEUE = 8, OTHER = -1, NOBODY = -2, WAIT_NS = 1000 };

enum state {
	NIL,
	CLOSED,
	CLOSED_WITH_VALUE,
	EMPTY,
	ROOM,
	FULL,
	IDLE,
	SENDER,
	RECEIVER,
	FULL_SENDER,
	EMPTY_RECEIVER,
	STATES
};

static const struct {
	const char *name;
	int cap, n;
	bool closed, sender, receiver;
} states[STATES] = {
	[NIL] = { "nil", 0, 0, false, false, false },
	[CLOSED] = { "closed", 0, 0, true, false, false },
	[CLOSED_WITH_VALUE] = { "closed with a value", 2, 1, true, false, false },
	[EMPTY] = { "empty", 2, 0, false, false, false },
	[ROOM] = { "one of two", 2, 1, false, false, false },
	[FULL] = { "full", 2, 2, false, false, false },
	[IDLE] = { "unbuffered", 0, 0, false, false, false },
	[SENDER] = { "a sender waits", 0, 0, false, true, false },
	[RECEIVER] = { "a receiver waits", 0, 0, false, false, true },
	[FULL_SENDER] = { "full, a sender waits", 2, 2, false, true, false },
	[EMPTY_RECEIVER] = { "empty, a receiver waits", 2, 0, false, false, true },
};

/* One select to be tried. */
static struct {
	int nchans, ncases;
	enum state state[CHANS];
	int chan[CHANS]; /* of each case */
	bool send[CHANS];
	char last; /* '-': nothing else, 'd': a default, 'a': a deadline */
	int event; /* if it waits */
} plan;

/* --- the model --- */

struct model_waiter {
	int who; /* OTHER, or the select's case */
	int value;
};

struct model_queue {
	struct model_waiter at[QUEUE];
	int n;
};

static struct model_chan {
	int cap, n, value[QUEUE];
	bool closed;
	struct model_queue senders, receivers;
	bool other_done;
	int other_value; /* received; 0: closed */
} model[CHANS];

static struct {
	int won; /* case, or NOBODY */
	int value;
	bool ok;
} model_select;

static void model_push(struct model_queue *q, int who, int value)
{
	q->at[q->n++] = (struct model_waiter){ who, value };
}

/* The first that is not the select after it was won; a select is won by it. */
static bool model_take(struct model_chan *c, struct model_queue *q, struct model_waiter *w)
{
	for (int i = 0; i < q->n; i++) {
		*w = q->at[i];
		if (w->who != OTHER && model_select.won != NOBODY)
			continue;
		memmove(&q->at[i], &q->at[i + 1], (size_t)(--q->n - i) * sizeof(*w));
		if (w->who == OTHER)
			c->other_done = true;
		else
			model_select.won = w->who;
		return true;
	}
	return false;
}

static bool model_live(const struct model_queue *q)
{
	for (int i = 0; i < q->n; i++)
		if (q->at[i].who == OTHER || model_select.won == NOBODY)
			return true;
	return false;
}

static void model_serve(struct model_chan *c, const struct model_waiter *w, int value, bool ok)
{
	if (w->who == OTHER) {
		c->other_value = value;
	} else {
		model_select.value = value;
		model_select.ok = ok;
	}
}

static int model_send(struct model_chan *c, int value)
{
	struct model_waiter w;

	if (model_take(c, &c->receivers, &w)) {
		model_serve(c, &w, value, true);
		return GD_OK;
	}
	if (c->n == c->cap)
		return GD_EAGAIN;
	c->value[c->n++] = value;
	return GD_OK;
}

static int model_recv(struct model_chan *c, int *value)
{
	struct model_waiter w;

	*value = 0;
	if (c->n > 0) {
		*value = c->value[0];
		memmove(c->value, c->value + 1, (size_t)--c->n * sizeof(int));
		if (model_take(c, &c->senders, &w))
			c->value[c->n++] = w.value;
		return GD_OK;
	}
	if (model_take(c, &c->senders, &w)) {
		*value = w.value;
		return GD_OK;
	}
	return c->closed ? GD_ECLOSED : GD_EAGAIN;
}

static void model_close(struct model_chan *c)
{
	struct model_waiter w;

	c->closed = true;
	while (model_take(c, &c->receivers, &w))
		model_serve(c, &w, 0, false);
}

static void model_leave(struct model_queue *q)
{
	int kept = 0;

	for (int i = 0; i < q->n; i++)
		if (q->at[i].who == OTHER)
			q->at[kept++] = q->at[i];
	q->n = kept;
}

static bool model_ready(int k)
{
	const struct model_chan *c = &model[plan.chan[k]];

	if (plan.state[plan.chan[k]] == NIL)
		return false;
	if (plan.send[k])
		return c->n < c->cap || model_live(&c->receivers);
	return c->n > 0 || c->closed || model_live(&c->senders);
}

static bool model_any_ready(void)
{
	for (int k = 0; k < plan.ncases; k++)
		if (model_ready(k))
			return true;
	return false;
}

/* --- the same with real channels --- */

static int_chan chan[CHANS];
static struct {
	_Atomic bool done;
	int value;
} other[CHANS];

static struct gd_case cases[CASES];
static int sent[CHANS], received[CHANS];
static bool ok[CHANS];
static size_t ncases;
static _Atomic int taken; /* NOBODY: the select still waits */

static void fail(const char *what, int real, int expected)
{
	fprintf(stderr, "select of");
	for (int k = 0; k < plan.ncases; k++)
		fprintf(stderr, " %s %d (%s),", plan.send[k] ? "send to" : "receive from",
			plan.chan[k], states[plan.state[plan.chan[k]]].name);
	fprintf(stderr, " %c, event %d: %s is %d, expected %d\n", plan.last, plan.event, what, real,
		expected);
	CHECK(false);
}

static void check(const char *what, int real, int expected)
{
	if (real != expected)
		fail(what, real, expected);
}

static int value_of(int chan_number, int i)
{
	return 100 * (chan_number + 1) + i;
}

static void other_sends(void *arg)
{
	int i = (int)(intptr_t)arg;

	gd_chan_send(chan[i], value_of(i, 9));
	gd__store_seq_cst(&other[i].done, true); /* read after settle */
}

static void other_receives(void *arg)
{
	int i = (int)(intptr_t)arg;

	gd_chan_recv(chan[i], &other[i].value);
	gd__store_seq_cst(&other[i].done, true); /* read after settle */
}

static void selects(void *arg)
{
	(void)arg;
	gd__store_seq_cst(&taken, gd_select_raw(cases, ncases)); /* read after settle */
}

static void make_chan(int i)
{
	enum state s = plan.state[i];
	struct model_chan *m = &model[i];

	memset(m, 0, sizeof(*m));
	gd__store_seq_cst(&other[i].done, false); /* nobody is there */
	chan[i].raw = NULL;
	if (s == NIL)
		return;
	chan[i] = gd_chan_make(int_chan, (size_t)states[s].cap);
	m->cap = states[s].cap;
	for (int k = 0; k < states[s].n; k++) {
		gd_chan_send(chan[i], value_of(i, k));
		model_send(m, value_of(i, k));
	}
	if (states[s].closed) {
		gd_chan_close(chan[i]);
		model_close(m);
	}
	if (states[s].sender) {
		gd_go_fn(other_sends, (void *)(intptr_t)i);
		model_push(&m->senders, OTHER, value_of(i, 9));
	}
	if (states[s].receiver) {
		gd_go_fn(other_receives, (void *)(intptr_t)i);
		model_push(&m->receivers, OTHER, 0);
	}
}

static void make_cases(void)
{
	for (int k = 0; k < plan.ncases; k++) {
		sent[k] = value_of(k, 50);
		received[k] = -1;
		cases[k] = (struct gd_case){ .kind = plan.send[k] ? GD_CASE_SEND : GD_CASE_RECV,
					     .chan = chan[plan.chan[k]].raw,
					     .elem = plan.send[k] ? &sent[k] : &received[k],
					     .ok = plan.send[k] ? NULL : &ok[k] };
	}
	ncases = (size_t)plan.ncases;
	if (plan.last == 'd')
		cases[ncases++] = (struct gd_case){ .kind = GD_CASE_DEFAULT };
	if (plan.last == 'a')
		cases[ncases++] = (struct gd_case){ .kind = GD_CASE_AFTER, .after = WAIT_NS };
}

static int length_of(const struct gd__waitq *q)
{
	int n = 0;

	for (const struct gd__waiter *w = gd__load_relaxed(&q->first); w; w = w->next) /* settled */
		n++;
	return n;
}

static void compare_chans(void)
{
	for (int i = 0; i < plan.nchans; i++) {
		const struct model_chan *m = &model[i];

		if (plan.state[i] == NIL)
			continue;
		check("length", (int)gd_chan_len(chan[i]), m->n);
		check("number of senders", length_of(&chan[i].raw->sendq), m->senders.n);
		check("number of receivers", length_of(&chan[i].raw->recvq), m->receivers.n);
		check("the other's end", gd__load_seq_cst(&other[i].done), m->other_done);
		if (m->other_done && states[plan.state[i]].receiver)
			check("the other's value", other[i].value, m->other_value);
	}
}

/* The select has ended with a case that stands for the same as case k. */
static void compare_case(int k)
{
	int real = gd__load_seq_cst(&taken); /* settled */

	if (real < 0 || real >= plan.ncases || plan.chan[real] != plan.chan[k] ||
	    plan.send[real] != plan.send[k])
		fail("the case", real, k);
	if (plan.send[k])
		return;
	check("value", received[real], model_select.value);
	check("ok", ok[real], model_select.ok);
}

/* --- one select --- */

static void was_ready(void)
{
	int k = gd__load_seq_cst(&taken); /* settled */

	if (k < 0 || k >= plan.ncases || !model_ready(k))
		fail("the case, which was not ready,", k, NOBODY);

	struct model_chan *c = &model[plan.chan[k]];

	if (plan.send[k])
		check("send", model_send(c, sent[k]), GD_OK);
	else
		model_select.ok = model_recv(c, &model_select.value) == GD_OK;
	compare_case(k);
}

/* What ends the wait of case k, or of another goroutine before it. */
static void serve(int k)
{
	struct model_chan *m = &model[plan.chan[k]];
	int_chan c = chan[plan.chan[k]];
	int real, expected, rc;

	if (c.raw == NULL)
		return;
	if (!plan.send[k]) {
		if (!m->closed)
			check("try_send", gd_chan_try_send(c, value_of(k, 70)),
			      model_send(m, value_of(k, 70)));
		return;
	}
	rc = gd_chan_try_recv(c, &real);
	check("try_recv", rc, model_recv(m, &expected));
	/* Of several sends to one channel any may have come first. */
	if (rc == GD_OK && plan.nchans == plan.ncases)
		check("value received", real, expected);
}

static void join_queues(void)
{
	for (int k = 0; k < plan.ncases; k++) {
		struct model_chan *m = &model[plan.chan[k]];

		if (plan.state[plan.chan[k]] != NIL)
			model_push(plan.send[k] ? &m->senders : &m->receivers, k, sent[k]);
	}
}

static void leave_queues(void)
{
	for (int i = 0; i < plan.nchans; i++) {
		model_leave(&model[i].senders);
		model_leave(&model[i].receivers);
	}
}

/* Served until it is won, then all others: too late. */
static void serve_all_from(int k)
{
	for (int tries = 0; tries < 2 && model_select.won == NOBODY; tries++)
		serve(k);
	for (int i = 1; i < plan.ncases; i++)
		serve((k + i) % plan.ncases);
}

static bool may_close(int k)
{
	if (plan.state[plan.chan[k]] == NIL || plan.send[k])
		return false;
	for (int i = 0; i < plan.ncases; i++)
		if (plan.chan[i] == plan.chan[k] && plan.send[i])
			return false;
	return true;
}

enum { TIME_PASSES = 2 * CHANS, TOO_LATE, EVENTS };

/* Whether the event says something about this select. */
static bool happens(int event)
{
	int k = event % CHANS;

	if (event == TIME_PASSES)
		return plan.last == 'a';
	if (event == TOO_LATE)
		return plan.last == 'a' && plan.ncases > 0 && chan[plan.chan[0]].raw != NULL;
	if (k >= plan.ncases)
		return false;
	return event < CHANS ? plan.state[plan.chan[k]] != NIL : may_close(k);
}

static void let_it_happen(void)
{
	int k = plan.event % CHANS;

	if (plan.event == TIME_PASSES) {
		fake_clock_step(WAIT_NS - 1);
		check("the case before its time", gd__load_seq_cst(&taken), NOBODY); /* settled */
		fake_clock_step(1);
	} else if (plan.event == TOO_LATE) { /* the clock is first, but has it fired? */
		fake_clock_advance(WAIT_NS);
		if (gd_procs() == 1) /* it cannot have */
			serve_all_from(0);
	} else if (plan.event < CHANS) {
		serve_all_from(k);
	} else {
		gd_chan_close(chan[plan.chan[k]]);
		model_close(&model[plan.chan[k]]);
		for (int i = 1; i < plan.ncases; i++)
			serve((k + i) % plan.ncases);
	}
	settle();
}

static void has_to_wait(void)
{
	check("the case of a select that waits", gd__load_seq_cst(&taken), NOBODY); /* settled */
	join_queues();
	compare_chans();
	let_it_happen();
	leave_queues();
	if (model_select.won != NOBODY)
		compare_case(model_select.won);
	else
		check("the case", gd__load_seq_cst(&taken), plan.ncases); /* settled */
	check("deadline left", gd__sources_deadline() != INT64_MAX, 0);
}

/* Lets the other goroutines end, and the channels go. */
static void clean_up(void)
{
	int v;

	for (int i = 0; i < plan.nchans; i++) {
		const struct gd_chan *c = chan[i].raw;

		if (c == NULL)
			continue;
		while (states[plan.state[i]].sender && !gd__load_seq_cst(&other[i].done)) {
			gd_chan_try_recv(chan[i], &v);
			settle();
		}
		if (!gd__load_seq_cst(&c->closed)) /* settled */
			gd_chan_close(chan[i]);
	}
	settle();
	for (int i = 0; i < plan.nchans; i++)
		if (chan[i].raw != NULL)
			gd_chan_unref(chan[i]);
}

static uint32_t tried, waited;

/* False: there is no such event. */
static bool try_select(void)
{
	bool waits, happened;

	model_select.won = NOBODY;
	gd__store_seq_cst(&taken, NOBODY); /* nobody selects */
	for (int i = 0; i < plan.nchans; i++)
		make_chan(i);
	make_cases();
	waits = !model_any_ready() && plan.last != 'd';
	happened = waits ? happens(plan.event) : plan.event == 0;
	settle();
	if (happened) {
		tried++;
		waited += waits;
		gd_go_fn(selects, NULL);
		settle();
		if (waits)
			has_to_wait();
		else if (model_any_ready())
			was_ready();
		else
			check("the default", gd__load_seq_cst(&taken), plan.ncases); /* settled */
		compare_chans();
	}
	clean_up();
	return waits;
}

static void try_events(void)
{
	static const char last[] = "-da";

	for (int i = 0; i < 3; i++) {
		plan.last = last[i];
		if (plan.ncases == 0 && plan.last == '-')
			continue;
		plan.event = 0;
		if (!try_select())
			continue;
		for (plan.event = 1; plan.event < EVENTS; plan.event++)
			try_select();
	}
}

/* A send to a closed channel ends the program: misuse has cases of its own. */
static bool is_misuse(void)
{
	for (int k = 0; k < plan.ncases; k++)
		if (plan.send[k] && states[plan.state[plan.chan[k]]].closed)
			return true;
	return false;
}

static void try_channels(int n)
{
	int total = 1;

	for (int i = 0; i < n; i++)
		total *= STATES * 2;
	plan.nchans = plan.ncases = n;
	for (int i = 0; i < total; i++) {
		for (int k = 0, v = i; k < n; k++, v /= STATES * 2) {
			plan.state[k] = (enum state)(v % STATES);
			plan.send[k] = v / STATES % 2;
			plan.chan[k] = k;
		}
		if (!is_misuse())
			try_events();
	}
}

static void try_one_channel(void)
{
	plan.nchans = 1;
	for (int s = 0; s < STATES; s++) {
		for (int sends = 0; sends < 1 << CHANS; sends++) {
			for (int k = 0; k < CHANS; k++) {
				plan.chan[k] = 0;
				plan.send[k] = sends >> k & 1;
			}
			plan.state[0] = (enum state)s;
			for (plan.ncases = 2; plan.ncases <= CHANS; plan.ncases++)
				if (!is_misuse())
					try_events();
		}
	}
}

static void all(void *arg)
{
	(void)arg;
	/* Which of several ready cases is taken is chance: some rounds. */
	for (int round = gd_procs() == 1 ? 5 : 1; round > 0; round--) {
		for (int n = 0; n <= CHANS; n++)
			try_channels(n);
		try_one_channel();
	}
	fprintf(stderr, "%u selects, %u waited\n", tried, waited);
}

static void run(int procs)
{
	fake_clock_install();
	gd_set_procs(procs);
	CHECK_EQ(gd_run(all, NULL), GD_OK);
}

CASE(every_combination_on_one_p)
{
	run(1);
}

CASE(every_combination_on_two_ps)
{
	run(2);
}

UNIT_MAIN
