/*
 * group.h - leaks of one cause together: same verdict, wait kind, stack and place of creation.
 */
#ifndef GD_DETECTOR_LEAK_GROUP_H
#define GD_DETECTOR_LEAK_GROUP_H

#include "detector/common/alloc.h"
#include "detector/common/report.h"
#include "detector/leak/story.h"
#include "runtime/inspect/traceback.h"

#define GD__GROUP_END SIZE_MAX

struct gd__leak_group {
	size_t first; /* position of its first leak; the others follow by gd__leak_groups.next */
	size_t last, count;
	uint64_t kind; /* hash of all but the stack that its members agree in */
	uint64_t hash; /* of all that its members agree in: the same from check to check */
	struct gd__retained retained; /* of all of them */
	struct gd__story *story;      /* of the first */
	bool left_out;                /* by a suppression: not reported */
	size_t npcs;
	uintptr_t pcs[GD__FRAMES_MAX];
};

struct gd__leak_groups {
	struct gd__leak_group
		*group; /* in the order of their first leak: strongest verdict first */
	size_t n, cap;
	size_t *next; /* per leak: the next of its group, or GD__GROUP_END */
};

/*
 * Groups r, while its image is there, and gathers the story of each group. stack gives the return
 * addresses of a leak's goroutine; it is not called for every one of very many that look alike.
 * false: no memory.
 */
bool gd__leak_group(struct gd__leak_groups *gs, const struct gd__leak_result *r,
		    struct gd__arena *a, gd__story_stack *stack, void *arg);

/*
 * Makes one of groups whose stacks differ in frames of our own alone: one sender was woken before
 * it parked again, another was not. Needs symbols, so the world must go on.
 */
void gd__leak_group_merge(struct gd__leak_groups *gs);

#endif
