/* waitreason.h - why a goroutine is parked, as an enum, a text and a class. */
#ifndef GD_RUNTIME_BASE_WAITREASON_H
#define GD_RUNTIME_BASE_WAITREASON_H

#include <stdbool.h>
#include <stdint.h>

#define X(name, text, stuck) name,
enum gd__wait_reason {
#include "runtime/base/waitreason.inc"
	GD__WAIT_COUNT
};
#undef X

/* "chan send"; "unknown wait" for a number that is none (a dump of another version). */
const char *gd__wait_text(uint32_t reason);
/* True if a goroutine that waits so may wait for ever. */
bool gd__wait_stuck(uint32_t reason);

#endif
