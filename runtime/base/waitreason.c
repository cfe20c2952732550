/* waitreason.c - the tables made from waitreason.inc. */
#include "runtime/base/waitreason.h"

const char *gd__wait_text(uint32_t reason)
{
#define X(name, text, stuck) text,
	static const char *const texts[] = {
#include "runtime/base/waitreason.inc"
	};
#undef X
	return reason < GD__WAIT_COUNT ? texts[reason] : "unknown wait";
}

bool gd__wait_stuck(uint32_t reason)
{
#define X(name, text, stuck) stuck,
	static const bool stuck[] = {
#include "runtime/base/waitreason.inc"
	};
#undef X
	return reason < GD__WAIT_COUNT && stuck[reason];
}
