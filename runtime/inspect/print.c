/*
 * print.c - stacks as text, in Go's layout, which people and tools know.
 *
 * Our own frames at both ends say nothing to the user: the inside of a
 * channel operation, the way from the scheduler to the goroutine's function.
 */
#include <string.h>

#include "runtime/base/os_linux.h"
#include "runtime/base/waitreason.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/memo.h"
#include "runtime/inspect/traceback.h"

#define SECOND INT64_C(1000000000)

static void print_frame(struct gd__out *o, const struct gd__symbol *s, uintptr_t pc)
{
	gd__out_fmt(o, "%s(...)\n\t", s->function[0] ? s->function : "??");
	if (s->file[0] != '\0' && s->line > 0)
		gd__out_fmt(o, "%s:%d\n", s->file, s->line);
	else if (s->module[0] != '\0')
		gd__out_fmt(o, "%s+0x%lx\n", s->module, (unsigned long)s->offset);
	else
		gd__out_fmt(o, "pc=0x%lx\n", (unsigned long)pc);
}

/* Frames with the inlined ones counted: the first and the last that are not ours. */
static void user_range(const uintptr_t *pcs, size_t n, size_t *first, size_t *last)
{
	struct gd__symbol s;
	size_t at = 0;

	*first = SIZE_MAX;
	*last = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t depth = 0; gd__symbolize(pcs[i], true, depth, &s); depth++, at++) {
			if (s.ours)
				continue;
			if (*first == SIZE_MAX)
				*first = at;
			*last = at;
		}
	if (*first == SIZE_MAX) { /* all are ours: show them */
		*first = 0;
		*last = SIZE_MAX;
	}
}

void gd__print_stack(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	struct gd__symbol s;
	size_t first, last, at = 0;

	user_range(pcs, n, &first, &last);
	for (size_t i = 0; i < n; i++)
		for (size_t depth = 0; gd__symbolize(pcs[i], true, depth, &s); depth++, at++)
			if (at >= first && at <= last)
				print_frame(o, &s, pcs[i]);
}

static void print_age(struct gd__out *o, int64_t ns)
{
	int64_t seconds = ns / SECOND;

	if (seconds >= 60)
		gd__out_fmt(o, ", %lld minute%s", (long long)(seconds / 60),
			    seconds < 120 ? "" : "s");
	else if (seconds >= 1)
		gd__out_fmt(o, ", %lld second%s", (long long)seconds, seconds == 1 ? "" : "s");
}

/* One dump, or one goroutine: then without a memo. */
struct dump {
	struct gd__out *o;
	const struct gd__runtime *rt;
	struct gd__memo *memo;
};

#define LINE_MAX_BYTES 400 /* the longest function, or file and line */

/* What render says of pcs in one line, in buf. */
static const char *line_of(const struct dump *d, gd__memo_render *render, const uintptr_t *pcs,
			   size_t n, char buf[LINE_MAX_BYTES])
{
	struct gd__out o;

	gd__out_init(&o, buf, LINE_MAX_BYTES, -1);
	gd__memo_print(d->memo, &o, render, pcs, n);
	gd__out_flush(&o);
	return buf;
}

static void render_function(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	struct gd__symbol s;

	if (n > 0 && gd__symbolize(pcs[0], false, 0, &s))
		gd__out_str(o, s.function);
}

/* A name that the program gave, not the function as it stood in gd_go. */
static bool has_own_name(const struct dump *d, const struct gd__ginfo *g)
{
	char buf[LINE_MAX_BYTES];
	uintptr_t entry = g->entry;

	if (g->name[0] == '\0' || (g->id == 1 && strcmp(g->name, "main") == 0))
		return false;
	return strcmp(line_of(d, render_function, &entry, 1, buf), g->name) != 0;
}

/*
 * How deep the stack ever was, to the page: what was touched stays in memory, until it is trimmed
 * or swapped out. Shown where it is more than half: there the next call may be one too many.
 */
static bool is_deep(const struct gd__ginfo *g, size_t *kib)
{
	uintptr_t lowest;

	gd__os_resident((void *)g->stack_lo, g->stack_hi - g->stack_lo, &lowest);
	*kib = lowest < g->stack_hi ? (g->stack_hi - lowest) / 1024 : 0;
	return *kib > (g->stack_hi - g->stack_lo) / 2048;
}

static void print_labels(const struct dump *d, const struct gd__ginfo *g)
{
	struct gd__out *o = d->o;
	bool named = has_own_name(d, g);
	size_t kib = 0;
	bool deep = is_deep(g, &kib);

	if (named || deep)
		gd__out_str(o, " labels:{");
	if (named)
		gd__out_fmt(o, "\"name\": \"%s\"", g->name);
	if (deep)
		gd__out_fmt(o, "%s\"stack\": \"%lu of %lu KiB\"", named ? ", " : "",
			    (unsigned long)kib,
			    (unsigned long)((g->stack_hi - g->stack_lo) / 1024));
	if (named || deep)
		gd__out_str(o, "}");
}

