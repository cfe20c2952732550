/* interval.c - see interval.h. */
#include "detector/race/interval.h"

#include "detector/race/access.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"

_Atomic uint64_t *gd__blocks;
_Atomic bool gd__race_off;

/*
 * Chain -> its present block. Stored by the goroutine that has the chain; the
 * next one reads it after it took the chain over, which the lock in chain.c orders.
 */
static _Atomic uint32_t *chain_block;
/* Next block to hand out; block 0 is left out, so that no id is 0. */
static _Atomic uint32_t next_block = 1;

#define CHAINS ((size_t)1 << 32)

bool gd__interval_init(void)
{
	gd__blocks = gd__os_reserve(GD__BLOCKS * sizeof(gd__blocks[0]));
	chain_block = gd__os_reserve(CHAINS * sizeof(chain_block[0]));
	if (!gd__blocks || !chain_block)
		return false;
	gd__os_nodump((void *)gd__blocks, GD__BLOCKS * sizeof(gd__blocks[0]));
	gd__os_nodump((void *)chain_block, CHAINS * sizeof(chain_block[0]));
	return true;
}

/* A new block whose first id stands for this epoch; 0 when there is none. */
static uint32_t take_block(gd__chain chain, gd__epoch epoch)
{
	/* relaxed: the number alone is what matters; the entry is published with the first slot */
	uint32_t b = gd__load_relaxed(&next_block);

	do {
		if (b >= GD__BLOCKS) {
			/* relaxed: whoever reads it late looks at some accesses more */
			if (!gd__swap_relaxed(&gd__race_off, true))
				gd__warn("race detector: out of interval ids; no more races are "
					 "looked for");
			return 0;
		}
	} while (!gd__cas_relaxed(&next_block, &b, b + 1));

	gd__store_relaxed(&gd__blocks[b], (uint64_t)chain << 32 | epoch);
	gd__store_relaxed(&chain_block[chain], b);
	return b;
}

bool gd__interval_begin(struct gd__hook_ctx *g)
{
	gd__chain chain = g->clock.owner;
	gd__epoch epoch = gd__clock_now_epoch(&g->clock);
	uint32_t b = gd__load_relaxed(&chain_block[chain]); /* own chain */
	gd__epoch first = (gd__epoch)gd__load_relaxed(&gd__blocks[b]);

	gd__check(chain != 0);
	if (b == 0 || epoch - first >= GD__BLOCK_IDS) {
		b = take_block(chain, epoch);
		first = epoch;
		if (b == 0)
			return false;
	}
	g->interval = b * GD__BLOCK_IDS + (epoch - first);
	g->hit = (uint64_t)g->interval << GD__FACT_ID_SHIFT | GD__FACT_MASK;
	g->accessed = true;
	return true;
}

uint32_t gd__interval_blocks(void)
{
	return gd__load_relaxed(&next_block) - 1; /* statistics */
}

void gd__interval_skip_to(uint32_t block)
{
	gd__store_relaxed(&next_block, block); /* tests only, one thread */
}
