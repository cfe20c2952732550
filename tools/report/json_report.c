/*
 * json_report.c - findings as JSON, schema "gdetect-report/1".
 *
 * Unknown is left out, never made up: no "line": 0, no empty "function".
 */
#include "tools/report/report.h"
#include "tools/report/write.h"
#include "tools/util/json.h"

static void write_frame_members(struct json *j, const struct frame *f)
{
	if (f->function[0])
		json_text(j, "function", f->function);
	if (f->file[0])
		json_text(j, "file", f->file);
	if (f->line > 0)
		json_int(j, "line", f->line);
	if (f->module[0])
		json_text(j, "module", f->module);
	json_hex(j, "offset", f->offset);
}

static void write_frames(struct json *j, const char *key, const struct stack *s)
{
	struct stack shown = stack_shown(s);

	json_array(j, key);
	for (size_t i = 0; i < shown.n; i++) {
		json_object(j, NULL);
		write_frame_members(j, &shown.frame[i]);
		json_end_object(j);
	}
	json_end_array(j);
}

/* Who did something where; nothing if nobody did. */
static void write_use(struct json *j, const char *key, uint64_t id, const struct stack *where)
{
	const struct frame *f = place_of(where);

	if (!id)
		return;
	json_object(j, key);
	json_int(j, "goroutine", (int64_t)id);
	if (f)
		write_frame_members(j, f);
	json_end_object(j);
}

static void write_channel(struct json *j, const struct gd__oinfo *o, const struct places *p)
{
	json_int(j, "cap", (int64_t)o->cap);
	json_int(j, "len", (int64_t)o->len);
	json_int(j, "elem_size", (int64_t)o->elem_size);
	json_bool(j, "closed", o->closed);
	if (o->site[0])
		json_text(j, "made_at", o->site);
	write_use(j, "last_receive", o->last_recv_id, &p->last_recv);
	write_use(j, "last_send", o->last_send_id, &p->last_send);
}

static const char *op_text(uint16_t op)
{
	static const char *const texts[] = { "receive", "send", "lock", "rlock", "wait" };

	return op < sizeof(texts) / sizeof(texts[0]) ? texts[op] : "unknown";
}

static void write_wait(struct json *j, const struct gd__winfo *w, const struct gd__oinfo *o,
		       const struct places *p)
{
	json_text(j, "kind", gd__obj_text(w->kind));
	json_text(j, "operation", op_text(w->op));
	json_hex(j, "addr", w->obj);
	if (!w->obj || !o->valid)
		return;
	if (w->kind == GD__OBJ_CHAN)
		write_channel(j, o, p);
	if (w->kind == GD__OBJ_WAITGROUP)
		json_int(j, "count", o->count);
	if (w->kind == GD__OBJ_RWMUTEX)
		json_int(j, "readers", o->readers);
	write_use(j, "owner", o->owner_id, &p->locked);
}

/* "waits_for" is the first object; a select has them all in "cases". */
static void write_waits(struct json *j, const struct goroutine *g)
{
	const struct gd__leak *l = g->leak;

	if (l->nobjects == 0)
		return;
	json_object(j, "waits_for");
	write_wait(j, &l->wait[0], &l->object[0], &g->places[0]);
	json_end_object(j);
	if (l->g.nwaits < 2)
		return;
	json_array(j, "cases");
	for (uint32_t i = 0; i < l->nobjects && i < WAITS_MAX; i++) {
		json_object(j, NULL);
		write_wait(j, &l->wait[i], &l->object[i], &g->places[i]);
		json_end_object(j);
	}
	json_end_array(j);
}

static void write_creator_member(struct json *j, const struct goroutine *g)
{
	const struct frame *f = place_of(&g->created);

	if (!g->info->parent_id)
		return;
	json_object(j, "created_by");
	json_int(j, "goroutine", (int64_t)g->info->parent_id);
	if (f)
		write_frame_members(j, f);
	if (g->info->site[0])
		json_text(j, "site", g->info->site);
	json_end_object(j);
}

