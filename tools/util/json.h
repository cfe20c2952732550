/*
 * json.h - writes JSON as it comes, without a tree.
 *
 * Text that is not UTF-8 gets U+FFFD for the bad bytes. A key of NULL is for
 * the elements of arrays.
 */
#ifndef GD_TOOLS_UTIL_JSON_H
#define GD_TOOLS_UTIL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32

struct json {
	FILE *f;
	unsigned depth;
	bool any[JSON_DEPTH]; /* the object or array of that depth has a member */
};

void json_init(struct json *j, FILE *f);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_end_array(struct json *j);
void json_text(struct json *j, const char *key, const char *value);
void json_int(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
/* "0x1f": readers of JSON may not keep 64 bits. */
void json_hex(struct json *j, const char *key, uint64_t value);
/* The newline at the end of the file. */
void json_finish(struct json *j);

#endif
