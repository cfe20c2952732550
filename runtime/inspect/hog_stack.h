/* hog_stack.h - what anchor.c installs for sched/hog.c. */
#ifndef GD_RUNTIME_INSPECT_HOG_STACK_H
#define GD_RUNTIME_INSPECT_HOG_STACK_H

#include "runtime/sched/state.h"

extern const struct gd__hog_hooks gd__hog_stack;

#endif
