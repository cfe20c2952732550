# What the race detector's options do to the end of a program and to its report.
. "$GD_SRC/tests/support/cli.sh"

cat > two.c <<'END'
#include <stdio.h>
#include <gdetect/gdetect.h>
#include <gdetect/race.h>

int x, y;

static inline void innermost(int *p) { *p = 1; }
static inline void in_the_middle(int *p) { innermost(p); }
__attribute__((noinline)) static void outermost(int *p) { in_the_middle(p); }

static void writes(void *unused)
{
	outermost(&x);
	y = 1;
}

static void start(void *unused)
{
	gd_go_fn(writes, NULL);
	while (gd_go_count() > 1)
		gd_yield();
	x = 2;
	y = 2;
	/* What a test harness asks to fail the test that runs. */
	printf("%zu races in this test\n", gd_race_count());
}

int main(void)
{
	return gd_run(start, NULL);
}
END
mkdir sub && mv two.c sub

for w in $wrappers; do
	exits "$w: build" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect=race -O2 "$PWD/sub/two.c" -o two

	exits "$w: plain" 66 ./two
	has "$w: plain" "sub/two.c:"
	has "$w: plain" "2 races in this test"
	has "$w: plain" "Found 2 data race"
	frames=$(printf '%s\n' "$out" | grep -oE '#[0-9] (innermost|in_the_middle|outermost|writes) ' |
		head -4 | tr -d '\n')
	checks=$((checks + 1))
	[ "$frames" = "#0 innermost #1 in_the_middle #2 outermost #3 writes " ] ||
		fail "$w: inlined frames" "$frames" "$out"

	exits "$w: exitcode" 13 env GDETECT_OPTIONS=exitcode=13 ./two
	exits "$w: exitcode 0" 0 env GDETECT_OPTIONS=exitcode=0 ./two

	exits "$w: halt_on_error" 66 env GDETECT_OPTIONS=halt_on_error=1 ./two
	lacks "$w: halt_on_error" "races in this test"
	has "$w: halt_on_error" "WARNING: ThreadSanitizer: data race"

	exits "$w: strip_path_prefix" 66 env GDETECT_OPTIONS="strip_path_prefix=$PWD/" ./two
	has "$w: strip_path_prefix" " sub/two.c:"
	lacks "$w: strip_path_prefix" "$PWD/sub"

	exits "$w: suppressions that are not there" 2 env GDETECT_OPTIONS=suppressions=nowhere ./two
	has "$w: suppressions that are not there" "cannot read the suppressions in nowhere"
	lacks "$w: suppressions that are not there" "races in this test"
	echo 'rice:main' >bad
	exits "$w: a bad suppression" 2 env GDETECT_OPTIONS=suppressions=bad ./two
	has "$w: a bad suppression" "bad:1: not a suppression"
done
finish
