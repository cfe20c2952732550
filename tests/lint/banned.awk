# banned.awk - fails on calls and words that are not used here. VLAs are the compiler's: -Wvla.
# usage: awk -f banned.awk FILE...
#
# Unsafe libc functions everywhere; in runtime/ and detector/, which run inside
# the user's program, also stdio, locale and exit; in detector/ also libc's
# heap (the runtime's channels do lie in the user's heap, where the leak check
# looks for them). A thread-local is initial-exec. // comments are not our style.
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
FNR == 1 {
	in_comment = 0
	# The readers of foreign address spaces are parts of the tools.
	inside = FILENAME ~ /(^|\/)(runtime|detector)\// && FILENAME !~ /\/image\/(image_core|image_live|core_)/
	heapless = inside && FILENAME ~ /(^|\/)detector\//
	interposer = FILENAME ~ /\/interpose[a-z_]*\.[ch]$/ # defines such functions
}
{
	code = $0
	if (in_comment) {
		if (code !~ /\*\//)
			next
		sub(/^.*\*\//, "", code)
		in_comment = 0
	}
	gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
	gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", code)
	if (code ~ /\/\*/) {
		in_comment = 1
		sub(/\/\*.*/, "", code)
	}
	if (code ~ /\/\//)
		complain("comments are written /* so */")
	code = " " code
	if (!interposer && match(code, /[^a-zA-Z0-9_](strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|alloca|gets|strncpy|tmpnam|mktemp|setjmp|longjmp)[ \t]*\(/))
		complain("banned function:" substr(code, RSTART, RLENGTH))
	if (inside && !interposer &&
	    match(code, /[^a-zA-Z0-9_>.](printf|fprintf|snprintf|vsnprintf|puts|fputs|fopen|setlocale|asprintf|perror|exit)[ \t]*\(/))
		complain("not inside the user's process:" substr(code, RSTART, RLENGTH))
	if (heapless && !interposer &&
	    match(code, /[^a-zA-Z0-9_>.](malloc|calloc|realloc|free|strdup)[ \t]*\(/))
		complain("a detector has its own heap (common/alloc.h):" substr(code, RSTART, RLENGTH))
	if ((code " ") ~ /[^a-zA-Z0-9_](_Thread_local|__thread)[^a-zA-Z0-9_]/ && $0 !~ /initial-exec/ &&
	    FILENAME ~ /(^|\/)(runtime|detector)\//)
		complain("thread-locals are declared by GD__TLS")
}
END { exit bad }
