/* link: gdetect */
/*
 * steal_model_test.c - the queues of two Ps and the global one against plain lists: every short
 * sequence of puts, gets, steals, spills and shares; a thief in between any two instructions of the
 * owner, and the owner in between any two of the thief; and two threads, with every goroutine
 * accounted for.
 */
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/unit.h"

enum { GS = 100000, MOST = 2048, BULK = 130 };

static struct gd__g gs[GS];

/* Two Ps, the second one's queue and the global one; goroutines by number + 1, 0: none. */
struct list {
	int n, at[MOST];
};

struct queues {
	int next[2];
	struct list q[2], global;
	int result; /* of the last operation */
};

static struct queues model;
static int made; /* goroutines so far */

/* --- the model --- */

static void add(struct list *l, int g)
{
	CHECK(l->n < MOST);
	l->at[l->n++] = g;
}

static int take(struct list *l)
{
	int g = l->at[0];

	memmove(l->at, l->at + 1, (size_t)--l->n * sizeof(int));
	return g;
}

static void model_put(struct queues *m, int p, int g, bool next)
{
	struct list *q = &m->q[p];

	if (next) {
		int was = m->next[p];

		m->next[p] = g;
		if (was == 0)
			return;
		g = was;
	}
	if (q->n < (int)GD__RUNQ_CAP) {
		add(q, g);
		return;
	}
	for (int i = 0; i < (int)GD__RUNQ_CAP / 2; i++)
		add(&m->global, take(q));
	add(&m->global, g);
}

static int model_get(struct queues *m, int p)
{
	int g = m->next[p];

	m->next[p] = 0;
	return g ? g : m->q[p].n > 0 ? take(&m->q[p]) : 0;
}

static int model_steal(struct queues *m, int thief, bool next_too)
{
	struct list *victim = &m->q[1 - thief];
	int n = victim->n - victim->n / 2, g = 0;

	if (n == 0 && next_too) {
		g = m->next[1 - thief];
		m->next[1 - thief] = 0;
	}
	for (int i = 0; i < n; i++) {
		if (i > 0)
			add(&m->q[thief], g);
		g = take(victim);
	}
	return g;
}

static int model_share(const struct queues *m, int most)
{
	int share = m->global.n / 2 + 1;

	share = share > (int)GD__RUNQ_CAP / 2 + 1 ? (int)GD__RUNQ_CAP / 2 + 1 : share;
	share = most > 0 && share > most ? most : share;
	return share > m->global.n ? m->global.n : share;
}

static int model_global_get(struct queues *m, int p, int most)
{
	int share = model_share(m, most), g = 0;

	for (int i = 0; i < share; i++) {
		int one = take(&m->global);

		if (i == 0)
			g = one;
		else
			add(&m->q[p], one);
	}
	return g;
}

/* --- operations on both --- */

/*
 * n t: put in front or at the tail of P 0; b: many at the tail; g: get; y: to the global queue;
 * G: a share of it, H: one; s: P 1 steals, S: also what is in front; h: P 1 gets; r: P 0 steals
 * from P 1.
 */
static const char ops[] = "ntbgyGHsShr";
enum { OPS = sizeof(ops) - 1 };

/* Whether the scheduler would do it: who takes a batch has little or nothing. */
static bool may(const struct queues *m, char op)
{
	switch (op) {
	case 'G':
		return m->q[0].n + model_share(m, 0) <= (int)GD__RUNQ_CAP;
	case 's':
	case 'S':
		return m->q[1].n == 0;
	case 'r':
		return m->q[0].n == 0;
	default:
		return true;
	}
}

/* g: the first goroutine that a put puts. */
static void model_do(struct queues *m, char op, int g)
{
	m->result = 0;
	switch (op) {
	case 'n':
	case 't':
		model_put(m, 0, g, op == 'n');
		break;
	case 'b':
		for (int i = 0; i < BULK; i++)
			model_put(m, 0, g + i, false);
		break;
	case 'y':
		add(&m->global, g);
		break;
	case 'g':
	case 'h':
		m->result = model_get(m, op == 'h');
		break;
	case 'G':
	case 'H':
		m->result = model_global_get(m, 0, op == 'H' ? 1 : 0);
		break;
	case 'r':
		m->result = model_steal(m, 0, true);
		break;
	default:
		m->result = model_steal(m, 1, op == 'S');
	}
}

