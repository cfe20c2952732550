/*
 * memo.c - walks and texts that are used again within a dump.
 *
 * In both tables an answer may be in one of four neighbours. A new text takes them in turn; a new
 * walk does so when none is empty.
 *
 * A walk depends on the saved pc, sp and frame pointer, on the return addresses, and on the
 * frame pointers that were saved on the way. These are compared; what points into the stack
 * counts by its distance from the stack's end. A frame whose size hangs on yet another register
 * (one that aligns its stack) does so by the alignment, which is a part of the key.
 */
#include "runtime/inspect/memo.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/arch/ctx.h"
#include "runtime/arch/regs.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/traceback.h"
#include "runtime/inspect/unwind.h"

#define TEXTS     256u
#define TEXT_MAX  3072u
#define WALKS     256u
#define WAYS      4u /* entries that an answer may be in */
#define ALIGNMENT 64u
/* The code at the start of every goroutine is shorter. */
#define START_BYTES 64u

struct text {
	gd__memo_render *render; /* NULL: empty */
	size_t n;
	uintptr_t pcs[GD__FRAMES_MAX];
	char text[TEXT_MAX];
};

/* Distances are from the end of the stack; 0: not in the stack. */
struct walk {
	uint64_t pc, sp, fp;
	uint64_t alignment;
	size_t n; /* 0: empty */
	uintptr_t pcs[GD__FRAMES_MAX];
	struct link {
		uint64_t return_at, return_to; /* where the return address lies, and as it is */
		uint64_t fp_at, fp;            /* where the frame pointer was saved, and it */
	} link[GD__FRAMES_MAX];                /* [i] leads to frame i; [0] is not used */
};

struct gd__memo {
	size_t turn; /* answers kept so far */
	struct gd__unwind_log log;
	struct walk walks[WALKS];
	struct text texts[TEXTS];
};

struct gd__memo *gd__memo_make(void)
{
	return gd__os_map(sizeof(struct gd__memo));
}

