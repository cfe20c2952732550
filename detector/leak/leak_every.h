/*
 * leak_every.h - checks at regular times, for programs in production (option leak_every).
 */
#ifndef GD_DETECTOR_LEAK_LEAK_EVERY_H
#define GD_DETECTOR_LEAK_LEAK_EVERY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the option; a bad value is a warning. At start-up. */
void gd__leak_every_init(void);
/* In ns; 0: no such checks. Constant after start-up. */
int64_t gd__leak_every_period(void);
/* Starts the thread that checks, if checks are asked for. */
void gd__leak_every_start(void);

/* "250ms", "60s", "5m", "1h": in ns, 0 for "" and "0". false: no time, or more than a year. */
bool gd__leak_every_parse(const char *text, int64_t *ns);

#endif