static int number(const struct gd__g *g)
{
	return g ? (int)(g - gs) + 1 : 0;
}

static struct gd__g *locked_get(uint32_t most) GD_UNCHECKED
{
	struct gd__g *g;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	g = gd__sched_global_get(&gd__allp[0], most);
	gd__unlock(&gd__sched.lock);
	return g;
}

static void locked_put(struct gd__g *g) GD_UNCHECKED
{
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched_global_put(g);
	gd__unlock(&gd__sched.lock);
}

static int real_do(char op, int g)
{
	struct gd__p *p = &gd__allp[0], *other = &gd__allp[1];
	bool inherit;

	switch (op) {
	case 'n':
	case 't':
		gd__p_put(p, &gs[g - 1], op == 'n');
		return 0;
	case 'b':
		for (int i = 0; i < BULK; i++)
			gd__p_put(p, &gs[g - 1 + i], false);
		return 0;
	case 'y':
		locked_put(&gs[g - 1]);
		return 0;
	case 'g':
	case 'h':
		return number(gd__p_get(op == 'h' ? other : p, &inherit));
	case 'G':
	case 'H':
		return number(locked_get(op == 'H' ? 1 : 0));
	case 'r':
		return number(gd__p_steal(p, other, true));
	default:
		return number(gd__p_steal(other, p, op == 'S'));
	}
}

static int puts_of(char op)
{
	return op == 'b' ? BULK : op == 'n' || op == 't' || op == 'y';
}

static void look_at(struct queues *real)
{
	real->result = 0;
	for (int i = 0; i < 2; i++) {
		const struct gd__p *p = &gd__allp[i];
		uint32_t head = gd__load_relaxed(&p->runq.head); /* one thread */

		real->next[i] = number(gd__load_relaxed(&p->runnext)); /* one thread */
		real->q[i].n = 0;
		for (; head != gd__load_relaxed(&p->runq.tail); head++) /* one thread */
			add(&real->q[i], number(gd__load_relaxed(
						 &p->runq.slot[head % GD__RUNQ_CAP]))); /* same */
	}
	real->global.n = 0;
	for (uint32_t i = 0; i < gd__sched.global.n; i++)
		add(&real->global,
		    number(gd__sched.global
				   .at[(gd__sched.global.head + i) & (gd__sched.global.cap - 1)]));
}

static bool same_list(const struct list *a, const struct list *b)
{
	return a->n == b->n && memcmp(a->at, b->at, (size_t)a->n * sizeof(int)) == 0;
}

static bool same(const struct queues *a, const struct queues *b)
{
	return a->result == b->result && a->next[0] == b->next[0] && a->next[1] == b->next[1] &&
	       same_list(&a->q[0], &b->q[0]) && same_list(&a->q[1], &b->q[1]) &&
	       same_list(&a->global, &b->global);
}

/* Without a scheduler: two Ps that nobody runs. */
static void begin(void)
{
	CHECK(gd__gqueue_init(&gd__sched.global, 1u << 20));
	gd__store_relaxed(&gd__sched.procs, 2); /* one thread */
	gd__allp[1].id = 1;
	for (int i = 0; i < 2; i++) {
		/* so that get does not end a slice */
		gd__store_relaxed(&gd__allp[i].schedtick, 1);       /* one thread */
		gd__store_relaxed(&gd__allp[i].status, GD__P_IDLE); /* a thief need not wait */
	}
}

static void empty(void)
{
	bool inherit;

	for (int i = 0; i < 2; i++)
		while (gd__p_get(&gd__allp[i], &inherit))
			;
	while (locked_get(1))
		;
	memset(&model, 0, sizeof(model));
	made = 0;
}

/* --- sequences --- */

