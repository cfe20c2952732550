# A program that leaks a thousand goroutines a second: with recovery it stays as large as it is, and
# says so once; without it grows. Both in numbers, so that the one shows what the other would miss.
#
# RECOVER_SECONDS: how long; 300 in the nightly run.
. "$GD_SRC/tests/support/cli.sh"
seconds=${RECOVER_SECONDS-3}
rate=1000

# goes SECONDS OPTIONS: runs the sample; $out are its lines "N goroutines K kB", log its reports.
goes() {
	exits "$w: $2" 23 sh -c "GDETECT_OPTIONS=$2 ./server $1 $rate 2>log"
}

# first, last, most COLUMN: of the numbers in that column.
first() { printf '%s\n' "$out" | awk -v c="$1" 'NR == 1 { print $c }'; }
last() { printf '%s\n' "$out" | awk -v c="$1" 'END { print $c }'; }
most() { printf '%s\n' "$out" | awk -v c="$1" '$c > m { m = $c } END { print m + 0 }'; }

# at_most, at_least NAME LIMIT VALUE
at_most() {
	checks=$((checks + 1))
	[ "$3" -le "$2" ] || fail "$w: $1: $3, at most $2" "$out"
}
at_least() {
	checks=$((checks + 1))
	[ "$3" -ge "$2" ] || fail "$w: $1: $3, at least $2" "$out"
}

for w in $wrappers; do
	exits "$w: compile" 0 "$GD_BUILD/bin/gdetect-$w" -O1 -fgdetect=leak \
		"$GD_SRC/samples/leak_recover.c" -o server

	for f in leak race,leak; do
		exits "$w: compile" 0 "$GD_BUILD/bin/gdetect-$w" -O1 -fgdetect=$f \
			"$GD_SRC/tests/cli/recover_ops.c" -o ops
		exits "$w $f: each operation" 23 sh -c 'GDETECT_OPTIONS=leak_recover=1 ./ops'
		has "$w $f: each operation" '^ended'
		has "$w $f: each operation" '^SUMMARY: gdetect: recovery: 9 leaked goroutines returned'
		lacks "$w $f: each operation" '^wrong|data race'
	done

	# Without it, each leak keeps a stack page, 4 KiB of buffer and a channel.
	without=$seconds
	[ "$without" -le 10 ] || without=3
	goes "$without" leak_recover=0:leak_every=250ms
	at_least 'goroutines without' $((without * rate - 10)) "$(last 1)"
	grown=$(($(last 3) - $(first 3)))
	at_least 'growth without, in kB' $(((without - 1) * rate * 6)) "$grown"
	out=$(cat log)
	lacks "$w: without" 'recovery'

	# The copies that judge are modest: on a busy machine some leaks pile up for a second or two.
	goes "$seconds" leak_recover=1:leak_every=250ms
	at_most 'goroutines' $((5 * rate / 2)) "$(most 1)"
	at_most 'growth in kB' $((2 * grown / 3)) $(($(last 3) - $(first 3)))
	at_most 'reports' 4 "$(grep -c 'WARNING: gdetect: goroutine leak' log)"
	out=$(cat log)
	at_least 'recovered' $(((seconds - 2) * rate)) "$(sed -n \
		's/^SUMMARY: gdetect: recovery: \([0-9]*\) leaked .* GD_ELEAKED$/\1/p' log)"
	has "$w: what became of them" '^  recovery: [0-9]+ returned GD_ELEAKED'
done
finish
