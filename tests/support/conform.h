/*
 * conform.h - a case of the conformance suites: main's goroutine of a program of its own.
 *
 *     CASE(race_counter)
 *     {
 *             ... counter++;   (beside it a comment: expect: counter.c:@LINE)
 *     }
 *     CONFORM_MAIN
 *
 * `exe name` runs one case as gd_run's start function. The name begins with
 * the verdict (race_ norace_ leak_ noleak_ fatal_), which gd-verdict checks.
 * CHECK and its kin of unit.h work inside a case.
 */
#ifndef GD_TESTS_SUPPORT_CONFORM_H
#define GD_TESTS_SUPPORT_CONFORM_H

#include <gdetect/gdetect.h>

#include "tests/support/barrier.h"
#include "tests/support/unit.h"

static void conform_start(void *arg)
{
	const struct unit_case *c = arg;

	c->run();
}

static int conform_main(int argc, char **argv)
{
	for (struct unit_case *const *c = __start_unit_cases; c < __stop_unit_cases; c++)
		if (argc > 1 && strcmp(argv[1], (*c)->name) == 0)
			return gd_run(conform_start, (void *)*c);
	fprintf(stderr, "%s: no such case\n", argv[0]);
	return 3;
}

#define CONFORM_MAIN                                                                               \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return conform_main(argc, argv);                                                   \
	}

#endif
