/* toolchain.c - see toolchain.h. */
#include "tools/cc/toolchain.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX_OF_NAME "gdetect-"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file that running name would run, resolved; NULL if there is none. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? realpath(name, NULL) : NULL;
	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *file = text_of("%.*s/%s", (int)n, path, name);

		if (access(file, X_OK) == 0)
			return realpath(file, NULL);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* What kind of compiler its own macros say it is. */
static bool defines_clang(const char *compiler)
{
	char line[512];
	bool clang = false;
	FILE *f = popen(text_of("'%s' -dM -E -x c /dev/null 2>/dev/null", compiler), "r");

	while (f && fgets(line, sizeof(line), f))
		clang |= strstr(line, " __clang__ ") != NULL;
	if (f)
		pclose(f);
	return clang;
}

/* Names first, also of what a link like /usr/bin/cc leads to; the compiler itself last. */
static bool is_clang(const struct args *compiler, const char *file)
{
	for (size_t i = 0; i < compiler->n; i++) {
		if (strstr(base_name(compiler->v[i]), "clang"))
			return true;
		if (strstr(base_name(compiler->v[i]), "gcc") ||
		    strstr(base_name(compiler->v[i]), "g++"))
			return false;
	}
	if (strstr(base_name(file), "gcc") || strstr(base_name(file), "g++"))
		return false;
	return strstr(base_name(file), "clang") || defines_clang(file);
}

static void find_compiler(struct toolchain *t, const char *argv0, const char *self)
{
	const char *wanted = getenv("GDETECT_CC");
	const char *name = base_name(argv0);

	if (wanted)
		args_add_words(&t->compiler, wanted);
	if (t->compiler.n == 0) {
		bool ours = strncmp(name, PREFIX_OF_NAME, strlen(PREFIX_OF_NAME)) == 0;

		args_add(&t->compiler, ours ? name + strlen(PREFIX_OF_NAME) : "cc");
	}
	/* A launcher such as ccache comes first; the compiler is the last word that is no option.
	 */
	size_t last = t->compiler.n - 1;

	while (last > 0 && t->compiler.v[last][0] == '-')
		last--;
	const char *file = find_program(t->compiler.v[last]);

	if (!file)
		die("the compiler '%s' is not found; set GDETECT_CC to the one to use",
		    t->compiler.v[last]);
	if (strcmp(file, self) == 0)
		die("GDETECT_CC names the wrapper itself");
	t->clang = is_clang(&t->compiler, file);
}

void toolchain_find(struct toolchain *t, const char *argv0)
{
	static const char *const lib_dirs[] = { GD_CC_LIBDIR, "lib" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		die("cannot read /proc/self/exe, so our libraries are not found");
	self[n] = '\0';
	find_compiler(t, argv0, self);

	char *prefix = text_of("%s", self);

	for (int up = 0; up < 2; up++)
		*strrchr(prefix, '/') = '\0';
	t->include = text_of("%s/include", prefix);
	for (size_t i = 0; i < sizeof(lib_dirs) / sizeof(lib_dirs[0]); i++) {
		t->lib = text_of("%s/%s", prefix, lib_dirs[i]);
		if (access(text_of("%s/libgdetect.a", t->lib), R_OK) == 0)
			return;
	}
	die("%s/%s/libgdetect.a is missing: the wrapper was moved without its libraries", prefix,
	    lib_dirs[0]);
}
