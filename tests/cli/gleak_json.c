/*
 * gleak_json.c - checks gleak's JSON against its schema in docs/schema: gleak_json FILE, with
 * GD_SRC in the environment. Prints a line per finding; exits with 1 and says why if it does not
 * fit.
 *
 * Knows of JSON Schema what those files use: type, enum, pattern, properties, required,
 * additionalProperties false, items, $ref into $defs. Anything else in a schema is an error.
 */
#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *root; /* of the schema */

static void bad(const char *where, const char *what)
{
	printf("bad: %s: %s\n", where, what);
	exit(1);
}

static int has_type(const json_t *v, const char *type)
{
	return (strcmp(type, "object") == 0 && json_is_object(v)) ||
	       (strcmp(type, "array") == 0 && json_is_array(v)) ||
	       (strcmp(type, "string") == 0 && json_is_string(v)) ||
	       (strcmp(type, "integer") == 0 && json_is_integer(v)) ||
	       (strcmp(type, "boolean") == 0 && json_is_boolean(v));
}

static const json_t *resolve(const json_t *schema, const char *where)
{
	static const char prefix[] = "#/$defs/";
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	const json_t *found;

	if (!ref)
		return schema;
	found = strncmp(ref, prefix, sizeof(prefix) - 1) == 0
			? json_object_get(json_object_get(root, "$defs"), ref + sizeof(prefix) - 1)
			: NULL;
	if (!found)
		bad(where, ref);
	return found;
}

static void check_words(const json_t *schema)
{
	static const char *const known[] = { "$schema",  "$defs",       "$ref",
					     "title",    "type",        "enum",
					     "pattern",  "properties",  "items",
					     "required", "description", "additionalProperties" };
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)schema, key, v)
	{
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], key) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			bad("schema", key);
	}
}

static void check(const json_t *v, const json_t *schema, const char *where);

static void check_object(const json_t *v, const json_t *schema, const char *where)
{
	json_t *properties = json_object_get(schema, "properties");
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, member)
	{
		if (!json_object_get(v, json_string_value(member)))
			bad(where, json_string_value(member));
	}
	json_object_foreach((json_t *)v, key, member)
	{
		if (!json_object_get(properties, key))
			bad(where, key);
		check(member, json_object_get(properties, key), key);
	}
}

static void check_text(const char *text, const json_t *schema, const char *where)
{
	const char *pattern = json_string_value(json_object_get(schema, "pattern"));
	const json_t *words = json_object_get(schema, "enum"), *word;
	regex_t r;
	size_t i;

	if (pattern && (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0 ||
			regexec(&r, text, 0, NULL, 0) != 0))
		bad(where, text);
	if (pattern)
		regfree(&r);
	json_array_foreach(words, i, word)
	{
		if (strcmp(text, json_string_value(word)) == 0)
			return;
	}
	if (words)
		bad(where, text);
}

static void check(const json_t *v, const json_t *schema, const char *where)
{
	const char *type;
	json_t *item;
	size_t i;

	schema = resolve(schema, where);
	check_words(schema);
	type = json_string_value(json_object_get(schema, "type"));
	if (type && !has_type(v, type))
		bad(where, type);
	if (json_object_get(schema, "enum") && !json_is_string(v))
		bad(where, "no text");
	if (json_is_object(v))
		check_object(v, schema, where);
	if (json_is_string(v))
		check_text(json_string_value(v), schema, where);
	json_array_foreach(v, i, item) check(item, json_object_get(schema, "items"), where);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "?";
}

static void print_report(const json_t *r)
{
	json_t *leak;
	size_t i;

	json_array_foreach(json_object_get(r, "leaks"), i, leak)
	{
		json_t *members = json_object_get(leak, "goroutines");
		json_t *g = json_array_get(members, 0);

		if (json_integer_value(json_object_get(leak, "count")) !=
		    (json_int_t)json_array_size(members))
			bad("leaks", "count");
		printf("%s %s [%s] x%zu in %s by %s cap=%d %s\n", text(leak, "verdict"),
		       text(leak, "evidence"), text(leak, "wait"), json_array_size(members),
		       text(json_array_get(json_object_get(g, "stack"), 0), "function"),
		       text(json_object_get(g, "created_by"), "function"),
		       (int)json_integer_value(
			       json_object_get(json_object_get(g, "waits_for"), "cap")),
		       text(leak, "fingerprint"));
	}
}

/* "id answer root steps" */
static void print_why(const json_t *r)
{
	json_t *g;
	size_t i;

	json_array_foreach(json_object_get(r, "goroutines"), i, g)
	{
		json_t *path = json_object_get(g, "path");

		printf("%d %s %s %zu\n", (int)json_integer_value(json_object_get(g, "id")),
		       text(g, "answer"), text(json_array_get(path, 0), "kind"),
		       json_array_size(path));
	}
}

static json_t *load(const char *path)
{
	json_error_t e;
	json_t *r = json_load_file(path, JSON_REJECT_DUPLICATES, &e);

	if (!r) {
		printf("bad: %s, line %d: %s\n", path, e.line, e.text);
		exit(1);
	}
	return r;
}

int main(int argc, char **argv)
{
	const char *src = getenv("GD_SRC");
	char path[4096], *slash;
	json_t *r;

	if (argc != 2 || !src)
		return 2;
	r = load(argv[1]);
	snprintf(path, sizeof(path), "%s/docs/schema/%s", src, text(r, "schema"));
	slash = strrchr(path, '/');
	*slash = '-';
	strncat(path, ".json", sizeof(path) - strlen(path) - 1);
	root = load(path);
	check(r, root, "report");
	if (json_object_get(r, "leaks"))
		print_report(r);
	else
		print_why(r);
	printf("complete=%d\n", json_is_true(json_object_get(r, "complete")));
	return 0;
}
