/*
 * process.h - what a command looks at: a core, or a process that goes on.
 *
 * A process is stopped for as long as it takes to copy its memory to a file without a name; the
 * copy is then read like any core. The kernel lets the process go on if gleak is killed meanwhile.
 */
#ifndef GD_TOOLS_GLEAK_PROCESS_H
#define GD_TOOLS_GLEAK_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct target {
	const char *core;
	int32_t pid; /* not 0: this process instead */
};

/* "1234"; false: no process id. */
bool process_parse(const char *text, int32_t *pid);
/* Dumps process pid to path, or without a path to a file that *fd is open on. false: said why. */
bool process_dump(int32_t pid, const char *path, int *fd);

#endif
