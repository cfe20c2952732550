/*
 * analyze.c - opens a core, checks it, unwinds and names the stacks, groups.
 *
 * Only stacks that will be shown are unwound: a core may hold a million
 * goroutines and three leaks.
 */
#include "tools/gleak/analyze.h"

#include <inttypes.h>
#include <string.h>

#include "detector/common/depot.h"
#include "tools/symbol/symbol.h"
#include "tools/util/say.h"

/* What a stack in the process has at most. */
#define FINGERPRINT_FRAMES 64

struct work {
	struct analysis *a;
	struct dump *d;
	struct symbols *symbols;
	size_t cut; /* stacks that could not be followed to their end */
};

static struct context context_of(const struct gd__core *c, const struct gd__ginfo *g)
{
	static const uint8_t saved[] = GD__CALL_REG_NUMBERS;
	/* The kernel's places of DWARF's rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15. */
	static const uint8_t kernel[] = { GD__REG_RAX, GD__REG_RDX, GD__REG_RCX, GD__REG_RBX,
					  GD__REG_RSI, GD__REG_RDI, GD__REG_RBP, GD__REG_RSP,
					  GD__REG_R8,  GD__REG_R9,  GD__REG_R10, GD__REG_R11,
					  GD__REG_R12, GD__REG_R13, GD__REG_R14, GD__REG_R15 };
	struct context at = { .pc = g->resume_pc, .exact = true };
	const struct gd__core_thread *t = gd__core_thread_of(c, g);

	if (t) {
		for (size_t i = 0; i < 16; i++)
			at.regs[i] = t->regs[kernel[i]];
		at.pc = t->regs[GD__REG_RIP];
	} else if (g->sp) {
		for (size_t i = 0; i < sizeof(saved); i++)
			at.regs[saved[i]] = g->call_regs[i];
		if (g->state != GD__GI_SYSCALL)
			at.regs[6] = g->bp;
		at.regs[7] = g->sp;
	} else {
		at.pc = 0;
	}
	return at;
}

static struct stack stack_of(struct work *w, const struct gd__ginfo *g)
{
	struct context at = context_of(w->a->in.core, g);

	if (!at.pc)
		return (struct stack){ .cut = true };

	struct stack s = symbols_unwind(w->symbols, &at);

	/* It has not run yet and stands where every goroutine starts: name its own function. */
	if (g->state == GD__GI_RUNNABLE && s.n <= 2 && g->entry) {
		uint64_t as_return = g->entry + 1;

		return symbols_name(w->symbols, &as_return, 1);
	}
	return s;
}

/* Says of which modules the names are missing, once for each. */
static void note_modules(struct work *w, const struct stack *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct gd__module *m =
			gd__modules_find(&w->a->in.core->modules, s->frame[i].pc);

		if (!m || !m->elf)
			continue;
		if (m->file == GD__MODULE_MISSING)
			dump_miss(w->d,
				  "%s is not there: no names for its frames, and stacks end "
				  "in it; --exe says where it is",
				  m->disk);
		else if (m->file == GD__MODULE_OTHER)
			dump_miss(w->d,
				  "%s is another build than the one that was dumped (build id "
				  "differs): no names for its frames; --exe says where the right "
				  "one is",
				  m->disk);
		else if (m->file == GD__MODULE_UNSURE)
			dump_note(w->d,
				  "%s has no build id: nothing shows that it is the build that "
				  "was dumped",
				  m->disk);
	}
}

static void fill_goroutine(struct work *w, struct goroutine *g, const struct gd__ginfo *info)
{
	g->info = info;
	g->stack = stack_of(w, info);
	g->created = symbols_name(w->symbols, info->create_pc, info->ncreate);
	w->cut += g->stack.cut && info->state != GD__GI_RUNNING;
	note_modules(w, &g->stack);
}

static void fill_places(struct work *w, struct goroutine *g)
{
	for (uint32_t i = 0; i < g->leak->nobjects && i < WAITS_MAX; i++) {
		const struct gd__oinfo *o = &g->leak->object[i];

		g->places[i] = (struct places){
			.last_recv = symbols_at(w->symbols, o->last_recv_pc, true),
			.last_send = symbols_at(w->symbols, o->last_send_pc, true),
			.locked = symbols_at(w->symbols, o->owner_pc, true),
		};
	}
}

/* As the process computes it: from the user's frames and the function that holds the gd_go. */
static void fingerprint(struct work *w, struct group *group)
{
	const struct goroutine *g = group->member[0];
	struct gd__fp_frame *frames = pool_array(&w->d->pool, g->stack.n + 1, sizeof(*frames));
	const char *creator = g->created.n ? g->created.frame[0].function : NULL;
	size_t n = 0;

	for (size_t i = 0; i < g->stack.n && n < FINGERPRINT_FRAMES; i++)
		if (!g->stack.frame[i].ours)
			frames[n++] = (struct gd__fp_frame){ g->stack.frame[i].module,
							     g->stack.frame[i].function };
	if (!gd__fingerprint(group->fingerprint, "leak", gd__wait_text(g->info->reason), frames, n,
			     creator && creator[0] ? creator : NULL))
		group->fingerprint[0] = 0;
}

