/* ignore.c - symbols of a group of leaks, for suppressions and fingerprints. */
#include "detector/leak/ignore.h"

#include "detector/common/suppress.h"

/* Static: symbols take 30 KiB. One caller at a time. */
static struct {
	struct gd__symbol symbol[GD__FRAMES_MAX];
	struct gd__suppress_frame frame[GD__FRAMES_MAX];
	struct gd__fp_frame name[GD__FRAMES_MAX];
	size_t n;
} frames;

static const char *known(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* The user's frames, with those that were inlined. */
static void symbolize(const uintptr_t *pcs, size_t n)
{
	frames.n = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t depth = 0; frames.n < GD__FRAMES_MAX; depth++) {
			struct gd__symbol *s = &frames.symbol[frames.n];

			if (!gd__symbolize(pcs[i], true, depth, s))
				break;
			if (s->ours)
				continue;
			frames.frame[frames.n] =
				(struct gd__suppress_frame){ known(s->function), known(s->file),
							     known(s->module) };
			frames.name[frames.n] = (struct gd__fp_frame){ s->module, s->function };
			frames.n++;
		}
	}
}

bool gd__leak_ignored(const struct gd__leak_group *g, const struct gd__leak *l,
		      char fingerprint[GD__FINGERPRINT_LEN])
{
	static struct gd__symbol by; /* as frames */
	struct gd__suppress_frame creator = { NULL, NULL, NULL };

	symbolize(g->pcs, g->npcs);
	if (l->g.ncreate > 0 && gd__symbolize(l->g.create_pc[0], true, 0, &by))
		creator = (struct gd__suppress_frame){ known(by.function), known(by.file),
						       known(by.module) };
	gd__fingerprint(fingerprint, "leak", gd__wait_text(l->g.reason), frames.name, frames.n,
			creator.function);
	return gd__suppress_leak(gd__suppressions_of_process(), frames.frame, frames.n,
				 creator.function ? &creator : NULL) != NULL;
}
