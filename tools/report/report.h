/*
 * report.h - the writers of reports. Each writes one dump and does not look at errors of f.
 */
#ifndef GD_TOOLS_REPORT_REPORT_H
#define GD_TOOLS_REPORT_REPORT_H

#include <stdio.h>

#include "tools/model/dump.h"

/* All that was found, in words: as the program itself would have said it. */
void report_text(FILE *f, const struct dump *d);
/* Schema gdetect-report/1. */
void report_json(FILE *f, const struct dump *d);
/* One finding of these. */
void report_finding(FILE *f, const struct dump *d, const struct group *group);
/* The answers of d->why: what keeps goroutines off the list; schema gdetect-why/1. */
void report_why(FILE *f, const struct dump *d);
void report_why_json(FILE *f, const struct dump *d);
/* One line per group of findings, for a gate. */
void report_summary(FILE *f, const struct dump *d);
/* All goroutines, with the same stack together or (all) one by one. */
void report_list(FILE *f, struct dump *d, bool all);

#endif