static struct stack access_stack(struct work *w, const struct gd__recorded_access *a)
{
	struct stack s = symbols_name(w->symbols, a->pcs, a->npcs);

	s.cut = !(a->flags & GD__RECORDED_WHOLE_STACK);
	return s;
}

static struct stack creation_stack(struct work *w, const struct gd__recorded_access *a)
{
	const struct gd__core *c = w->a->in.core;
	uint64_t pcs[GD__DEPOT_FRAMES];
	size_t n = gd__depot_get_in(&c->mem, c->im.rt.depot_root, a->create_stack, pcs,
				    GD__DEPOT_FRAMES);

	return symbols_name(w->symbols, pcs, n);
}

/* What the race detector had reported before the dump. */
static void take_races(struct work *w)
{
	const struct gd__runtime *rt = &w->a->in.core->im.rt;
	struct dump *d = w->d;
	struct gd__recorded_table t;

	if (!rt->reports_root)
		return;
	if (!gd__recorded_open(&t, rt->mem, rt->reports_root)) {
		dump_miss(d, "the races recorded in the program cannot be read");
		return;
	}
	d->races = pool_array(&d->pool, t.count + 1, sizeof(*d->races));
	for (uint32_t i = 0; i < t.count; i++) {
		struct race *r = &d->races[d->nraces];

		if (!gd__recorded_get(&t, i, &r->r)) {
			dump_miss(d, "some of the recorded races cannot be read");
			continue;
		}
		r->now = access_stack(w, &r->r.now);
		r->before = access_stack(w, &r->r.before);
		r->now_created = creation_stack(w, &r->r.now);
		r->before_created = creation_stack(w, &r->r.before);
		note_modules(w, &r->now);
		d->nraces++;
	}
	if (t.total > t.count)
		dump_note(d, "%" PRIu64 " more races were found than there was room to record",
			  t.total - t.count);
}

static void check_all(struct work *w)
{
	const struct gd__leak_result *r = &w->a->in.result;
	struct dump *d = w->d;
	struct goroutine **list = pool_array(&d->pool, r->count + 1, sizeof(*list));

	d->g = pool_array(&d->pool, r->count + 1, sizeof(*d->g));
	d->ng = r->count;
	for (size_t i = 0; i < r->count; i++) {
		struct goroutine *g = &d->g[i];

		g->leak = &r->leaks[i];
		fill_goroutine(w, g, &g->leak->g);
		fill_places(w, g);
		list[i] = g;
		say_progress("naming stacks", i + 1, r->count);
	}
	memcpy(d->by_verdict, r->by_verdict, sizeof(d->by_verdict));
	d->nfindings = dump_group(&d->pool, list, r->count, &d->findings);
	for (size_t i = 0; i < d->nfindings; i++)
		fingerprint(w, &d->findings[i]);
	if (!r->complete)
		dump_miss(d, "%s", r->why);
	take_races(w);
}

static void list_all(struct work *w)
{
	const struct gd__image *im = &w->a->in.core->im;
	struct dump *d = w->d;

	d->g = pool_array(&d->pool, im->ng + 1, sizeof(*d->g));
	d->ng = im->ng;
	for (size_t i = 0; i < im->ng; i++) {
		fill_goroutine(w, &d->g[i], &im->g[i]);
		say_progress("naming stacks", i + 1, im->ng);
	}
	if (im->missing[0])
		dump_miss(d, "%s", im->missing);
}

bool analyze(struct analysis *a, const char *path, const char *const *exe, size_t nexe, bool check)
{
	char error[GD__CORE_TEXT];
	struct work w = { .a = a, .d = &a->dump };

	*a = (struct analysis){ .dump = { .path = path, .complete = true } };
	if (!input_open(&a->in, path, exe, nexe, error)) {
		say_error("%s: %s", path, error);
		return false;
	}
	a->dump.program = a->in.core->file.program;
	a->dump.pid = a->in.core->file.pid;
	a->dump.now_ns = a->in.core->now_ns;
	w.symbols = symbols_open(&a->in.core->modules, &a->in.core->mem, &a->dump.pool);
	if (!w.symbols || (check && !input_check(&a->in))) {
		say_error("%s: %s", path, a->in.result.why[0] ? a->in.result.why : "out of memory");
		if (w.symbols)
			symbols_close(w.symbols);
		analysis_release(a);
		return false;
	}
	if (check)
		check_all(&w);
	else
		list_all(&w);
	say_progress_end();
	if (w.cut)
		dump_note(&a->dump, "%zu stacks could not be followed to their end", w.cut);
	symbols_close(w.symbols);
	return true;
}

void analysis_release(struct analysis *a)
{
	pool_release(&a->dump.pool);
	input_close(&a->in);
}