static void take_step(const char *text, int step)
{
	static struct queues real;
	char op = text[step];
	int result;

	if (!may(&model, op))
		return;
	model_do(&model, op, made + 1);
	result = real_do(op, made + 1);
	made += puts_of(op);
	look_at(&real);
	real.result = result;
	if (same(&real, &model))
		return;
	fprintf(stderr, "%s, step %d (%c): result %d, expected %d; lengths %d %d %d, %d %d %d\n",
		text, step, op, real.result, model.result, real.q[0].n, real.q[1].n, real.global.n,
		model.q[0].n, model.q[1].n, model.global.n);
	CHECK(false);
}

CASE(every_short_sequence)
{
	char text[6] = "";
	int total = OPS * OPS * OPS * OPS * OPS;

	begin();
	for (int i = 0; i < total; i++) {
		for (int k = 0, v = i; k < 5; k++, v /= OPS)
			text[k] = ops[v % OPS];
		empty();
		for (int step = 0; step < 5; step++)
			take_step(text, step);
	}
}

static uint32_t draw(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

static uint32_t seed(void)
{
	const char *given = getenv("GD_SEED");
	uint32_t s = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)gd__os_now();

	fprintf(stderr, "GD_SEED=%u\n", s);
	return s;
}

CASE(long_sequences)
{
	uint32_t state = seed();
	char text[101] = "";

	begin();
	for (int i = 0; i < 1000; i++) {
		for (int k = 0; k < 100; k++)
			text[k] = ops[draw(&state, OPS)];
		empty();
		for (int step = 0; step < 100 && model.global.n < 1500; step++)
			take_step(text, step);
	}
}

/* --- one in the middle of the other --- */

/* Under ASan there are several times as many instructions. */
#ifdef UNIT_ASAN
#	define BETWEEN_STRIDE 5
#else
#	define BETWEEN_STRIDE 1
#endif

#ifdef __x86_64__
#	define TRAP_FLAG 0x100L

static struct {
	int left;         /* instructions until the others' turn */
	const char *text; /* what they do then */
	int first;        /* goroutine of their first put */
	int result[4];
	bool done;
} between;

static void do_between(void)
{
	int g = between.first;

	between.done = true;
	for (int i = 0; between.text[i]; i++) {
		between.result[i] = real_do(between.text[i], g);
		g += puts_of(between.text[i]);
	}
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	if (--between.left > 0)
		return;
	uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	do_between();
}

static __attribute__((noinline)) int stepped(char op, int g)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; "
			 "lea 128(%%rsp), %%rsp"
			 :
			 :
			 : "memory", "cc");
	int result = real_do(op, g);

	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; "
			 "lea 128(%%rsp), %%rsp"
			 :
			 :
			 : "memory", "cc");
	return result;
}

/* The state as if op had come after `before` of the others' operations; false: not these results.
 */
static bool serial(struct queues *m, char op, int g, int before, int result)
{
	int put = between.first;
	bool agrees = true;

	for (int i = 0;; i++) {
		if (i == before) {
			model_do(m, op, g);
			agrees = agrees && m->result == result;
		}
		if (!between.text[i])
			break;
		model_do(m, between.text[i], put);
		agrees = agrees && m->result == between.result[i];
		put += puts_of(between.text[i]);
	}
	m->result = 0;
	return agrees;
}

/* How often each goroutine is somewhere, or was a result. */
static void count_list(int *count, const struct list *l)
{
	for (int i = 0; i < l->n; i++)
		count[l->at[i]]++;
}

/*
 * A put in front has taken out what was there and not yet queued it: a thief that comes by then
 * takes the one in front before the one behind it. That is no order of the two, and no harm, if all
 * are there.
 */
static bool all_there(const struct queues *real, int result, int goroutines)
{
	int count[32] = { 0 };

	for (int i = 0; i < 2; i++) {
		count[real->next[i]]++;
		count_list(count, &real->q[i]);
	}
	count[result]++;
	for (int i = 0; between.text[i]; i++)
		count[between.result[i]]++;
	for (int g = 1; g <= goroutines; g++)
		if (count[g] != 1)
			return false;
	return true;
}

