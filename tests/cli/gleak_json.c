/*
 * gleak_json.c - checks a report against the schema "gdetect-report/1" with a strict reader:
 * gleak_json FILE. Prints a line per finding; exits with 1 and says why if it does not fit.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("bad: %s\n", what);
	exit(1);
}

static const char *text(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	need(json_is_string(v) && json_string_length(v) > 0, key);
	return json_string_value(v);
}

static json_t *array(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	need(json_is_array(v), key);
	return v;
}

static void check_hex(json_t *o, const char *key)
{
	const char *s = text(o, key);

	need(strncmp(s, "0x", 2) == 0 && strspn(s + 2, "0123456789abcdef") == strlen(s + 2), key);
}

static void check_frames(json_t *frames)
{
	json_t *f;
	size_t i;

	json_array_foreach(frames, i, f)
	{
		check_hex(f, "offset");
		text(f, "module");
		if (json_object_get(f, "line"))
			need(json_integer_value(json_object_get(f, "line")) > 0, "line");
	}
}

static void check_goroutine(json_t *g)
{
	json_t *w = json_object_get(g, "waits_for");

	need(json_is_integer(json_object_get(g, "id")), "id");
	need(json_is_integer(json_object_get(g, "age_seconds")), "age_seconds");
	need(json_is_integer(json_object_get(g, "retained_bytes")), "retained_bytes");
	check_frames(array(g, "stack"));
	if (w) {
		text(w, "kind");
		check_hex(w, "addr");
	}
}

int main(int argc, char **argv)
{
	json_error_t e;
	json_t *r = argc == 2 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &e) : NULL;
	json_t *leak, *g;
	size_t i, k;

	if (!r) {
		printf("bad: line %d: %s\n", e.line, e.text);
		return 1;
	}
	need(strcmp(text(r, "schema"), "gdetect-report/1") == 0, "schema");
	need(json_is_boolean(json_object_get(r, "complete")), "complete");
	array(r, "races");
	array(r, "notes");
	json_array_foreach(array(r, "leaks"), i, leak)
	{
		json_t *members = array(leak, "goroutines");

		need(json_integer_value(json_object_get(leak, "count")) ==
			     (json_int_t)json_array_size(members),
		     "count");
		json_array_foreach(members, k, g) check_goroutine(g);
		g = json_array_get(members, 0);
		printf("%s %s [%s] x%zu in %s by %s cap=%d %s\n", text(leak, "verdict"),
		       text(leak, "evidence"), text(leak, "wait"), json_array_size(members),
		       text(json_array_get(array(g, "stack"), 0), "function"),
		       text(json_object_get(g, "created_by"), "function"),
		       (int)json_integer_value(
			       json_object_get(json_object_get(g, "waits_for"), "cap")),
		       text(leak, "fingerprint"));
	}
	printf("complete=%d\n", json_is_true(json_object_get(r, "complete")));
	json_decref(r);
	return 0;
}
