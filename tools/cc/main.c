/*
 * main.c - gdetect-cc: the compiler, with goroutines and their detectors.
 *
 * Takes a compiler's command line, adds what the runtime and -fgdetect need,
 * and becomes the compiler. It keeps no state, writes no file, and passes on
 * every argument that is not its own, so that build systems see their compiler.
 * docs/design/wrapper.md says why each flag is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cc/args.h"
#include "tools/cc/scan.h"
#include "tools/cc/toolchain.h"

/* What reports need: frames that can be walked, also of a function's last call, and lines. */
static const char *const walkable[] = { "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
					"-fasynchronous-unwind-tables", "-D__GDETECT__=1", NULL };
/* Calls that would be expanded in place without a hook stay calls, which are interposed. */
static const char *const gcc_race[] = { "-fno-builtin-memset",
					"-fno-builtin-memcpy",
					"-fno-builtin-memmove",
					"-fno-builtin-memcmp",
					"-fno-builtin-strcpy",
					"-fno-builtin-stpcpy",
					"-fno-builtin-strcat",
					"-fno-builtin-strncpy",
					"-fno-builtin-strcmp",
					"-fno-builtin-strncmp",
					"-fno-builtin-sprintf",
					"-fno-builtin-snprintf",
					"-Wno-tsan",
					NULL };
static const char *const clang_race[] = { "-Xclang",
					  "-fsanitize=thread",
					  "-mprefer-vector-width=128",
					  "-fno-builtin-memcmp",
					  "-fno-builtin-bcmp",
					  NULL };

static void check_conflicts(const struct scan *s)
{
	if (s->detect && s->is_static && scan_links(s))
		die("-fgdetect cannot be combined with -static: "
		    "interposed functions of libc are found by the dynamic loader, and the "
		    "detectors load libunwind and libdw to write a report");
	if (!(s->detect & DETECTORS))
		return;
	if (s->sanitizers & SANITIZER_THREAD)
		die("-fgdetect and -fsanitize=thread both detect races: use one of them");
	if (s->sanitizers)
		die("-fgdetect cannot be combined with -fsanitize=address, hwaddress, memory or "
		    "leak: "
		    "each brings its own malloc");
}

/* Comes before the user's own flags, so that those win. */
static void add_compile_flags(struct args *a, const struct scan *s, const struct toolchain *t)
{
	bool race = (s->detect & DETECT_RACE) && !s->opt_out;

	if (!(s->detect & DETECTORS))
		return;
	/* clang warns about compile flags that a link does not use, but not between these two. */
	if (t->clang)
		args_add(a, "--start-no-unused-arguments");
	args_add_all(a, walkable);
	/* Frames of leaves; and equal functions stay apart, so that reports name what ran. */
	args_add(a, t->clang ? "-mno-omit-leaf-frame-pointer" : "-fno-ipa-icf");
	if (!s->debug_info)
		args_add(a, "-g");
	if (race && t->clang) {
		args_add_all(a, clang_race);
	} else if (race) {
		args_add(a, text_of("-specs=%s/gdetect/gcc.specs", t->lib));
		args_add_all(a, gcc_race);
	}
	if (t->clang)
		args_add(a, "--end-no-unused-arguments");
}

/* Comes after the user's own. */
static void add_last_flags(struct args *a, const struct scan *s, const struct toolchain *t)
{
	bool system = strcmp(t->include, "/usr/include") == 0 ||
		      strcmp(t->include, "/usr/local/include") == 0;

	if (t->clang)
		args_add(a, "--start-no-unused-arguments");
	/* glibc's checked memcpy and friends become inline stores that no callback sees. */
	if ((s->detect & DETECT_RACE) && !s->opt_out)
		args_add(a, "-U_FORTIFY_SOURCE");
	/* Before the system's own <errno.h>, and after any of the user's. */
	if (s->detect & DETECT_LIBC) {
		args_add(a, "-isystem");
		args_add(a, text_of("%s/gdetect/include", t->lib));
	}
	/* Named again, a compiler's own directory would move in its search order. */
	if (!system) {
		args_add(a, "-isystem");
		args_add(a, t->include);
	}
	if (t->clang)
		args_add(a, "--end-no-unused-arguments");
}

