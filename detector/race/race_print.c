/*
 * race_print.c - a race as text: in ThreadSanitizer's layout, so that tools which read it go on
 * working, with goroutines in the place of threads.
 */
#include "detector/common/depot.h"
#include "detector/race/access.h"
#include "detector/race/race_finding.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"

#define DIVIDER "==================\n"

/* The locks of both accesses, each once: M0, M1, ... */
struct lock_names {
	uintptr_t lock[2 * GD__RACE_HELD];
	uint32_t stack[2 * GD__RACE_HELD];
	size_t n;
};

static size_t lock_name(struct lock_names *names, const struct gd__held_lock *l)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->lock[i] == l->lock)
			return i;
	names->lock[names->n] = l->lock;
	names->stack[names->n] = l->stack;
	return names->n++;
}

/* Our own frames say nothing to the user; a stack of nothing else is shown as it is. */
static bool print_frame(struct gd__out *o, unsigned i, uintptr_t pc, const struct gd__symbol *s)
{
	if (s->ours)
		return false;
	gd__out_fmt(o, "    #%u %s ", i, s->function[0] != '\0' ? s->function : "??");
	if (s->line > 0)
		gd__out_fmt(o, "%s:%d ", s->file, s->line);
	if (s->module[0] != '\0')
		gd__out_fmt(o, "(%s+0x%llx)\n", s->module, (unsigned long long)s->offset);
	else
		gd__out_fmt(o, "(%p)\n", (void *)pc);
	return true;
}

static void print_stack(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	struct gd__symbol s;
	unsigned shown = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t depth = 0; gd__symbolize(pcs[i], true, depth, &s); depth++)
			shown += print_frame(o, shown, pcs[i], &s);
	for (size_t i = 0; i < n && shown == 0; i++)
		gd__out_fmt(o, "    #%zu %p\n", i, (void *)pcs[i]);
}

static void print_depot(struct gd__out *o, uint32_t id)
{
	uintptr_t pcs[GD__DEPOT_FRAMES];
	size_t n = gd__depot_get(id, pcs, GD__DEPOT_FRAMES);

	if (n > 0)
		print_stack(o, pcs, n);
	else
		gd__out_str(o, "    [no stack]\n");
}

/* "goroutine 7", "main thread", "thread T3". */
static void print_who(struct gd__out *o, const struct gd__race_access *a)
{
	if (!a->goid_known)
		gd__out_str(o, "a goroutine that ended earlier");
	else if (a->goid != 0)
		gd__out_fmt(o, "goroutine %llu", (unsigned long long)a->goid);
	else if (a->create_stack == 0 && a->parent_goid == 0)
		gd__out_str(o, "main thread");
	else
		gd__out_fmt(o, "thread T%u", a->serial);
}

static void print_locks(struct gd__out *o, const struct gd__race_access *a,
			struct lock_names *names)
{
	for (uint32_t i = 0; i < a->nheld; i++)
		gd__out_fmt(o, "%s%s M%zu", i == 0 ? " (mutexes: " : ", ",
			    a->held[i].write ? "write" : "read", lock_name(names, &a->held[i]));
	if (a->nheld > 0)
		gd__out_str(o, ")");
}

/* earlier: the sentence begins with "Previous". */
static void print_access(struct gd__out *o, const struct gd__race_access *a, const char *name,
			 bool earlier, struct lock_names *names)
{
	static const char *const words[2][2][2] = {
		{ { "Read", "Write" }, { "Atomic read", "Atomic write" } },
		{ { "Previous read", "Previous write" },
		  { "Previous atomic read", "Previous atomic write" } }
	};
	bool write = (a->kind & GD__ACCESS_WRITE) != 0, atomic = (a->kind & GD__ACCESS_ATOMIC) != 0;

	gd__out_fmt(o, "  %s of size %u at %p by ", words[earlier][atomic][write], a->size,
		    (void *)a->addr);
	print_who(o, a);
	if (name[0] != '\0')
		gd__out_fmt(o, " [%s]", name);
	print_locks(o, a, names);
	gd__out_str(o, a->kind & GD__ACCESS_FREE ? ", which gave the memory back:\n" : ":\n");
	print_stack(o, a->pcs, a->nframes);
	if (!a->stack_whole)
		gd__out_str(o, "    [the earlier stack is no longer known, only the place of the "
			       "access]\n");
	gd__out_str(o, "\n");
}

