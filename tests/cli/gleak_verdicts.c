/* gleak_verdicts.c - "ID VERDICT EVIDENCE" for each goroutine in a report of gleak's; 1 if the
 * check did not run or was not complete. */
#include <jansson.h>
#include <stdio.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "?";
}

int main(int argc, char **argv)
{
	json_error_t e;
	json_t *root = argc == 2 ? json_load_file(argv[1], 0, &e) : NULL;
	const json_t *leak, *g;
	size_t i, k;

	if (!root || !json_is_true(json_object_get(root, "ran")) ||
	    !json_is_true(json_object_get(root, "complete"))) {
		printf("%s\n", root ? text(root, "why") : "no JSON");
		return 1;
	}
	json_array_foreach(json_object_get(root, "leaks"), i,
			   leak) json_array_foreach(json_object_get(leak, "goroutines"), k, g)
		printf("%lld %s %s\n", (long long)json_integer_value(json_object_get(g, "id")),
		       text(leak, "verdict"), text(leak, "evidence"));
	json_decref(root);
	return 0;
}
