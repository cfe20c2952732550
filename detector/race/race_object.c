/*
 * race_object.c - what lies at the address of a race, and what its goroutines are called.
 *
 * The goroutine table is read without stopping the world: records are never
 * unmapped, and a name that changes meanwhile is at worst an old one.
 */
#include "detector/common/heap.h"
#include "detector/common/interpose.h"
#include "detector/race/race_finding.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"

static bool within(uint64_t addr, uint64_t lo, uint64_t hi)
{
	return addr >= lo && addr < hi;
}

static void copy_name(char to[GD__GI_TEXT], const struct gd__ginfo *g, uint64_t goid)
{
	if (goid != 0 && g->id == goid)
		gd__fmt(to, GD__GI_TEXT, "%s", g->name);
}

/* One walk over the goroutines: names of both, and whose stack it is. */
static void ask_goroutines(struct gd__race_finding *f)
{
	const struct gd__race *r = f->race;
	struct gd__runtime rt;
	struct gd__ginfo g;
	bool broken = false;

	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		return;
	for (uint64_t i = 0; i < rt.ngoroutines; i++) {
		if (!gd__inspect_goroutine(&rt, i, &g, &broken))
			continue;
		copy_name(f->name_now, &g, r->now.goid);
		copy_name(f->name_before, &g, r->before.goid_known ? r->before.goid : 0);
		if (f->object.place == GD__PLACE_UNKNOWN &&
		    within(r->now.addr, g.stack_lo, g.stack_hi)) {
			f->object.place = GD__PLACE_GOROUTINE;
			f->object.goid = g.id;
			f->object.base = g.stack_lo;
			f->object.size = g.stack_hi - g.stack_lo;
		}
	}
}

/* The thread that has called main(): not made by pthread_create, so in no table. */
static uintptr_t main_lo, main_hi;

__attribute__((constructor)) static void note_main_thread(void)
{
	if (gd__os_tid() == gd__os_pid())
		gd__stack_bounds(&main_lo, &main_hi);
}

static void ask_threads(struct gd__race_object *o, uint64_t addr)
{
	struct gd__thread_info t;
	uintptr_t lo = 0, hi = 0;

	gd__stack_bounds(&lo, &hi);
	if (within(addr, main_lo, main_hi)) {
		lo = main_lo;
		hi = main_hi;
	}
	for (size_t i = 0; !within(addr, lo, hi); i++) {
		if (!gd__thread_walk(i, &t))
			return;
		lo = t.tid != 0 ? t.stack_lo : 0;
		hi = t.tid != 0 ? t.stack_hi : 0;
	}
	o->place = GD__PLACE_THREAD;
	o->base = lo;
	o->size = hi - lo;
}

static bool ask_heap(struct gd__race_object *o, uint64_t addr)
{
	struct gd__block b;

	if (!gd__heap_find(addr, &b))
		return false;
	o->place = GD__PLACE_HEAP;
	o->base = b.start;
	o->size = b.size;
	o->stack = b.stack;
	o->goid = b.goid;
	return true;
}

/* Knows no variable, but a binary that is mapped there. */
static void ask_modules(struct gd__race_object *o, uint64_t addr)
{
	struct gd__symbol s;

	if (!gd__symbolize(addr, false, 0, &s) || s.module[0] == '\0')
		return;
	gd__fmt(o->name, sizeof(o->name), "%s+0x%llx", s.module, (unsigned long long)s.offset);
	o->place = GD__PLACE_DATA;
}

void gd__race_find_object(struct gd__race_finding *f)
{
	struct gd__race_object *o = &f->object;
	uint64_t addr = f->race->now.addr;

	if (!ask_heap(o, addr) &&
	    gd__symbolize_data(addr, o->name, sizeof(o->name), &o->base, &o->size))
		o->place = GD__PLACE_GLOBAL;
	ask_goroutines(f);
	if (o->place == GD__PLACE_UNKNOWN)
		ask_threads(o, addr);
	if (o->place == GD__PLACE_UNKNOWN)
		ask_modules(o, addr);
}
