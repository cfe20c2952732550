/*
 * path.c - asks the engine for paths and gives their steps names.
 *
 * Types come from where a path begins: a variable's declaration says what it
 * points to, that type's member what that points to, and so on. A void pointer
 * ends it. Nothing that the dump holds is trusted: an offset that does not fit
 * its type has no name.
 */
#include "tools/gleak/path.h"

#include <stddef.h>
#include <string.h>

#include "tools/gleak/stacks.h"

struct naming {
	struct analysis *a;
	struct symbols_type type; /* of what the last word points to */
	uint64_t value;           /* of the last word */
};

static const char *keep(struct naming *n, const char *text)
{
	return text[0] ? pool_text(&n->a->dump.pool, text) : "";
}

static void name_variable(struct naming *n, uint64_t at, struct step_name *name)
{
	struct symbols_word word;

	if (!symbols_variable(n->a->symbols, at, &word))
		return;
	name->name = keep(n, word.name);
	n->type = word.target;
}

static void name_local(struct naming *n, const struct gd__why_step *s, struct step_name *name)
{
	struct symbols_word word;
	struct stack frame;

	if (!frame_of(n->a, &n->a->in.core->im.g[s->g], s->at, &frame, &word))
		return;
	name->name = keep(n, word.name);
	for (size_t i = 0; i < frame.n && !name->function[0]; i++)
		name->function = frame.frame[i].function;
	n->type = word.target;
}

static void name_member(struct naming *n, const struct gd__why_step *s, struct step_name *name)
{
	struct symbols_type type = n->type;
	struct symbols_word word;
	char text[256];

	n->type.known = false;
	if (!type.known || n->value < s->block.start || s->at < n->value ||
	    n->value - s->block.start >= s->block.size)
		return;
	symbols_type_name(&type, text, sizeof(text));
	name->type = keep(n, text);
	if (!symbols_member(&type, s->at - n->value, &word))
		return;
	name->name = keep(n, word.name);
	n->type = word.target;
}

static void name_steps(struct analysis *a, struct why *w)
{
	const struct gd__mem *mem = &a->in.core->mem;
	struct naming n = { .a = a };

	for (size_t i = 0; i < w->why->n; i++) {
		const struct gd__why_step *s = &w->why->step[i];

		w->step[i] = (struct step_name){ "", "", "" };
		if (s->kind == GD__WHY_BLOCK)
			name_member(&n, s, &w->step[i]);
		else
			n.type.known = false;
		if (s->kind == GD__WHY_DATA)
			name_variable(&n, s->at, &w->step[i]);
		if (s->kind == GD__WHY_STACK)
			name_local(&n, s, &w->step[i]);
		if (!mem->read(mem, s->at & ~UINT64_C(7), &n.value, sizeof(n.value)))
			n.type.known = false;
	}
}

static const struct group *finding_of(const struct dump *d, uint64_t id)
{
	for (size_t i = 0; i < d->nfindings; i++)
		for (size_t k = 0; k < d->findings[i].n; k++)
			if (d->findings[i].member[k]->info->id == id)
				return &d->findings[i];
	return NULL;
}

/* What g waits for, as check.c fills it in for findings. */
static void fill_waits(struct gd__image *im, struct gd__leak *l, const struct gd__ginfo *g)
{
	l->g = *g;
	for (uint32_t i = 0; i < g->nwaits && i < WAITS_MAX; i++) {
		if (!gd__image_wait(im, g, i, &l->wait[i]))
			break;
		if (l->wait[i].obj)
			gd__image_object(im, l->wait[i].obj, l->wait[i].kind, &l->object[i]);
		l->nobjects++;
	}
}

/* Of a hundred thousand goroutines each has a path, and most are short. */
static const struct gd__why *keep_path(struct pool *pool, const struct gd__why *found)
{
	size_t n = offsetof(struct gd__why, step) + found->n * sizeof(found->step[0]);

	return memcpy(pool_get(pool, n), found, n);
}

static void take(struct analysis *a, const struct gd__why *found)
{
	struct gd__image *im = &a->in.core->im;
	struct why *w = pool_get(&a->dump.pool, sizeof(*w));
	const struct gd__ginfo *g = &im->g[found->g];

	w->why = keep_path(&a->dump.pool, found);
	w->step = pool_array(&a->dump.pool, found->n + 1, sizeof(*w->step));
	w->g.info = g;
	w->g.stack = stack_of(a, g);
	w->g.created = symbols_name(a->symbols, g->create_pc, g->ncreate);
	w->group = found->answer == GD__WHY_STUCK ? finding_of(&a->dump, g->id) : NULL;
	if (g->state == GD__GI_WAITING)
		fill_waits(im, &w->waits, g);
	else
		w->waits.g = *g;
	name_steps(a, w);
	a->dump.why[a->dump.nwhy++] = w;
}

bool find_why(struct analysis *a, uint64_t goid, bool all)
{
	const struct gd__verdicts *v = a->in.result.verdicts;
	const struct gd__image *im = &a->in.core->im;
	struct gd__why found;

	a->dump.image = im;
	a->dump.why = pool_array(&a->dump.pool, im->ng + 1, sizeof(struct why *));
	for (size_t i = 0; all && i < im->ng; i++) {
		gd__why(v, im->g[i].id, &found);
		if (found.answer == GD__WHY_REACHED || found.answer == GD__WHY_UNDECIDED)
			take(a, &found);
	}
	if (all)
		return true;
	gd__why(v, goid, &found);
	if (found.answer == GD__WHY_NO_SUCH)
		return false;
	take(a, &found);
	return true;
}
