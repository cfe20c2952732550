/*
 * mark.h - which memory, primitives and goroutines can be reached from what may still run.
 *
 * One worklist of memory ranges and one queue of primitives. Scanning a range
 * finds heap blocks (interior pointers count), stacks of parked goroutines
 * and primitives; a primitive that is found lets its waiters run, and their
 * live stacks are ranges again. Each range and each primitive is taken once,
 * so a chain of n waiters costs O(n). No recursion.
 *
 * Addresses at odd places and below tags are followed (mark_odd.c). What is not followed: pointers
 * one past the end of a block, stacks below the saved stack pointer.
 */
#ifndef GD_DETECTOR_LEAK_MARK_H
#define GD_DETECTOR_LEAK_MARK_H

#include "detector/leak/owners.h"
#include "detector/leak/seen.h"
#include "detector/leak/set.h"
#include "detector/leak/wakers.h"

struct gd__mark_how {
	const uint8_t *frozen; /* goroutines that are known never to run; NULL: none */
	bool nothing_runs;     /* every goroutine sleeps for ever: there are no roots */
	/*
	 * Instead of all that: only from the registers and stacks of the goroutines marked here and
	 * from pending timers, without letting anybody run. For "who else could unlock it".
	 */
	const uint8_t *only;
	/*
	 * Who waits for a lock runs only if its owners do, however reachable the lock is. NULL:
	 * reachable is enough. barred: goroutines, by number, for whom it is enough all the same.
	 */
	const struct gd__owners *owners;
	const uint8_t *barred;
	bool paths; /* note in `blocks` which word led to each: for "why", at several times the cost
		     */
};

/* How many look-ups and ranges are under way: so long a cache line takes to come. */
#define GD__MARK_AHEAD 16

struct gd__mark_work;

/* What is common to the addresses [lo, lo + span) that lead somewhere, to tell where such a one
 * may lie across two words. */
struct gd__odd {
	uint64_t lo, span;
	uint64_t sixth, common; /* the sixth byte of all, and its bits that are the same: 8 times */
};

/* A part of a range, as it was read: n bytes that lie at the address at. */
struct gd__piece {
	const char *bytes;
	uint64_t at, n;
};

struct gd__mark_stack {
	uint64_t lo, hi;
	uint32_t g;
};

/* Who has made a goroutine's live stack a range: add_stack, or the image as a root. */
enum { GD__STACK_OURS = 1, GD__STACK_ROOT };

struct gd__mark {
	struct gd__image *im;
	const struct gd__wakers *wakers;
	struct gd__arena *arena;
	struct gd__mark_how how;

	struct gd__seen seen;  /* starts of the heap blocks reached */
	struct gd__set blocks; /* the same by start, if how.paths; what gd__retained adds */
	uint8_t *may_run;      /* per goroutine */
	uint8_t *stack_done;   /* per goroutine: its live stack has become a range, by whom */
	uint8_t *reached;      /* per primitive */
	uint64_t *stack_from;  /* per goroutine: address of the word that led to its stack */
	uint64_t *prim_from;   /* per primitive: the same, or its own address if in a range */
	uint32_t *revived_by;  /* per goroutine: primitive + 1 that let it run, 0: none */

	struct gd__mark_stack *stack; /* stacks of all goroutines, by address */
	size_t nstacks;
	uint64_t stack_min, stack_max;
	uint64_t prim_min; /* lowest address of a primitive */
	struct gd__odd odd;

	struct gd__seen prims; /* pieces of memory in which primitives begin, see near_prims */
	/* Words of a heap, not looked up yet, and ranges, not scanned yet: fetched ahead. Of both
	 * [done, made) modulo GD__MARK_AHEAD. */
	struct {
		uint64_t v, at;
	} word[GD__MARK_AHEAD];
	struct gd__range range[GD__MARK_AHEAD];
	unsigned words_done, words_made, ranges_done, ranges_made;

	struct gd__mark_work *work, *spare;
	uint32_t *queue; /* primitives reached, their waiters not yet revived from queue_head on */
	size_t queue_head, queue_tail;
	uint32_t *ran; /* goroutines that may run, in that order; from ran_head on their locks'
			  waiters are still to be looked at */
	size_t ran_head, ran_tail;

	uint32_t
		*live; /* goroutines whose live stack is reached; from live_head on to be scanned */
	size_t live_head, live_tail;
	struct gd__range own; /* the stack that is being scanned */

	bool timers;    /* some timer is pending: it may start a goroutine */
	bool no_memory; /* the result is worthless */
	bool unread;    /* some range could not be read */
	uint64_t words; /* looked at, for measurements */
};

/* Runs a whole pass. false: no memory. */
bool gd__mark_run(struct gd__mark *m, struct gd__image *im, const struct gd__wakers *w,
		  struct gd__arena *a, const struct gd__mark_how *how);
/* For the pass itself. mark_todo.c: a range that is to be scanned; the next one, false if there is
 * none; the beginning of one is fetched, as it is needed soon. */
void gd__mark_push(struct gd__mark *m, uint64_t lo, uint64_t hi);
bool gd__mark_next(struct gd__mark *m, struct gd__range *r);
void gd__mark_fetch(struct gd__range r);
/* mark.c: the word v at this address, arg is the struct gd__mark; until nothing is left. */
void gd__mark_see(void *arg, uint64_t v, uint64_t at);
void gd__mark_drain(struct gd__mark *m);
/*
 * mark_odd.c: the addresses of [lo, hi), below 2^48, are looked for; those at odd places whose
 * sixth byte is in the word w, at this place of p, and the one below a tag in w; those at odd
 * places whose sixth byte follows the last whole word of p, which has one at least.
 */
void gd__odd_init(struct gd__odd *o, uint64_t lo, uint64_t hi);
void gd__mark_see_odd(struct gd__mark *m, const struct gd__piece *p, uint64_t place, uint64_t w);
void gd__mark_see_rest(struct gd__mark *m, const struct gd__piece *p);

/* Whether w is more than an address: gd__mark_see_odd is to look at it. Mostly no. */
static inline bool gd__odd_in(const struct gd__odd *o, uint64_t w)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
	uint64_t x = (w ^ o->sixth) & o->common;
	uint64_t zero = (x - ones) & ~x & highs; /* bytes that match; perhaps some too many */

	return zero != 0 && ((zero & ~(UINT64_C(0x80) << 40)) != 0 || w >> 48 != 0);
}

/* What of a goroutine's stack is live, as far as its record tells. */
static inline struct gd__range gd__live_stack(const struct gd__ginfo *g)
{
	return (struct gd__range){ g->sp ? g->sp : g->stack_lo, g->stack_hi };
}
/* The goroutine on whose stack addr lies, or -1. */
int64_t gd__mark_stack_at(const struct gd__mark *m, uint64_t addr);
/* Calls word(arg, value, address) for each aligned word of [lo, hi) that could be a pointer.
 * Returns false if some of it could not be read. */
bool gd__mark_words(struct gd__image *im, uint64_t lo, uint64_t hi,
		    void (*word)(void *arg, uint64_t value, uint64_t at), void *arg);

#endif
