/* why.c - why goroutines are, or are not, on the list: as text and as JSON. */
#include <inttypes.h>

#include "detector/leak/tell.h"
#include "tools/model/why.h"
#include "tools/report/json_frames.h"
#include "tools/report/report.h"
#include "tools/report/write.h"
#include "tools/util/json.h"

#define TEXT_MAX 4096

static char buf[TEXT_MAX];

static struct gd__out begin(void)
{
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	return o;
}

static const char *answer_text(const struct dump *d, const struct why *w)
{
	struct gd__out o = begin();

	gd__tell_answer(&o, d->tongue, d->image, w->why);
	gd__out_flush(&o);
	return buf;
}

static const char *step_text(const struct dump *d, const struct why *w, size_t i)
{
	struct gd__out o = begin();

	gd__tell_step(&o, d->tongue, d->image, w->why, i);
	gd__out_flush(&o);
	return buf;
}

static const char *object_text(const struct dump *d, const struct why *w, uint32_t i)
{
	struct gd__out o = begin();

	gd__explain_object(&o, d->tongue, &w->waits, i, NULL);
	gd__out_flush(&o);
	return buf;
}

static void write_path(FILE *f, const struct dump *d, const struct why *w)
{
	static char path[GD__WHY_STEPS * TEXT_MAX / 4];
	struct gd__out o;

	gd__out_init(&o, path, sizeof(path), -1);
	gd__tell_path(&o, d->tongue, d->image, w->why);
	gd__out_flush(&o);
	fputs(path, f);
}

static void write_one(FILE *f, const struct dump *d, const struct why *w)
{
	int64_t age = dump_age(d, &w->g);

	fprintf(f, "goroutine %" PRIu64 " [%s", w->g.info->id, dump_state(&w->g));
	if (age >= 1000000000) {
		fputs(", ", f);
		write_age(f, age);
	}
	fputs("] ", f);
	write_safe(f, answer_text(d, w));
	fputs(w->group ? ":\n\n" : "\n", f);
	if (w->group) {
		report_finding(f, d, w->group);
		return;
	}
	write_stack(f, &w->g.stack);
	for (uint32_t i = 0; i < w->waits.nobjects; i++) {
		fputs("  waits for: ", f);
		write_safe(f, object_text(d, w, i));
		fputc('\n', f);
	}
	write_path(f, d, w);
	fputc('\n', f);
}

void report_why(FILE *f, const struct dump *d)
{
	for (size_t i = 0; i < d->nwhy; i++)
		write_one(f, d, d->why[i]);
	if (d->nwhy == 0)
		fputs("no goroutine waits without being reported\n", f);
	write_notes(f, d);
}

/* --- JSON --- */

static const char *answer_word(enum gd__why_answer a)
{
	static const char *const words[] = {
		[GD__WHY_NO_SUCH] = "no-such", [GD__WHY_RUNS] = "runs",
		[GD__WHY_REACHED] = "reached", [GD__WHY_STUCK] = "stuck",
		[GD__WHY_EXEMPT] = "exempt",   [GD__WHY_UNDECIDED] = "undecided",
		[GD__WHY_SPENT] = "ended",
	};

	return words[a];
}

static const char *kind_word(enum gd__why_kind k)
{
	static const char *const words[] = {
		[GD__WHY_DATA] = "global",     [GD__WHY_THREAD] = "thread",
		[GD__WHY_TIMER] = "timer",     [GD__WHY_REGISTER] = "register",
		[GD__WHY_UNKNOWN] = "unknown", [GD__WHY_STACK] = "stack",
		[GD__WHY_BLOCK] = "heap",      [GD__WHY_PRIM] = "primitive",
	};

	return words[k];
}

static void json_step(struct json *j, const struct dump *d, const struct why *w, size_t i)
{
	const struct gd__why_step *s = &w->why->step[i];
	const struct step_name *n = &w->step[i];

	json_object(j, NULL);
	json_text(j, "kind", kind_word(s->kind));
	json_text(j, "text", step_text(d, w, i));
	json_hex(j, "addr", s->at);
	if (s->root)
		json_bool(j, "root", true);
	if (n->name[0])
		json_text(j, "name", n->name);
	if (n->type[0])
		json_text(j, "type", n->type);
	if (n->function[0])
		json_text(j, "function", n->function);
	if (s->kind == GD__WHY_BLOCK) {
		json_int(j, "size", (int64_t)s->block.size);
		json_int(j, "offset", (int64_t)(s->at - s->block.start));
	}
	if (s->kind == GD__WHY_STACK || s->kind == GD__WHY_PRIM)
		json_int(j, "goroutine", (int64_t)d->image->g[s->g].id);
	if (s->kind == GD__WHY_PRIM)
		json_text(j, "primitive", gd__obj_text(s->prim->info.kind));
	json_end_object(j);
}

static void json_one(struct json *j, const struct dump *d, const struct why *w)
{
	json_object(j, NULL);
	json_int(j, "id", (int64_t)w->g.info->id);
	if (w->g.info->name[0])
		json_text(j, "name", w->g.info->name);
	json_text(j, "wait", dump_state(&w->g));
	json_int(j, "age_seconds", dump_age(d, &w->g) / 1000000000);
	json_text(j, "answer", answer_word(w->why->answer));
	json_bool(j, "reported", w->group != NULL);
	json_text(j, "explanation", answer_text(d, w));
	if (w->why->fate.stuck) {
		json_text(j, "verdict", gd__verdict_text(w->why->fate.verdict));
		json_text(j, "because", gd__evidence_text(w->why->fate.evidence));
	}
	if (w->group && w->group->fingerprint[0])
		json_text(j, "fingerprint", w->group->fingerprint);
	json_array(j, "waits_for");
	for (uint32_t i = 0; i < w->waits.nobjects; i++)
		json_text(j, NULL, object_text(d, w, i));
	json_end_array(j);
	json_frames(j, "stack", &w->g.stack);
	json_array(j, "path");
	for (size_t i = 0; i < w->why->n; i++)
		json_step(j, d, w, i);
	json_end_array(j);
	json_bool(j, "path_cut", w->why->cut);
	json_end_object(j);
}

void report_why_json(FILE *f, const struct dump *d)
{
	struct json j;

	json_init(&j, f);
	json_object(&j, NULL);
	json_text(&j, "schema", "gdetect-why/1");
	json_bool(&j, "complete", d->complete);
	json_text(&j, "source", d->path);
	json_text(&j, "program", d->program);
	json_array(&j, "goroutines");
	for (size_t i = 0; i < d->nwhy; i++)
		json_one(&j, d, d->why[i]);
	json_end_array(&j);
	json_array(&j, "notes");
	for (size_t i = 0; i < d->nnotes; i++)
		json_text(&j, NULL, d->notes[i]);
	json_end_array(&j);
	json_end_object(&j);
	json_finish(&j);
}
