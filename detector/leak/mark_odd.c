/*
 * mark_odd.c - addresses at odd places in packed structures, and below tags.
 *
 * All addresses that lead somewhere agree in most bits of their sixth byte, the one below the two
 * that no address uses. A scan asks of each word whether a byte of it may be that (gd__odd_in);
 * none is in numbers, and in most texts.
 */
#include "detector/leak/mark.h"

#include "runtime/base/mem.h"

#define SIXTH 5 /* its place from the lowest byte */

static uint64_t in_all_bytes(uint64_t byte)
{
	return byte * (UINT64_MAX / 255);
}

void gd__odd_init(struct gd__odd *o, uint64_t lo, uint64_t hi)
{
	uint64_t differ = (lo ^ (hi - 1)) >> 8 * SIXTH;

	for (unsigned shift = 1; shift < 8; shift *= 2)
		differ |= differ >> shift; /* and all bits below */
	o->lo = lo;
	o->span = hi - lo;
	o->sixth = in_all_bytes(lo >> 8 * SIXTH & 0xff);
	o->common = in_all_bytes(~differ & 0xff);
}

static void see_if_known(struct gd__mark *m, uint64_t v, uint64_t at)
{
	if (v - m->odd.lo < m->odd.span)
		gd__mark_see(m, v, at);
}

static void see_at(struct gd__mark *m, const struct gd__piece *p, uint64_t place)
{
	uint64_t v;

	if (place > p->n || p->n - place < sizeof(v)) /* a place before the beginning is huge */
		return;
	gd__memcpy(&v, p->bytes + place, sizeof(v));
	see_if_known(m, v, p->at + place);
}

void gd__mark_see_odd(struct gd__mark *m, const struct gd__piece *p, uint64_t place, uint64_t w)
{
	uint64_t other = (w ^ m->odd.sixth) & m->odd.common;

	for (unsigned k = 0; k < sizeof(w); k++) {
		if ((other >> 8 * k & 0xff) != 0)
			continue;
		if (k != SIXTH)
			see_at(m, p, place + k - SIXTH);
		else if (w >> 48 != 0) /* a tag in the upper 16 bits, or 17 */
			see_if_known(m, w & UINT64_MAX >> 17, p->at + place);
	}
}

void gd__mark_see_rest(struct gd__mark *m, const struct gd__piece *p)
{
	for (uint64_t place = (p->n & ~UINT64_C(7)) - SIXTH; place + 8 <= p->n; place++)
		see_at(m, p, place);
}
