/*
 * verdict_leak.h - which goroutines a leak report must name, by comments beside the lines they
 * are stuck at:
 *
 *     gd_chan_send(c, 1);  (beside it the comment "leak: 2 chan send; REGEX; REGEX")
 *
 * The number (default 1) of goroutines reported with this wait reason and this line on their
 * stack must be exact, each REGEX (none to four) match the paragraph, and a source
 * with such comments must have no report of others. A comment alone on its line
 * speaks of the line below; several of them, of the line below all.
 */
#ifndef GD_TESTS_SUPPORT_VERDICT_LEAK_H
#define GD_TESTS_SUPPORT_VERDICT_LEAK_H

/* Takes the comment of one line, if it has one. */
void leak_mark_take(const char *source, const char *text, int line);
/* Compares all comments taken with a report; returns how many complaints were printed. */
int leak_marks_check(const char *err);
/* Counts, reasons, verdicts and fingerprints of a report, the same whatever its order and its
 * addresses. To be freed. */
char *leak_summary(const char *err);

#endif
