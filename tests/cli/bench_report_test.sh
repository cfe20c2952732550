# tests/bench/report.awk: medians, ratios, bars and the exit code, from samples made up here.
. "$GD_SRC/tests/support/cli.sh"

printf 'rounds 3\ncpu a "fast" one\nversion_go go1\n' >meta
cat >rows <<'END'
low      a - 1 ns   low  go 0.40  the lower
high     b - 2 rt/s high go 1.0   the higher
absolute c - 1 ns   low  abs 3    by itself
none     d - 1 ns   low  -        without a bar
END
samples() {
	cat <<'END'
low go 100
low go 90
low go 300
low gdetect 9
low gdetect 40
low gdetect 1000
high go 10
high go 20
high gdetect 16
absolute gdetect 2.5
none go 7
END
}
report() {
	awk -v format="$1" -v programs="gdetect go" -f "$GD_SRC/tests/bench/report.awk" \
		meta rows samples
}

samples >samples
exits "all bars met" 0 report table
has "median of three, and ratio" "^the lower *ns *1 *40.0 \(0.40\) *100 *<= 0.40 x *yes$"
has "median of two" "^the higher *rt/s *2 *16.0 \(1.07\) *15.0 *>= 1.0 x *yes$"
has "without Go" "^by itself *ns *1 *2.50 *- *<= 3 ns *yes$"
has "not measured, no bar" "^without a bar *ns *1 *- *7.00 *- *-$"

exits "json" 0 report json
has "quotes" '"cpu": "a \\"fast\\" one"'
has "samples" '"gdetect": {"median": 40, "ratio": 0.4000, "samples": \[9, 40, 1000\]}'
has "no bar" '"id": "none", .*"bar": null, "met": null'

{ samples && echo low gdetect 50; } >samples
exits "above the bar" 1 report table
has "above the bar" "^the lower .* 45.0 \(0.45\) .*MISSED$"
{ samples && echo high gdetect 1; } >samples
exits "below the bar" 1 report table
has "below the bar" "^the higher .*MISSED$"
{ samples && echo absolute gdetect 4; } >samples
exits "above the value" 1 report table
finish
