# One state judged by the program itself, by a forked copy, from outside while it goes on, in its
# own dump and in the kernel's core: always the same goroutines, verdicts and evidence.
. "$GD_SRC/tests/support/cli.sh"
gleak=$GD_BUILD/bin/gleak

"$GD_BUILD/bin/gdetect-gcc" -g -O1 -fgdetect=leak -Wno-unused-parameter -o zoo \
	"$GD_SRC/tests/cli/same_zoo.c" || fail "the zoo does not build"
gcc -o verdicts "$GD_SRC/tests/cli/gleak_verdicts.c" -ljansson || fail "the reader does not build"

# same NAME FILE: has the lines of the program's own check.
same() {
	checks=$((checks + 1))
	sort -n "$2" >"$2.sorted"
	cmp -s self "$2.sorted" || fail "$shape: $1 differs from the program's own" "$(diff self "$2.sorted")"
}

# of_report NAME ARGUMENT...
of_report() {
	name=$1
	shift
	"$gleak" report --format json "$@" >report.json 2>report.err
	./verdicts report.json >report || fail "$shape: $name" "$(cat report report.err)"
	same "$name" report
}

core_of() {
	for f in "core.$1" core; do
		[ -s "$f" ] && echo "$f" && return
	done
}

pattern=$(cat /proc/sys/kernel/core_pattern)
case $pattern in
core | core.%p) (ulimit -c unlimited) 2>/dev/null || pattern="of limit 0" ;;
*) pattern="written to '$pattern'" ;;
esac

for shape in channels locks in_use all; do
	rm -rf in said core core.*
	mkfifo in
	(
		ulimit -c unlimited 2>/dev/null
		exec ./zoo $shape own.core <in >said 2>said.err
	) &
	zoo=$!
	exec 3>in
	until grep -q '^ready' said 2>/dev/null; do
		kill -0 $zoo 2>/dev/null || break
	done
	pid=$(sed -n 's/^ready //p' said)
	[ "$pid" ] || fail "$shape: no answer" "$(cat said said.err)"
	sed -n 's/^self //p' said | sort -n >self
	sed -n 's/^forked //p' said >forked
	[ "$(grep -c '^ran .* 1$' said)" -eq 2 ] || fail "$shape: not complete" "$(cat said said.err)"
	if [ $shape = in_use ]; then
		[ -s self ] && fail "$shape: reported" "$(cat self)"
	else
		[ "$(wc -l <self)" -ge 6 ] || fail "$shape: too few" "$(cat self)"
	fi
	same "a forked copy" forked
	of_report "the live process" --pid "$pid"
	of_report "the live process once more" --pid "$pid"
	of_report "its own dump" own.core
	exec 3>&-
	wait $zoo 2>/dev/null
	core=$(core_of "$pid")
	if [ "$core" ]; then
		of_report "the kernel's core" "$core"
	else
		echo "skipped: no core of the kernel's, cores are $pattern"
	fi
done
finish
