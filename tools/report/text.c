/*
 * text.c - findings in words.
 *
 * The order of each finding is the one of the report in the process: count
 * and wait, verdict and evidence, stack, what it waits for, who was last
 * there, who owns it, who created it, the ids, the usual repair.
 */
#include <inttypes.h>

#include "detector/leak/explain.h"
#include "tools/report/report.h"
#include "tools/report/write.h"

#define TEXT_MAX 512

/* The writers of explain.h want a struct gd__out. */
static void write_verdict(FILE *f, const struct gd__leak *l)
{
	char buf[TEXT_MAX];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	gd__explain_verdict(&o, l);
	gd__out_flush(&o);
	write_safe(f, buf);
}

static void write_object_text(FILE *f, const struct gd__leak *l, uint32_t i)
{
	char buf[TEXT_MAX];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	gd__explain_object(&o, l, i);
	gd__out_flush(&o);
	write_safe(f, buf);
}

static void last_use(FILE *f, const char *what, uint64_t id, const struct stack *where)
{
	if (!id)
		return;
	fprintf(f, "  %s: by goroutine %" PRIu64 " at ", what, id);
	write_position(f, place_of(where));
	fputc('\n', f);
}

static void write_object(FILE *f, const struct goroutine *g, uint32_t i)
{
	const struct gd__oinfo *o = &g->leak->object[i];
	const struct places *p = &g->places[i];

	fputs("  waits for: ", f);
	write_object_text(f, g->leak, i);
	fputc('\n', f);
	if (!o->valid)
		return;
	last_use(f, "last receive", o->last_recv_id, &p->last_recv);
	last_use(f, "last send", o->last_send_id, &p->last_send);
	if (!o->owner_id)
		return;
	fprintf(f, "  held by: goroutine %" PRIu64, o->owner_id);
	if (p->locked.n) {
		fputs(", locked at ", f);
		write_position(f, place_of(&p->locked));
	}
	fputc('\n', f);
}

static void write_retained(FILE *f, const struct group *group)
{
	uint64_t n = 0;

	for (size_t i = 0; i < group->n; i++)
		n += group->member[i]->leak->retained.stack + group->member[i]->leak->retained.heap;
	if (n < 10000)
		fprintf(f, "  retained: %" PRIu64 " bytes\n", n);
	else if (n < 10000000)
		fprintf(f, "  retained: %" PRIu64 " kB\n", n / 1000);
	else
		fprintf(f, "  retained: %" PRIu64 " MB\n", n / 1000000);
}

static void write_head(FILE *f, const struct dump *d, const struct group *group)
{
	const struct goroutine *g = group->member[0];
	int64_t oldest = 0;

	for (size_t i = 0; i < group->n; i++)
		if (dump_age(d, group->member[i]) > oldest)
			oldest = dump_age(d, group->member[i]);
	fprintf(f, "%zu goroutine%s [%s", group->n, group->n == 1 ? "" : "s", dump_state(g));
	if (oldest >= 1000000000) {
		fputs(", ", f);
		write_age(f, oldest);
	}
	fputs("] ", f);
	write_verdict(f, g->leak);
	fputc('\n', f);
}

static void write_creation(FILE *f, const struct goroutine *g)
{
	const struct frame *frame = place_of(&g->created);

	if (g->info->id == 1)
		return;
	fputs("  created by ", f);
	if (frame && frame->function[0]) {
		write_safe(f, frame->function);
		fputc(' ', f);
	}
	if (g->info->parent_id)
		fprintf(f, "in goroutine %" PRIu64 " ", g->info->parent_id);
	fputs("at ", f);
	if (g->info->site[0])
		write_safe(f, g->info->site);
	else
		write_position(f, frame);
	fputc('\n', f);
}

static void write_finding(FILE *f, const struct dump *d, const struct group *group)
{
	const struct goroutine *g = group->member[0];
	struct gd__advice advice = gd__explain_advice(g->leak);

	write_head(f, d, group);
	write_stack(f, &g->stack);
	for (uint32_t i = 0; i < g->leak->nobjects && i < WAITS_MAX; i++)
		write_object(f, g, i);
	if (g->info->nwaits > g->leak->nobjects)
		fprintf(f, "  and for %" PRIu32 " more\n", g->info->nwaits - g->leak->nobjects);
	write_creation(f, g);
	fputs(group->n == 1 ? "  goroutine: " : "  goroutines: ", f);
	write_ids(f, group);
	if (g->info->name[0]) {
		fputs(" (", f);
		write_safe(f, g->info->name);
		fputc(')', f);
	}
	fputc('\n', f);
	write_retained(f, group);
	if (advice.pattern)
		fprintf(f, "  looks like: %s; usual repair: %s\n", advice.pattern, advice.repair);
	if (group->fingerprint[0])
		fprintf(f, "  fingerprint: %s\n", group->fingerprint);
	fputc('\n', f);
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
		write_finding(f, d, &d->findings[i]);
	for (size_t i = 0; i < d->nraces; i++)
		write_race(f, d, &d->races[i]);
	write_totals(f, d);
	write_notes(f, d);
}
