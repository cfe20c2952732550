/*
 * race_report.c - what happens to a race that was found: once only, not if suppressed, recorded,
 * printed, and at the end of the process the exit code.
 *
 * Reports are made one at a time. The whole of it runs with gd__race_cur NULL: what
 * it calls (libdw, malloc) is not the program's doing. Symbols need a big stack,
 * so that part runs on the thread's own.
 */
#include "detector/race/race_report.h"

#include <string.h>

#include "detector/common/alloc.h"
#include "detector/common/exit.h"
#include "detector/common/recorded.h"
#include "detector/common/report_fd.h"
#include "detector/common/suppress.h"
#include "detector/race/abi.h"
#include "detector/race/access.h"
#include "detector/race/race_finding.h"
#include "runtime/base/atomic.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"

#define EXIT_RACES 66
#define SEEN_MIN   256u
#define TEXT       4096

const struct gd__race_finding *gd__race_current_finding;

/*
 * A lock of its own kind: held for as long as libdw needs for its first look-up, and other locks of
 * the runtime are taken under it.
 */
static _Atomic uint32_t busy; /* 0 free, 1 held, 2 held and awaited */

/* Pairs of stacks that were reported or suppressed, by address and by line; open addressing, and
 * the same by lines; open addressing, guarded by busy. */
struct seen {
	uint64_t hash; /* 0: free */
	int place;     /* in the table of recorded findings; -1: none */
};
static struct seen *seen;
static size_t seen_cap, seen_count;

static _Atomic uint32_t reported;
static int reporting_pid; /* of the last report: a forked child does not answer for its parent */

/*
 * The process (upper half) and thread that look closer at a race, 0: none. A stop of the world does
 * not stop that thread, so the process can wait for it before it ends.
 */
static _Atomic uint64_t making;
#define FINISH_LIMIT_MS 10000 /* big programs: the first look-up reads all debug information */

static void begin(void)
{
	uint32_t idle = 0;

	if (gd__cas_acquire(&busy, &idle, 1)) /* pairs with the swap in end */
		return;
	while (gd__swap_acquire(&busy, 2) != 0) /* pairs with the swap in end */
		gd__os_futex_wait(&busy, 2, -1);
}

