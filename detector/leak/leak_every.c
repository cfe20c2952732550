/*
 * leak_every.c - a thread that has the process checked at regular times.
 *
 * It is a helper of the runtime's: no goroutine, it keeps no program alive and no deadlock from
 * being one. Each check is made by a forked copy, and only what was not reported before is. A
 * check that takes longer than the period delays the next one; none overlap. The thread is not
 * there in the child of a fork until that goes on with goroutines of its own.
 */
#include "detector/leak/leak_every.h"

#include <gdetect/error.h>

#include "detector/leak/leak_huge.h"
#include "detector/leak/leak_run.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"

/* A shorter period would do little but fork. */
#define SHORTEST_NS INT64_C(10000000)
#define LONGEST_NS  (INT64_C(366) * 24 * 3600 * 1000000000)
/* The copy is of low priority: on a busy machine it takes its time. */
#define LIMIT_NS (INT64_C(300) * 1000000000)

static int64_t period_ns; /* 0: never. Constant after start-up */

static bool unit(const char *s, int64_t *ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", INT64_C(60) * 1000000000 },
		{ "h", INT64_C(3600) * 1000000000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *a = units[i].name, *b = s;

		while (*a != '\0' && *a == *b)
			a++, b++;
		if (*a == *b) {
			*ns = units[i].ns;
			return true;
		}
	}
	return false;
}

bool gd__leak_every_parse(const char *text, int64_t *ns)
{
	int64_t n = 0, by;

	*ns = 0;
	if (text[0] == '\0' || (text[0] == '0' && text[1] == '\0'))
		return true;
	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if (n < LONGEST_NS)
			n = n * 10 + (*text - '0');
	if (!unit(text, &by) || n > LONGEST_NS / by)
		return false;
	*ns = n * by;
	return true;
}

void gd__leak_every_init(void)
{
	if (!gd__leak_every_parse(gd__options.leak_every, &period_ns))
		gd__warn("leak_every=%s is not a time such as 500ms, 60s, 5m or 1h: no checks "
			 "while the program runs",
			 gd__options.leak_every);
	if (period_ns > 0 && period_ns < SHORTEST_NS)
		period_ns = SHORTEST_NS;
}

int64_t gd__leak_every_period(void)
{
	return period_ns;
}

/* false: the program has ended, and was or will be looked at by others. */
static bool check(void)
{
	struct gd__leak_run r = { .forked = true,
				  .modest = true,
				  .periodic = true,
				  .recover = true,
				  .limit_ns = LIMIT_NS };
	bool go_on;

	gd__leak_huge();
	gd__leak_begin(true);
	go_on = !gd__leak_program_ended();
	if (go_on)
		gd__leak_run(&r);
	gd__leak_end();
	gd__leak_run_release(&r);
	return go_on;
}

static void watch(void)
{
	int64_t next = gd__os_now();

	do {
		int64_t now = gd__os_now();

		next = next + period_ns > now ? next + period_ns : now + period_ns;
		gd__os_nanosleep(next - now);
	} while (check());
}

void gd__leak_every_start(void)
{
	if (period_ns > 0 && !gd__inspect_helper(watch))
		gd__warn("the leak checks of leak_every cannot run: no thread for them");
}
