# order.awk - fails when an ordered atomic does not name its partner.
# usage: awk -f order.awk FILE...   (.c and .h files of runtime/ and detector/)
#
# The comment stands on the line itself, on a later line of the same statement,
# or right above the statement. Definitions in base/atomic.h are what is used.
function flush_open() {
	if (open_line)
		printf "%s:%d: name what this order pairs with\n", open_file, open_line
	bad = bad || open_line != 0
	open_line = 0
}
FNR == 1 { flush_open(); above = 0; in_comment = 0 }
FILENAME ~ /runtime\/base\/atomic\.h$/ { next }
{
	has_comment = $0 ~ /\/\*/ || in_comment
	starts = $0 ~ /\/\*/ && $0 !~ /\*\//
	ends = $0 ~ /\*\//
	was_comment = in_comment
	if (starts)
		in_comment = 1
	else if (ends)
		in_comment = 0
	only_comment = was_comment || $0 ~ /^[ \t]*\/\*/
	code = $0
	sub(/\/\*.*/, "", code)
	if (only_comment)
		code = ""
}
# The race detector carries out the user's own atomics, with the user's orders.
FILENAME !~ /race\/abi_[a-z0-9_]*\.[ch]$/ &&
    (" " code) ~ /[^a-zA-Z0-9_](memory_order_|atomic_thread_fence|__atomic_|__sync_|atomic_(load|store|fetch|exchange|compare))/ {
	printf "%s:%d: use the wrappers of base/atomic.h\n", FILENAME, FNR
	bad = 1
}
code ~ /gd__(load|store|cas|add|or|and|swap|fence)_(acquire|release|acq_rel|seq_cst)\(/ {
	if (!has_comment && !above && !open_line) {
		open_line = FNR
		open_file = FILENAME
	}
}
open_line && has_comment { open_line = 0 }
{
	if (code ~ /[;{}][ \t]*$/)
		flush_open()
	# A comment above reaches as far as the statement that follows it, over its lines.
	if (only_comment)
		above = 1
	else if (code ~ /[;{}:][ \t]*$/ || code ~ /^[ \t]*$/)
		above = 0
}
END { flush_open(); exit bad }
