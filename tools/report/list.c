/* list.c - all goroutines of a dump in Go's layout, with the same stack together. */
#include <inttypes.h>
#include <string.h>

#include "tools/report/report.h"
#include "tools/report/write.h"

static void write_one(FILE *f, const struct dump *d, const struct goroutine *g)
{
	int64_t age = dump_age(d, g);

	fprintf(f, "goroutine %" PRIu64 " [%s", g->info->id, dump_state(g));
	if (age >= 1000000000) {
		fputs(", ", f);
		write_age(f, age);
	}
	fputc(']', f);
	if (g->info->name[0]) {
		fputc(' ', f);
		write_safe(f, g->info->name);
	}
	fputs(":\n", f);
	write_stack(f, &g->stack);
	write_creator(f, g);
	fputc('\n', f);
}

static void write_group(FILE *f, const struct dump *d, const struct group *group)
{
	const struct goroutine *g = group->member[0];
	int64_t least = INT64_MAX, most = 0;

	for (size_t i = 0; i < group->n; i++) {
		int64_t age = dump_age(d, group->member[i]);

		least = age < least ? age : least;
		most = age > most ? age : most;
	}
	fprintf(f, "%zu goroutine%s [%s", group->n, group->n == 1 ? "" : "s", dump_state(g));
	if (most >= 1000000000) {
		fputs(", ", f);
		if (least / 1000000000 != most / 1000000000 && write_age(f, least))
			fputs(" to ", f);
		write_age(f, most);
	}
	fputs("]: ", f);
	write_ids(f, group);
	fputc('\n', f);
	write_stack(f, &g->stack);
	write_creator(f, g);
	fputc('\n', f);
}

void report_list(FILE *f, struct dump *d, bool all)
{
	struct goroutine **list = pool_array(&d->pool, d->ng + 1, sizeof(*list));
	struct group *groups;
	size_t n;

	for (size_t i = 0; i < d->ng; i++)
		list[i] = &d->g[i];
	n = dump_group(&d->pool, list, d->ng, &groups);
	for (size_t i = 0; all && i < d->ng; i++)
		write_one(f, d, &d->g[i]);
	for (size_t i = 0; !all && i < n; i++)
		write_group(f, d, &groups[i]);
	fprintf(f, "%zu goroutines, %zu different\n", d->ng, n);
	write_notes(f, d);
}
