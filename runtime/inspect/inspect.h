/*
 * inspect.h - the read-only view of a runtime: goroutines, what they wait for, threads, timers.
 *
 * One set of decoders serves three address spaces: our own under a stopped
 * world, another process, a core. All reads go through struct gd__mem, and
 * nothing that is read is trusted: every count and length is bounded, a
 * broken record gives an error, never a fault.
 */
#ifndef GD_RUNTIME_INSPECT_INSPECT_H
#define GD_RUNTIME_INSPECT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/arch/regs.h"
#include "runtime/base/objkind.h"
#include "runtime/base/waitreason.h"

/* An address space. */
struct gd__mem {
	/* Copies n bytes at addr to buf; false if any of them cannot be read. */
	bool (*read)(const struct gd__mem *m, uint64_t addr, void *buf, size_t n);
	void *self;
};

/* Our own address space: plain copies, for addresses known to be mapped. */
extern const struct gd__mem gd__mem_self;

enum gd__ginfo_state {
	GD__GI_RUNNABLE,
	GD__GI_RUNNING,
	GD__GI_SYSCALL,
	GD__GI_WAITING,
	GD__GI_DEAD
};

#define GD__GI_TEXT   96
#define GD__GI_FRAMES 8
#define GD__GI_HELD   4

/* A goroutine, copied out. Addresses are of the inspected space. */
struct gd__ginfo {
	uint64_t id, parent_id;
	uint64_t record; /* address of its struct gd__g */
	enum gd__ginfo_state state;
	uint32_t reason; /* enum gd__wait_reason, when waiting */
	bool background, system;
	bool timed;       /* parked with a deadline: wakes by itself */
	bool locked;      /* to its thread, by gd_lock_os_thread */
	int64_t since_ns; /* clock time of the last park */
	uint64_t stack_lo, stack_hi;
	uint64_t sp;        /* saved; 0 if it runs (then look at its thread) */
	uint64_t resume_pc; /* where the saved context continues */
	uint64_t bp;        /* frame pointer at sp, 0 if unknown */
	/* In a system call, of numbers GD__CALL_REG_NUMBERS; roots as well. */
	uint64_t call_regs[GD__CALL_REGS];
	uint64_t entry;  /* address of its function */
	uint32_t parks;  /* how often it has parked: names this wait */
	uint32_t nwaits; /* see gd__inspect_wait */
	uint64_t waits, wait_stride;
	char name[GD__GI_TEXT]; /* "" if the text could not be read */
	char site[GD__GI_TEXT]; /* where it was started, "file.c:12" */
	uint32_t ncreate;
	uint64_t create_pc[GD__GI_FRAMES];
	uint32_t nheld; /* read locks held */
	struct {
		uint64_t lock, pc;
	} held[GD__GI_HELD];
	bool held_incomplete;
	int32_t tid;    /* of the thread that runs it or is in its system call; 0 if none */
	uint32_t scope; /* see scope.h */
};

/* One object waited for. */
struct gd__winfo {
	uint64_t obj;  /* 0: nil channel */
	uint16_t kind; /* enum gd__obj_kind */
	uint16_t op;   /* enum gd__wait_op */
	uint64_t pc;   /* of the public call that waits; 0: unknown */
};

/* A primitive, decoded. */
struct gd__oinfo {
	uint64_t addr, size;
	uint16_t kind;
	bool valid; /* its memory was readable and looked like one */
	/* locks */
	uint64_t owner_id;  /* goroutine that holds it exclusively; 0: none or unknown */
	uint64_t owner_pc;  /* where it was locked */
	int32_t readers;    /* rwmutex: read locks held */
	bool shared_owner;  /* was ever unlocked by another goroutine than its owner */
	bool locked_before; /* not for the first time by its owner: it was given up before */
	/* channels */
	uint64_t cap, len, elem_size;
	int32_t refs;
	bool closed;
	uint64_t make_pc;
	char site[GD__GI_TEXT];
	uint64_t last_recv_id, last_recv_pc; /* last receive that returned; 0: never */
	uint64_t last_send_id, last_send_pc;
	uint64_t left_pc; /* where a receiver stopped waiting without a value; 0: none did */
	bool timer;       /* of a timer or ticker */
	bool context;     /* the done channel of a context */
	/* waitgroup: counter, and who was last to add and be done. An id of 0 with a pc is a thread
	 * outside of the runtime. */
	int64_t count;
	uint64_t last_add_id, last_add_pc;
	uint64_t last_done_id, last_done_pc;
	/* cond */
	uint64_t last_signal_id, last_signal_pc;
	bool signal_in_vain; /* nobody waited then */
};

