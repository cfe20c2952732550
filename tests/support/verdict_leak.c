/* verdict_leak.c - the "leak:" comments of a source against the paragraphs of a leak report. */
#include "tests/support/verdict_leak.h"

#include <ctype.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS = 100, TEXT = 300, PATTERNS = 4 };

struct mark {
	const char *file;
	int line;
	char reason[TEXT];
	char pattern[PATTERNS][TEXT];
	int npatterns;
	long expected, found;
};

/* A paragraph of a report: from "n goroutines [reason] ..." to the empty line. */
struct paragraph {
	const char *text;
	size_t n;
	long count;
	char reason[TEXT];
};

static struct mark marks[MARKS];
static int nmarks;

/* Copies [from, to) without blanks around it. */
static void copy_trimmed(char *out, const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	snprintf(out, TEXT, "%.*s", (int)(to - from), from);
}

void leak_mark_take(const char *source, const char *text, int line)
{
	const char *at = strstr(text, "/* leak: "), *end = at ? strstr(at, " */") : NULL;
	const char *base = strrchr(source, '/');
	struct mark *m = &marks[nmarks];
	char *after;

	if (!at)
		return;
	if (!end || nmarks == MARKS) {
		fprintf(stderr, "gd-verdict: %s:%d: %s\n", source, line,
			end ? "too many lines of one case are marked"
			    : "a mark must end on its own line");
		exit(3);
	}
	bool alone = strspn(text, " \t") == (size_t)(at - text);
	const char *what = at + strlen("/* leak: ");

	m->expected = strtol(what, &after, 10);
	if (after == what)
		m->expected = 1;
	const char *semicolon = memchr(after, ';', (size_t)(end - after));

	copy_trimmed(m->reason, after, semicolon ? semicolon : end);
	while (semicolon && m->npatterns < PATTERNS) {
		const char *from = semicolon + 1;

		semicolon = memchr(from, ';', (size_t)(end - from));
		copy_trimmed(m->pattern[m->npatterns++], from, semicolon ? semicolon : end);
	}
	for (int i = 0; alone && i < nmarks; i++)
		marks[i].line +=
			marks[i].line == line; /* several in a row: of the line after all */
	m->file = base ? base + 1 : source;
	m->line = line + alone;
	nmarks++;
}

/* The next paragraph at or after *at; moves *at behind it. */
static bool next_paragraph(const char **at, struct paragraph *p)
{
	for (const char *line = *at; line && *line;) {
		const char *end = strstr(line, "\n\n");
		const char *open = strstr(line, " ["), *close = open ? strstr(open, "] ") : NULL;
		size_t length = strcspn(line, "\n");
		char *after;
		long count = strtol(line, &after, 10);

		if (after > line && strncmp(after, " goroutine", 10) == 0 && close &&
		    close < line + length) {
			p->text = line;
			p->n = end ? (size_t)(end - line) + 1 : strlen(line);
			p->count = count;
			copy_trimmed(p->reason, open + 2, close);
			*at = line + p->n;
			return true;
		}
		line = line[length] ? line + length + 1 : NULL;
	}
	return false;
}

static bool matches(const char *pattern, const struct paragraph *p)
{
	char *text = strndup(p->text, p->n);
	regex_t r;

	if (!text || regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0) {
		fprintf(stderr, "gd-verdict: bad pattern: %s\n", pattern);
		exit(3);
	}
	bool found = regexec(&r, text, 0, NULL, 0) == 0;

	regfree(&r);
	free(text);
	return found;
}

/* Whether a line of the paragraph's stack, which begins with a tab, ends with the mark's place. */
static bool has_frame(const struct paragraph *p, const struct mark *m)
{
	char place[TEXT];

	snprintf(place, TEXT, "%s:%d\n", m->file, m->line);
	for (const char *at = p->text;
	     (at = memmem(at, p->n - (size_t)(at - p->text), place, strlen(place))) != NULL; at++) {
		const char *line = at;

		while (line > p->text && line[-1] != '\n')
			line--;
		if (*line == '\t')
			return true;
	}
	return false;
}

static bool matches_all(const struct mark *m, const struct paragraph *p)
{
	for (int i = 0; i < m->npatterns; i++)
		if (!matches(m->pattern[i], p))
			return false;
	return true;
}

static struct mark *mark_of(const struct paragraph *p)
{
	for (int i = 0; i < nmarks; i++)
		if (strcmp(marks[i].reason, p->reason) == 0 && has_frame(p, &marks[i]) &&
		    matches_all(&marks[i], p))
			return &marks[i];
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

char *leak_summary(const char *err)
{
	static char line[MARKS][TEXT];
	struct paragraph p;
	int n = 0;
	char *all = calloc(MARKS, TEXT);

	if (!all) {
		fprintf(stderr, "gd-verdict: no memory\n");
		exit(3);
	}
	while (n < MARKS && next_paragraph(&err, &p)) {
		const char *print = memmem(p.text, p.n, "fingerprint: ", 13);

		if (print)
			snprintf(line[n++], TEXT, "%.*s %.*s\n", (int)strcspn(p.text, ":\n"),
				 p.text, (int)strcspn(print, "\n"), print);
	}
	qsort(line, (size_t)n, TEXT, by_text);
	for (int i = 0, at = 0; i < n; i++)
		at += snprintf(all + at, (size_t)(MARKS * TEXT - at), "%s", line[i]);
	return all;
}

int leak_marks_check(const char *err)
{
	struct paragraph p;
	int complaints = 0;

	while (nmarks > 0 && next_paragraph(&err, &p)) {
		struct mark *m = mark_of(&p);

		if (m) {
			m->found += p.count;
			continue;
		}
		complaints++;
		fprintf(stderr, "gd-verdict: reported, but no line is marked so:\n%.*s", (int)p.n,
			p.text);
	}
	for (int i = 0; i < nmarks; i++) {
		if (marks[i].found == marks[i].expected)
			continue;
		complaints++;
		fprintf(stderr, "gd-verdict: %ld of %ld reported: [%s] at %s:%d\n", marks[i].found,
			marks[i].expected, marks[i].reason, marks[i].file, marks[i].line);
	}
	memset(marks, 0, sizeof(marks));
	nmarks = 0;
	return complaints;
}
