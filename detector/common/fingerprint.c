/* fingerprint.c - SHA-256 over length-prefixed strings. */
#include "detector/common/fingerprint.h"

#include <string.h>

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static const uint32_t initial[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

static void compress(uint32_t state[8], const uint8_t block[64])
{
	uint32_t w[64], s[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(s, state, sizeof(s));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
			      ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
		uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
			      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += s[i];
}

static void feed(struct gd__fp *f, const void *data, size_t n)
{
	for (const uint8_t *p = data; n > 0; p++, n--) {
		f->block[f->bytes++ % 64] = *p;
		if (f->bytes % 64 == 0)
			compress(f->state, f->block);
	}
}

static void feed_number(struct gd__fp *f, uint64_t v)
{
	uint8_t b[8];

	for (unsigned i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (56 - 8 * i));
	feed(f, b, sizeof(b));
}

/* The length goes first, so that "ab" "c" and "a" "bc" differ. */
static void feed_text(struct gd__fp *f, const char *s, size_t n)
{
	feed_number(f, n);
	feed(f, s, n);
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s != NULL && s[n] != '\0')
		n++;
	return n;
}

size_t gd__function_stem(const char *function)
{
	static const char *const suffix[] = { "cold",      "isra",     "part",
					      "constprop", "lto_priv", "llvm" };

	for (size_t at = 1; function[0] != '\0' && function[at] != '\0'; at++) {
		if (function[at] != '.')
			continue;
		for (size_t i = 0; i < sizeof(suffix) / sizeof(*suffix); i++) {
			size_t n = length(suffix[i]);
			const char *end = function + at + 1;

			if (strncmp(end, suffix[i], n) == 0 && (end[n] == '\0' || end[n] == '.'))
				return at;
		}
	}
	return length(function);
}

void gd__fp_begin(struct gd__fp *f, const char *kind, const char *wait)
{
	f->bytes = 0;
	f->named = false;
	memcpy(f->state, initial, sizeof(f->state));
	feed_text(f, kind, length(kind));
	feed_text(f, wait, length(wait));
}

static void feed_function(struct gd__fp *f, const char *function)
{
	size_t n = function == NULL ? 0 : gd__function_stem(function);

	feed_text(f, function, n);
	f->named |= n > 0;
}

void gd__fp_stack(struct gd__fp *f, const struct gd__fp_frame *frames, size_t n,
		  const char *creator)
{
	feed_number(f, n);
	for (size_t i = 0; i < n; i++) {
		const char *module = frames[i].module;

		for (const char *p = module; p != NULL && *p != '\0'; p++)
			if (*p == '/')
				module = p + 1;
		feed_text(f, module ? module : "", length(module));
		feed_function(f, frames[i].function);
	}
	feed_function(f, creator);
}

bool gd__fp_end(struct gd__fp *f, char out[GD__FINGERPRINT_LEN])
{
	static const uint8_t padding[64] = { 0x80 };
	static const char digit[] = "0123456789abcdef";
	uint64_t bits = f->bytes * 8;

	out[0] = '\0';
	if (!f->named)
		return false;
	feed(f, padding, 1 + (119 - f->bytes % 64) % 64);
	feed_number(f, bits);
	memcpy(out, "gd1:", 4);
	for (unsigned i = 0; i < 32; i++)
		out[4 + i] = digit[f->state[i / 8] >> (28 - 4 * (i % 8)) & 0xf];
	out[36] = '\0';
	return true;
}

bool gd__fingerprint(char out[GD__FINGERPRINT_LEN], const char *kind, const char *wait,
		     const struct gd__fp_frame *frames, size_t n, const char *creator)
{
	struct gd__fp f;

	gd__fp_begin(&f, kind, wait);
	gd__fp_stack(&f, frames, n, creator);
	return gd__fp_end(&f, out);
}
