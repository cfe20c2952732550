/*
 * tell.h - the paragraph of a report about one group of leaks, and the answer of `why`.
 *
 * The order of a paragraph: how many wait for what and what is proven; the
 * mistake it looks like and its repair; (the stack, which the caller prints;)
 * what it waits for, where that lives, who was last there and where that one
 * went; the cycle; who started it; which goroutines, since when; what they keep.
 */
#ifndef GD_DETECTOR_LEAK_TELL_H
#define GD_DETECTOR_LEAK_TELL_H

#include "detector/leak/explain.h"
#include "detector/leak/why.h"

#define GD__TALE_IDS 20

/* What is to be told of a group. */
struct gd__tale {
	const struct gd__leak *leak; /* the first of the group */
	struct gd__story *story;     /* of that; NULL: unknown */
	size_t count;
	uint64_t id[GD__TALE_IDS]; /* of the first goroutines */
	size_t nids;
	int64_t youngest_ns, oldest_ns; /* how long they have waited; < 0: they do not wait */
	struct gd__retained retained;   /* of all */
	const char *fingerprint;        /* "" if there is none */
};

/* Fills in where the parties are; before the others. */
void gd__tell_prepare(const struct gd__tongue *t, struct gd__story *s);
/* Up to the stack. */
void gd__tell_head(struct gd__out *o, const struct gd__tongue *t, const struct gd__tale *a);
/* What follows the stack, with an empty line at its end. */
void gd__tell_rest(struct gd__out *o, const struct gd__tongue *t, const struct gd__tale *a);

/* What several of the stuck keep together: a line, or nothing. */
void gd__tell_shared(struct gd__out *o, const struct gd__retained *r);

/* "; it has returned from first and is stuck: chan send in held at zoo.c:15" */
void gd__tell_whereabouts(struct gd__out *o, const struct gd__tongue *t, const struct gd__party *p);
/* "goroutine 2 holds mutex a (zoo.c:8), waits for mutex b held by goroutine 3 (zoo.c:9), which
 * waits for mutex a". False, and nothing written: there is no chain worth a line. */
bool gd__tell_chain(struct gd__out *o, const struct gd__tongue *t, const struct gd__story *s);
/* "3 minutes", "less than a second". */
void gd__tell_age(struct gd__out *o, int64_t ns);
/* "1040 bytes", "12 kB". */
void gd__tell_bytes(struct gd__out *o, uint64_t n);

/* "  kept off the list by:" and the steps, one line each; nothing if there is no path. */
void gd__tell_path(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		   const struct gd__why *why);
/* Step i of the path, one line without its newline. im: the image it was found in. */
void gd__tell_step(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		   const struct gd__why *why, size_t i);
/* "it can be reached from a global variable": one clause. */
void gd__tell_answer(struct gd__out *o, const struct gd__tongue *t, const struct gd__image *im,
		     const struct gd__why *why);

#endif
