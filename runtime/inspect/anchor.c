/* anchor.c - the anchor of this process, the note that leads to it, and the fatal dump. */
#include "runtime/inspect/anchor.h"

#include <gdetect/go.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/hog_stack.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/layout.h"
#include "runtime/inspect/traceback.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"
#include "runtime/time/timers.h"

_Static_assert(sizeof(GD__ANCHOR_MAGIC) == 17, "16 bytes of magic and the NUL");

struct gd__anchor gd__anchor = {
	.magic = { 0x7f, 'g', 'd', 'e', 't', 'e', 'c', 't', (char)0xc2, (char)0xa7, 'a', 'n', 'c',
		   'h', 'o', 'r' },
	.version = GD__ANCHOR_VERSION,
	.size = sizeof(struct gd__anchor),
	.build = GD_VERSION,
};

/* A name of the same object that no other module can take over: a distance needs one. */
extern struct gd__anchor gd__anchor_here __attribute__((alias("gd__anchor"), visibility("hidden")));

/* Name "gdetect", type 1, and the distance from this note's content to the anchor. */
__asm__(".pushsection .note.gdetect,\"a\",@note\n\t"
	".balign 4\n\t"
	".long 8, 8, 1\n\t"
	".asciz \"gdetect\"\n"
	"1:\t.quad gd__anchor_here - 1b\n\t"
	".popsection");

/* The addresses are run-time values. Before main, so that any later dump has them. */
__attribute__((constructor(103))) static void fill(void)
{
	gd__anchor.layout = (uintptr_t)gd__layout;
	gd__anchor.g_size = sizeof(struct gd__g);
	gd__anchor.gtab = (uintptr_t)&gd__gtab;
	gd__anchor.allm = (uintptr_t)&gd__sched.allm;
	gd__anchor.timers = (uintptr_t)gd__timers;
	gd__anchor.now = (uintptr_t)&gd__sched.clock;
	gd__anchor.ended = (uintptr_t)&gd__sched.ended;
	gd__anchor.fork = (uintptr_t)&gd__fork;
	gd__anchor.main_id = (uintptr_t)&gd__sched.main_id;
	gd__anchor.run_frame = (uintptr_t)&gd__sched.run_frame;
}

static void keep(void *unused)
{
	(void)unused;
	gd__trace_keep_running();
}

static void print(void *arg)
{
	static char buf[4096];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), *(int *)arg);
	o.patience_ns = gd__dump_patience(); /* the world stands still meanwhile */
	gd__print_goroutines(&o);
	gd__out_flush(&o);
}

/*
 * Threads in user code are stopped for as long as it takes to copy their stacks' return
 * addresses. Printing needs malloc and libdw, and one of them might hold a lock of those.
 */
static void stop_and_keep(void)
{
	gd__trace_prepare();
	gd__stw_stop(true, GD__STW_LIMIT_NS);
	gd__store_relaxed(&gd__sched.clock, gd__os_now());
	gd__inspect_on_system_stack(keep, NULL);
	gd__stw_release_threads();
}

static void fatal_dump(int fd)
{
	bool started = gd__load_relaxed(&gd__sched.procs) != 0; /* else there is but this thread */

	if (started && !gd__load_acquire(&gd__sched.stopping)) /* pairs with gd__stw_stop */
		stop_and_keep();
	gd__inspect_on_system_stack(print, &fd);
}

void gd_stacks(int fd)
{
	stop_and_keep();
	gd__inspect_on_system_stack(print, &fd);
	gd__stw_start();
}

__attribute__((constructor(103))) static void install(void)
{
	gd__fatal_dump = fatal_dump;
	gd__hog_hooks = &gd__hog_stack;
}
