/*
 * status.h - how a command ended. main.c makes the exit code of it.
 */
#ifndef GD_TOOLS_UTIL_STATUS_H
#define GD_TOOLS_UTIL_STATUS_H

/* In the order of weight: of several inputs, the worst one counts. */
enum status {
	STATUS_CLEAN,     /* done, nothing found */
	STATUS_FINDINGS,  /* done, something found */
	STATUS_USAGE,     /* the command line makes no sense */
	STATUS_UNREADABLE /* an input could not be read, or not all of it */
};

static inline enum status status_worse(enum status a, enum status b)
{
	return a > b ? a : b;
}

#endif