static void print_object(struct gd__out *o, const struct gd__race_object *ob)
{
	unsigned long long size = ob->size, goid = ob->goid;

	switch (ob->place) {
	case GD__PLACE_GLOBAL:
		gd__out_fmt(o, "  Location is global '%s' of size %llu at %p\n\n", ob->name, size,
			    (void *)ob->base);
		break;
	case GD__PLACE_DATA:
		gd__out_fmt(o, "  Location is global data at %s\n\n", ob->name);
		break;
	case GD__PLACE_HEAP:
		gd__out_fmt(o, "  Location is heap block of size %llu at %p allocated by ", size,
			    (void *)ob->base);
		if (goid != 0)
			gd__out_fmt(o, "goroutine %llu:\n", goid);
		else
			gd__out_str(o, "a thread:\n");
		print_depot(o, ob->stack);
		gd__out_str(o, "\n");
		break;
	case GD__PLACE_GOROUTINE:
		gd__out_fmt(o, "  Location is stack of goroutine %llu\n\n", goid);
		break;
	case GD__PLACE_THREAD:
		gd__out_str(o, "  Location is stack of a thread\n\n");
		break;
	case GD__PLACE_UNKNOWN:
		gd__out_str(o, "  Location is unknown: no live heap block, global or stack\n\n");
		break;
	}
}

static void print_lock_stacks(struct gd__out *o, const struct lock_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		gd__out_fmt(o, "  Mutex M%zu (%p) acquired here:\n", i, (void *)names->lock[i]);
		print_depot(o, names->stack[i]);
		gd__out_str(o, "\n");
	}
}

static void print_creation(struct gd__out *o, const struct gd__race_access *a)
{
	if (a->create_stack == 0 || a->goid == 1) /* everybody knows where main begins */
		return;
	/* "Goroutine 7", "Thread T3": the same words with a capital. */
	if (a->goid != 0)
		gd__out_fmt(o, "  Goroutine %llu", (unsigned long long)a->goid);
	else
		gd__out_fmt(o, "  Thread T%u", a->serial);
	gd__out_fmt(o, " (%s) created ", a->finished ? "finished" : "running");
	if (a->parent_goid != 0)
		gd__out_fmt(o, "by goroutine %llu ", (unsigned long long)a->parent_goid);
	gd__out_str(o, "at:\n");
	print_depot(o, a->create_stack);
	gd__out_str(o, "\n");
}

const char *gd__race_title(const struct gd__race_finding *f)
{
	return f->after_free ? "heap-use-after-free (race)" : "data race";
}

void gd__race_print(struct gd__out *o, const struct gd__race_finding *f)
{
	const struct gd__race *r = f->race;
	struct lock_names names = { .n = 0 };

	gd__out_fmt(o, DIVIDER "WARNING: ThreadSanitizer: %s (pid=%d)\n", gd__race_title(f),
		    gd__os_pid());
	print_access(o, &r->now, f->name_now, false, &names);
	print_access(o, &r->before, f->name_before, true, &names);
	print_object(o, &f->object);
	print_lock_stacks(o, &names);
	print_creation(o, &r->now);
	if (r->before.goid_known && r->before.serial != r->now.serial)
		print_creation(o, &r->before);
	if (f->fingerprint[0] != '\0')
		gd__out_fmt(o, "  Fingerprint: %s\n", f->fingerprint);
	gd__out_fmt(o, "SUMMARY: ThreadSanitizer: %s %s\n" DIVIDER, gd__race_title(f), f->where);
	gd__out_flush(o);
}
