/*
 * why.h - why a waiting goroutine is not on the list: the path from a root to what it waits for.
 *
 * A marking pass notes of all it finds which word led there. The path is those
 * notes read backwards, from the primitive that let the goroutine run to a
 * range that is always live. It is one path of perhaps many.
 */
#ifndef GD_DETECTOR_LEAK_WHY_H
#define GD_DETECTOR_LEAK_WHY_H

#include "detector/leak/verdict.h"

enum gd__why_answer {
	GD__WHY_NO_SUCH, /* there is no goroutine of that id */
	GD__WHY_RUNS,    /* it waits for nothing that only others can give: it runs, sleeps, ... */
	GD__WHY_REACHED, /* it waits, and what it waits for can be reached: the path says how */
	GD__WHY_STUCK,   /* it is stuck: fate says why */
	GD__WHY_EXEMPT,  /* it is stuck, but of a kind that is not reported: fate says why */
	GD__WHY_UNDECIDED, /* it waits, and its wait record could not be read */
	GD__WHY_SPENT      /* its function has returned */
};

/* Outermost first: what contains the word, and which word of it leads to the next step. */
enum gd__why_kind {
	GD__WHY_DATA,   /* root: data of a module, a registered or mapped range, what the kernel was
			   given */
	GD__WHY_THREAD, /* root: stack, registers, thread-local storage of a foreign thread */
	GD__WHY_TIMER,  /* root: a pending timer */
	GD__WHY_REGISTER, /* root: registers of a goroutine that runs */
	GD__WHY_UNKNOWN,  /* root: memory that nothing is known of, which counts as live */
	GD__WHY_STACK,    /* stack of goroutine g: a root if that one runs by itself */
	GD__WHY_BLOCK,    /* a heap block */
	GD__WHY_PRIM      /* a primitive; goroutine g waits for it, and so may run */
};

struct gd__why_step {
	enum gd__why_kind kind;
	/* The word; its value is an address in the next step, or what comes next contains it. Of a
	 * primitive: its own address. */
	uint64_t at;
	struct gd__range range;      /* DATA, THREAD, TIMER, REGISTER, STACK: the whole */
	struct gd__block block;      /* BLOCK */
	const struct gd__prim *prim; /* PRIM */
	uint32_t g;                  /* STACK, PRIM: position in image->g */
	bool root;                   /* the first step */
};

#define GD__WHY_STEPS 64

struct gd__why {
	enum gd__why_answer answer;
	uint32_t g; /* position in image->g; not of NO_SUCH */
	struct gd__fate fate;
	bool cut; /* the path is longer; its last steps are there */
	size_t n;
	struct gd__why_step step[GD__WHY_STEPS]; /* last: a copy may have room for n only */
};

/* v: the verdicts of a check whose image is still there. */
void gd__why(const struct gd__verdicts *v, uint64_t goid, struct gd__why *why);

#endif