static void end(void)
{
	if (gd__swap_acq_rel(&busy, 0) == 2) /* pairs with begin: the next one sees our tables */
		gd__os_futex_wake(&busy, 1);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint64_t hash_pcs(const struct gd__race_access *a)
{
	/* Of a stack that is not whole, the place stands for all stacks there. */
	size_t n = a->stack_whole ? a->nframes : 1;
	uint64_t h = a->kind & GD__ACCESS_FREE;

	for (size_t i = 0; i < n; i++)
		h = mix(h, a->pcs[i]);
	return h;
}

/* The same for both orders of the two accesses; never 0. */
static uint64_t hash_race(const struct gd__race *r)
{
	return (hash_pcs(&r->now) + hash_pcs(&r->before)) | 1;
}

static struct seen *seen_slot(struct seen *table, size_t cap, uint64_t hash)
{
	size_t i = (hash >> 1) & (cap - 1);

	while (table[i].hash != 0 && table[i].hash != hash)
		i = (i + 1) & (cap - 1);
	return &table[i];
}

/* At most half full, or as full as memory allows: NULL when there is no room. */
static struct seen *seen_find(uint64_t hash)
{
	if (seen_count * 2 >= seen_cap) {
		size_t cap = seen_cap ? seen_cap * 2 : SEEN_MIN;
		struct seen *table = gd__dalloc(cap * sizeof(*table));

		for (size_t i = 0; table && i < seen_cap; i++)
			if (seen[i].hash != 0)
				*seen_slot(table, cap, seen[i].hash) = seen[i];
		if (table && seen)
			gd__dfree(seen, seen_cap * sizeof(*seen));
		if (table) {
			seen = table;
			seen_cap = cap;
		}
	}
	return seen_cap > 0 ? seen_slot(seen, seen_cap, hash) : NULL;
}

static void seen_put(uint64_t hash, int place)
{
	struct seen *s = seen_find(hash);

	if (!s || s->hash != 0 ||
	    seen_count + 1 >= seen_cap) /* one stays free: searches end there */
		return;
	*s = (struct seen){ .hash = hash, .place = place };
	seen_count++;
}

/* The frames of one access as text. Static: 30 KiB, guarded by busy. */
static struct frames {
	struct gd__symbol symbol[GD__RACE_FRAMES];
	struct gd__suppress_frame frame[GD__RACE_FRAMES];
	struct gd__fp_frame name[GD__RACE_FRAMES];
	uintptr_t pc[GD__RACE_FRAMES];
	size_t n;
} frames_now, frames_before;

static const char *known(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* The user's frames, with those that were inlined. */
static void symbolize(struct frames *f, const struct gd__race_access *a)
{
	f->n = 0;
	for (size_t i = 0; i < a->nframes; i++) {
		for (size_t depth = 0; f->n < GD__RACE_FRAMES; depth++) {
			struct gd__symbol *s = &f->symbol[f->n];

			if (!gd__symbolize(a->pcs[i], true, depth, s))
				break;
			if (s->ours)
				continue;
			f->frame[f->n] =
				(struct gd__suppress_frame){ known(s->function), known(s->file),
							     known(s->module) };
			f->name[f->n] = (struct gd__fp_frame){ s->module, s->function };
			f->pc[f->n] = a->pcs[i];
			f->n++;
		}
	}
}

/*
 * The stack as lines of source: x++ is a read and a write of one line, and one
 * bug. Lines that are not known differ by address.
 */
static uint64_t hash_lines(const struct frames *f, const struct gd__race_access *a)
{
	uint64_t h = a->kind & GD__ACCESS_FREE;

	if (f->n == 0)
		return hash_pcs(a);
	for (size_t i = 0; i < (a->stack_whole ? f->n : 1); i++) {
		const struct gd__symbol *s = &f->symbol[i];

		h = mix(h, s->line > 0 ? (uint64_t)s->line : f->pc[i]);
		for (const char *c = s->line > 0 ? s->file : ""; *c != '\0'; c++)
			h = mix(h, (unsigned char)*c);
	}
	return h;
}

/* "file.c:12 in fn", or the module and offset of the innermost frame. */
static void say_where(struct gd__race_finding *f)
{
	const struct gd__symbol *s = &frames_now.symbol[0];

	if (frames_now.n == 0)
		gd__fmt(f->where, sizeof(f->where), "%p", (void *)f->race->now.pcs[0]);
	else if (s->line > 0)
		gd__fmt(f->where, sizeof(f->where), "%s:%d in %s", s->file, s->line, s->function);
	else
		gd__fmt(f->where, sizeof(f->where), "%s+0x%llx%s%s", s->module,
			(unsigned long long)s->offset, s->function[0] != '\0' ? " in " : "",
			s->function);
}

/* The same whichever access came first, and whether x++ was caught reading or writing. */
static void fingerprint(struct gd__race_finding *f)
{
	const char *a = frames_now.n > 0 ? frames_now.symbol[0].function : "";
	const char *b = frames_before.n > 0 ? frames_before.symbol[0].function : "";
	bool now_first = !f->after_free && strcmp(a, b) <= 0;
	const struct frames *first = now_first ? &frames_now : &frames_before;
	const struct frames *second = now_first ? &frames_before : &frames_now;
	struct gd__fp fp;

	gd__fp_begin(&fp, "race", f->after_free ? "free" : "access");
	gd__fp_stack(&fp, first->name, first->n, "");
	gd__fp_stack(&fp, second->name, second->n, "");
	gd__fp_end(&fp, f->fingerprint);
}

static void record_access(struct gd__recorded_access *to, const struct gd__race_access *a)
{
	to->addr = a->addr;
	to->size = a->size;
	to->goid = a->goid_known ? a->goid : 0;
	to->parent_goid = a->parent_goid;
	to->create_stack = a->create_stack;
	to->flags = (a->kind & GD__ACCESS_WRITE ? GD__RECORDED_WRITE : 0) |
		    (a->kind & GD__ACCESS_ATOMIC ? GD__RECORDED_ATOMIC : 0) |
		    (a->kind & GD__ACCESS_FREE ? GD__RECORDED_FREE : 0) |
		    (a->stack_whole ? GD__RECORDED_WHOLE_STACK : 0);
	for (; to->npcs < a->nframes && to->npcs < GD__RECORDED_FRAMES; to->npcs++)
		to->pcs[to->npcs] = a->pcs[to->npcs];
}

static int record(const struct gd__race_finding *f)
{
	static struct gd__recorded r; /* guarded by busy; too big for a small stack */

	r = (struct gd__recorded){ .count = 1 };
	r.kind = f->after_free ? GD__RECORDED_USE_AFTER_FREE : GD__RECORDED_RACE;
	record_access(&r.now, &f->race->now);
	record_access(&r.before, &f->race->before);
	gd__fmt(r.fingerprint, sizeof(r.fingerprint), "%s", f->fingerprint);
	if (f->object.place == GD__PLACE_GLOBAL)
		gd__fmt(r.object, sizeof(r.object), "global '%s' of size %llu", f->object.name,
			(unsigned long long)f->object.size);
	else if (f->object.place == GD__PLACE_HEAP)
		gd__fmt(r.object, sizeof(r.object), "heap block of size %llu",
			(unsigned long long)f->object.size);
	return gd__recorded_add(&r);
}

static void print(const struct gd__race_finding *f)
{
	static char text[TEXT]; /* guarded by busy */
	struct gd__out o;

	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	gd__race_print(&o, f);
}

static bool is_suppressed(void)
{
	struct gd__suppressions *s = gd__suppressions_of_process();

	return gd__suppress_race(s, frames_now.frame, frames_now.n) != NULL ||
	       gd__suppress_race(s, frames_before.frame, frames_before.n) != NULL;
}

/* One whose pair of stacks was not seen before. Gives its place in the record, or -1. */
static int report_new(struct gd__race *r)
{
	static struct gd__race_finding f; /* guarded by busy */

	f = (struct gd__race_finding){ .race = r,
				       .after_free = (r->before.kind & GD__ACCESS_FREE) != 0 };
	gd__race_find_object(&f);
	say_where(&f);
	fingerprint(&f);
	int place = record(&f);

	gd__add_relaxed(&reported, 1); /* a counter */
	reporting_pid = gd__os_pid();
	print(&f);
	gd__race_current_finding = &f;
	__tsan_on_report((void *)&f);
	gd__race_current_finding = NULL;
	return place;
}

static uint64_t me(void)
{
	return (uint64_t)gd__os_pid() << 32 | (uint32_t)gd__os_tid();
}

/* One whose addresses were not seen before. On the big stack. */
static void look_closer(void *arg)
{
	struct gd__race *r = arg;
	int place = -1;

	gd__store_relaxed(&making, me()); /* only the end of it is waited for */
	symbolize(&frames_now, &r->now);
	symbolize(&frames_before, &r->before);
	uint64_t lines =
		(hash_lines(&frames_now, &r->now) + hash_lines(&frames_before, &r->before)) | 1;
	const struct seen *s = seen_find(lines);

	if (s && s->hash != 0) {
		place = s->place;
		gd__recorded_again(place);
	} else if (!is_suppressed()) {
		place = report_new(r);
	}
	seen_put(lines, place);
	seen_put(hash_race(r), place);
	gd__store_release(&making, 0); /* pairs with the load in wait_for_report */
}

/*
 * A thread-local of the thread that runs this goroutine, errno above all: the
 * goroutines of one thread use it one after the other, and no edge tells so.
 * glibc lays the static thread-locals of a thread right below its control
 * block, where the thread pointer leads; a goroutine has its stack elsewhere.
 */
static bool is_own_thread_local(const struct gd__race_access *a)
{
	const uintptr_t below = 64 << 10, above = 4 << 10;
	uintptr_t self = (uintptr_t)__builtin_thread_pointer();

	return a->goid != 0 && a->addr - (self - below) < below + above;
}

void gd__race_report(struct gd__race *r)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (is_own_thread_local(&r->now))
		return;
	gd__race_cur = NULL;
	begin();
	const struct seen *s = seen_find(hash_race(r));

	if (s && s->hash != 0)
		gd__recorded_again(s->place);
	else
		gd__inspect_on_system_stack(look_closer, r);
	if (gd__options.halt_on_error && gd__race_reported() > 0)
		gd__os_exit(gd__race_finish());
	end();
	gd__race_cur = g;
}

size_t gd__race_reported(void)
{
	return gd__load_relaxed(&reported); /* a counter */
}

static int exit_code(void)
{
	return gd__options.exitcode >= 0 ? gd__options.exitcode : EXIT_RACES;
}

/* What another thread has found is still told. A forked child has no such thread. */
static void wait_for_report(void)
{
	uint64_t self = me();

	for (int ms = 0; ms < FINISH_LIMIT_MS; ms++) {
		uint64_t who = gd__load_acquire(&making); /* pairs with the store in look_closer */

		if (who == 0 || who == self || who >> 32 != self >> 32)
			return;
		gd__os_nanosleep(1000000);
	}
}

int gd__race_finish(void)
{
	static bool said; /* exit handlers run on one thread */

	gd__race_cur = NULL;
	wait_for_report();

	size_t n = gd__race_reported();
	char text[256];
	struct gd__out o;

	if (n == 0 || reporting_pid != gd__os_pid())
		return 0;
	if (said)
		return exit_code();
	said = true;
	gd__out_init(&o, text, sizeof(text), gd__report_fd());
	gd__out_fmt(&o, "Found %zu data race(s)\n", n);
	gd__out_flush(&o);
	return exit_code();
}

__attribute__((constructor(101))) static void register_finish(void)
{
	gd__exit_register(GD__EXIT_RACE, gd__race_finish);
}
