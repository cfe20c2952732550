/* report.c - the words for verdicts and evidence. */
#include "detector/common/report.h"

const char *gd__verdict_text(enum gd__verdict v)
{
	switch (v) {
	case GD__VERDICT_PROVEN:
		return "proven";
	case GD__VERDICT_OWNER_STUCK:
		return "owner-stuck";
	case GD__VERDICT_ALIVE_AT_END:
		return "alive-at-end";
	case GD__VERDICT_SUSPECT:
		return "suspect";
	}
	return "unknown verdict";
}

const char *gd__evidence_text(enum gd__evidence e)
{
	switch (e) {
	case GD__EVIDENCE_NONE:
		return "no evidence was gathered";
	case GD__EVIDENCE_NIL:
		return "it waits for nothing that exists (nil channel or empty select)";
	case GD__EVIDENCE_UNREACHABLE:
		return "nothing that can still run reaches what it waits for";
	case GD__EVIDENCE_CYCLE:
		return "the owners of the locks wait for each other in a cycle";
	case GD__EVIDENCE_DROPPED:
		return "the last reference to the channel was dropped while it waited";
	case GD__EVIDENCE_OWNER:
		return "what it waits for is held by a goroutine that is itself stuck";
	case GD__EVIDENCE_DEAD_OWNER:
		return "what it waits for is held by a goroutine that has ended";
	case GD__EVIDENCE_ALIVE:
		return "it is still there at the end";
	}
	return "unknown evidence";
}

const char *gd__evidence_word(enum gd__evidence e)
{
	static const char *const words[] = {
		[GD__EVIDENCE_NONE] = "none",
		[GD__EVIDENCE_NIL] = "nil",
		[GD__EVIDENCE_UNREACHABLE] = "unreachable",
		[GD__EVIDENCE_CYCLE] = "cycle",
		[GD__EVIDENCE_DROPPED] = "dropped",
		[GD__EVIDENCE_OWNER] = "owner",
		[GD__EVIDENCE_DEAD_OWNER] = "dead-owner",
		[GD__EVIDENCE_ALIVE] = "alive",
	};

	return (size_t)e < sizeof(words) / sizeof(words[0]) ? words[e] : "unknown";
}