static void write_goroutine(struct json *j, const struct dump *d, const struct goroutine *g)
{
	json_object(j, NULL);
	json_int(j, "id", (int64_t)g->info->id);
	if (g->info->name[0])
		json_text(j, "name", g->info->name);
	write_frames(j, "stack", &g->stack);
	write_waits(j, g);
	write_creator_member(j, g);
	if (g->leak->owner_id)
		json_int(j, "owner", (int64_t)g->leak->owner_id);
	json_int(j, "age_seconds", dump_age(d, g) / 1000000000);
	json_int(j, "retained_bytes", (int64_t)(g->leak->retained.stack + g->leak->retained.heap));
	json_end_object(j);
}

static const char *evidence_word(enum gd__evidence e)
{
	static const char *const words[] = {
		[GD__EVIDENCE_NONE] = "none",
		[GD__EVIDENCE_NIL] = "nil",
		[GD__EVIDENCE_UNREACHABLE] = "unreachable",
		[GD__EVIDENCE_CYCLE] = "cycle",
		[GD__EVIDENCE_DROPPED] = "dropped",
		[GD__EVIDENCE_OWNER] = "owner",
		[GD__EVIDENCE_DEAD_OWNER] = "dead-owner",
		[GD__EVIDENCE_ALIVE] = "alive",
	};

	return words[e];
}

static void write_group(struct json *j, const struct dump *d, const struct group *group)
{
	const struct goroutine *g = group->member[0];

	json_object(j, NULL);
	json_text(j, "verdict", gd__verdict_text(g->leak->verdict));
	json_text(j, "evidence", evidence_word(g->leak->evidence));
	json_text(j, "wait", dump_state(g));
	json_int(j, "count", (int64_t)group->n);
	if (group->fingerprint[0])
		json_text(j, "fingerprint", group->fingerprint);
	json_array(j, "goroutines");
	for (size_t i = 0; i < group->n; i++)
		write_goroutine(j, d, group->member[i]);
	json_end_array(j);
	json_end_object(j);
}

static void write_access(struct json *j, const char *key, const struct gd__recorded_access *a,
			 const struct stack *stack, const struct stack *created)
{
	json_object(j, key);
	json_text(j, "kind",
		  a->flags & GD__RECORDED_FREE    ? "free"
		  : a->flags & GD__RECORDED_WRITE ? "write"
						  : "read");
	json_bool(j, "atomic", a->flags & GD__RECORDED_ATOMIC);
	json_hex(j, "addr", a->addr);
	json_int(j, "size", a->size);
	if (a->goid)
		json_int(j, "goroutine", (int64_t)a->goid);
	write_frames(j, "stack", stack);
	json_bool(j, "stack_whole", !stack->cut);
	if (created->n)
		write_frames(j, "created_by", created);
	json_end_object(j);
}

static void write_race(struct json *j, const struct race *r)
{
	json_object(j, NULL);
	json_text(j, "kind",
		  r->r.kind == GD__RECORDED_USE_AFTER_FREE ? "use-after-free" : "data-race");
	json_int(j, "count", r->r.count);
	if (r->r.fingerprint[0])
		json_text(j, "fingerprint", r->r.fingerprint);
	if (r->r.object[0])
		json_text(j, "object", r->r.object);
	write_access(j, "now", &r->r.now, &r->now, &r->now_created);
	write_access(j, "before", &r->r.before, &r->before, &r->before_created);
	json_end_object(j);
}

void report_json(FILE *f, const struct dump *d)
{
	struct json j;

	json_init(&j, f);
	json_object(&j, NULL);
	json_text(&j, "schema", "gdetect-report/1");
	json_bool(&j, "complete", d->complete);
	json_text(&j, "source", d->path);
	json_text(&j, "program", d->program);
	json_array(&j, "leaks");
	for (size_t i = 0; i < d->nfindings; i++)
		write_group(&j, d, &d->findings[i]);
	json_end_array(&j);
	json_array(&j, "races");
	for (size_t i = 0; i < d->nraces; i++)
		write_race(&j, &d->races[i]);
	json_end_array(&j);
	json_array(&j, "notes");
	for (size_t i = 0; i < d->nnotes; i++)
		json_text(&j, NULL, d->notes[i]);
	json_end_array(&j);
	json_end_object(&j);
	json_finish(&j);
}
