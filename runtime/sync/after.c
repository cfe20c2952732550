/*
 * after.c - the user's timers and tickers, on the scheduler's timer heaps.
 *
 * A timer either starts a goroutine or puts the time into a channel of
 * capacity 1. As in Go since 1.23 a value of an earlier setting is never
 * received after stop or reset: both take the timer out of the heap, which
 * waits for a firing in progress, and then empty the channel.
 *
 * For the race detector who starts or resets a timer releases an object that
 * the receiver, or the goroutine started, acquires.
 *
 * Invariant: lock guards setting the timer, so that of two resets each is
 * whole; and with a channel stopping it, so that it is empty afterwards. It is not taken when the
 * timer fires.
 *
 * A few freed timers are kept for each P: with the leak detector's malloc, which notes who asked,
 * memory is half of the cost of a start and a stop (measured 2026: 1,000 instructions to 500).
 * With hooks installed none is kept: a detector wants to see memory come and go.
 */
#include <stdlib.h>

#include <gdetect/error.h>
#include <gdetect/time.h>

#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/m.h"
#include "runtime/sched/p.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"
#include "runtime/time/timer.h"

struct gd_timer {
	struct gd__timer timer;
	struct gd__lock lock;
	uint32_t scope; /* of who has set fn */
	gd_chan *chan;  /* NULL: runs fn(arg) in a goroutine */
	void (*fn)(void *);
	void *arg;
	const char *name, *site;
	uintptr_t pc;
};

struct gd_ticker {
	struct gd_timer t;
};
_Static_assert(sizeof(struct gd_ticker) == sizeof(struct gd_timer), "kept in one list");

/* Timers kept for each P: enough for those that one goroutine has at a time. */
#define KEEP_MAX 32

/* Linked through arg. Of the thread that holds the P: nothing in between parks. */
static struct kept {
	_Alignas(64) gd_timer *first;
	uint32_t n;
} kept[GD__P_MAX];

static struct kept *my_kept(void)
{
	const struct gd__m *m = gd__m_self();

	return gd__likely(gd__hooks == NULL && m != NULL && m->p != NULL) ? &kept[m->p->id] : NULL;
}

static gd_timer *allocate(void)
{
	struct kept *k = my_kept();
	gd_timer *t = k != NULL ? k->first : NULL;

	if (t != NULL) {
		k->first = t->arg;
		k->n--;
		*t = (gd_timer){ .arg = NULL };
		return t;
	}
	gd_ticker *made = calloc(1, sizeof(*made));

	if (made == NULL)
		gd__fatal("out of memory: a timer");
	return &made->t;
}

/* All zero but the link: it keeps nothing alive, and its use is seen. */
static void release(gd_timer *t)
{
	struct kept *k = my_kept();

	*t = (gd_timer){ .arg = NULL };
	/* The stores are for the next user of the handle: the compiler may not drop them. */
	__asm__ volatile("" : : "r"(t) : "memory");
	if (k == NULL || k->n >= KEEP_MAX) {
		free(t);
		return;
	}
	t->arg = k->first;
	k->first = t;
	k->n++;
}

static void check_use(const gd_timer *t)
{
	if (gd__unlikely(t->timer.fire == NULL))
		gd__fatal("use of a timer after gd_timer_free: %p", (const void *)t);
}

/* The object that carries the clock of who set the timer. */
static const void *clock_of(const gd_timer *t)
{
	return t->chan != NULL ? gd__chan_timer_clock(t->chan) : t;
}

static int64_t from_now(int64_t ns)
{
	int64_t now = gd__clock_now();

	if (ns <= 0)
		return now;
	return ns > INT64_MAX - 1 - now ? INT64_MAX - 1 : now + ns;
}

/* --- firing, on a scheduler stack --- */

static void post(gd_chan *c, int64_t now) GD_UNCHECKED
{
	struct gd__g *wake;

	gd__lock(&c->lock, GD__RANK_CHAN);
	/* A full channel drops the tick; one the user closed gets none. */
	(void)gd__chan_send_locked(c, &now, NULL, 0, &wake);
	gd__unlock(&c->lock);
	if (wake != NULL)
		gd__ready(wake);
}

static void fire_chan(struct gd__timer *timer, int64_t now)
{
	const gd_timer *t = timer->arg;

	post(t->chan, now);
}

static void fire_func(struct gd__timer *timer, int64_t now)
{
	const gd_timer *t = timer->arg;
	const struct gd__spawn s = {
		.fn = t->fn,
		.arg = t->arg,
		.name = t->name,
		.site = t->site,
		.site_pc = t->pc,
		.after = clock_of(t),
		.scope = t->scope,
	};

	(void)now;
	if (gd__spawn(&s) != GD_OK)
		gd__fatal("out of memory: the goroutine of gd_after_func at %s", t->site);
}

/* --- setting --- */

/* Under lock: not pending and nothing to be received from here on. True if it was either. */
static bool cancel_locked(gd_timer *t)
{
	bool pending = gd__timer_stop(&t->timer);

	return (t->chan != NULL && gd__chan_drain(t->chan)) || pending;
}

