/*
 * text.c - findings in words.
 *
 * Leaks are told by detector/leak/tell.h, as in the process itself.
 */
#include <inttypes.h>

#include "detector/leak/tell.h"
#include "tools/report/report.h"
#include "tools/report/write.h"

/* A paragraph but its stack: some 50 lines, each with a few paths in it. */
#define TEXT_MAX 65536

/* Text out of a dump that goes into a paragraph. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static struct gd__leak cleaned(const struct gd__leak *l)
{
	struct gd__leak copy = *l;

	clean(copy.g.name);
	clean(copy.g.site);
	for (uint32_t i = 0; i < copy.nobjects; i++)
		clean(copy.object[i].site);
	return copy;
}

static struct gd__tale tale_of(const struct dump *d, const struct group *group,
			       const struct gd__leak *leak)
{
	struct gd__tale a = { .leak = leak,
			      .story = group->story,
			      .count = group->n,
			      .youngest_ns = INT64_MAX,
			      .oldest_ns = -1,
			      .fingerprint = group->fingerprint };

	for (size_t i = 0; i < group->n; i++) {
		const struct goroutine *g = group->member[i];
		int64_t age = dump_age(d, g);

		if (a.nids < GD__TALE_IDS)
			a.id[a.nids++] = g->info->id;
		a.retained.stack += g->leak->retained.stack;
		a.retained.heap += g->leak->retained.heap;
		a.retained.blocks += g->leak->retained.blocks;
		if (g->info->state != GD__GI_WAITING)
			continue;
		a.oldest_ns = age > a.oldest_ns ? age : a.oldest_ns;
		a.youngest_ns = age < a.youngest_ns ? age : a.youngest_ns;
	}
	return a;
}

void report_finding(FILE *f, const struct dump *d, const struct group *group)
{
	static char buf[TEXT_MAX];
	struct gd__leak leak = cleaned(group->member[0]->leak);
	struct gd__tale a = tale_of(d, group, &leak);
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	gd__tell_head(&o, d->tongue, &a);
	gd__out_flush(&o);
	fputs(buf, f);
	write_stack(f, &group->member[0]->stack);
	gd__out_init(&o, buf, sizeof(buf), -1);
	gd__tell_rest(&o, d->tongue, &a);
	gd__out_flush(&o);
	fputs(buf, f);
}

static void write_access(FILE *f, const char *which, const struct gd__recorded_access *a,
			 const struct stack *stack, const struct stack *created)
{
	const char *kind = a->flags & GD__RECORDED_FREE    ? "free"
			   : a->flags & GD__RECORDED_WRITE ? "write"
							   : "read";

	fprintf(f, "  %s%s%s of size %" PRIu32 " at 0x%" PRIx64 " by ", which,
		a->flags & GD__RECORDED_ATOMIC ? "atomic " : "", kind, a->size, a->addr);
	if (a->goid)
		fprintf(f, "goroutine %" PRIu64 ":\n", a->goid);
	else
		fputs("a thread outside of the runtime:\n", f);
	write_stack(f, stack);
	if (stack->cut)
		fputs("    [the rest of the stack was no longer known]\n", f);
	if (created->n) {
		fprintf(f, "  created by goroutine %" PRIu64 " in ", a->parent_goid);
		write_place(f, created);
		fputc('\n', f);
	}
}

static void write_race(FILE *f, const struct dump *d, const struct race *r)
{
	fprintf(f, "==================\nWARNING: gdetect: %s (pid=%d), seen %" PRIu32 " time%s\n",
		r->r.kind == GD__RECORDED_USE_AFTER_FREE ? "use after free" : "data race", d->pid,
		r->r.count, r->r.count == 1 ? "" : "s");
	write_access(f, "", &r->r.now, &r->now, &r->now_created);
	write_access(f, "earlier ", &r->r.before, &r->before, &r->before_created);
	if (r->r.object[0]) {
		fputs("  on ", f);
		write_safe(f, r->r.object);
		fputc('\n', f);
	}
	if (r->r.fingerprint[0]) {
		fputs("  fingerprint: ", f);
		write_safe(f, r->r.fingerprint);
		fputc('\n', f);
	}
	fputc('\n', f);
}

void report_summary(FILE *f, const struct dump *d)
{
	for (size_t i = 0; i < d->nfindings; i++) {
		const struct group *group = &d->findings[i];
		const struct goroutine *g = group->member[0];

		write_safe(f, d->path);
		fprintf(f, ": %s: %zu goroutine%s [%s] in ", gd__verdict_text(g->leak->verdict),
			group->n, group->n == 1 ? "" : "s", dump_state(g));
		write_place(f, &g->stack);
		fputc('\n', f);
	}
	for (size_t i = 0; i < d->nraces; i++) {
		write_safe(f, d->path);
		fputs(": race: ", f);
		write_place(f, &d->races[i].now);
		fputs(" against ", f);
		write_place(f, &d->races[i].before);
		fputc('\n', f);
	}
	for (size_t i = 0; i < d->nnotes; i++) {
		write_safe(f, d->path);
		fputs(": note: ", f);
		write_safe(f, d->notes[i]);
		fputc('\n', f);
	}
}

static void write_totals(FILE *f, const struct dump *d)
{
	size_t leaked = dump_stuck(d);
	size_t alive = d->by_verdict[GD__VERDICT_ALIVE_AT_END];

	if (d->shared.blocks) {
		char buf[256];
		struct gd__out o;

		gd__out_init(&o, buf, sizeof(buf), -1);
		gd__tell_shared(&o, &d->shared);
		gd__out_flush(&o);
		fputs(buf, f);
	}
	fprintf(f, "SUMMARY: gdetect: %zu goroutine%s leaked", leaked, leaked == 1 ? "" : "s");
	if (alive)
		fprintf(f, ", %zu still alive", alive);
	if (d->nraces)
		fprintf(f, ", %zu race%s", d->nraces, d->nraces == 1 ? "" : "s");
	fputc('\n', f);
}

void report_text(FILE *f, const struct dump *d)
{
	if (d->nfindings)
		fprintf(f, "==================\nWARNING: gdetect: goroutine leak (pid=%d)\n",
			d->pid);
	for (size_t i = 0; i < d->nfindings; i++)
		report_finding(f, d, &d->findings[i]);
	for (size_t i = 0; i < d->nraces; i++)
		write_race(f, d, &d->races[i]);
	write_totals(f, d);
	write_notes(f, d);
}
