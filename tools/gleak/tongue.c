/*
 * tongue.c - symbols of a core in the words of reports.
 *
 * Nothing out of a dump is trusted: control characters come out as '?'.
 */
#include "tools/gleak/tongue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "detector/common/depot.h"
#include "tools/gleak/stacks.h"
#include "tools/model/why.h"
#include "tools/report/write.h"

static void say(struct gd__out *o, const char *text)
{
	for (; *text; text++) {
		char c = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;

		gd__out_bytes(o, &c, 1);
	}
}

static void say_position(struct gd__out *o, const struct frame *f)
{
	if (!f) {
		gd__out_str(o, "an unknown place");
	} else if (f->file[0] && f->line > 0) {
		say(o, f->file);
		gd__out_fmt(o, ":%d", f->line);
	} else if (f->module[0]) {
		say(o, f->module);
		gd__out_fmt(o, "+0x%lx", (unsigned long)f->offset);
	} else {
		gd__out_fmt(o, "pc=0x%lx", (unsigned long)f->pc);
	}
}

static bool say_frame(struct gd__out *o, const struct frame *f)
{
	if (!f)
		return false;
	if (f->function[0]) {
		say(o, f->function);
		gd__out_str(o, " at ");
	}
	say_position(o, f);
	return true;
}

static struct stack at(void *self, uint64_t pc)
{
	struct analysis *a = self;

	return symbols_at(a->symbols, pc, true);
}

static void place(void *self, struct gd__out *o, uint64_t pc)
{
	struct stack s = at(self, pc);

	say_position(o, place_of(&s));
}

static bool function(void *self, struct gd__out *o, uint64_t pc)
{
	struct stack s = at(self, pc);
	const struct frame *f = place_of(&s);

	if (!f || !f->function[0])
		return false;
	say(o, f->function);
	return true;
}

static void frames(void *self, struct gd__out *o, const struct gd__ginfo *g, const char *lead)
{
	struct analysis *a = self;
	struct stack s = symbols_name(a->symbols, g->create_pc, g->ncreate);
	bool first = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.frame[i].ours)
			continue;
		if (!first) {
			gd__out_str(o, lead);
			say_frame(o, &s.frame[i]);
			gd__out_str(o, "\n");
		}
		first = false;
	}
}

static bool now(void *self, struct gd__out *o, const struct gd__party *p)
{
	struct stack s = stack_of(self, p->g);

	return say_frame(o, place_of(&s));
}

static bool allocated(void *self, struct gd__out *o, const struct gd__block *b)
{
	struct analysis *a = self;
	const struct gd__core *c = a->in.core;
	uint64_t pcs[GD__DEPOT_FRAMES];
	size_t n = gd__depot_get_in(&c->mem, c->im.rt.depot_root, b->stack, pcs, GD__DEPOT_FRAMES);
	struct stack s = symbols_name(a->symbols, pcs, n);

	return say_frame(o, place_of(&s));
}

static bool data(void *self, struct gd__out *o, uint64_t addr)
{
	struct analysis *a = self;
	struct symbols_word word;
	struct gd__block b;
	struct gd__image *im = &a->in.core->im;

	if ((im->has_heap && im->block(im, addr, &b)) || !symbols_variable(a->symbols, addr, &word))
		return false;
	say(o, word.name);
	return true;
}

static const struct gd__ginfo *goroutine(const struct gd__image *im, uint64_t id)
{
	size_t lo = 0, hi = im->ng;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (im->g[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < im->ng && im->g[lo].id == id ? &im->g[lo] : NULL;
}

static void frame(void *self, struct gd__out *o, uint64_t goid, uint64_t addr)
{
	struct analysis *a = self;
	const struct gd__ginfo *g = goroutine(&a->in.core->im, goid);
	struct symbols_word word;
	struct stack s;

	if (!g || !frame_of(a, g, addr, &s, &word))
		return;
	gd__out_str(o, ", in ");
	say_frame(o, place_of(&s));
	if (word.name[0]) {
		gd__out_str(o, ", variable ");
		say(o, word.name);
	}
}

/* What path.c has found out about a step. They are asked for one after the other. */
static const struct step_name *named(void *self, const struct gd__why_step *s)
{
	static const struct step_name none = { "", "", "" };
	static size_t last;
	const struct analysis *a = self;

	for (size_t i = 0; i < a->dump.nwhy; i++, last++) {
		const struct why *w = a->dump.why[last %= a->dump.nwhy];

		if (s >= w->why->step && s < w->why->step + w->why->n)
			return &w->step[s - w->why->step];
	}
	return &none;
}

static void in_brackets(struct gd__out *o, const char *text)
{
	if (!text[0])
		return;
	gd__out_str(o, " (");
	say(o, text);
	gd__out_str(o, ")");
}

static void type(void *self, struct gd__out *o, const struct gd__why_step *s)
{
	in_brackets(o, named(self, s)->type);
}

static void member(void *self, struct gd__out *o, const struct gd__why_step *s)
{
	in_brackets(o, named(self, s)->name);
}

/* By the name of the function: the same call may be compiled more than once. */
static enum gd__stay stay(void *self, const struct gd__party *p)
{
	struct stack did = at(self, p->pc), s = stack_of(self, p->g);
	const struct frame *f = place_of(&did);

	if (!f || !f->function[0] || s.n == 0)
		return GD__STAY_UNKNOWN;
	for (size_t i = 0; i < s.n; i++) {
		if (!s.frame[i].function[0])
			return GD__STAY_UNKNOWN;
		if (strcmp(s.frame[i].function, f->function) == 0 &&
		    strcmp(s.frame[i].module, f->module) == 0)
			return GD__STAY_IN;
	}
	return s.cut ? GD__STAY_UNKNOWN : GD__STAY_LEFT;
}

struct gd__tongue tongue_of(struct analysis *a)
{
	return (struct gd__tongue){
		.self = a,
		.place = place,
		.function = function,
		.frames = frames,
		.data = data,
		.frame = frame,
		.type = type,
		.member = member,
		.now = now,
		.allocated = allocated,
		.stay = stay,
	};
}
