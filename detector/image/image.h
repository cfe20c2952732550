/*
 * image.h - an address space with goroutines in it: ourselves, a core, a live process.
 *
 * The leak engine sees nothing else. An implementation fills in the struct;
 * all data stays valid until release.
 */
#ifndef GD_DETECTOR_IMAGE_IMAGE_H
#define GD_DETECTOR_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/heap.h"
#include "runtime/inspect/inspect.h"

struct gd__range {
	uint64_t lo, hi; /* [lo, hi) */
};

enum gd__root_kind {
	GD__ROOT_DATA,   /* .data/.bss of a module, registered ranges */
	GD__ROOT_THREAD, /* stack, registers, TLS of a thread that is not a goroutine's */
	GD__ROOT_TIMER,  /* words of a pending timer */
	GD__ROOT_G       /* stack or registers of a goroutine that may run */
};

struct gd__image {
	const struct gd__mem *mem;
	struct gd__runtime rt;

	/* Goroutines that exist, by rising id. */
	const struct gd__ginfo *g;
	size_t ng;

	/*
	 * Calls visit for each root range but those of goroutines, which the engine does itself
	 * from gd__ginfo. Of running ones (sp 0) this gives registers and live stack, kind ROOT_G;
	 * a running goroutine without a ROOT_G range in its stack, be it empty, has its whole
	 * stack scanned.
	 */
	void (*roots)(struct gd__image *im,
		      void (*visit)(void *arg, enum gd__root_kind kind, struct gd__range r),
		      void *arg);
	/*
	 * A view of [addr, addr+n) or a shorter prefix, in *got bytes; NULL if addr is unmapped.
	 * Valid until the next call.
	 */
	const void *(*view)(struct gd__image *im, uint64_t addr, size_t n, size_t *got);
	/* The live heap block that contains addr. */
	bool (*block)(struct gd__image *im, uint64_t addr, struct gd__block *b);
	/* Optional: that block will soon be called for addr. */
	void (*hint)(struct gd__image *im, uint64_t addr);
	uint64_t heap_lo, heap_hi; /* all blocks lie in [heap_lo, heap_hi); heap_hi 0: unknown */
	/*
	 * What goroutine g waits for and what a primitive is, where the layouts are not those of
	 * runtime/inspect; NULL: gd__inspect_wait and gd__inspect_object over rt.
	 */
	bool (*wait)(struct gd__image *im, const struct gd__ginfo *g, uint32_t i,
		     struct gd__winfo *w);
	bool (*object)(struct gd__image *im, uint64_t addr, uint16_t kind, struct gd__oinfo *o);
	/* Which goroutine asked for the check (its pointers count as live); 0 if none. */
	uint64_t checker_id;
	bool has_heap;     /* heap records are there */
	bool truncated;    /* some memory is missing */
	char missing[160]; /* what is missing, "" if nothing */

	void (*release)(struct gd__image *im);
	void *priv;
};

struct gd__self_how {
	bool not_stopped;   /* some thread did not stop: what its goroutine holds cannot be known */
	bool main_returned; /* main's function has just returned: nothing of its stack is live */
	/* The live part of the caller's stack begins here, with the registers that a function keeps
	 * for its caller stored in it; 0: as gd__inspect_on_system_stack saw it. */
	uint64_t caller_sp;
	bool noted; /* gd__roots_self_note was called in this stopped world */
};

/*
 * Our own process under a stopped world, or while nothing can run; or a copy of it, forked there.
 * gd__roots_self_prepare must have been called before the stop: it lists the data segments, under
 * the loader's lock. GD_OK, GD_ENOMEM, or GD_EINVAL if gd_run() was not reached.
 */
void gd__roots_self_prepare(void);
int gd__image_self(struct gd__image *im, const struct gd__self_how *how);

/*
 * Notes where the stacks of threads that are not stopped are live: in a stopped world, in the
 * process itself, because a forked copy has no such threads any more. false: no memory.
 */
bool gd__roots_self_note(uint64_t caller_sp);

#endif
