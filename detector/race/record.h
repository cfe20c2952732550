/*
 * record.h - side records: the facts of a slot that does not fit one word.
 *
 * A private record belongs to one slot of one cell and is changed in place
 * under that cell's lock; it has 2 << class facts, zeros among them, and gets
 * a new generation each time it is handed out, so that the word that names it
 * says which content it may have. A set is interned: immutable, at most
 * GD__SET_FACTS facts, shared by all cells with the same readers, never freed.
 */
#ifndef GD_DETECTOR_RACE_RECORD_H
#define GD_DETECTOR_RACE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/cell.h"

#define GD__RECORD_CLASSES 21u
#define GD__SET_FACTS      8u

/* Facts of a slot: n words, zeros among them mean nothing. */
struct gd__view {
	uint64_t *at;
	uint32_t n;
};

bool gd__record_init(void);

/* The facts of a slot. *slot must outlive the view; a set's facts may not be changed. */
struct gd__view gd__slot_view(uint64_t *slot);

/* The word of an empty record with 2 << class facts; 0 when there is no room. */
uint64_t gd__record_make(unsigned class);
/* word: a private record. */
void gd__record_free(uint64_t word);
/* Frees what the slot's value owns, if anything. */
static inline void gd__slot_free(uint64_t slot)
{
	if (gd__slot_is_record(slot) && !(slot & GD__WORD_SET))
		gd__record_free(slot);
}

/* The word of the set of these facts, ascending, zeros behind; 0 if it is not made. */
uint64_t gd__factset_put(const uint64_t facts[GD__SET_FACTS]);
/* The same, only if the set exists. */
uint64_t gd__factset_find(const uint64_t facts[GD__SET_FACTS]);

/* Private records in use, and sets made: for tests and statistics. */
int64_t gd__record_count(void);
uint32_t gd__factset_count(void);

#endif
