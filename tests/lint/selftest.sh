#!/bin/sh
# Plants one fault per lint rule in a copy of a tiny tree, and wants exactly that rule to fail.
lint=$(cd "$(dirname "$0")" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failures=0

# A tree that no rule complains about.
clean_tree() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree/tests/lint" "$work/tree/runtime/base" "$work/tree/runtime/sched" \
		"$work/tree/detector/race" "$work/tree/detector/leak" "$work/tree/tools/util" \
		"$work/tree/runtime/include/gdetect" "$work/tree/samples"
	cp "$lint"/*.awk "$lint"/*.txt "$lint"/*.sh "$work/tree/tests/lint/"
	cp "$lint/../../.clang-format" "$work/tree/"
	cd "$work/tree" || exit 2
	cat > runtime/sched/good.c <<'END'
/* good.c - nothing wrong here. */
#include "runtime/base/good.h"

#include <stdbool.h>

bool good(int *p)
{
	/* pairs with the release in bad(): what it wrote is visible */
	return gd__load_acquire(p) == 1;
}
END
	echo '/* good.h - a header below. */' > runtime/base/good.h
}

# plant NAME RULE FILE TEXT: with TEXT in FILE, RULE fails and names FILE; no other rule does.
plant() {
	name=$1 rule=$2 file=$3
	clean_tree
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$4" > "$file"
	for each in layers order size banned paths format; do
		[ "$each" = format ] && ! command -v clang-format >/dev/null 2>&1 && continue
		out=$(sh tests/lint/run.sh "$each" 2>&1)
		code=$?
		if [ "$each" = "$rule" ]; then
			[ $code -eq 1 ] && printf '%s' "$out" | grep -qF "$file" && continue
			echo "FAILED $name: rule $rule does not see it: $out"
		else
			[ $code -eq 0 ] && continue
			echo "FAILED $name: rule $each fails too: $out"
		fi
		failures=$((failures + 1))
		return
	done
	echo "ok     $name ($rule)"
}

# accept NAME FILE TEXT: no rule complains.
accept() {
	name=$1 file=$2
	clean_tree
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$3" > "$file"
	if out=$(sh tests/lint/run.sh 2>&1); then
		echo "ok     $name (accepted)"
	else
		echo "FAILED $name is accepted: $out"
		failures=$((failures + 1))
	fi
}

accept "clean tree" runtime/base/more.h '/* more.h - also fine. */'
accept "own directory" runtime/base/a.c '#include "runtime/base/good.h"'
accept "seam" detector/race/a.c '#include "runtime/base/good.h"'
accept "public header" runtime/sched/a.c '#include <gdetect/go.h>'
accept "a test includes what it tests" tests/unit/sched/a_test.c '#include "runtime/sched/good.h"'
accept "partner on the line" runtime/base/a.c 'int f(int *p)
{
	return gd__load_acquire(p); /* pairs with g */
}'
accept "partner on a later line of the statement" runtime/base/a.c 'void f(int *p)
{
	if (gd__cas_acq_rel(the_place_where_the_first_argument_of_this_call_is_kept_for_now,
			    the_second_argument, 1)) /* pairs with g */
		g();
}'
accept "a banned word in a string and a comment" tools/util/a.c '/* never strcpy(a, b) */
const char *const s = "strcpy(a, b)";'

plant "upward include" layers runtime/base/bad.c '#include "runtime/sched/good.h"'
plant "past the seam" layers detector/race/bad.c '#include "runtime/sched/good.h"'
plant "sideways include" layers detector/race/bad.c '#include "detector/leak/good.h"'
plant "runtime includes a detector" layers runtime/sched/bad.c '#include "detector/leak/check.h"'
plant "include without a path" layers runtime/sched/bad.c '#include "good.h"'
plant "directory without a rank" layers runtime/misc/bad.c '#include <stdio.h>'
plant "unknown public header" layers runtime/sched/bad.c '#include <gdetect/secret.h>'
plant "runtime includes a detector's public header" layers runtime/sched/bad.c '#include <gdetect/leak.h>'
plant "public header shows an internal one" layers runtime/include/gdetect/go.h '#include "runtime/base/good.h"'
plant "sample looks inside" layers samples/bad.c '#include "runtime/base/good.h"'

plant "acquire without a partner" order runtime/sched/bad.c 'int f(int *p)
{
	return gd__load_acquire(p);
}'
plant "release without a partner, over lines" order detector/race/bad.c 'void f(int *p)
{
	/* a comment on something else */
	g();
	gd__store_release(the_place_where_the_first_argument_of_this_call_is_kept_for_now,
			  the_second_argument);
}'
plant "raw memory order" order runtime/sched/bad.c 'int f(int *p)
{
	return atomic_load_explicit(p, memory_order_acquire); /* pairs with g */
}'
plant "compiler builtin" order detector/leak/bad.c 'int f(int *p)
{
	return __atomic_load_n(p, 2); /* pairs with g */
}'

plant "500 lines" size runtime/sched/bad.c "$(awk 'BEGIN { for (i = 0; i < 501; i++) print "/* line */" }')"

plant "strcpy" banned tools/util/bad.c 'void f(char *a, const char *b)
{
	strcpy(a, b);
}'
for name in sprintf strtok atoi alloca gets; do
	plant "$name" banned tests/support/bad.c "void f(char *a)
{
	$name(a);
}"
done
plant "malloc in a detector" banned detector/race/bad.c 'void *f(void)
{
	return malloc(1);
}'
plant "stdio in the runtime" banned runtime/sched/bad.c 'void f(void)
{
	printf("x");
}'
plant "bare thread-local" banned runtime/sched/bad.c '_Thread_local int x;'
plant "line comment" banned tools/util/bad.c 'int x; // so'

# Spelt in two halves, so that this file itself passes.
plant "path of a machine" paths docs/bad.md "see /wo""rk/main/x"
plant "home directory" paths tools/util/bad.c "/* /ho""me/me/x */"
plant "package host" paths tools/bad.sh "curl deb.""debian.org"
plant "fixed temporary file" paths tests/cli/bad.sh "echo > /t""mp/x"

if command -v clang-format >/dev/null 2>&1; then
	plant "format" format runtime/sched/bad.c 'int  f( void ) { return 1; }'
fi

if command -v clang-tidy >/dev/null 2>&1; then
	clean_tree
	cp "$lint/../../.clang-tidy" .
	cat > runtime/sched/bad.c <<'END'
/* bad.c - the branches of f are the same, and g reads through NULL. */
int f(int x);
int g(void);

int f(int x)
{
	if (x == 1)
		return 5;
	else
		return 5;
}

int g(void)
{
	int *p = 0;

	return *p;
}
END
	printf '[{"directory": "%s", "command": "cc -c runtime/sched/bad.c", "file": "%s"}]' "$PWD" \
		"$PWD/runtime/sched/bad.c" > compile_commands.json
	for want in "-clang-analyzer-* bugprone-branch-clone" " clang-analyzer-core.NullDereference"; do
		out=$(sh tests/lint/tidy.sh . runtime/sched "${want%% *}")
		if [ $? -eq 1 ] && printf '%s' "$out" | grep -qF "${want#* }"; then
			echo "ok     tidy (${want#* })"
		else
			echo "FAILED tidy does not see ${want#* }: $out"
			failures=$((failures + 1))
		fi
	done
fi

[ $failures -eq 0 ] || { echo "$failures rules do not work" >&2; exit 1; }
