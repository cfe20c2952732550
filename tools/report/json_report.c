/*
 * json_report.c - findings as JSON, schema "gdetect-report/1".
 *
 * Unknown is left out, never made up: no "line": 0, no empty "function".
 */
#include "detector/leak/advice.h"
#include "detector/leak/tell.h"
#include "tools/report/json_frames.h"
#include "tools/report/report.h"
#include "tools/report/write.h"
#include "tools/util/json.h"

static const char *whereabouts(const struct gd__party *p)
{
	static const char *const words[] = {
		[GD__AT_UNKNOWN] = "unknown", [GD__AT_SELF] = "itself",
		[GD__AT_ENDED] = "ended",     [GD__AT_STUCK] = "stuck",
		[GD__AT_WAITING] = "waiting", [GD__AT_RUNNING] = "running",
	};

	return words[p->now];
}

/* Who did something where, and where that one is. */
static void write_party(struct json *j, const struct gd__party *p, const struct stack *did,
			const struct stack *now)
{
	const struct frame *f = place_of(did);

	if (p->id)
		json_int(j, "goroutine", (int64_t)p->id);
	if (p->pc && f)
		json_frame(j, f);
	json_text(j, "now", whereabouts(p));
	if (p->stay != GD__STAY_UNKNOWN)
		json_bool(j, "returned", p->stay == GD__STAY_LEFT);
	if (p->g && p->g->state == GD__GI_WAITING)
		json_text(j, "wait", gd__wait_text(p->g->reason));
	if (now->n)
		json_frames(j, "stack_now", now);
}

static void write_channel(struct json *j, const struct gd__oinfo *o)
{
	json_int(j, "cap", (int64_t)o->cap);
	json_int(j, "len", (int64_t)o->len);
	json_int(j, "elem_size", (int64_t)o->elem_size);
	json_bool(j, "closed", o->closed);
	if (o->context)
		json_bool(j, "context", true);
	if (o->timer)
		json_bool(j, "timer", true);
	if (o->site[0])
		json_text(j, "made_at", o->site);
}

static const char *op_text(uint16_t op)
{
	static const char *const texts[] = { "receive", "send", "lock", "rlock", "wait" };

	return op < sizeof(texts) / sizeof(texts[0]) ? texts[op] : "unknown";
}

static void write_name(struct json *j, const struct dump *d, uint64_t addr)
{
	char buf[512];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	if (!d->tongue->data(d->tongue->self, &o, addr))
		return;
	gd__out_flush(&o);
	json_text(j, "name", buf);
}

static void write_home(struct json *j, const struct gd__home *h, uint64_t addr)
{
	static const char *const kinds[] = {
		[GD__HOME_UNKNOWN] = "unknown",
		[GD__HOME_DATA] = "data",
		[GD__HOME_HEAP] = "heap",
		[GD__HOME_STACK] = "stack",
	};

	json_object(j, "lives_in");
	json_text(j, "kind", kinds[h->kind]);
	if (h->kind == GD__HOME_HEAP) {
		json_int(j, "block_size", (int64_t)h->block.size);
		json_int(j, "offset", (int64_t)(addr - h->block.start));
	}
	if (h->kind == GD__HOME_STACK)
		json_int(j, "goroutine", (int64_t)h->goid);
	json_end_object(j);
	json_int(j, "waiting_receivers", h->receivers);
	json_int(j, "waiting_senders", h->senders);
	json_int(j, "waiting_others", h->others);
}

/* The parties of object i, by what they did; of several readers the first. */
static void write_uses(struct json *j, const struct group *group, uint32_t i)
{
	static const char *const roles[] = {
		[GD__ROLE_OWNER] = "owner",
		[GD__ROLE_READER] = "reader",
		[GD__ROLE_LAST_RECV] = "last_receive",
		[GD__ROLE_LAST_SEND] = "last_send",
		[GD__ROLE_LAST_ADD] = "last_add",
		[GD__ROLE_LAST_DONE] = "last_done",
		[GD__ROLE_LAST_SIGNAL] = "last_signal",
	};
	const struct gd__story *s = group->story;
	bool reader = false;

	for (size_t k = 0; k < s->nparties; k++) {
		const struct gd__party *p = &s->party[k];

		if (p->object != i || p->role == GD__ROLE_CREATOR ||
		    (p->role == GD__ROLE_READER && reader))
			continue;
		reader |= p->role == GD__ROLE_READER;
		json_object(j, roles[p->role]);
		write_party(j, p, &group->did[k], &group->now[k]);
		json_end_object(j);
	}
}

static void write_wait(struct json *j, const struct dump *d, const struct group *group,
		       const struct goroutine *g, uint32_t i)
{
	const struct gd__winfo *w = &g->leak->wait[i];
	const struct gd__oinfo *o = &g->leak->object[i];

	json_text(j, "kind", gd__obj_text(w->kind));
	json_text(j, "operation", op_text(w->op));
	json_hex(j, "addr", w->obj);
	if (!w->obj || !o->valid)
		return;
	if (w->kind == GD__OBJ_CHAN)
		write_channel(j, o);
	else
		write_name(j, d, o->addr);
	if (w->kind == GD__OBJ_WAITGROUP)
		json_int(j, "count", o->count);
	if (w->kind == GD__OBJ_RWMUTEX)
		json_int(j, "readers", o->readers);
	/* The story is that of the first of the group. */
	if (g != group->member[0])
		return;
	write_home(j, &group->story->home[i], o->addr);
	write_uses(j, group, i);
}

