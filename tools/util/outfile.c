/* outfile.c - writes path.tmp~ beside the file and renames it at the end. */
#include "tools/util/outfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/util/say.h"

static bool special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool outfile_open(struct outfile *o, const char *path)
{
	*o = (struct outfile){ .path = path };
	if (!path) {
		o->f = stdout;
		return true;
	}
	o->direct = special(path);
	if (o->direct) {
		o->f = fopen(path, "we");
	} else if (asprintf(&o->tmp, "%s.tmp~", path) >= 0) {
		o->f = fopen(o->tmp, "we");
	}
	if (!o->f) {
		say_error("cannot create %s: %s", path, strerror(errno));
		free(o->tmp);
		return false;
	}
	return true;
}

/* Closing is when a full disk may first be heard of. */
static bool finish(struct outfile *o)
{
	bool bad = ferror(o->f) != 0;

	if (!o->path)
		return fflush(o->f) == 0 && !bad;
	return fclose(o->f) == 0 && !bad;
}

bool outfile_commit(struct outfile *o)
{
	bool ok = finish(o);

	if (!ok)
		say_error("cannot write %s: %s", o->path ? o->path : "standard output",
			  strerror(errno));
	if (ok && o->tmp && rename(o->tmp, o->path) != 0) {
		say_error("cannot replace %s: %s", o->path, strerror(errno));
		ok = false;
	}
	if (!ok && o->tmp)
		unlink(o->tmp);
	free(o->tmp);
	o->f = NULL;
	return ok;
}

void outfile_discard(struct outfile *o)
{
	if (o->path)
		fclose(o->f);
	if (o->tmp)
		unlink(o->tmp);
	free(o->tmp);
	o->f = NULL;
}
