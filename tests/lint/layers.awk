# layers.awk - fails when an #include points sideways, upward or past a seam.
# usage: awk -f layers.awk layers.txt FILE...   (paths from the top of the tree)
#
# Files of tests/ and samples/ are in no layer: tests include what they test,
# samples only the public headers. A directory of code without a rank is an error.
function dir(p) { return match(p, /\/[^\/]*$/) ? substr(p, 1, RSTART - 1) : "." }
function tree(p) { return match(p, /\//) ? substr(p, 1, RSTART - 1) : p }
function crosses(from, path,   i, n, word) {
	if (tree(from) == tree(path))
		return 0
	n = split(seam[tree(from)], word, " ")
	for (i = 1; i <= n; i++)
		if (index(path, word[i] "/") == 1)
			return 0
	return 1
}
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }

FILENAME == ARGV[1] && $1 == "rank" { rank[$3] = $2 + 0 }
FILENAME == ARGV[1] && $1 == "seam" { t = $2; $1 = $2 = ""; seam[t] = $0 }
FILENAME == ARGV[1] && $1 == "public" { for (i = 2; i <= NF; i++) public[$i] = "runtime" }
FILENAME == ARGV[1] && $1 == "public-detector" { for (i = 2; i <= NF; i++) public[$i] = "detector" }
FILENAME == ARGV[1] { next }

FNR == 1 {
	from = dir(FILENAME)
	outside = from ~ /^(tests|samples)(\/|$)/
	header = from ~ /\/include\/gdetect$/
	if (!outside && !header && !(from in rank))
		complain(from " has no rank in tests/lint/layers.txt")
}
/^[ \t]*#[ \t]*include[ \t]*<gdetect\// {
	match($0, /<gdetect\/[^.>]*/)
	name = substr($0, RSTART + 9, RLENGTH - 9)
	if (!(name in public))
		complain("<gdetect/" name ".h> is no public header")
	else if (tree(from) == "runtime" && public[name] != "runtime")
		complain("the runtime may not include <gdetect/" name ".h>")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	to = dir(part[2])
	if (header)
		complain("a public header may not include \"" part[2] "\"")
	else if (from == "samples") {
		if (to != "." && to != "samples")
			complain("a sample may include public headers only")
	} else if (!outside) {
		if (to == ".")
			complain("write includes from the top of the tree: " part[2])
		else if (from != to && (!(to in rank) || rank[to] >= rank[from] || crosses(from, part[2])))
			complain(from " may not include " part[2])
	}
}
END { exit bad }
