/* json.c - writes JSON as it comes. */
#include "tools/util/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

void json_init(struct json *j, FILE *f)
{
	*j = (struct json){ .f = f };
}

/* Length of the valid UTF-8 sequence at s, 0 if there is none. */
static size_t sequence(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = s[0] & (0x7fu >> n);

	if (n < 2)
		return n;
	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

static void put_text(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', f);
	while (*s) {
		size_t n = sequence(s);

		if (n == 0) {
			fputs("\\ufffd", f);
			s++;
			continue;
		}
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(f, "\\u%04x", *s);
		else
			fwrite(s, 1, n, f);
		s += n;
	}
	fputc('"', f);
}

static void indent(struct json *j)
{
	fputc('\n', j->f);
	for (unsigned i = 0; i < j->depth; i++)
		fputs("  ", j->f);
}

static void begin_value(struct json *j, const char *key)
{
	if (j->any[j->depth])
		fputc(',', j->f);
	j->any[j->depth] = true;
	if (j->depth > 0)
		indent(j);
	if (key) {
		put_text(j->f, key);
		fputs(": ", j->f);
	}
}

static void open_level(struct json *j, const char *key, char bracket)
{
	begin_value(j, key);
	fputc(bracket, j->f);
	j->depth++;
	assert(j->depth < JSON_DEPTH);
	j->any[j->depth] = false;
}

static void close_level(struct json *j, char bracket)
{
	bool any = j->any[j->depth];

	assert(j->depth > 0);
	j->depth--;
	if (any)
		indent(j);
	fputc(bracket, j->f);
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void json_end_object(struct json *j)
{
	close_level(j, '}');
}

void json_end_array(struct json *j)
{
	close_level(j, ']');
}

void json_text(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	put_text(j->f, value);
}

void json_int(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	fprintf(j->f, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin_value(j, key);
	fputs(value ? "true" : "false", j->f);
}

void json_hex(struct json *j, const char *key, uint64_t value)
{
	begin_value(j, key);
	fprintf(j->f, "\"0x%" PRIx64 "\"", value);
}

void json_finish(struct json *j)
{
	assert(j->depth == 0);
	fputc('\n', j->f);
}