/* -Xlinker keeps a path with commas whole, and the archive from being read as -x says. */
static void add_linker(struct args *a, const char *arg)
{
	args_add(a, "-Xlinker");
	args_add(a, arg);
}

static void add_archive(struct args *a, const struct toolchain *t, const char *name)
{
	add_linker(a, text_of("%s/lib%s.a", t->lib, name));
}

/* As a whole: they act through constructors and interposed functions. */
static void add_detectors(struct args *a, const struct scan *s, const struct toolchain *t)
{
	static const char *const system[] = { "-lpthread", "-ldl", "-lm", NULL };

	add_linker(a, "--whole-archive");
	if (s->detect & DETECT_RACE)
		add_archive(a, t, "gdetect_race");
	if (s->detect & DETECT_LEAK)
		add_archive(a, t, "gdetect_leak");
	if (s->detect & DETECTORS)
		add_archive(a, t, "gdetect_detect");
	if (s->detect & DETECT_LIBC)
		add_archive(a, t, "gdetect_libc");
	add_archive(a, t, "gdetect");
	add_linker(a, "--no-whole-archive");
	/* Instrumented shared libraries find the callbacks and the API in the program. */
	if (s->gold) {
		add_linker(a, "--export-dynamic");
	} else {
		add_linker(a, "--export-dynamic-symbol=__tsan_*");
		add_linker(a, "--export-dynamic-symbol=gd_[a-z]*");
	}
	if (s->detect & DETECTORS)
		args_add(a, "-ljemalloc");
	args_add_all(a, system);
}

static void add_libraries(struct args *a, const struct scan *s, const struct toolchain *t)
{
	if (!scan_links(s) || s->no_libraries)
		return;
	if (s->shared) {
		add_linker(a, text_of("%s/gdetect/libgdetect_stub.so", t->lib));
	} else if (s->detect) {
		add_detectors(a, s, t);
	} else {
		add_archive(a, t, "gdetect");
		args_add(a, "-lpthread");
		args_add(a, "-ldl");
	}
}

/* As a shell would read it back. */
static void print_command(const struct args *a)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *arg = a->v[i];

		if (i > 0)
			putchar(' ');
		if (*arg && !strpbrk(arg, " \t\n'\"\\$`*?[]{}()<>|&;~#!")) {
			fputs(arg, stdout);
			continue;
		}
		putchar('\'');
		for (; *arg; arg++)
			fputs(*arg == '\'' ? "'\\''" : (char[2]){ *arg }, stdout);
		putchar('\'');
	}
	putchar('\n');
}

static void run(const struct args *command, const struct toolchain *t)
{
	execvp(command->v[0], (char *const *)command->v);
	if (errno == E2BIG) {
		/* A response file of ours may have been replaced by its contents. */
		struct args shorter = { 0 };
		const char *file = args_write_response(command->v + t->compiler.n);

		args_append(&shorter, &t->compiler);
		if (file)
			args_add(&shorter, file);
		execvp(shorter.v[0], (char *const *)shorter.v);
	}
	die("cannot run %s: %s", command->v[0], strerror(errno));
}

int main(int argc, char **argv)
{
	struct scan scan;
	struct toolchain tools = { 0 };
	struct args command = { 0 };

	scan_command_line(&scan, argc, argv);
	if (scan.version) {
		puts("gdetect-cc " GD_VERSION);
		return 0;
	}
	toolchain_find(&tools, argv[0]);
	check_conflicts(&scan);

	args_append(&command, &tools.compiler);
	add_compile_flags(&command, &scan, &tools);
	args_append(&command, &scan.rest);
	add_last_flags(&command, &scan, &tools);
	add_libraries(&command, &scan, &tools);
	if (scan.show) {
		print_command(&command);
		return 0;
	}
	run(&command, &tools);
}