/* "waits_for" is the first object; a select has them all in "cases". */
static void write_waits(struct json *j, const struct dump *d, const struct group *group,
			const struct goroutine *g)
{
	const struct gd__leak *l = g->leak;

	if (l->nobjects == 0)
		return;
	json_object(j, "waits_for");
	write_wait(j, d, group, g, 0);
	json_end_object(j);
	if (l->g.nwaits < 2)
		return;
	json_array(j, "cases");
	for (uint32_t i = 0; i < l->nobjects && i < WAITS_MAX; i++) {
		json_object(j, NULL);
		write_wait(j, d, group, g, i);
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
		json_frame(j, f);
	if (g->info->site[0])
		json_text(j, "site", g->info->site);
	json_frames(j, "stack", &g->created);
	json_end_object(j);
}

static void write_retained(struct json *j, const char *key, const struct gd__retained *r)
{
	json_object(j, key);
	json_int(j, "stack_bytes", (int64_t)r->stack);
	json_int(j, "heap_bytes", (int64_t)r->heap);
	json_int(j, "heap_blocks", (int64_t)r->blocks);
	json_end_object(j);
}

static void write_goroutine(struct json *j, const struct dump *d, const struct group *group,
			    const struct goroutine *g)
{
	const struct gd__retained *r = &g->leak->retained;

	json_object(j, NULL);
	json_int(j, "id", (int64_t)g->info->id);
	if (g->info->name[0])
		json_text(j, "name", g->info->name);
	json_frames(j, "stack", &g->stack);
	write_waits(j, d, group, g);
	write_creator_member(j, g);
	if (g->leak->owner_id)
		json_int(j, "owner", (int64_t)g->leak->owner_id);
	json_int(j, "age_seconds", dump_age(d, g) / 1000000000);
	json_int(j, "retained_bytes", (int64_t)(r->stack + r->heap));
	write_retained(j, "retained", r);
	json_end_object(j);
}

static void
write_text(struct json *j, const char *key, const struct dump *d, const struct group *group,
	   void (*tell)(struct gd__out *o, const struct dump *d, const struct group *group))
{
	static char buf[8192];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	tell(&o, d, group);
	gd__out_flush(&o);
	if (buf[0])
		json_text(j, key, buf);
}

static void tell_verdict(struct gd__out *o, const struct dump *d, const struct group *group)
{
	(void)d;
	gd__explain_verdict(o, group->member[0]->leak);
}

static void tell_chain(struct gd__out *o, const struct dump *d, const struct group *group)
{
	gd__tell_chain(o, d->tongue, group->story);
}

/* Who waits for whom: each holds what the one before it waits for. */
static void write_chain(struct json *j, const struct dump *d, const struct group *group)
{
	const struct gd__story *s = group->story;

	if (s->nlinks < 2)
		return;
	json_object(j, "chain");
	json_bool(j, "cycle", s->closed);
	write_text(j, "text", d, group, tell_chain);
	json_array(j, "goroutines");
	for (size_t i = 0; i < s->nlinks; i++) {
		json_object(j, NULL);
		json_int(j, "goroutine", (int64_t)s->link[i].id);
		json_text(j, "wait", gd__wait_text(s->link[i].reason));
		if (s->link[i].object) {
			json_text(j, "kind", gd__obj_text(s->link[i].object->kind));
			json_hex(j, "addr", s->link[i].object->addr);
			write_name(j, d, s->link[i].object->addr);
		}
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

static void write_group(struct json *j, const struct dump *d, const struct group *group)
{
	const struct goroutine *g = group->member[0];
	struct gd__advice advice = gd__advice(g->leak, group->story);
	struct gd__retained all = { 0 };

	json_object(j, NULL);
	json_text(j, "verdict", gd__verdict_text(g->leak->verdict));
	json_text(j, "evidence", gd__evidence_word(g->leak->evidence));
	write_text(j, "explanation", d, group, tell_verdict);
	json_text(j, "wait", dump_state(g));
	json_int(j, "count", (int64_t)group->n);
	if (advice.pattern) {
		json_text(j, "pattern", advice.pattern);
		json_text(j, "repair", advice.repair);
	}
	if (group->fingerprint[0])
		json_text(j, "fingerprint", group->fingerprint);
	write_chain(j, d, group);
	for (size_t i = 0; i < group->n; i++) {
		all.stack += group->member[i]->leak->retained.stack;
		all.heap += group->member[i]->leak->retained.heap;
		all.blocks += group->member[i]->leak->retained.blocks;
	}
	write_retained(j, "retained", &all);
	json_array(j, "goroutines");
	for (size_t i = 0; i < group->n; i++)
		write_goroutine(j, d, group, group->member[i]);
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
	json_frames(j, "stack", stack);
	json_bool(j, "stack_whole", !stack->cut);
	if (created->n)
		json_frames(j, "created_by", created);
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
	json_bool(&j, "ran", d->ran);
	json_bool(&j, "complete", d->complete);
	if (d->why_not)
		json_text(&j, "why", d->why_not);
	json_text(&j, "source", d->path);
	json_text(&j, "program", d->program);
	json_array(&j, "leaks");
	for (size_t i = 0; i < d->nfindings; i++)
		write_group(&j, d, &d->findings[i]);
	json_end_array(&j);
	write_retained(&j, "shared_retained", &d->shared);
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
