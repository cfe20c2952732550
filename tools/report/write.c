/* write.c - pieces that several text reports share. */
#include "tools/report/write.h"

#include <inttypes.h>

#define SECOND   INT64_C(1000000000)
#define IDS_MOST 20

void write_safe(FILE *f, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, f);
}

void write_position(FILE *f, const struct frame *frame)
{
	if (!frame) {
		fputs("an unknown place", f);
	} else if (frame->file[0] && frame->line > 0) {
		write_safe(f, frame->file);
		fprintf(f, ":%d", frame->line);
	} else if (frame->module[0]) {
		write_safe(f, frame->module);
		fprintf(f, "+0x%" PRIx64, frame->offset);
	} else {
		fprintf(f, "pc=0x%" PRIx64, frame->pc);
	}
}

void write_stack(FILE *f, const struct stack *s)
{
	struct stack shown = stack_shown(s);

	for (size_t i = 0; i < shown.n; i++) {
		const struct frame *frame = &shown.frame[i];

		write_safe(f, frame->function[0] ? frame->function : "??");
		fputs("(...)\n\t", f);
		write_position(f, frame);
		fputc('\n', f);
	}
	if (shown.n == 0)
		fputs("    [no stack]\n", f);
}

const struct frame *place_of(const struct stack *s)
{
	struct stack shown = stack_shown(s);

	return shown.n ? &shown.frame[0] : NULL;
}

void write_place(FILE *f, const struct stack *s)
{
	const struct frame *frame = place_of(s);

	if (frame && frame->function[0]) {
		write_safe(f, frame->function);
		fputs(" at ", f);
	}
	write_position(f, frame);
}

bool write_age(FILE *f, int64_t ns)
{
	int64_t seconds = ns / SECOND;

	if (seconds >= 60)
		fprintf(f, "%" PRId64 " minute%s", seconds / 60, seconds < 120 ? "" : "s");
	else if (seconds >= 1)
		fprintf(f, "%" PRId64 " second%s", seconds, seconds == 1 ? "" : "s");
	return seconds >= 1;
}

void write_ids(FILE *f, const struct group *group)
{
	for (size_t i = 0; i < group->n && i < IDS_MOST; i++)
		fprintf(f, "%s%" PRIu64, i ? ", " : "", group->member[i]->info->id);
	if (group->n > IDS_MOST)
		fprintf(f, " and %zu more", group->n - IDS_MOST);
}

void write_creator(FILE *f, const struct goroutine *g)
{
	const struct frame *frame = place_of(&g->created);

	if (!g->info->parent_id)
		return; /* main, or started by a timer */
	fputs("created by ", f);
	write_safe(f, frame && frame->function[0] ? frame->function : "??");
	fprintf(f, " in goroutine %" PRIu64 "\n\t", g->info->parent_id);
	if (g->info->site[0] && !(frame && frame->line > 0))
		write_safe(f, g->info->site);
	else
		write_position(f, frame);
	fputc('\n', f);
}

void write_notes(FILE *f, const struct dump *d)
{
	for (size_t i = 0; i < d->nnotes; i++) {
		fputs("note: ", f);
		write_safe(f, d->notes[i]);
		fputc('\n', f);
	}
	if (!d->complete)
		fputs("This report is incomplete: what it does not show may still be there.\n", f);
}
