/* fmt.c - the formatter; see fmt.h for what it understands. */
#include "runtime/base/fmt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/os_linux.h"

void gd__out_init(struct gd__out *o, char *buf, size_t cap, int fd)
{
	*o = (struct gd__out){ .buf = buf, .cap = cap, .fd = fd };
	if (cap > 0)
		buf[0] = '\0';
}

void gd__out_flush(struct gd__out *o)
{
	if (o->fd >= 0) {
		if (o->patience_ns == 0)
			gd__os_write(o->fd, o->buf, o->len);
		else if (!o->stuck)
			o->stuck = gd__os_write_within(o->fd, o->buf, o->len, o->patience_ns) ==
				   -ETIMEDOUT;
		o->len = 0;
	}
	if (o->cap > 0)
		o->buf[o->len] = '\0';
}

void gd__out_bytes(struct gd__out *o, const char *s, size_t n)
{
	while (n > 0) {
		size_t room = o->cap > o->len + 1 ? o->cap - o->len - 1 : 0;
		size_t part = n < room ? n : room;

		memcpy(o->buf + o->len, s, part);
		o->len += part;
		s += part;
		n -= part;
		if (n == 0)
			return;
		if (o->fd < 0 || o->cap < 2)
			return; /* cut */
		gd__out_flush(o);
	}
}

void gd__out_str(struct gd__out *o, const char *s)
{
	gd__out_bytes(o, s, strlen(s));
}

struct spec {
	bool left, zero;
	int width, precision;
	char length; /* 'l' for 64 bit */
};

static void pad(struct gd__out *o, char c, int n)
{
	for (; n > 0; n--)
		gd__out_bytes(o, &c, 1);
}

static void put_field(struct gd__out *o, const struct spec *s, const char *text, size_t n)
{
	int fill = s->width - (int)n;

	if (!s->left)
		pad(o, ' ', fill);
	gd__out_bytes(o, text, n);
	if (s->left)
		pad(o, ' ', fill);
}

static void put_number(struct gd__out *o, const struct spec *s, uint64_t v, unsigned base,
		       const char *sign)
{
	char digits[24];
	size_t n = 0, head = strlen(sign);

	do
		digits[sizeof(digits) - ++n] = "0123456789abcdef"[v % base];
	while ((v /= base) != 0);
	if (s->zero && !s->left) {
		gd__out_str(o, sign);
		pad(o, '0', s->width - (int)(n + head));
		gd__out_bytes(o, digits + sizeof(digits) - n, n);
		return;
	}
	for (; head > 0; head--)
		digits[sizeof(digits) - ++n] = sign[head - 1];
	put_field(o, s, digits + sizeof(digits) - n, n);
}

static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else
			break;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + (*f - '0');
	if (f[0] == '.' && f[1] == '*') {
		s->precision = va_arg(*ap, int);
		f += 2;
	}
	for (; *f == 'l' || *f == 'z'; f++)
		s->length = 'l';
	return f;
}

static void put_one(struct gd__out *o, char conversion, const struct spec *s, va_list *ap)
{
	switch (conversion) {
	case 'd':
	case 'i': {
		int64_t v = s->length ? va_arg(*ap, int64_t) : va_arg(*ap, int);

		put_number(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0 ? "-" : "");
		break;
	}
	case 'u':
		put_number(o, s, s->length ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned), 10, "");
		break;
	case 'x':
		put_number(o, s, s->length ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned), 16, "");
		break;
	case 'p':
		put_number(o, s, (uintptr_t)va_arg(*ap, void *), 16, "0x");
		break;
	case 'c': {
		char c = (char)va_arg(*ap, int);

		put_field(o, s, &c, 1);
		break;
	}
	case 's': {
		const char *t = va_arg(*ap, const char *);

		if (!t)
			t = "(null)";
		put_field(o, s, t,
			  s->precision >= 0 ? strnlen(t, (size_t)s->precision) : strlen(t));
		break;
	}
	default:
		gd__out_bytes(o, &conversion, 1);
	}
}

void gd__out_vfmt(struct gd__out *o, const char *fmt, va_list args)
{
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		const char *plain = fmt;
		struct spec s;

		while (*fmt && *fmt != '%')
			fmt++;
		gd__out_bytes(o, plain, (size_t)(fmt - plain));
		if (!*fmt)
			break;
		fmt = parse_spec(fmt + 1, &s, &ap);
		if (!*fmt)
			break;
		put_one(o, *fmt++, &s, &ap);
	}
	va_end(ap);
	if (o->fd < 0 && o->cap > 0)
		o->buf[o->len] = '\0';
}

void gd__out_fmt(struct gd__out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	gd__out_vfmt(o, fmt, ap);
	va_end(ap);
}

size_t gd__fmt(char *buf, size_t n, const char *fmt, ...)
{
	struct gd__out o;
	va_list ap;

	gd__out_init(&o, buf, n, -1);
	va_start(ap, fmt);
	gd__out_vfmt(&o, fmt, ap);
	va_end(ap);
	return o.len;
}
