/*
 * story.h - what of a leak's surroundings its report needs: who held or last served what it waits
 * for and where that one is, where the object lives, how the owners of locks hang together.
 *
 * Data only, in addresses; whoever prints knows the symbols. Copied out of the
 * image, so that it can be told after the world goes on.
 */
#ifndef GD_DETECTOR_LEAK_STORY_H
#define GD_DETECTOR_LEAK_STORY_H

#include "detector/common/alloc.h"
#include "detector/common/report.h"
#include "detector/leak/verdict.h"

/* What a party has done to an object. */
enum gd__role {
	GD__ROLE_OWNER,       /* holds the lock */
	GD__ROLE_READER,      /* holds a read lock */
	GD__ROLE_LAST_RECV,   /* the last receive that got a value */
	GD__ROLE_LAST_SEND,   /* the last send that was taken */
	GD__ROLE_LAST_ADD,    /* of a waitgroup */
	GD__ROLE_LAST_DONE,   /* the same */
	GD__ROLE_LAST_SIGNAL, /* of a condition */
	GD__ROLE_CREATOR      /* started the goroutine; pc is the gd_go */
};

/* Where a party is. */
enum gd__whereabouts {
	GD__AT_UNKNOWN, /* no record of it, and records may be missing */
	GD__AT_SELF,    /* it is the stuck goroutine itself */
	GD__AT_ENDED,   /* its function has returned */
	GD__AT_STUCK,   /* it never runs again either */
	GD__AT_WAITING, /* parked */
	GD__AT_RUNNING  /* runs, may run, or is in a system call */
};

/* Whether a party is still in the function in which it did it. Who knows symbols fills it in. */
enum gd__stay { GD__STAY_UNKNOWN, GD__STAY_LEFT, GD__STAY_IN };

struct gd__party {
	enum gd__role role;
	enum gd__whereabouts now;
	enum gd__stay stay;
	uint32_t object;           /* number of the object in the leak; of the creator 0 */
	uint64_t id;               /* goroutine; 0: a thread outside of the runtime */
	uint64_t pc;               /* where it did it: a return address; 0: unknown */
	const struct gd__ginfo *g; /* NULL: it has ended, or is unknown */
	size_t npcs;
	const uintptr_t *pcs; /* its stack, where a function to take it was given */
};

enum gd__home_kind {
	GD__HOME_UNKNOWN,
	GD__HOME_DATA,  /* neither heap nor a goroutine's stack: a global, or a mapping */
	GD__HOME_HEAP,  /* in a heap block */
	GD__HOME_STACK, /* on the stack of goroutine goid */
};

/* Where an object lives, and who waits there. */
struct gd__home {
	enum gd__home_kind kind;
	struct gd__block block; /* HEAP */
	uint64_t goid;          /* STACK */
	bool live;              /* STACK: in the part in use */
	/* Goroutines that wait for it without a deadline. */
	uint32_t receivers, senders, others;
};

/* One of those who wait for each other: goroutine g waits for object, which the next one holds. */
struct gd__link {
	uint64_t id;
	const struct gd__oinfo *object; /* NULL: g waits for no lock; the chain ends */
	uint16_t op;                    /* enum gd__wait_op */
	uint32_t reason;
	uint64_t held_pc; /* where g locked what the one before it waits for; 0: unknown */
};

/* A lock that the goroutine holds while it waits for something else. */
struct gd__holding {
	const struct gd__oinfo *object;
	uint32_t waiters;
};

#define GD__STORY_HOLDINGS 3
#define GD__STORY_PARTIES  24
#define GD__STORY_LINKS    8
#define GD__STORY_READERS  3 /* per lock */

struct gd__story {
	struct gd__home home[4];
	struct gd__party party[GD__STORY_PARTIES];
	size_t nparties;
	/* Of a waitgroup: goroutines that the last to add has started, and that are stuck. */
	uint32_t stuck_workers;
	uint32_t readers; /* that hold the lock and are known, shown or not */
	struct gd__holding holding[GD__STORY_HOLDINGS];
	size_t nholdings;
	struct gd__link link[GD__STORY_LINKS];
	size_t nlinks;
	bool closed; /* the last link waits for what the first one holds */
	bool longer; /* there are more links */
};

/* Return addresses of a goroutine's stack. */
typedef size_t gd__story_stack(void *arg, const struct gd__ginfo *g, uintptr_t *pcs, size_t max);

/*
 * The story of leak l of result r; image and arena of the check are still there. stack may be
 * NULL. NULL: no memory.
 */
struct gd__story *gd__story(const struct gd__leak_result *r, const struct gd__leak *l,
			    struct gd__arena *a, gd__story_stack *stack, void *arg);
/* The party of this role at object i, NULL if there is none. */
const struct gd__party *gd__story_party(const struct gd__story *s, enum gd__role role, uint32_t i);

#endif
