/*
 * hook.h - the events a detector may listen to.
 *
 * This is all that the runtime knows of detectors. A hook table is installed
 * before gd_run() starts and never changes. With no table installed every
 * event costs one load and one untaken branch.
 */
#ifndef GD_RUNTIME_HOOK_HOOK_H
#define GD_RUNTIME_HOOK_HOOK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Detector's record of one goroutine. The runtime stores it, never reads it. */
struct gd__hook_ctx;

/* What a call on a descriptor means to those at its other ends. */
enum gd__hook_io {
	GD__IO_READ,  /* was read from: who wrote comes before */
	GD__IO_WRITE, /* is written to, or closed */
	GD__IO_TO,    /* is written or connected to the socket address given */
	GD__IO_ACCEPT /* gave a connection: who connected comes before */
};

/*
 * Rules for every hook: runs on the stack of the caller, may not park, may
 * not call back into the runtime, may be called with runtime locks held.
 * Where a context is taken as "g", NULL means the event belongs to no goroutine.
 */
struct gd__hooks {
	/* parent starts goroutine goid at pc, called from site_pc; NULL parent: main or a timer. */
	struct gd__hook_ctx *(*go_start)(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
					 uintptr_t site_pc);
	/* g runs no user code any more. Called on g's own stack, last. */
	void (*go_end)(struct gd__hook_ctx *g);
	/* This thread runs g from now on; NULL while it runs the scheduler. */
	void (*go_switch)(struct gd__hook_ctx *g);

	/* All that was released on obj happened before what g does next. */
	void (*acquire)(struct gd__hook_ctx *g, const void *obj);
	/* Replaces what obj carries by all g did so far. */
	void (*release)(struct gd__hook_ctx *g, const void *obj);
	/* Adds all g did so far to what obj carries. */
	void (*release_merge)(struct gd__hook_ctx *g, const void *obj);
	/*
	 * Slot of a channel buffer: obj gets all g did so far, then g acquires what obj carried
	 * before. So the k-th receive is ordered before the (k+cap)-th send.
	 */
	void (*swap)(struct gd__hook_ctx *g, const void *obj);
	/* obj goes away: forget what it carries. */
	void (*forget)(const void *obj, size_t n);

	/* g holds or no longer holds a lock (write: exclusive), for reports. */
	void (*lock)(struct gd__hook_ctx *g, const void *lock, int write);
	void (*unlock)(struct gd__hook_ctx *g, const void *lock, int write);

	/* The runtime read or wrote user memory on behalf of g, which called it from pc. */
	void (*read)(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc);
	void (*write)(struct gd__hook_ctx *g, const void *p, size_t n, uintptr_t pc);
	/* The runtime made this call on descriptor fd on behalf of g. addr: only for GD__IO_TO. */
	void (*io)(struct gd__hook_ctx *g, enum gd__hook_io what, int fd, const void *addr,
		   unsigned len);
	/* Memory [p, p+n) is new; what came before is forgotten. */
	void (*reset)(void *p, size_t n);
	/*
	 * Object p of the user goes into a pool: from here on any use of it is a bug, until
	 * somebody took it over again. Edges are told apart from these.
	 */
	void (*give_up)(struct gd__hook_ctx *g, const void *p, uintptr_t pc);
	void (*take_over)(struct gd__hook_ctx *g, const void *p, uintptr_t pc);
};

extern const struct gd__hooks *gd__hooks;

/* Installs t. Called at most once, before gd_run(). */
void gd__hooks_install(const struct gd__hooks *t);

/* In the child of a fork, while there is one thread: nobody listens from here on. */
void gd__hooks_remove(void);

/* gd__hook(acquire, g->hook_ctx, obj): the event, or nothing. */
#define gd__hook(event, ...)                                                                       \
	do {                                                                                       \
		if (__builtin_expect(gd__hooks != NULL, 0))                                        \
			gd__hooks->event(__VA_ARGS__);                                             \
	} while (0)

/*
 * Moments at which the leak detector speaks. Same rule: installed before gd_run(), or NULL.
 */
struct gd__watch {
	/* The main goroutine's function has returned; the others still exist. On main's stack. */
	void (*main_done)(void);
	/* All goroutines are asleep; the process is about to die of it. World stopped. */
	void (*deadlock)(void);
	/* The last reference to a channel is dropped while goroutines wait on it. */
	void (*dropped)(const void *chan, uintptr_t pc);
	/*
	 * The runtime has its threads: in gd_run, and in the child of a fork that goes on with
	 * goroutines. May start a helper, may not park.
	 */
	void (*started)(void);
};

/*
 * 1 while this thread creates a thread of the runtime's own: an interposer of
 * pthread_create leaves such a thread alone.
 */
extern _Thread_local int gd__thread_internal __attribute__((tls_model("initial-exec")));

/*
 * Function entries as safe points: a detector that is called at each looks at gd__preempt_wanted
 * of its thread, and if it is not 0 calls gd__preempt_here() (sched/preempt.c) with nothing locked
 * and nothing half done. The goroutine may give way there, and comes back on the same thread:
 * user code that calls a function of its own does not expect to change threads.
 */
extern _Thread_local _Atomic uint32_t gd__preempt_wanted __attribute__((tls_model("initial-exec")));
void gd__preempt_here(void);
/* Around a callback of the user's made with a lock of libc held: the caller's goroutine is not
 * preempted at function entries. Nests; 1 and -1. */
void gd__preempt_hold(int by);

extern const struct gd__watch *gd__watch;
void gd__watch_install(const struct gd__watch *w);

#endif
