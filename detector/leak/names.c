/* names.c - symbols of our own process in the words of reports. */
#include "detector/leak/names.h"

#include "detector/common/depot.h"
#include "runtime/inspect/traceback.h"

/* Symbols are large, and stacks may be small: one caller at a time. */
static struct gd__symbol at, other;

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* The innermost frame of the user's at pc, or of anybody. */
static bool symbol_of(uint64_t pc, struct gd__symbol *s)
{
	for (size_t depth = 0; gd__symbolize((uintptr_t)pc, true, depth, s); depth++)
		if (!s->ours)
			return true;
	return gd__symbolize((uintptr_t)pc, true, 0, s);
}

static void write_place(struct gd__out *o, const struct gd__symbol *s)
{
	if (s->line > 0)
		gd__out_fmt(o, "%s:%d", s->file, s->line);
	else
		gd__out_fmt(o, "%s+0x%lx", s->module, (unsigned long)s->offset);
}

static void write_frame(struct gd__out *o, const struct gd__symbol *s)
{
	if (s->function[0])
		gd__out_fmt(o, "%s at ", s->function);
	write_place(o, s);
}

static void place(void *self, struct gd__out *o, uint64_t pc)
{
	if (symbol_of(pc, &at))
		write_place(o, &at);
	else
		gd__out_fmt(o, "%p", (const void *)(uintptr_t)pc);
}

static bool function(void *self, struct gd__out *o, uint64_t pc)
{
	if (!symbol_of(pc, &at) || at.function[0] == '\0')
		return false;
	gd__out_str(o, at.function);
	return true;
}

static void frames(void *self, struct gd__out *o, const struct gd__ginfo *g, const char *lead)
{
	bool first = true;

	for (uint32_t i = 0; i < g->ncreate; i++)
		for (size_t depth = 0; gd__symbolize((uintptr_t)g->create_pc[i], true, depth, &at);
		     depth++) {
			if (at.ours)
				continue;
			if (!first) {
				gd__out_str(o, lead);
				write_frame(o, &at);
				gd__out_str(o, "\n");
			}
			first = false;
		}
}

static bool data(void *self, struct gd__out *o, uint64_t addr)
{
	char name[128];
	uint64_t base, size;

	if (!gd__symbolize_data((uintptr_t)addr, name, sizeof(name), &base, &size))
		return false;
	gd__out_str(o, name);
	if (addr > base)
		gd__out_fmt(o, "+%lu", (unsigned long)(addr - base));
	return true;
}

/* The user's innermost frame of a stack. */
static bool innermost(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t depth = 0; gd__symbolize(pcs[i], true, depth, &at); depth++)
			if (!at.ours) {
				write_frame(o, &at);
				return true;
			}
	return false;
}

static bool now(void *self, struct gd__out *o, const struct gd__party *p)
{
	return innermost(o, p->pcs, p->npcs);
}

static bool allocated(void *self, struct gd__out *o, const struct gd__block *b)
{
	uintptr_t pcs[GD__FRAMES_MAX];

	return innermost(o, pcs, gd__depot_get(b->stack, pcs, GD__FRAMES_MAX));
}

static void dropped(void *self, struct gd__out *o, uint64_t chan)
{
	gd__find_drop *const *find = self;
	const struct gd__leak_drop *d = *find ? (*find)(chan) : NULL;

	if (!d)
		return;
	gd__out_fmt(o, "  last reference dropped by goroutine %lu", (unsigned long)d->goid);
	const char *lead = " in ";

	for (size_t i = 0; i < d->npcs; i++)
		for (size_t depth = 0; gd__symbolize(d->pcs[i], true, depth, &at); depth++) {
			if (at.ours)
				continue;
			gd__out_str(o, lead);
			write_frame(o, &at);
			lead = "\n    called by ";
		}
	gd__out_str(o, "\n");
}

/* By the name of the function: the same call may be compiled more than once. */
static enum gd__stay stay(void *self, const struct gd__party *p)
{
	if (p->npcs == 0 || !symbol_of(p->pc, &at) || at.function[0] == '\0')
		return GD__STAY_UNKNOWN;
	for (size_t i = 0; i < p->npcs; i++)
		for (size_t depth = 0; gd__symbolize(p->pcs[i], true, depth, &other); depth++) {
			if (other.function[0] == '\0')
				return GD__STAY_UNKNOWN;
			if (same(at.function, other.function) && same(at.module, other.module))
				return GD__STAY_IN;
		}
	return GD__STAY_LEFT;
}

struct gd__tongue gd__own_names(gd__find_drop *drop)
{
	static gd__find_drop *find; /* one caller at a time */

	find = drop;
	return (struct gd__tongue){
		.self = (void *)&find,
		.place = place,
		.function = function,
		.frames = frames,
		.data = data,
		.now = now,
		.allocated = allocated,
		.dropped = dropped,
		.stay = stay,
	};
}
