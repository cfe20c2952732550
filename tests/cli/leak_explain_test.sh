# What reports say, in whole: each shape of leak_zoo.c in the program, some from a core, against
# leak_zoo.txt; and what keeps goroutines off the list. `sh leak_explain_test.sh -w` in the
# environment of the test writes leak_zoo.txt anew, to be read before it is believed.
. "$GD_SRC/tests/support/cli.sh"
gleak=$GD_BUILD/bin/gleak
golden=$GD_SRC/tests/cli/leak_zoo.txt
GD_MAXPROCS=1 # the order of events is fixed
export GD_MAXPROCS

export GD_SRC
cp "$GD_SRC/tests/cli/leak_zoo.c" .
"$GD_BUILD/bin/gdetect-gcc" -g -Og -Wall -Werror -fgdetect=leak -o zoo leak_zoo.c || fail "leak_zoo.c"
# The race detector notes of each heap block its size and where it was allocated.
"$GD_BUILD/bin/gdetect-gcc" -g -Og -fgdetect=race,leak -o noted leak_zoo.c || fail "leak_zoo.c"
gcc -o json "$GD_SRC/tests/cli/gleak_json.c" -ljansson || fail "the JSON check does not build"

# Without what differs from run to run, or with the size of our structs.
steady() {
	sed -E 's#[^ (	]*/leak_zoo\.c#leak_zoo.c#g; s/0x[0-9a-f]+/ADDR/g; s/gd1:[0-9a-f]+/gd1:N/
		s/[0-9]+ bytes of stack/N bytes of stack/; s/[0-9]+ bytes of heap/N bytes of heap/
		s/heap block of [0-9]+ bytes/heap block of N bytes/g; s/waiting for .*/waiting for T/
		/^(=+|WARNING.*)$/d'
}
# What a core cannot or need not say alike: where others are, names of members, the drop.
alike() {
	sed -E 's/; it .*//; s/registry\+88/registry.table/g; s/registry\+8/registry.lock/g
		s/registry\+48/registry.log/g; s/(lives in: stack of goroutine [0-9]+).*/\1/
		/last reference dropped/,+1d; s/(N bytes of heap).*/\1/; /^$/d'
}

shapes='ncast early_return timeout double_send no_close contract forgotten_cancel dropped
	nil_channel double_lock abba recursive_read missing_unlock held_across_send never_done
	lost_wakeup'
cores=' ncast timeout dropped abba recursive_read held_across_send lost_wakeup '
for shape in $shapes; do
	core=
	case $cores in *" $shape "*) core=$shape.core ;; esac
	./zoo $shape $core 2>said >/dev/null
	code=$?
	[ $code = 23 ] || fail "$shape: exit code $code" "$(cat said)"
	steady <said >got
	{
		echo "== $shape"
		cat got
	} >>all
	sed -n "/^== $shape\$/,/^== /p" "$golden" 2>/dev/null | grep -v '^== ' >want
	if [ $shape = contract ]; then # a select waits for its channels in any order
		sort want >sorted && mv sorted want
		sort got >sorted && mv sorted got
	fi
	cmp -s want got || fail "$shape: the report" "$(diff want got)"
	[ -n "$core" ] || continue
	exits "$shape: its core" 1 "$gleak" report $shape.core
	alike <got >want
	printf '%s\n' "$out" | steady | alike >got
	cmp -s want got || fail "$shape: the core says what the program says" "$(diff want got)"
	exits "$shape: JSON" 1 "$gleak" report --format json -o $shape.json $shape.core
	exits "$shape: its schema" 0 ./json $shape.json
done
[ "$1" = -w ] && cp all "$golden"

# Names that only debug information has.
exits "members" 1 "$gleak" report abba.core
has "members" '^  the cycle: goroutine 2 holds mutex registry\.lock \(.*/leak_zoo\.c:[0-9]+\), waits for mutex registry\.log held by goroutine 3 \(.*/leak_zoo\.c:[0-9]+\), which waits for mutex registry\.lock$'
exits "locals" 1 "$gleak" report lost_wakeup.core
has "locals" '^  lives in: stack of goroutine 2, in waits_for_news at .*, variable news$'
strip -o bare zoo
exits "stripped" 1 "$gleak" report --exe bare abba.core
has "stripped" '^  waits for: mutex at 0x'

# JSON has it all for programs.
out=$(cat abba.json)
has "JSON: the cycle" '"cycle": true'
has "JSON: its text" '"text": "goroutine 2 holds mutex registry.lock '
has "JSON: pattern" '"pattern": "locks taken in different orders"'
has "JSON: the owner is stuck" '"now": "stuck"'

# Why not.
./noted kept kept.core 2 >said 2>said.err || fail "kept: reported" "$(cat said.err)"
strip -o bare.noted noted
out=$(cat said.err)
has "in the program" '^goroutine 2 \[chan send\] not reported: what it waits for can be reached from a global variable$'
has "in the program" '^    global variable queue\+24$'
[ "$(cat said)" = 0 ] || fail "gd_leak_why: $(cat said)"
exits "by a global" 0 "$gleak" why kept.core 2
has "by a global" '^    global variable queue\.jobs\[2\]$'
has "by a global" '^    -> heap block of 24 bytes \(struct job\), offset 16 \(next\), allocated by kept at '
has "by a global" '^    -> heap block of 24 bytes \(struct job\), offset 8 \(result\)'
has "by a global" '^    -> the channel, made at leak_zoo\.c:[0-9]+, for which goroutine 2 waits$'
exits "by a timer" 0 "$gleak" why kept.core 3
has "by a timer" '^    pending timer$'
exits "by a lock in a global" 0 "$gleak" why kept.core 4
has "by a lock in a global" '^    global variable registry\.lock$'
exits "stripped" 0 "$gleak" why --exe bare.noted kept.core 2
has "stripped" '^    -> heap block of 24 bytes, offset 16, allocated by noted\+0x'
exits "all of them" 0 "$gleak" why --all kept.core
[ "$(printf '%s\n' "$out" | grep -c '^  kept off the list by:$')" = 3 ] || fail "why --all" "$out"
exits "one that runs" 0 "$gleak" why kept.core 1
has "one that runs" '^goroutine 1 \[running\] not reported: it runs$'
exits "one that is reported" 1 "$gleak" why abba.core 2
has "one that is reported" '^goroutine 2 \[mutex lock.*\] reported:$'
has "one that is reported" '^  the cycle: '
exits "nobody" 2 "$gleak" why kept.core 99
has "nobody" '^gleak: kept.core: there is no goroutine 99$'
exits "no number" 2 "$gleak" why kept.core x
exits "no goroutine" 2 "$gleak" why kept.core
exits "a goroutine and --all" 2 "$gleak" why --all kept.core 2
exits "no core" 3 "$gleak" why nothing.core 2
exits "JSON" 0 "$gleak" why --all --format json -o why.json kept.core
exits "JSON: schema" 0 ./json why.json
has "JSON: schema" '^4 reached global 5$|^2 reached global 5$'
has "JSON: a timer" '^3 reached timer 3$'
exits "nothing to ask" 0 "$gleak" why --all abba.core
has "nothing to ask" '^no goroutine waits without being reported$'
finish
