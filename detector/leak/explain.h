/*
 * explain.h - a leak in words: what is proven, and what it waits for.
 *
 * What an address is called is asked of a struct gd__tongue, so that the
 * process and gleak say the same, each with the symbols it has.
 */
#ifndef GD_DETECTOR_LEAK_EXPLAIN_H
#define GD_DETECTOR_LEAK_EXPLAIN_H

#include "detector/common/report.h"
#include "detector/leak/story.h"
#include "runtime/base/fmt.h"

struct gd__why_step;

/* Names for addresses. Each writes to o; those that give false have written nothing. */
struct gd__tongue {
	void *self;
	/* "first.c:12", or "app+0x1f": the call that returns to pc. */
	void (*place)(void *self, struct gd__out *o, uint64_t pc);
	/* "first": the function of that call. */
	bool (*function)(void *self, struct gd__out *o, uint64_t pc);
	/* The user's frames of g's creation stack but the first: each as lead,
	 * "first at first.c:12", newline. */
	void (*frames)(void *self, struct gd__out *o, const struct gd__ginfo *g, const char *lead);
	/* "registry.lock": a variable that holds addr, outside of heap and goroutines' stacks. */
	bool (*data)(void *self, struct gd__out *o, uint64_t addr);
	/* "first at first.c:12": where the party is, p->g is not NULL. */
	bool (*now)(void *self, struct gd__out *o, const struct gd__party *p);
	/* ", in f at first.c:12": the frame of goroutine goid that addr lies in; or nothing. May be
	 * NULL. */
	void (*frame)(void *self, struct gd__out *o, uint64_t goid, uint64_t addr);
	/* " (struct server)", " (jobs)": type of a heap block of a path, its member; or nothing.
	 * May be NULL. */
	void (*type)(void *self, struct gd__out *o, const struct gd__why_step *s);
	void (*member)(void *self, struct gd__out *o, const struct gd__why_step *s);
	/* "first at first.c:12": where the heap block was allocated. */
	bool (*allocated)(void *self, struct gd__out *o, const struct gd__block *b);
	/* Lines about who dropped the last reference to a channel; or nothing. May be NULL. */
	void (*dropped)(void *self, struct gd__out *o, uint64_t chan);
	/* Whether p is still in the function in which it acted. */
	enum gd__stay (*stay)(void *self, const struct gd__party *p);
};

/* "proven stuck: nothing that can still run reaches the channel" */
void gd__explain_verdict(struct gd__out *o, const struct gd__leak *l);
/* "mutex registry.lock", "the channel, made at first.c:12". t may be NULL: addresses. */
void gd__explain_name(struct gd__out *o, const struct gd__tongue *t, const struct gd__oinfo *x);
/* "channel of capacity 0, element size 4, made at first.c:12; 3 senders wait"; i < l->nobjects.
 * t and h may be NULL. */
void gd__explain_object(struct gd__out *o, const struct gd__tongue *t, const struct gd__leak *l,
			uint32_t i, const struct gd__home *h);

#endif
