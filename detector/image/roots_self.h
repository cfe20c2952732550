/*
 * roots_self.h - where pointers may live in our own process, outside of heap and goroutines.
 *
 * Data segments of all modules; thread-local storage of every thread; the
 * stacks of threads that are not the runtime's (they are not stopped: their
 * memory is copied before it is looked at); the main thread's frames below
 * gd_run; registers and live stacks of running goroutines; what pending
 * timers refer to; ranges the user has registered.
 *
 * Also the registers of threads that nobody stops (thread_regs.h), mappings of the program's own
 * (roots_mapped.c), and what the kernel keeps for it (roots_kernel.c).
 */
#ifndef GD_DETECTOR_IMAGE_ROOTS_SELF_H
#define GD_DETECTOR_IMAGE_ROOTS_SELF_H

#include "detector/common/alloc.h"
#include "detector/image/image.h"

struct gd__roots_self {
	struct gd__arena arena;
	struct gd__root {
		enum gd__root_kind kind;
		struct gd__range range;
		bool foreign; /* may change or vanish: read it by copy */
	} * root;
	size_t n, cap;
	uint64_t *top;           /* scratch */
	struct gd__range *apart; /* all that is foreign, by address, disjoint */
	size_t napart;
	bool no_memory;
	uint64_t caller_sp;  /* see struct gd__self_how */
	bool in_run;         /* gd_run has not returned: its frame is where it was */
	uint64_t main_goid;  /* 1 once main's function has returned: its stack is dead */
	const char *missing; /* why something could not be looked at; NULL: nothing */
};

/* Copies memory that may vanish at any time; the bytes that could be had, from the first on. */
size_t gd__copy_foreign(uint64_t addr, void *buf, size_t n);
/* Gathers all roots of rt, whose world is stopped. false: no memory. */
bool gd__roots_self_gather(struct gd__roots_self *r, const struct gd__image *im);

/* The parts of it; each notes in *r if memory ran out. */
void gd__roots_add(struct gd__roots_self *r, enum gd__root_kind kind, uint64_t lo, uint64_t hi,
		   bool foreign);
/* Words that lie nowhere in memory: copied to where they can be looked at. */
void gd__roots_add_words(struct gd__roots_self *r, enum gd__root_kind kind, const uint64_t *words,
			 size_t n);
/* What the program has registered or mapped (roots_mapped.c). */
void gd__roots_mapped(struct gd__roots_self *r);
/* What the kernel alone keeps of the program's (roots_kernel.c): prepare before the stop, note in
 * the stopped world of the process itself. */
void gd__roots_prepare_kernel(void);
void gd__roots_note_kernel(void);
void gd__roots_of_kernel(struct gd__roots_self *r);
void gd__roots_sort_foreign(struct gd__roots_self *r);
/* Whether addr lies in something foreign. */
bool gd__roots_foreign(const struct gd__roots_self *r, uint64_t addr);

#endif
