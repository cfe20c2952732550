/* pool.c - memory of one run of a command. */
#include "tools/util/pool.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)256 * 1024)

struct pool_chunk {
	struct pool_chunk *next;
	_Alignas(16) char data[];
};

void (*pool_exhausted)(void) __attribute__((noreturn)) = abort;

static void grow(struct pool *p, size_t n)
{
	size_t size = n > CHUNK ? n : CHUNK;
	struct pool_chunk *c = size < (size_t)-1 / 2 ? calloc(1, sizeof(*c) + size) : NULL;

	if (!c)
		pool_exhausted();
	c->next = p->chunks;
	p->chunks = c;
	p->at = c->data;
	p->end = c->data + size;
}

void *pool_get(struct pool *p, size_t n)
{
	if (n > (size_t)-1 / 2)
		pool_exhausted();
	n = (n + 15) & ~(size_t)15;
	if (n > (size_t)(p->end - p->at))
		grow(p, n);

	void *piece = p->at;

	p->at += n;
	return piece;
}

void *pool_array(struct pool *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		pool_exhausted();
	return pool_get(p, bytes);
}

char *pool_text(struct pool *p, const char *text)
{
	size_t n = strlen(text) + 1;

	return memcpy(pool_get(p, n), text, n);
}

void pool_release(struct pool *p)
{
	while (p->chunks) {
		struct pool_chunk *next = p->chunks->next;

		free(p->chunks);
		p->chunks = next;
	}
	*p = (struct pool){ 0 };
}