/* A thread of the runtime. */
struct gd__tinfo {
	int32_t tid;
	uint64_t goid;                 /* goroutine it runs, 0 if none */
	uint64_t sp, pc;               /* when stopped by signal or in our own process; else 0 */
	uint64_t regs[GD__DWARF_REGS]; /* general registers in DWARF order, valid if pc != 0 */
	uint64_t vec_lo, vec_hi;       /* where its vector registers lie in memory; 0: nowhere */
	uint64_t stack_lo, stack_hi;   /* of its system stack, 0 if unknown */
};

/* What the anchor says, checked. */
struct gd__runtime {
	const struct gd__mem *mem;
	uint64_t anchor;
	uint64_t ngoroutines; /* records, including free ones */
	int64_t now_ns;       /* clock when the world was stopped or the dump was written */
	bool ended;           /* the main goroutine's function has returned */
	uint64_t main_id;     /* 1, but in the child of a fork */
	/* The child of a fork: goroutines up to gone, but survivor, are of the parent; lost of
	 * them were alive. They are not listed. */
	uint64_t gone, survivor, lost;
	uint64_t run_frame; /* frames above this are the caller of gd_run, on thread run_tid */
	int32_t run_tid;
	char build[32];        /* version of the library */
	uint64_t heap_root;    /* detector/common's heap tables, 0 if not tracked */
	uint64_t depot_root;   /* detector/common's stack depot, 0 if none */
	uint64_t reports_root; /* recorded reports (races, dropped channels), 0 if none */
	uint64_t gtab, slot_size, allm, timers; /* for the decoders */
};

enum gd__inspect_error {
	GD__INSPECT_OK,
	GD__INSPECT_NO_ANCHOR, /* no magic at the address */
	GD__INSPECT_VERSION,   /* of another version; build says which */
	GD__INSPECT_BROKEN,    /* unreadable or inconsistent */
	GD__INSPECT_EMPTY      /* gd_run() was not reached */
};

/* Opens the runtime whose anchor is at addr. In our own process: addr 0 is our own anchor. */
enum gd__inspect_error gd__inspect_open(struct gd__runtime *rt, const struct gd__mem *mem,
					uint64_t addr);
/* Record i of rt->ngoroutines. false: free or unreadable (*broken set for the latter). */
bool gd__inspect_goroutine(const struct gd__runtime *rt, uint64_t i, struct gd__ginfo *g,
			   bool *broken);
/* The i-th of g->nwaits. */
bool gd__inspect_wait(const struct gd__runtime *rt, const struct gd__ginfo *g, uint32_t i,
		      struct gd__winfo *w);
/* Decodes the primitive at addr. false if unreadable; o->valid says more. */
bool gd__inspect_object(const struct gd__runtime *rt, uint64_t addr, uint16_t kind,
			struct gd__oinfo *o);
/* Thread i; false when there are no more. */
bool gd__inspect_thread(const struct gd__runtime *rt, uint64_t i, struct gd__tinfo *t);
/* The two root words of pending timer i; false when there are no more. */
bool gd__inspect_timer(const struct gd__runtime *rt, uint64_t i, uint64_t root[2]);

/* The text at addr, cut at n - 1. false and "" if it cannot be read. */
bool gd__inspect_text(const struct gd__mem *m, uint64_t addr, char *buf, size_t n);

/* "chan", "mutex", ... and "receive", "send", "lock", ... */
const char *gd__obj_text(uint16_t kind);

/* Stops and restarts the world: our own process only. Callable on a goroutine or a foreign
 * thread; between the two calls, only async-signal-safe code and our own tables may be used.
 * stop gives false if some thread did not stop in time; start is due all the same. */
bool gd__inspect_stop(void);
void gd__inspect_start(void);
/*
 * Whether g, copied from a stopped world, still waits where it waited then: it has not run since.
 * Our own process, with or without a stop.
 */
bool gd__inspect_unmoved(const struct gd__ginfo *g);
/* The goroutine this thread runs (also on its system stack), 0 if none. */
uint64_t gd__inspect_self(void);
/*
 * On a goroutine: gives way until no other goroutine is runnable or running, for at most
 * limit_ns. Sleeping ones and those in system calls are not waited for. May park.
 */
void gd__inspect_settle(int64_t limit_ns);
/*
 * Starts a thread of the runtime's that runs fn, one at a time: no goroutine, no signals of the
 * program's, does not keep the program alive and does not count as somebody who may wake others.
 * false: no thread.
 */
bool gd__inspect_helper(void (*fn)(void));
/* Whether this thread is one of the runtime's own. */
bool gd__thread_is_runtime(void);
/* Runs fn(arg) on this thread's system stack with the caller's context saved, so that a
 * stack scan of the caller begins at its own frame. */
void gd__inspect_on_system_stack(void (*fn)(void *), void *arg);

#endif
