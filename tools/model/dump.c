/* dump.c - notes and groups. */
#include "tools/model/dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *add_note(struct dump *d, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (size_t i = 0; i < d->nnotes; i++)
		if (strcmp(d->notes[i], text) == 0)
			return d->notes[i];
	if (d->nnotes == d->notes_cap) {
		size_t cap = d->notes_cap ? d->notes_cap * 2 : 8;
		const char **grown = pool_array(&d->pool, cap, sizeof(*grown));

		if (d->nnotes)
			memcpy(grown, d->notes, d->nnotes * sizeof(*grown));
		d->notes = grown;
		d->notes_cap = cap;
	}
	return d->notes[d->nnotes++] = pool_text(&d->pool, text);
}

void dump_note(struct dump *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(d, fmt, ap);
	va_end(ap);
}

void dump_miss(struct dump *d, const char *fmt, ...)
{
	va_list ap;

	d->complete = false;
	va_start(ap, fmt);
	const char *note = add_note(d, fmt, ap);

	va_end(ap);
	if (!d->why_not)
		d->why_not = note;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = mix(h, (unsigned char)*s);
	return h;
}

static uint64_t mix_stack(uint64_t h, const struct stack *s)
{
	for (size_t i = 0; i < s->n; i++) {
		h = mix_text(h, s->frame[i].function);
		h = mix(h, (uint64_t)s->frame[i].line);
	}
	return mix(h, s->n);
}

static uint64_t hash(const struct goroutine *g)
{
	uint64_t h = mix(g->info->state, g->info->reason);

	if (g->leak)
		h = mix(mix(h, g->leak->verdict + 1), g->leak->evidence);
	return mix_stack(mix_stack(h, &g->stack), &g->created);
}

static bool together(const struct goroutine *a, const struct goroutine *b)
{
	if (a->hash != b->hash || a->info->state != b->info->state ||
	    a->info->reason != b->info->reason || !a->leak != !b->leak)
		return false;
	if (a->leak &&
	    (a->leak->verdict != b->leak->verdict || a->leak->evidence != b->leak->evidence))
		return false;
	return stack_same(&a->stack, &b->stack) && stack_same(&a->created, &b->created);
}

static void add_member(struct pool *pool, struct group *to, struct goroutine *g)
{
	if (to->n == to->cap) {
		size_t cap = to->cap ? to->cap * 2 : 4;
		struct goroutine **grown = pool_array(pool, cap, sizeof(struct goroutine *));

		if (to->n)
			memcpy(grown, to->member, to->n * sizeof(struct goroutine *));
		to->member = grown;
		to->cap = cap;
	}
	to->member[to->n++] = g;
}

size_t dump_group(struct pool *pool, struct goroutine **g, size_t n, struct group **groups)
{
	struct group *all = pool_array(pool, n + 1, sizeof(*all));
	size_t cap = 64, count = 0;

	while (cap < 2 * n)
		cap *= 2;
	/* Slots hold the number of a group + 1. */
	size_t *slot = pool_array(pool, cap, sizeof(*slot));

	for (size_t i = 0; i < n; i++) {
		g[i]->hash = hash(g[i]);
		size_t at = g[i]->hash & (cap - 1);

		while (slot[at] && !together(all[slot[at] - 1].member[0], g[i]))
			at = (at + 1) & (cap - 1);
		if (!slot[at])
			slot[at] = ++count;
		g[i]->group = slot[at] - 1;
		add_member(pool, &all[slot[at] - 1], g[i]);
	}
	*groups = all;
	return count;
}

size_t dump_stuck(const struct dump *d)
{
	return d->by_verdict[GD__VERDICT_PROVEN] + d->by_verdict[GD__VERDICT_OWNER_STUCK];
}

int64_t dump_age(const struct dump *d, const struct goroutine *g)
{
	int64_t age = 0;

	if (g->info->state != GD__GI_WAITING ||
	    __builtin_sub_overflow(d->now_ns, g->info->since_ns, &age) || age < 0)
		return 0;
	return age;
}

const char *dump_state(const struct goroutine *g)
{
	switch (g->info->state) {
	case GD__GI_RUNNABLE:
		return "runnable";
	case GD__GI_RUNNING:
		return "running";
	case GD__GI_SYSCALL:
		return "syscall";
	case GD__GI_WAITING:
		return gd__wait_text(g->info->reason);
	case GD__GI_DEAD:
		return "dead";
	}
	return "unknown state";
}
