/*
 * select.h - wait for one of several channel operations.
 *
 * switch (gd_select(GD_RECV(a, &x), GD_SEND(b, y), GD_AFTER(GD_SECOND))) {
 * case 0: ...   x was received from a
 * case 1: ...   y was sent to b
 * case 2: ...   a second passed
 * }
 * Among the ready cases one is taken at random. A nil channel is never ready.
 * On a goroutine only, also with a default.
 */
#ifndef GDETECT_SELECT_H
#define GDETECT_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gdetect/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gd_case_kind { GD_CASE_RECV, GD_CASE_SEND, GD_CASE_DEFAULT, GD_CASE_AFTER };

struct gd_case {
	enum gd_case_kind kind;
	gd_chan *chan;
	void *elem;    /* RECV: where to, or NULL. SEND: what; only read */
	bool *ok;      /* RECV: false is stored if the channel was closed; may be NULL */
	int64_t after; /* AFTER: nanoseconds from now */
};

#define GD_RECV(c, out)         gd__recv_case(c, out, NULL)
#define GD_RECV_OK(c, out, ok_) gd__recv_case(c, out, ok_)
#define gd__recv_case(c, out, ok_)                                                                 \
	{                                                                                          \
		GD_CASE_RECV, (c).raw, __extension__({                                             \
			GD__STRICT_BEGIN                                                           \
			gd__elem(c) *gd__p = (out);                                                \
			void *gd__q = gd__p;                                                       \
			GD__STRICT_END                                                             \
			gd__q;                                                                     \
		}),                                                                                \
			(ok_), 0                                                                   \
	}
/* v is copied when the cases are evaluated. */
#define GD_SEND(c, v)                                                                              \
	{                                                                                          \
		GD_CASE_SEND, (c).raw, gd__held_copy(c, v), NULL, 0                                \
	}
#ifndef __cplusplus
/* A literal of the enclosing block. The inner statement checks v's type as an assignment does. */
#	define gd__held_copy(c, v)                                                                \
		((gd__elem(c)[1]){ __extension__({                                                 \
			GD__STRICT_BEGIN                                                           \
			gd__elem(c) gd__v = (v);                                                   \
			GD__STRICT_END                                                             \
			gd__v;                                                                     \
		}) })
#endif
/* Taken when no other case is ready; at most one. */
#define GD_DEFAULT                                                                                 \
	{                                                                                          \
		GD_CASE_DEFAULT, NULL, NULL, NULL, 0                                               \
	}
/* Taken when ns nanoseconds have passed and no other case was ready; at most one. */
#define GD_AFTER(ns)                                                                               \
	{                                                                                          \
		GD_CASE_AFTER, NULL, NULL, NULL, (ns)                                              \
	}

/* Runs one select and returns the position of the case taken. With no case it waits for ever.
 * In a goroutine that has called gd_go_recoverable GD_ELEAKED if no case can ever be ready. */
#ifndef __cplusplus
#	define gd_select(...)                                                                     \
		__extension__({                                                                    \
			GD__STRICT_BEGIN                                                           \
			struct gd_case gd__cases[] = { __VA_ARGS__ };                              \
			GD__STRICT_END                                                             \
			gd_select_raw(gd__cases, sizeof(gd__cases) / sizeof(gd__cases[0]));        \
		})
#endif
/* n up to 65535. Parks unless a case is ready or there is a default. */
int gd_select_raw(struct gd_case *cases, size_t n);
/* Waits for ever: what an empty select does. */
void gd_select_none(void) __attribute__((noreturn));

#ifdef __cplusplus
}

/* C++ has no literals that outlive their expression: there the cases are one argument. */
extern "C++" {
template <class T> struct gd__copy {
	T v;
	void *at() const
	{
		return const_cast<T *>(&v);
	}
};
template <size_t n> inline int gd__select_list(const gd_case (&cases)[n])
{
	return gd_select_raw(const_cast<gd_case *>(cases), n);
}
}
#	define gd__held_copy(c, v) (gd__copy<gd__elem(c)>{ (v) }.at())
#	define gd_select(...)      gd__select_list({ __VA_ARGS__ })
#endif
#endif