static void hook_set(const gd_timer *t)
{
	const struct gd__g *g = gd__hooks != NULL ? gd__self() : NULL;

	if (g != NULL)
		gd__hooks->release(g->hook_ctx, clock_of(t));
}

/* For the first time: nobody else has t. It may be gone on return: see gd_after_raw. */
static void set_first(gd_timer *t, int64_t ns, int64_t period)
{
	hook_set(t);
	gd__timer_start(&t->timer, from_now(ns), period);
}

static bool set(gd_timer *t, int64_t ns, int64_t period) GD_UNCHECKED
{
	check_use(t);
	gd__lock(&t->lock, GD__RANK_TIMER_OBJ);

	bool was = cancel_locked(t);

	hook_set(t);
	gd__timer_start(&t->timer, from_now(ns), period);
	gd__unlock(&t->lock);
	return was;
}

static bool unset(gd_timer *t) GD_UNCHECKED
{
	check_use(t);
	if (t->chan == NULL)
		return gd__timer_stop(&t->timer);
	gd__lock(&t->lock, GD__RANK_TIMER_OBJ);

	bool was = cancel_locked(t);

	gd__unlock(&t->lock);
	return was;
}

static void init_chan(gd_timer *t, const char *site, uintptr_t pc)
{
	t->chan = gd__chan_make(sizeof(int64_t), 1, site, pc);
	t->chan->timed = true;
	t->site = site;
	t->pc = pc;
	t->timer.fire = fire_chan;
	t->timer.arg = t;
	t->timer.root = t->chan;
	t->timer.fork = GD__FORK_KEEPS;
}

static void init_func(gd_timer *t, void (*fn)(void *), void *arg, const char *name,
		      const char *site, uintptr_t pc)
{
	if (fn == NULL)
		gd__fatal("gd_after_func of a NULL function");
	t->fn = fn;
	t->arg = arg;
	t->name = name;
	t->site = site;
	t->pc = pc;
	t->scope = gd__self() ? gd__self()->scope : 0;
	t->timer.fire = fire_func;
	t->timer.arg = t;
	t->timer.root = arg;
	t->timer.fork = GD__FORK_STOPS;
}

static void free_timer(gd_timer *t)
{
	unset(t);
	gd__hook(forget, t, sizeof(*t));
	if (t->chan != NULL)
		gd_chan_unref_raw(t->chan);
	release(t);
}

/* --- timers --- */

gd_timer *gd_after_func_raw(int64_t ns, void (*fn)(void *), void *arg, const char *name,
			    const char *site)
{
	gd_timer *t = allocate();

	init_func(t, fn, arg, name, site, GD__CALLER_PC);
	set_first(t, ns, 0);
	return t;
}

gd_timer *gd_timer_make_raw(int64_t ns, const char *site)
{
	gd_timer *t = allocate();

	init_chan(t, site, GD__CALLER_PC);
	set_first(t, ns, 0);
	return t;
}

gd_time_chan gd_timer_chan(gd_timer *t)
{
	return (gd_time_chan){ .raw = t->chan };
}

bool gd_timer_stop(gd_timer *t)
{
	return unset(t);
}

bool gd_timer_reset(gd_timer *t, int64_t ns)
{
	return set(t, ns, 0);
}

void gd_timer_free(gd_timer *t)
{
	if (t != NULL)
		free_timer(t);
}

/* --- gd_after: a timer without an owner, which frees itself when it has fired --- */

static void fire_after(struct gd__timer *timer, int64_t now)
{
	gd_timer *t = timer->arg;

	post(t->chan, now);
	gd_chan_unref_raw(t->chan);
	release(t);
}

gd_time_chan gd_after_raw(int64_t ns, const char *site)
{
	gd_timer *t = allocate();

	init_chan(t, site, GD__CALLER_PC);
	t->timer.fire = fire_after;

	gd_time_chan c = { .raw = gd_chan_ref_raw(
				   t->chan) }; /* one is the timer's until it fires */

	set_first(t, ns, 0);
	return c;
}

/* --- tickers --- */

gd_ticker *gd_ticker_make_raw(int64_t ns, const char *site)
{
	if (ns <= 0)
		gd__fatal("non-positive interval for gd_ticker_make");

	gd_ticker *t = (gd_ticker *)allocate(); /* begins with a timer and is no more */

	init_chan(&t->t, site, GD__CALLER_PC);
	set_first(&t->t, ns, ns);
	return t;
}

gd_time_chan gd_ticker_chan(gd_ticker *t)
{
	return gd_timer_chan(&t->t);
}

void gd_ticker_stop(gd_ticker *t)
{
	unset(&t->t);
}

void gd_ticker_reset(gd_ticker *t, int64_t ns)
{
	if (ns <= 0)
		gd__fatal("non-positive interval for gd_ticker_reset");
	set(&t->t, ns, ns);
}

void gd_ticker_free(gd_ticker *t)
{
	if (t != NULL)
		free_timer(&t->t);
}
