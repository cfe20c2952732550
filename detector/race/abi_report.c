/*
 * abi_report.c - what a program's own __tsan_on_report may ask of the report it is given.
 *
 * All functions return 1 if they know, 0 if not. A thread id is the goroutine's id, or the
 * record's serial number for a thread that runs none.
 */
#include "detector/common/depot.h"
#include "detector/common/heap.h"
#include "detector/race/abi.h"
#include "detector/race/access.h"
#include "detector/race/race_finding.h"
#include "runtime/inspect/traceback.h"

#define WEAK __attribute__((weak))

WEAK void __tsan_on_report(void *report)
{
}

WEAK const char *__tsan_default_options(void)
{
	return "";
}

WEAK const char *__tsan_default_suppressions(void)
{
	return "";
}

/* Overridden by programs that symbolise code of their own making. */
WEAK int __tsan_symbolize_external(void *pc, char *func, size_t func_size, char *file,
				   size_t file_size, int *line, int *column)
{
	return 0;
}

WEAK void __tsan_symbolize_external_ex(uintptr_t pc,
				       void (*add)(void *, const char *, const char *, int, int),
				       void *ctx)
{
}

static const struct gd__race_access *access_of(const struct gd__race_finding *f, unsigned long i)
{
	return i == 0 ? &f->race->now : i == 1 ? &f->race->before : NULL;
}

static int thread_id(const struct gd__race_access *a)
{
	return a->goid != 0 ? (int)a->goid : (int)a->serial;
}

/* Ends with NULL if there is room. */
static void copy_trace(void **trace, unsigned long n, const uintptr_t *pcs, size_t npcs)
{
	for (unsigned long i = 0; i < n; i++)
		trace[i] = i < npcs ? (void *)pcs[i] : NULL;
}

static void copy_depot(void **trace, unsigned long n, uint32_t id)
{
	uintptr_t pcs[GD__DEPOT_FRAMES];

	copy_trace(trace, n, pcs, gd__depot_get(id, pcs, GD__DEPOT_FRAMES));
}

void *__tsan_get_current_report(void)
{
	return (void *)(uintptr_t)gd__race_current_finding;
}

int __tsan_get_report_data(void *report, const char **description, int *count, int *stacks,
			   int *mops, int *locs, int *mutexes, int *threads, int *tids,
			   void **sleep_trace, unsigned long n)
{
	const struct gd__race_finding *f = report;

	*description = gd__race_title(f);
	*count = 1;
	*stacks = 0;
	*mops = 2;
	*locs = f->object.place != GD__PLACE_UNKNOWN;
	*mutexes = (int)f->race->now.nheld;
	*threads = 2;
	*tids = 2;
	copy_trace(sleep_trace, n, NULL, 0);
	return 1;
}

int __tsan_get_report_tag(void *report, uintptr_t *tag)
{
	*tag = 0;
	return 1;
}

int __tsan_get_report_stack(void *report, unsigned long i, void **trace, unsigned long n)
{
	return 0;
}

int __tsan_get_report_mop(void *report, unsigned long i, int *tid, void **addr, int *size,
			  int *write, int *atomic, void **trace, unsigned long n)
{
	const struct gd__race_access *a = access_of(report, i);

	if (!a)
		return 0;
	*tid = thread_id(a);
	*addr = (void *)a->addr;
	*size = (int)a->size;
	*write = (a->kind & GD__ACCESS_WRITE) != 0;
	*atomic = (a->kind & GD__ACCESS_ATOMIC) != 0;
	copy_trace(trace, n, a->pcs, a->nframes);
	return 1;
}

static const char *place_name(enum gd__race_place place)
{
	if (place == GD__PLACE_GLOBAL || place == GD__PLACE_DATA)
		return "global";
	return place == GD__PLACE_HEAP ? "heap" : "stack";
}

int __tsan_get_report_loc(void *report, unsigned long i, const char **type, void **addr,
			  uintptr_t *start, unsigned long *size, int *tid, int *fd,
			  int *suppressable, void **trace, unsigned long n)
{
	const struct gd__race_object *ob = &((const struct gd__race_finding *)report)->object;

	if (i > 0 || ob->place == GD__PLACE_UNKNOWN)
		return 0;
	*type = place_name(ob->place);
	*addr = (void *)((const struct gd__race_finding *)report)->race->now.addr;
	*start = ob->base;
	*size = ob->size;
	*tid = (int)ob->goid;
	*fd = -1;
	*suppressable = 0;
	copy_depot(trace, n, ob->stack);
	return 1;
}

int __tsan_get_report_loc_object_type(void *report, unsigned long i, const char **type)
{
	*type = "";
	return i == 0;
}

int __tsan_get_report_mutex(void *report, unsigned long i, unsigned long *id, void **addr,
			    int *destroyed, void **trace, unsigned long n)
{
	const struct gd__race_access *a = &((const struct gd__race_finding *)report)->race->now;

	if (i >= a->nheld)
		return 0;
	*id = i;
	*addr = (void *)a->held[i].lock;
	*destroyed = 0;
	copy_depot(trace, n, a->held[i].stack);
	return 1;
}

int __tsan_get_report_thread(void *report, unsigned long i, int *tid, uint64_t *os_id, int *running,
			     const char **name, int *parent, void **trace, unsigned long n)
{
	const struct gd__race_finding *f = report;
	const struct gd__race_access *a = access_of(f, i);

	if (!a)
		return 0;
	*tid = thread_id(a);
	*os_id = 0;
	*running = !a->finished;
	*name = i == 0 ? f->name_now : f->name_before;
	*parent = (int)a->parent_goid;
	copy_depot(trace, n, a->create_stack);
	return 1;
}

int __tsan_get_report_unique_tid(void *report, unsigned long i, int *tid)
{
	const struct gd__race_access *a = access_of(report, i);

	if (!a)
		return 0;
	*tid = thread_id(a);
	return 1;
}

const char *__tsan_locate_address(uintptr_t addr, char *name, size_t name_size, uintptr_t *start,
				  uintptr_t *size)
{
	struct gd__block b;
	uint64_t base = 0, n = 0;

	if (gd__heap_find(addr, &b)) {
		*start = b.start;
		*size = b.size;
		return "heap";
	}
	if (!gd__symbolize_data(addr, name, name_size, &base, &n))
		return "";
	*start = base;
	*size = n;
	return "global";
}

int __tsan_get_alloc_stack(uintptr_t addr, uintptr_t *trace, size_t n, int *thread, uint64_t *os_id)
{
	struct gd__block b;

	if (!gd__heap_find(addr, &b))
		return 0;
	*thread = (int)b.goid;
	*os_id = 0;
	return (int)gd__depot_get(b.stack, trace, n);
}
