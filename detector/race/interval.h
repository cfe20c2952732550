/*
 * interval.h - ids of intervals: what one goroutine does between two of its releases.
 *
 * Ids are handed out in blocks of 64 to one chain; the table has one entry per
 * block {chain 32, epoch of its first id 32}, so that the epoch of an id is the
 * block's plus (id & 63). An id is taken at the first access of an epoch: epochs
 * without accesses take none from another block. A chain goes on in its block
 * when the next goroutine takes the chain over.
 *
 * An id means one (chain, epoch) for good: ids are never given out twice. When
 * all are used up detection is turned off with a warning.
 */
#ifndef GD_DETECTOR_RACE_INTERVAL_H
#define GD_DETECTOR_RACE_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "detector/race/cell.h"
#include "detector/race/gctx.h"

#define GD__BLOCK_IDS 64u
#define GD__BLOCKS    (GD__ID_RECORDS / GD__BLOCK_IDS)

/* Block -> chain << 32 | epoch of its first id. */
extern _Atomic uint64_t *gd__blocks GD__HIDDEN;

bool gd__interval_init(void);

/* Begins the interval of g's present epoch: sets interval, hit, accessed. false: no ids left. */
bool gd__interval_begin(struct gd__hook_ctx *g);

static inline gd__chain gd__interval_chain(uint32_t id)
{
	/*
	 * relaxed: the id was read from a slot under the cell's lock, which its
	 * maker released after it had made the block
	 */
	return (gd__chain)(gd__load_relaxed(&gd__blocks[id / GD__BLOCK_IDS]) >> 32);
}

static inline gd__epoch gd__interval_epoch(uint32_t id)
{
	/* relaxed: as above */
	return (gd__epoch)gd__load_relaxed(&gd__blocks[id / GD__BLOCK_IDS]) + id % GD__BLOCK_IDS;
}

/* All accesses of interval id happen before what g does next. */
static inline bool gd__interval_before(const struct gd__hook_ctx *g, uint32_t id)
{
	/* relaxed: as above */
	uint64_t block = gd__load_relaxed(&gd__blocks[id / GD__BLOCK_IDS]);
	gd__chain chain = (gd__chain)(block >> 32);

	if (chain == g->clock.owner)
		return true;
	return gd__clock_knows(&g->clock, chain, (gd__epoch)block + id % GD__BLOCK_IDS);
}

/* Blocks handed out. The test sets the next one to see the end. */
uint32_t gd__interval_blocks(void);
void gd__interval_skip_to(uint32_t block);

#endif
