/*
 * explain.h - a leak in words: what is proven, what it waits for, which mistake it looks like.
 *
 * Works on struct gd__leak alone, so the process and gleak say the same. Where
 * addresses should become functions, the caller adds that.
 */
#ifndef GD_DETECTOR_LEAK_EXPLAIN_H
#define GD_DETECTOR_LEAK_EXPLAIN_H

#include "detector/common/report.h"
#include "runtime/base/fmt.h"

/* A known mistake. */
struct gd__advice {
	const char *pattern; /* "abandoned sender"; NULL if it is none we know */
	const char *repair;  /* the usual repair, one clause */
};

/* "proven stuck: nothing that can still run reaches the channel" */
void gd__explain_verdict(struct gd__out *o, const struct gd__leak *l);
/* "channel of capacity 0, element size 4, made at first.c:12"; i < l->nobjects. */
void gd__explain_object(struct gd__out *o, const struct gd__leak *l, uint32_t i);
/* The mistake it looks like. Both strings are constant. */
struct gd__advice gd__explain_advice(const struct gd__leak *l);

#endif
