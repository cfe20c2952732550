# size.awk - fails when a source file passes the limit.
# usage: awk -v max=500 -f size.awk FILE...
FNR == 1 && FNR != NR && n > max { printf "%s: %d lines, limit %d\n", last, n, max; bad = 1 }
{ n = FNR; last = FILENAME }
END { if (n > max) { printf "%s: %d lines, limit %d\n", last, n, max; bad = 1 } exit bad }
