/*
 * clock_sources.h - the clock and what it needs, compiled into the test.
 *
 * The race library would bring its interposers, and they would watch the test.
 */
#ifndef GD_TESTS_UNIT_RACE_CLOCK_SOURCES_H
#define GD_TESTS_UNIT_RACE_CLOCK_SOURCES_H

#include "detector/common/alloc.c"
#include "detector/race/chain.c"
#include "detector/race/clock.c"
#include "detector/race/clock_node.c"
#include "detector/race/syncobj.c"

GD__TLS struct gd__hook_ctx *gd__race_cur;

#endif
