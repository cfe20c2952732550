/*
 * pd.c - records of descriptors: generations, turns, open and close.
 *
 * A direction is used by one goroutine at a time, as under Go's fdMutex: so there is one waiter
 * per slot, a message written in several parts stays whole, and a close knows when the last call
 * has let go of the number, which the kernel may give to somebody else at once.
 */
#include "runtime/net/pd.h"

#include <errno.h>

#include <gdetect/error.h>

#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"

/* Records come by the chunk. Numbers to 4,194,303: four times the usual fs.nr_open. */
#define CHUNK  64
#define CHUNKS 65536

static struct gd__pd *_Atomic chunks[CHUNKS]; /* set once each */
static _Atomic int limit;                     /* records are of numbers below it; never falls */

int gd__pd_limit(void)
{
	return gd__load_relaxed(&limit); /* a record made meanwhile is not of the caller's time */
}

static void raise_limit(int to)
{
	int was = gd__load_relaxed(&limit); /* the cas decides */

	while (was < to && !gd__cas_relaxed(&limit, &was, to)) /* orders nothing */
		;
}

struct gd__pd *gd__pd_find(int fd)
{
	struct gd__pd *chunk;

	if (fd < 0 || fd >= CHUNK * CHUNKS)
		return NULL;
	chunk = gd__load_acquire(&chunks[fd / CHUNK]); /* pairs with find_or_make */
	return chunk ? &chunk[fd % CHUNK] : NULL;
}

static int find_or_make(int fd, struct gd__pd **out)
{
	struct gd__pd *chunk, *none = NULL;

	if (fd < 0)
		return GD_ERRNO(EBADF);
	if (fd >= CHUNK * CHUNKS)
		return GD_ERRNO(EMFILE);
	*out = gd__pd_find(fd);
	if (*out)
		return GD_OK;
	chunk = gd__os_map(CHUNK * sizeof(*chunk));
	if (!chunk)
		return GD_ENOMEM;
	for (int i = 0; i < CHUNK; i++) {
		gd__pd_init_slot(&chunk[i], GD__PD_READ);
		gd__pd_init_slot(&chunk[i], GD__PD_WRITE);
	}
	/* pairs with the load in gd__pd_find: the slots */
	if (!gd__cas_acq_rel(&chunks[fd / CHUNK], &none, chunk))
		gd__os_unmap(chunk, CHUNK * sizeof(*chunk));
	raise_limit((fd / CHUNK + 1) * CHUNK);
	*out = gd__pd_find(fd);
	return GD_OK;
}

/* The generation ends: whoever waits in it is to be woken after the unlock, and cancelled. */
static void begin_generation(struct gd__pd *pd, uint64_t flags, struct gd__wakelist *l)
	GD_REQUIRES(pd->lock)
{
	uint64_t s = gd__load_relaxed(&pd->state); /* the cas decides */
	struct gd__waiter *w;

	for (int d = 0; d < 2; d++) {
		while ((w = gd__waitq_take(&pd->slot[d].turns)) != NULL)
			gd__wakelist_add(l, gd__waiter_serve(w, false));
		gd__pd_reset_slot(&pd->slot[d]);
	}
	while ((w = gd__waitq_take(&pd->closer)) != NULL)
		gd__wakelist_add(l, gd__waiter_serve(w, false));
	/* pairs with the load of state in gd__pd_wait, after it stored WAIT */
	while (!gd__cas_seq_cst(&pd->state, &s, (uint32_t)(gd__pd_seq(s) + 1) | flags))
		;
}

static void renew_unlock(struct gd__pd *pd, uint64_t flags) GD_UNCHECKED
{
	struct gd__wakelist l;

	gd__wakelist_init(&l);
	begin_generation(pd, flags, &l);
	gd__unlock(&pd->lock);
	gd__pd_cancel(pd);
	gd__wakelist_ready(&l);
}

int gd__pd_open(int fd, enum gd__pd_kind kind) GD_UNCHECKED
{
	struct gd__pd *pd;
	int r = find_or_make(fd, &pd);

	if (r != GD_OK)
		return r;
	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	renew_unlock(pd, GD__PD_OWNED | (uint64_t)kind << GD__PD_KIND_SHIFT);
	return GD_OK;
}

uint32_t gd__netpoll_generation(int fd)
{
	struct gd__pd *pd = gd__pd_find(fd);

	return pd ? gd__pd_seq(gd__load_relaxed(&pd->state)) : 0; /* compared under the lock */
}

void gd__netpoll_closed(int fd, uint32_t generation) GD_UNCHECKED
{
	struct gd__pd *pd = gd__pd_find(fd);
	uint64_t s;

	if (!pd)
		return;
	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	s = gd__load_relaxed(&pd->state); /* the generation changes under the lock */
	if ((s & GD__PD_OWNED) && gd__pd_seq(s) != generation) {
		gd__unlock(&pd->lock);
		return;
	}
	renew_unlock(pd, 0);
}

