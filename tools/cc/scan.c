/*
 * scan.c - see scan.h.
 *
 * A response file that holds nothing of ours is passed on as @file, so that a
 * compiler's own limits and messages stay as they are; one that does is
 * replaced by its contents.
 */
#include "tools/cc/scan.h"

#include <string.h>

/* A response file may name others; one that names itself must not hang us. */
#define RESPONSE_DEPTH 32

/* Options whose value is the next argument when they stand alone. */
static const char *const with_value[] = {
	"-o",
	"-x",
	"-I",
	"-D",
	"-U",
	"-L",
	"-l",
	"-B",
	"-T",
	"-u",
	"-z",
	"-e",
	"-A",
	"-G",
	"-MF",
	"-MT",
	"-MQ",
	"-include",
	"-imacros",
	"-isystem",
	"-iquote",
	"-idirafter",
	"-iprefix",
	"-iwithprefix",
	"-isysroot",
	"-imultilib",
	"-Xlinker",
	"-iwithprefixbefore",
	"-Xassembler",
	"-Xclang",
	"-mllvm",
	"-Xpreprocessor",
	"-target",
	"-arch",
	"--param",
	"-aux-info",
	"-dumpbase",
	"-dumpdir",
	"-dumpbase-ext",
	"-wrapper",
	"-specs",
	"--specs",
	"--sysroot",
	"-gcc-toolchain",
	"--config",
	"-rpath",
	"-h",
	"-fplugin-arg",
	"--output",
	"--entry",
	"--include",
	"--language",
};

/* Options after which no linker runs. */
static const char *const ends_early[] = {
	"-c",         "-S",           "-E",
	"-M",         "-MM",          "-fsyntax-only",
	"--compile",  "--assemble",   "--preprocess",
	"--version",  "-dumpversion", "-dumpfullversion",
	"-dumpspecs", "-dumpmachine", "--help",
	"--analyze",  "-emit-ast",    "--precompile",
};

static bool one_of(const char *arg, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(arg, list[i]) == 0)
			return true;
	return false;
}

#define ONE_OF(arg, list) one_of(arg, list, sizeof(list) / sizeof((list)[0]))

/* What follows prefix in arg, or NULL. */
static const char *after(const char *arg, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(arg, prefix, n) == 0 ? arg + n : NULL;
}

/* The bits of the words of a list with commas. */
static unsigned bits_of(const char *list, unsigned (*bit_of)(const char *word, size_t n))
{
	unsigned bits = 0;

	for (;;) {
		size_t n = strcspn(list, ",");

		bits |= bit_of(list, n);
		if (list[n] == '\0')
			return bits;
		list += n + 1;
	}
}

static bool same(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(word, name, n) == 0;
}

static unsigned detector_bit(const char *word, size_t n)
{
	if (same(word, n, "race"))
		return DETECT_RACE;
	if (same(word, n, "leak"))
		return DETECT_LEAK;
	if (same(word, n, "libc"))
		return DETECT_LIBC;
	die("unknown detector '%.*s' in -fgdetect=; there are race and leak, and libc", (int)n,
	    word);
}

static unsigned sanitizer_bit(const char *word, size_t n)
{
	if (same(word, n, "thread"))
		return SANITIZER_THREAD;
	if (same(word, n, "all"))
		return SANITIZER_THREAD | SANITIZER_OTHER;
	if (same(word, n, "address") || same(word, n, "hwaddress") || same(word, n, "memory") ||
	    same(word, n, "leak"))
		return SANITIZER_OTHER;
	return 0;
}

/* The wrapper's own flags. */
static bool take_own(struct scan *s, const char *arg)
{
	const char *list;

	if (strcmp(arg, "-fgdetect") == 0)
		s->detect = DETECTORS | DETECT_LIBC;
	else if ((list = after(arg, "-fgdetect=")) != NULL)
		s->detect = bits_of(list, detector_bit) | DETECT_LIBC;
	else if (strcmp(arg, "-fno-gdetect") == 0)
		s->detect = 0;
	else if ((list = after(arg, "-fno-gdetect=")) != NULL)
		s->detect &= ~bits_of(list, detector_bit);
	else if (strcmp(arg, "--gdetect-show") == 0)
		s->show = true;
	else if (strcmp(arg, "--gdetect-version") == 0)
		s->version = true;
	else
		return false;
	return true;
}

