/*
 * report_fd.h - where reports go: stderr, or a file of the user's choice.
 *
 * GDETECT_OPTIONS=log_path=FILE, or where that is not given, TSAN_OPTIONS=log_path=FILE (CTest
 * and other drivers of sanitizers set it). The process id is added: FILE.1234.
 */
#ifndef GD_DETECTOR_COMMON_REPORT_FD_H
#define GD_DETECTOR_COMMON_REPORT_FD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Descriptor to write a report to, opened at the first call in each process (a
 * forked child gets its own file). stderr, with a warning once, if the file cannot be made.
 * One caller at a time.
 */
int gd__report_fd(void);

/* Value of key in a string of options key=value:key='va:lue' or with blanks between; false: none.
 */
bool gd__tsan_option(const char *options, const char *key, char *value, size_t n);

#endif