const void *gd__pd_of(int fd)
{
	return gd__pd_find(fd);
}

static void unlock_pd(void *arg) GD_UNCHECKED
{
	gd__unlock(&((struct gd__pd *)arg)->lock);
}

/* Parks on q; unlocks pd. The waiter that was served, or NULL: until has passed. */
static const struct gd__waiter *wait_on(struct gd__waitq *q, struct gd__waiter *w,
					struct gd__pd *pd, int64_t until) GD_UNCHECKED
{
	const struct gd__blocking b = {
		.reason = GD__WAIT_IO,
		.n = 1,
		.waiters = w,
		.deadline = until,
		.unlock = unlock_pd,
		.arg = pd,
	};

	w->raced = until != GD__FOREVER;
	gd__store_relaxed(&w->g->select_done, 0); /* published by the lock */
	gd__waitq_push(q, w);
	return gd__wait(w->g, &b);
}

static bool refused(uint64_t state, bool owned)
{
	return (state & GD__PD_CLOSING) || (owned && !(state & GD__PD_OWNED));
}

/* The deadline has passed while w waited for its turn. */
static void leave_queue(struct gd__pd *pd, enum gd__pd_dir dir, struct gd__waiter *w) GD_UNCHECKED
{
	struct gd__waitq *q = &pd->slot[dir].turns;

	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	gd__waitq_remove(q, w);
	if (gd__waitq_empty(q)) /* under the lock, as all users of QUEUE */
		gd__and_relaxed(&pd->state, ~GD__PD_QUEUE(dir));
	gd__unlock(&pd->lock);
}

static GD__NOINLINE int wait_turn(struct gd__pd_use *u, bool owned, int64_t until) GD_UNCHECKED
{
	struct gd__pd *pd = u->pd;
	struct gd__waiter w = {
		.wait = { .obj = pd, .kind = GD__OBJ_NONE },
		.g = u->g,
	};
	uint64_t s;

	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	s = gd__load_relaxed(&pd->state); /* the cas decides */
	for (;;) {
		bool taken = (s & GD__PD_TURN(u->dir)) != 0;
		uint64_t bit = taken ? GD__PD_QUEUE(u->dir) : GD__PD_TURN(u->dir);

		if (refused(s, owned)) {
			gd__unlock(&pd->lock);
			return GD_ECLOSED;
		}
		if (taken && until == GD__NO_WAIT) {
			gd__unlock(&pd->lock);
			return GD_EAGAIN;
		}
		/* pairs with the release in gd__pd_end */
		if (!gd__cas_acquire(&pd->state, &s, s | bit))
			continue;
		u->seq = gd__pd_seq(s);
		if (taken)
			break;
		gd__unlock(&pd->lock);
		return GD_OK;
	}
	if (!wait_on(&pd->slot[u->dir].turns, &w, pd, until)) {
		leave_queue(pd, u->dir, &w);
		return GD_ETIMEDOUT;
	}
	return u->g->wake_ok ? GD_OK : GD_ECLOSED;
}

/* The turn of u->fd and u->dir, for owned descriptors or for any. */
static int take_turn(struct gd__pd_use *u, bool owned, int64_t until)
{
	uint64_t s = gd__load_relaxed(&u->pd->state); /* the cas decides */

	do {
		if (refused(s, owned))
			return GD_ECLOSED;
		if (gd__unlikely(s & (GD__PD_TURN(u->dir) | GD__PD_QUEUE(u->dir))))
			return wait_turn(u, owned, until);
		/* pairs with the release in gd__pd_end */
	} while (!gd__cas_acquire(&u->pd->state, &s, s | GD__PD_TURN(u->dir)));
	u->seq = gd__pd_seq(s);
	return GD_OK;
}

int gd__pd_begin(struct gd__pd_use *u, int fd, enum gd__pd_dir dir, int64_t until)
{
	int r;

	u->g = gd__self_or_die("an operation on a descriptor");
	u->pd = gd__pd_find(fd);
	u->fd = fd;
	u->dir = dir;
	if (!u->pd)
		return GD_ECLOSED;
	r = take_turn(u, true, until);
	if (r != GD_OK)
		return r;
	/* relaxed: set before OWNED was, and it stays for as long as that */
	u->kind = (enum gd__pd_kind)(gd__load_relaxed(&u->pd->state) >> GD__PD_KIND_SHIFT & 7);
	r = gd__pd_expired(u);
	if (r != GD_OK)
		gd__pd_end(u);
	return r;
}

