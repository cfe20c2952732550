/*
 * analyze.c - opens a core, checks it, unwinds and names the stacks, groups.
 *
 * Only stacks that will be shown are unwound: a core may hold a million
 * goroutines and three leaks.
 */
#include "tools/gleak/analyze.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "detector/common/depot.h"
#include "detector/leak/tell.h"
#include "tools/gleak/stacks.h"
#include "tools/gleak/tongue.h"
#include "tools/util/say.h"

/* What a stack in the process has at most. */
#define FINGERPRINT_FRAMES 64

struct work {
	struct analysis *a;
	struct dump *d;
	size_t cut; /* stacks that could not be followed to their end */
};

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
	g->stack = stack_of(w->a, info);
	g->created = symbols_name(w->a->symbols, info->create_pc, info->ncreate);
	w->cut += g->stack.cut && info->state != GD__GI_RUNNING;
	note_modules(w, &g->stack);
}

/* Names of those the story is about. */
static void fill_story(struct work *w, struct group *group)
{
	const struct gd__leak_result *r = &w->a->in.result;
	struct gd__story *story = gd__story(r, group->member[0]->leak, &w->a->in.arena, NULL, NULL);

	if (!story)
		pool_exhausted();
	group->story = story;
	group->did = pool_array(&w->d->pool, story->nparties + 1, sizeof(*group->did));
	group->now = pool_array(&w->d->pool, story->nparties + 1, sizeof(*group->now));
	for (size_t i = 0; i < story->nparties; i++) {
		const struct gd__party *p = &story->party[i];

		group->did[i] = symbols_at(w->a->symbols, p->pc, true);
		if (p->g && p->now != GD__AT_ENDED)
			group->now[i] = stack_of(w->a, p->g);
	}
	gd__tell_prepare(&w->a->tongue, story);
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
	struct stack s = symbols_name(w->a->symbols, a->pcs, a->npcs);

	s.cut = !(a->flags & GD__RECORDED_WHOLE_STACK);
	return s;
}

static struct stack creation_stack(struct work *w, const struct gd__recorded_access *a)
{
	const struct gd__core *c = w->a->in.core;
	uint64_t pcs[GD__DEPOT_FRAMES];
	size_t n = gd__depot_get_in(&c->mem, c->im.rt.depot_root, a->create_stack, pcs,
				    GD__DEPOT_FRAMES);

	return symbols_name(w->a->symbols, pcs, n);
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
		list[i] = g;
		say_progress("naming stacks", i + 1, r->count);
	}
	memcpy(d->by_verdict, r->by_verdict, sizeof(d->by_verdict));
	d->nfindings = dump_group(&d->pool, list, r->count, &d->findings);
	for (size_t i = 0; i < d->nfindings; i++) {
		fingerprint(w, &d->findings[i]);
		fill_story(w, &d->findings[i]);
	}
	d->shared = r->shared;
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

/* Opens the core, or a copy of the process. */
static bool open_target(struct analysis *a, const struct target *t, const char *const *exe,
			size_t nexe)
{
	char error[GD__CORE_TEXT], copy[32];
	int fd = -1;

	*a = (struct analysis){ .dump = { .path = t->core, .complete = true } };
	if (t->pid) {
		snprintf(a->name, sizeof(a->name), "process %d", t->pid);
		a->dump.path = a->name;
		if (!process_dump(t->pid, NULL, &fd))
			return false;
		snprintf(copy, sizeof(copy), "/proc/self/fd/%d", fd);
	}
	bool opened = input_open(&a->in, t->pid ? copy : t->core, exe, nexe, error);

	if (fd >= 0)
		close(fd);
	if (!opened)
		say_error("%s: %s", a->dump.path, error);
	return opened;
}

bool analyze(struct analysis *a, const struct target *t, const char *const *exe, size_t nexe,
	     bool check)
{
	struct work w = { .a = a, .d = &a->dump };

	if (!open_target(a, t, exe, nexe))
		return false;
	a->dump.program = a->in.core->file.program;
	a->dump.pid = a->in.core->file.pid;
	a->dump.now_ns = a->in.core->now_ns;
	a->symbols = symbols_open(&a->in.core->modules, &a->in.core->mem, &a->dump.pool);
	a->tongue = tongue_of(a);
	a->dump.tongue = &a->tongue;
	if (!a->symbols || (check && !input_check(&a->in))) {
		say_error("%s: %s", a->dump.path,
			  a->in.result.why[0] ? a->in.result.why : "out of memory");
		analysis_release(a);
		return false;
	}
	a->dump.ran = check;
	if (check)
		check_all(&w);
	else
		list_all(&w);
	say_progress_end();
	if (w.cut)
		dump_note(&a->dump, "%zu stacks could not be followed to their end", w.cut);
	return true;
}

void analysis_release(struct analysis *a)
{
	if (a->symbols)
		symbols_close(a->symbols);
	pool_release(&a->dump.pool);
	input_close(&a->in);
}