static void print_header(const struct dump *d, const struct gd__ginfo *g)
{
	struct gd__out *o = d->o;
	static const char *const states[] = {
		[GD__GI_RUNNABLE] = "runnable",
		[GD__GI_RUNNING] = "running",
		[GD__GI_SYSCALL] = "syscall",
	};
	bool waits = g->state == GD__GI_WAITING;

	gd__out_fmt(o, "goroutine %llu [%s", (unsigned long long)g->id,
		    waits ? gd__wait_text(g->reason) : states[g->state]);
	if (waits)
		print_age(o, d->rt->now_ns - g->since_ns);
	if (g->locked)
		gd__out_str(o, ", locked to thread");
	print_labels(d, g);
	gd__out_str(o, "]:\n");
}

/* The first frame of the user's on a stack that started a goroutine. */
static bool find_creator(const uintptr_t *pcs, size_t n, struct gd__symbol *s)
{
	for (size_t i = 0; i < n; i++)
		for (size_t depth = 0; gd__symbolize(pcs[i], true, depth, s); depth++)
			if (!s->ours)
				return true;
	return false;
}

static void render_creator(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	struct gd__symbol s;

	gd__out_str(o, find_creator(pcs, n, &s) && s.function[0] ? s.function : "??");
}

static void render_creator_line(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	struct gd__symbol s;

	if (find_creator(pcs, n, &s) && s.file[0] != '\0' && s.line > 0)
		gd__out_fmt(o, "%s:%d", s.file, s.line);
}

static void print_creator(const struct dump *d, const struct gd__ginfo *g)
{
	uintptr_t pcs[GD__GI_FRAMES];
	char buf[LINE_MAX_BYTES];

	if (g->parent_id == 0) /* main, or started by a timer */
		return;
	for (uint32_t i = 0; i < g->ncreate; i++)
		pcs[i] = g->create_pc[i];
	gd__out_fmt(d->o, "created by %s in goroutine %llu\n",
		    line_of(d, render_creator, pcs, g->ncreate, buf),
		    (unsigned long long)g->parent_id);
	const char *line = line_of(d, render_creator_line, pcs, g->ncreate, buf);

	if (line[0] == '\0')
		line = g->site;
	if (line[0] != '\0')
		gd__out_fmt(d->o, "\t%s\n", line);
}

static void print_one(const struct dump *d, const struct gd__ginfo *g, const uintptr_t *pcs,
		      size_t n)
{
	print_header(d, g);
	if (n > 0)
		gd__memo_print(d->memo, d->o, gd__print_stack, pcs, n);
	else
		gd__out_str(d->o, "\tgoroutine running on other thread; stack unavailable\n");
	print_creator(d, g);
	gd__out_str(d->o, "\n");
}

void gd__print_goroutine(struct gd__out *o, const struct gd__runtime *rt, const struct gd__ginfo *g,
			 const uintptr_t *pcs, size_t n)
{
	print_one(&(struct dump){ o, rt, NULL }, g, pcs, n);
}

static void print_goroutine(const struct dump *d, const struct gd__ginfo *g)
{
	uintptr_t pcs[GD__FRAMES_MAX];
	size_t n = gd__trace_again(d->memo, d->rt, g, pcs);

	print_one(d, g, pcs, n);
}

void gd__print_missing(struct gd__out *o)
{
	const char *missing = gd__trace_prepare();

	if (missing == NULL)
		return;
	gd__out_fmt(o, "(%s could not be loaded or is switched off: ", missing);
	gd__out_str(o, strncmp(missing, "libdw", 5) == 0
			       ? "no functions and lines beyond the dynamic symbols)\n"
			       : "stacks follow frame pointers and may end early)\n");
}

/* A thread that runs no goroutine has something to show as well. */
static void print_thread(struct gd__out *o)
{
	uintptr_t pcs[GD__FRAMES_MAX];
	size_t n = gd__trace_self(pcs, GD__FRAMES_MAX, 0);

	if (gd__thread_is_runtime()) /* sysmon or a worker: nothing of the user's */
		return;
	gd__out_fmt(o, "thread %d [running]:\n", gd__os_tid());
	gd__print_stack(o, pcs, n);
	gd__out_str(o, "\n");
}

void gd__print_goroutines(struct gd__out *o)
{
	uint64_t self = gd__inspect_self();
	struct gd__runtime rt;
	struct gd__ginfo g;
	bool broken;

	gd__print_missing(o);
	if (self == 0)
		print_thread(o);
	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		return;
	if (rt.lost > 0)
		gd__out_fmt(o,
			    "(child of a fork: %llu goroutines are in the parent process only)\n\n",
			    (unsigned long long)rt.lost);
	struct dump d = { o, &rt, gd__memo_make() };

	for (uint64_t i = 0; self != 0 && i < rt.ngoroutines; i++)
		if (gd__inspect_goroutine(&rt, i, &g, &broken) && g.id == self)
			print_goroutine(&d, &g);
	for (uint64_t i = 0; i < rt.ngoroutines && !o->stuck; i++)
		if (gd__inspect_goroutine(&rt, i, &g, &broken) && g.id != self && !g.system)
			print_goroutine(&d, &g);
	gd__memo_free(d.memo);
}
