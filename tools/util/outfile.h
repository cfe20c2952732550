/*
 * outfile.h - output that is there whole or not at all.
 */
#ifndef GD_TOOLS_UTIL_OUTFILE_H
#define GD_TOOLS_UTIL_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

struct outfile {
	FILE *f;
	const char *path; /* NULL: standard output */
	char *tmp;
	bool direct; /* path is no regular file: written to as it is */
};

/* path NULL: standard output. false: said why. */
bool outfile_open(struct outfile *o, const char *path);
/* Puts the file in its place. false: said why; an older file of that name is untouched. */
bool outfile_commit(struct outfile *o);
void outfile_discard(struct outfile *o);

#endif
