/*
 * recover.h - ends a wait that can never end by itself: its operation returns GD_ELEAKED.
 *
 * Only in a stopped world, while what was judged is still so. The goroutine is made unwinnable
 * before it is readied: of a lock, a waitgroup or a condition its waiter is taken off the queue, so
 * that it never touches that memory again, which another recovered goroutine may free; on a
 * channel it stays queued, as one that a select has lost, until its owner takes it off: that
 * keeps the channel from being freed.
 */
#ifndef GD_RUNTIME_SYNC_RECOVER_H
#define GD_RUNTIME_SYNC_RECOVER_H

#include <stdint.h>

#include "runtime/base/recovered.h"

struct gd__g;

/*
 * The parks-th wait of goroutine id, if g is still in it; GD__RECOVERED, or why nothing was done.
 * The judgement that nobody can end it is the caller's. gd__recover_look: what gd__recover
 * would say but for GD__RECOVER_IN_USE.
 */
enum gd__recovered gd__recover_look(const struct gd__g *g, uint64_t id, uint32_t parks);
enum gd__recovered gd__recover(struct gd__g *g, uint64_t id, uint32_t parks);

#endif