static int puts_in(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += puts_of(*text);
	return n;
}

/* op with text in its middle, after each instruction, from n goroutines in the ring of P 0. */
static void try_between(char op, const char *text, int n, bool next)
{
	static struct queues real, as_if;

	for (int at = 1;; at += BETWEEN_STRIDE) {
		bool fits = false;
		int result;

		empty();
		for (int i = 0; i < n; i++)
			take_step("t", 0);
		if (next)
			take_step("n", 0);
		between.text = text;
		between.first = made + 1 + puts_of(op);
		between.left = at;
		between.done = false;
		result = stepped(op, made + 1);
		if (!between.done)
			return;
		look_at(&real);
		for (int before = 0; before <= (int)strlen(text) && !fits; before++) {
			as_if = model;
			fits = serial(&as_if, op, made + 1, before, result) && same(&as_if, &real);
		}
		if (op == 'n' || strchr(text, 'n'))
			fits = all_there(&real, result, made + puts_of(op) + puts_in(text));
		if (fits)
			continue;
		fprintf(stderr, "%c, after %d instructions %s, with %d%s: no order explains it\n",
			op, at, text, n, next ? " and one in front" : "");
		CHECK(false);
	}
}

static void try_all_between(const char *stepped_ops, const char *const *texts, int ntexts)
{
	static const int lengths[] = { 0, 1, 2, 3 };
	struct sigaction trap = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	CHECK_EQ(sigaction(SIGTRAP, &trap, NULL), 0);
	begin();
	for (const char *op = stepped_ops; *op; op++)
		for (int t = 0; t < ntexts; t++)
			for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
				for (int next = 0; next < 2; next++)
					try_between(*op, texts[t], lengths[l], next);
}
#else
static void try_all_between(const char *stepped_ops, const char *const *texts, int ntexts)
{
	fprintf(stderr, "skipped: single steps are for x86-64\n");
	_exit(77);
}
#endif

CASE(a_thief_between_two_instructions_of_the_owner)
{
	static const char *const thief[] = { "S" };

	try_all_between("ntg", thief, 1);
}

CASE(the_owner_between_two_instructions_of_a_thief)
{
	static const char *const owner[] = { "gt", "n" };

	try_all_between("S", owner, 2);
}

/* --- two threads --- */

static _Atomic uint32_t seen[GS], nseen, over;

static void note(struct gd__g *g)
{
	if (!g)
		return;
	CHECK_EQ(gd__add_relaxed(&seen[g - gs], 1), 0); /* joined later */
	gd__add_relaxed(&nseen, 1);                     /* polled */
}

static void *thief(void *arg)
{
	uint32_t state = *(const uint32_t *)arg;
	struct gd__p *p = &gd__allp[1];
	bool inherit;

	while (!gd__load_relaxed(&over)) { /* polled */
		struct gd__g *g = gd__p_get(p, &inherit);

		if (!g)
			g = gd__p_steal(p, &gd__allp[0], draw(&state, 4) == 0);
		note(g);
	}
	return NULL;
}

CASE(two_threads_lose_and_double_nothing)
{
	uint32_t state = seed();
	pthread_t t;
	bool inherit;

	begin();
	CHECK_EQ(pthread_create(&t, NULL, thief, &state), 0);
	for (int i = 0; i < GS;) {
		if (draw(&state, 100) < 55)
			gd__p_put(&gd__allp[0], &gs[i++], draw(&state, 3) == 0);
		else if (draw(&state, 10) > 0)
			note(gd__p_get(&gd__allp[0], &inherit));
		else
			note(locked_get(1));
	}
	while (gd__load_relaxed(&nseen) < GS) { /* polled */
		note(gd__p_get(&gd__allp[0], &inherit));
		note(locked_get(1));
	}
	gd__store_relaxed(&over, 1); /* polled */
	pthread_join(t, NULL);
	CHECK_EQ(gd__load_relaxed(&nseen), GS); /* joined */
}

UNIT_MAIN
