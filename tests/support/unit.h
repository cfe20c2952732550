/*
 * unit.h - the whole unit test framework.
 *
 *     CASE(queue_is_fifo)
 *     {
 *             CHECK_EQ(queue_get(&q), 1);
 *     }
 *     UNIT_MAIN
 *
 * `exe name` runs one case in this process, `exe` runs each in a child of its
 * own (a case may crash, or call gd_run, which works once per process).
 * CMake turns each line that begins with CASE( into one CTest entry.
 * A failed check prints file:line and both values and ends the process with 1.
 * It writes with one write(2), so that it works on any stack and allocates nothing.
 */
#ifndef GD_TESTS_SUPPORT_UNIT_H
#define GD_TESTS_SUPPORT_UNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Defined where the test is built under AddressSanitizer. */
#if defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define UNIT_ASAN 1
#	endif
#elif defined(__SANITIZE_ADDRESS__)
#	define UNIT_ASAN 1
#endif

struct unit_case {
	const char *name;
	void (*run)(void);
};

/* The linker gathers pointers to the cases in one section, in source order. */
extern struct unit_case *const __start_unit_cases[];
extern struct unit_case *const __stop_unit_cases[];

#define CASE(name_)                                                                                \
	static void unit_##name_(void);                                                            \
	static struct unit_case unit_case_##name_ = { #name_, unit_##name_ };                      \
	static struct unit_case *const unit_ptr_##name_                                            \
		__attribute__((section("unit_cases"), used)) = &unit_case_##name_;                 \
	static void unit_##name_(void)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			unit_fail(__FILE__, __LINE__, #cond, "");                                  \
	} while (0)

/* Integers, enums and pointers, compared as 64 bits. */
#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		intmax_t unit_a = (intmax_t)(a), unit_b = (intmax_t)(b);                           \
		if (unit_a != unit_b)                                                              \
			unit_fail_values(__FILE__, __LINE__, #a " == " #b, unit_a, unit_b);        \
	} while (0)

#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *unit_a = (a), *unit_b = (b);                                           \
		if (!unit_same_text(unit_a, unit_b))                                               \
			unit_fail_texts(__FILE__, __LINE__, #a " == " #b, unit_a, unit_b);         \
	} while (0)

/* text contains part. */
#define CHECK_HAS(text, part)                                                                      \
	do {                                                                                       \
		const char *unit_a = (text), *unit_b = (part);                                     \
		if (!unit_a || !strstr(unit_a, unit_b))                                            \
			unit_fail_texts(__FILE__, __LINE__, #text " contains " #part, unit_a,      \
					unit_b);                                                   \
	} while (0)

__attribute__((noreturn, unused)) static void unit_fail(const char *file, int line,
							const char *what, const char *values)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s:%d: check failed: %s%s\n", file, line, what,
			 values);

	if (n > (int)sizeof(text) - 1)
		n = (int)sizeof(text) - 1;
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(3);
	_exit(1);
}

__attribute__((noreturn, unused)) static void
unit_fail_values(const char *file, int line, const char *what, intmax_t a, intmax_t b)
{
	char values[160];

	snprintf(values, sizeof(values), "\n    left  %jd (0x%jx)\n    right %jd (0x%jx)", a, a, b,
		 b);
	unit_fail(file, line, what, values);
}

__attribute__((noreturn, unused)) static void
unit_fail_texts(const char *file, int line, const char *what, const char *a, const char *b)
{
	char values[700];

	snprintf(values, sizeof(values), "\n    left  \"%.320s\"\n    right \"%.320s\"",
		 a ? a : "(NULL)", b ? b : "(NULL)");
	unit_fail(file, line, what, values);
}

__attribute__((unused)) static bool unit_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* 0 if the case passes in a child of its own. */
static int unit_run_child(const struct unit_case *c)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		c->run();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: signal %d\n", c->name, WTERMSIG(status));
	return status != 0;
}

__attribute__((unused)) static int unit_main(int argc, char **argv)
{
	int failed = 0, ran = 0;

	for (struct unit_case *const *c = __start_unit_cases; c < __stop_unit_cases; c++) {
		if (argc > 1 && strcmp(argv[1], (*c)->name) == 0) {
			(*c)->run();
			return 0;
		}
		if (argc > 1)
			continue;
		int bad = unit_run_child(*c);

		printf("%s %s\n", bad ? "FAIL" : "ok  ", (*c)->name);
		fflush(stdout);
		failed += bad;
		ran++;
	}
	if (argc > 1) {
		fprintf(stderr, "%s: no case %s\n", argv[0], argv[1]);
		return 2;
	}
	printf("%d passed, %d failed\n", ran - failed, failed);
	return failed != 0;
}

#define UNIT_MAIN                                                                                  \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return unit_main(argc, argv);                                                      \
	}

#endif