/* Somebody waits: for the turn, or to close. */
static GD__NOINLINE void end_slow(const struct gd__pd_use *u) GD_UNCHECKED
{
	struct gd__pd *pd = u->pd;
	struct gd__waitq *q = &pd->slot[u->dir].turns;
	struct gd__waiter *w = NULL;
	struct gd__g *g = NULL;
	uint64_t s;

	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	if (gd__pd_seq(gd__load_relaxed(&pd->state)) == u->seq) { /* changes under the lock */
		w = gd__waitq_take(q);
		if (w)
			g = gd__waiter_serve(w, true); /* the turn goes to it */
		else
			/* pairs with the acquire in take_turn */
			gd__and_release(&pd->state, ~GD__PD_TURN(u->dir));
		if (gd__waitq_empty(q))
			gd__and_relaxed(&pd->state, ~GD__PD_QUEUE(u->dir)); /* under the lock */
		s = gd__load_relaxed(&pd->state);                           /* under the lock */
		if ((s & GD__PD_CLOSING) && !(s & GD__PD_TURNS)) {
			w = gd__waitq_take(&pd->closer);
			if (w)
				g = gd__waiter_serve(w, true);
		}
	}
	gd__unlock(&pd->lock);
	if (g)
		gd__ready(g);
}

void gd__pd_end(const struct gd__pd_use *u)
{
	uint64_t s = gd__load_relaxed(&u->pd->state); /* the cas decides */

	do {
		if (gd__pd_seq(s) != u->seq)
			return; /* the turn ended with its generation */
		if (gd__unlikely(s & (GD__PD_QUEUE(u->dir) | GD__PD_CLOSING))) {
			end_slow(u);
			return;
		}
		/* pairs with the acquire in take_turn */
	} while (!gd__cas_release(&u->pd->state, &s, s & ~GD__PD_TURN(u->dir)));
}

/* Under the lock: closing from here on. false: it is not owned, or somebody else closes it. */
static bool announce_close(struct gd__pd *pd, struct gd__wakelist *l)
{
	uint64_t s = gd__load_relaxed(&pd->state); /* the cas decides */
	struct gd__waiter *w;

	do
		if (refused(s, true))
			return false;
	/* pairs with the load of state in gd__pd_wait, after it stored WAIT */
	while (!gd__cas_seq_cst(&pd->state, &s, s | GD__PD_CLOSING));
	for (int d = 0; d < 2; d++) {
		while ((w = gd__waitq_take(&pd->slot[d].turns)) != NULL)
			gd__wakelist_add(l, gd__waiter_serve(w, false));
		gd__and_relaxed(&pd->state, ~GD__PD_QUEUE(d)); /* under the lock */
	}
	return true;
}

/* Parks until nobody uses pd; then it is nobody's. Locked on entry. */
static int finish_close(struct gd__pd *pd, struct gd__g *g) GD_UNCHECKED
{
	struct gd__waiter w = { .wait = { .obj = pd, .kind = GD__OBJ_NONE }, .g = g };
	struct gd__wakelist nobody;

	/* relaxed: turns end under the lock while CLOSING is set */
	while (gd__load_relaxed(&pd->state) & GD__PD_TURNS) {
		wait_on(&pd->closer, &w, pd, GD__FOREVER);
		if (!g->wake_ok)
			return GD_ECLOSED; /* the number was taken away from under us */
		gd__lock(&pd->lock, GD__RANK_NETPOLL);
	}
	gd__wakelist_init(&nobody);
	begin_generation(pd, 0, &nobody);
	gd__unlock(&pd->lock);
	return GD_OK;
}

int gd__pd_close(int fd) GD_UNCHECKED
{
	struct gd__g *g = gd__self_or_die("the close of a descriptor");
	struct gd__pd *pd = gd__pd_find(fd);
	struct gd__wakelist l;
	bool mine;

	if (!pd)
		return GD_ECLOSED;
	gd__wakelist_init(&l);
	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	mine = announce_close(pd, &l);
	gd__unlock(&pd->lock);
	if (!mine)
		return GD_ECLOSED;
	gd__pd_cancel(pd);
	gd__wakelist_ready(&l);
	gd__lock(&pd->lock, GD__RANK_NETPOLL);
	return finish_close(pd, g);
}

int gd__netpoll_wait_fd(int fd, bool write, int64_t until)
{
	struct gd__pd_use u = {
		.g = gd__self_or_die("a wait for a descriptor"),
		.fd = fd,
		.dir = write ? GD__PD_WRITE : GD__PD_READ,
	};
	int r = find_or_make(fd, &u.pd);

	if (r != GD_OK)
		return r;
	r = take_turn(&u, false, until);
	if (r != GD_OK)
		return r;
	r = gd__pd_wait_anew(&u, until);
	gd__pd_end(&u);
	return r;
}
