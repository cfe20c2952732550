# report.awk - the table, or the JSON, of a run of the benchmark.
# usage: awk -v format=table|json -v programs="gdetect go" -f report.awk META ROWS SAMPLES
# Ends with 1 when a bar is missed.

function file_number() { if (FNR == 1) file++; return file }

function sort_samples(key,   i, j, x) {
	for (i = 2; i <= count[key]; i++) {
		x = sample[key, i]
		for (j = i - 1; j >= 1 && sample[key, j] > x; j--)
			sample[key, j + 1] = sample[key, j]
		sample[key, j + 1] = x
	}
}

function median(id, program,   key, n) {
	key = id SUBSEP program
	n = count[key]
	if (!n)
		return ""
	sort_samples(key)
	return n % 2 ? sample[key, (n + 1) / 2] : (sample[key, n / 2] + sample[key, n / 2 + 1]) / 2
}

# To Go, and "" where one of the two was not measured.
function ratio(id, program) {
	return middle[id, program] != "" && middle[id, "go"] > 0 ? middle[id, program] / middle[id, "go"] : ""
}

# 1: met, 0: missed, "": no bar, or nothing to compare.
function met(id,   value) {
	value = bar_kind[id] == "go" ? ratio(id, "gdetect") : middle[id, "gdetect"]
	if (bar_kind[id] == "-" || value == "")
		return ""
	return better[id] == "low" ? value <= bar[id] : value >= bar[id]
}

function bar_text(id) {
	if (bar_kind[id] == "-")
		return "-"
	return (better[id] == "low" ? "<= " : ">= ") bar[id] (bar_kind[id] == "go" ? " x" : " " unit[id])
}

function number(x) {
	return x < 10 ? sprintf("%.2f", x) : x < 100 ? sprintf("%.1f", x) : sprintf("%.0f", x)
}

function cell(id, program,   text, r) {
	if (middle[id, program] == "")
		return "-"
	text = number(middle[id, program])
	r = ratio(id, program)
	return program == "go" || r == "" ? text : text sprintf(" (%.2f)", r)
}

function table(   i, k, id, verdict) {
	printf "%-26s %-6s %2s", "row", "unit", "Ps"
	for (k = 1; k <= nprograms; k++)
		printf " %15s", program[k]
	printf "  %-11s %s\n", "bar", "met"
	for (i = 1; i <= nrows; i++) {
		id = row[i]
		printf "%-26s %-6s %2d", title[id], unit[id], procs[id]
		for (k = 1; k <= nprograms; k++)
			printf " %15s", cell(id, program[k])
		verdict = met(id)
		printf "  %-11s %s\n", bar_text(id), verdict == "" ? "-" : verdict ? "yes" : "MISSED"
	}
	print "\nMedians of " meta["rounds"] " rounds; in brackets the ratio to Go. Load before " \
	      meta["load_before"] ", after " meta["load_after"] "."
	print meta["cpu"] ", " meta["cpus"] " CPUs, Linux " meta["kernel"] "."
	for (k = 1; k <= nprograms; k++)
		print program[k] ": " meta["version_" program[k]]
}

function quoted(text) {
	gsub(/[\\"]/, "\\\\&", text)
	return "\"" text "\""
}

function json_samples(id, name,   i, text, key) {
	key = id SUBSEP name
	for (i = 1; i <= count[key]; i++)
		text = text (i > 1 ? ", " : "") sample[key, i]
	return text
}

function json_row(id,   k, name, sep) {
	printf "    {\"id\": %s, \"title\": %s, \"unit\": %s, \"procs\": %d, \"better\": %s, \"bar\": %s, \"met\": %s,\n",
	       quoted(id), quoted(title[id]), quoted(unit[id]), procs[id], quoted(better[id]),
	       bar_kind[id] == "-" ? "null" : quoted(bar_text(id)),
	       met(id) == "" ? "null" : met(id) ? "true" : "false"
	printf "     \"programs\": {"
	for (k = 1; k <= nprograms; k++) {
		name = program[k]
		if (middle[id, name] == "")
			continue
		printf "%s\n      %s: {\"median\": %s, \"ratio\": %s, \"samples\": [%s]}", sep, quoted(name),
		       middle[id, name], ratio(id, name) == "" ? "null" : sprintf("%.4f", ratio(id, name)),
		       json_samples(id, name)
		sep = ","
	}
	printf "}}"
}

function json(   i) {
	printf "{\n"
	for (i = 1; i <= nmeta; i++)
		printf "  %s: %s,\n", quoted(meta_key[i]), quoted(meta[meta_key[i]])
	printf "  \"rows\": [\n"
	for (i = 1; i <= nrows; i++) {
		json_row(row[i])
		printf i < nrows ? ",\n" : "\n"
	}
	printf "  ]\n}\n"
}

{ file_number() }
file == 1 {
	meta_key[++nmeta] = $1
	meta[$1] = substr($0, length($1) + 2)
}
file == 2 {
	id = $1
	row[++nrows] = id
	procs[id] = $4
	unit[id] = $5
	better[id] = $6
	bar_kind[id] = $7
	first = 8
	if ($7 != "-")
		bar[id] = $(first++)
	for (i = first; i <= NF; i++)
		title[id] = title[id] (i > first ? " " : "") $i
}
file == 3 { sample[$1, $2, ++count[$1, $2]] = $3 }
END {
	nprograms = split(programs, program, " ")
	for (i = 1; i <= nrows; i++) {
		for (k = 1; k <= nprograms; k++)
			middle[row[i], program[k]] = median(row[i], program[k])
		missed += met(row[i]) == "0"
	}
	if (format == "json")
		json()
	else
		table()
	exit format == "table" && missed > 0
}