/*
 * -lgdetect_race and the like, or the path of such a library: build systems
 * learn them from pkg-config or from our own link line. They are linked as a
 * whole by the wrapper, and a second time would define everything twice.
 */
static bool is_our_library(const char *arg)
{
	static const char *const names[] = { "gdetect", "gdetect_detect", "gdetect_leak",
					     "gdetect_race", "gdetect_libc" };
	const char *name = after(arg, "-l");
	size_t n;

	if (!name && arg[0] != '-') {
		const char *slash = strrchr(arg, '/');

		name = after(slash ? slash + 1 : arg, "lib");
		n = name ? strcspn(name, ".") : 0;
		if (!name || (strcmp(name + n, ".a") != 0 && strncmp(name + n, ".so", 3) != 0))
			return false;
	} else if (name) {
		n = strlen(name);
	} else {
		return false;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (same(name, n, names[i]))
			return true;
	return false;
}

static void note_option(struct scan *s, const char *arg)
{
	const char *list;

	if (ONE_OF(arg, ends_early) || after(arg, "-print-") || after(arg, "--print-") ||
	    after(arg, "--help="))
		s->no_link = true;
	else if (strcmp(arg, "-shared") == 0 || strcmp(arg, "--shared") == 0)
		s->shared = true;
	else if (strcmp(arg, "-static") == 0 || strcmp(arg, "--static") == 0 ||
		 strcmp(arg, "-static-pie") == 0)
		s->is_static = true;
	else if (strcmp(arg, "-nostdlib") == 0 || strcmp(arg, "-nodefaultlibs") == 0 ||
		 strcmp(arg, "-r") == 0)
		s->no_libraries = true;
	else if (strcmp(arg, "-fuse-ld=gold") == 0)
		s->gold = true;
	else if (after(arg, "-g") && !after(arg, "-gcc-toolchain"))
		s->debug_info = true;
	else if ((list = after(arg, "-fsanitize=")) != NULL)
		s->sanitizers |= bits_of(list, sanitizer_bit);
	else if ((list = after(arg, "-fno-sanitize=")) != NULL) {
		unsigned bits = bits_of(list, sanitizer_bit);

		s->sanitizers &= ~bits;
		s->opt_out |= (bits & SANITIZER_THREAD) != 0;
	}
}

static void scan_list(struct scan *s, struct args *out, const char *const *list, size_t n,
		      int depth);

/* true if path was read; its contents or its name are then in out. */
static bool scan_response(struct scan *s, struct args *out, const char *arg, int depth)
{
	struct args words = { 0 }, kept = { 0 };
	bool dropped_before = s->dropped;

	if (depth >= RESPONSE_DEPTH)
		die("%s: response files are nested too deep", arg);
	if (args_read_response(&words, arg + 1) != 0)
		return false;
	s->dropped = false;
	scan_list(s, &kept, words.v, words.n, depth + 1);
	if (s->dropped)
		args_append(out, &kept);
	else
		args_add(out, arg);
	s->dropped |= dropped_before;
	return true;
}

static void scan_list(struct scan *s, struct args *out, const char *const *list, size_t n,
		      int depth)
{
	for (size_t i = 0; i < n; i++) {
		const char *arg = list[i];

		if (s->value_next) {
			s->value_next = false;
		} else if (arg[0] == '@' && scan_response(s, out, arg, depth)) {
			continue;
		} else if (take_own(s, arg) || (s->drop_libraries && is_our_library(arg))) {
			s->dropped = true;
			continue;
		} else if (arg[0] == '-' && arg[1] != '\0') {
			s->value_next = ONE_OF(arg, with_value);
			note_option(s, arg);
		} else {
			s->inputs = true;
		}
		args_add(out, arg);
	}
}

bool scan_links(const struct scan *s)
{
	return !s->no_link && s->inputs;
}

void scan_command_line(struct scan *s, int argc, char **argv)
{
	*s = (struct scan){ 0 };
	for (;;) {
		scan_list(s, &s->rest, (const char *const *)(argv + 1), (size_t)(argc - 1), 0);
		if (s->drop_libraries || !scan_links(s) || !s->detect || s->no_libraries)
			return;
		/* Only the last flag tells whether libraries are to be left out: once more. */
		*s = (struct scan){ .drop_libraries = true };
	}
}