void gd__memo_free(struct gd__memo *memo)
{
	if (memo)
		gd__os_unmap(memo, sizeof(*memo));
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t hash_of(gd__memo_render *render, const uintptr_t *pcs, size_t n)
{
	uint64_t h = mix(n, (uintptr_t)render);

	for (size_t i = 0; i < n; i++)
		h = mix(h, pcs[i]);
	return h;
}

/* Valid until the next call; NULL: not kept, as it is too long. */
static const char *text_of(struct gd__memo *memo, gd__memo_render *render, const uintptr_t *pcs,
			   size_t n)
{
	uint64_t h = hash_of(render, pcs, n);
	struct text *t;
	struct gd__out o;

	for (size_t way = 0; way < WAYS; way++) {
		t = &memo->texts[(h + way) % TEXTS];
		if (t->render == render && t->n == n && memcmp(t->pcs, pcs, n * sizeof(*pcs)) == 0)
			return t->text;
	}
	t = &memo->texts[(h + memo->turn++ % WAYS) % TEXTS];
	gd__out_init(&o, t->text, sizeof(t->text), -1);
	render(&o, pcs, n);
	gd__out_flush(&o);
	t->render = o.len + 1 < sizeof(t->text) ? render : NULL; /* else it was cut */
	t->n = n;
	memcpy(t->pcs, pcs, n * sizeof(*pcs));
	return t->render ? t->text : NULL;
}

void gd__memo_print(struct gd__memo *memo, struct gd__out *out, gd__memo_render *render,
		    const uintptr_t *pcs, size_t n)
{
	const char *text = memo && n <= GD__FRAMES_MAX ? text_of(memo, render, pcs, n) : NULL;

	if (text)
		gd__out_str(out, text);
	else
		render(out, pcs, n);
}

/* How far at lies below the end of the stack in use; 0: no whole word of it is there. */
static uint64_t distance(const struct gd__memo_start *s, uint64_t at)
{
	return at >= s->sp && at <= s->hi - sizeof(uint64_t) && at % sizeof(uint64_t) == 0
		       ? s->hi - at
		       : 0;
}

static uint64_t word(const struct gd__memo_start *s, uint64_t distance)
{
	return *(const uint64_t *)(uintptr_t)(s->hi - distance);
}

static bool is_usable(const struct gd__memo_start *s)
{
	return s->sp < s->hi && s->hi - s->sp >= sizeof(uint64_t);
}

static uint64_t hash_of_start(const struct gd__memo_start *s)
{
	return mix(mix(s->pc, s->hi - s->sp), s->hi % ALIGNMENT);
}

/* Everything that w followed is the same from s. */
static bool leads_to(const struct gd__memo_start *s, const struct walk *w)
{
	if (w->n == 0 || w->pc != s->pc || w->sp != s->hi - s->sp ||
	    w->alignment != s->hi % ALIGNMENT || w->fp != distance(s, s->fp))
		return false;
	for (size_t i = 1; i < w->n; i++) {
		const struct link *l = &w->link[i];

		if (word(s, l->return_at) != l->return_to)
			return false;
		if (l->fp_at != 0 && distance(s, word(s, l->fp_at)) != l->fp)
			return false;
	}
	return true;
}

size_t gd__memo_find_walk(const struct gd__memo *memo, const struct gd__memo_start *s,
			  uintptr_t *pcs)
{
	if (memo == NULL || !is_usable(s))
		return 0;
	uint64_t h = hash_of_start(s);

	for (size_t way = 0; way < WAYS; way++) {
		const struct walk *w = &memo->walks[(h + way) % WALKS];

		if (leads_to(s, w)) {
			memcpy(pcs, w->pcs, w->n * sizeof(*pcs));
			return w->n;
		}
	}
	return 0;
}

struct gd__unwind_log *gd__memo_log(struct gd__memo *memo)
{
	if (memo)
		memo->log.n = 0;
	return memo ? &memo->log : NULL;
}

/* Where the return address pc lies: below the caller's frame, or above the saved frame pointer. */
static uint64_t find_return(const struct gd__memo_start *s, uint64_t frame_sp, uint64_t fp_at,
			    uintptr_t pc)
{
	const uint64_t candidates[] = { frame_sp - sizeof(uint64_t), fp_at + sizeof(uint64_t) };

	for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
		uint64_t at = distance(s, candidates[i]);

		if (at != 0 && gd__code_address(word(s, at)) == pc)
			return at;
	}
	return 0;
}

static struct walk *walk_to_replace(struct gd__memo *memo, uint64_t h)
{
	for (size_t way = 0; way < WAYS; way++)
		if (memo->walks[(h + way) % WALKS].n == 0)
			return &memo->walks[(h + way) % WALKS];
	return &memo->walks[(h + memo->turn++ % WAYS) % WALKS];
}

void gd__memo_keep_walk(struct gd__memo *memo, const struct gd__memo_start *s, const uintptr_t *pcs,
			size_t n)
{
	if (memo == NULL || !is_usable(s) || n == 0 || memo->log.n != n ||
	    pcs[n - 1] - (uintptr_t)gd__ctx_start >= START_BYTES)
		return;
	struct walk *w = walk_to_replace(memo, hash_of_start(s));

	w->n = 0;
	for (size_t i = 1; i < n; i++) {
		struct link *l = &w->link[i];
		uint64_t fp_at = memo->log.frame[i].fp_at;

		l->return_at = find_return(s, memo->log.frame[i].sp, fp_at, pcs[i]);
		if (l->return_at == 0)
			return;
		l->return_to = word(s, l->return_at);
		l->fp_at = distance(s, fp_at);
		l->fp = distance(s, memo->log.frame[i].fp);
	}
	w->pc = s->pc;
	w->sp = s->hi - s->sp;
	w->alignment = s->hi % ALIGNMENT;
	w->fp = distance(s, s->fp);
	memcpy(w->pcs, pcs, n * sizeof(*pcs));
	w->n = n;
}
