/* link: gdetect_detect gdetect */
/* Fingerprints: known values of the hash, what must and what must not change them. */
#include "detector/common/fingerprint.h"
#include "tests/support/unit.h"

static const struct gd__fp_frame frames[] = { { "/usr/bin/app", "send_result" },
					      { "/usr/bin/app", "worker" },
					      { "libfoo.so.1", "call" } };

static const char *print(const struct gd__fp_frame *f, size_t n, const char *creator)
{
	static char out[4][GD__FINGERPRINT_LEN];
	static unsigned next;
	char *o = out[next++ % 4];

	CHECK(gd__fingerprint(o, "leak", "chan send", f, n, creator));
	return o;
}

CASE(form)
{
	const char *s = print(frames, 3, "main_start");

	CHECK_EQ(strlen(s), 36);
	CHECK_EQ(strncmp(s, "gd1:", 4), 0);
	CHECK_EQ(strspn(s + 4, "0123456789abcdef"), 32);
}

/*
 * Baselines outlive versions: this value may change only together with "gd1:". It is what
 * sha256sum says of the same bytes (8-byte big-endian lengths before each text).
 */
CASE(value_is_fixed)
{
	CHECK_STR(print(frames, 3, "main_start"), "gd1:65c542ea5482f6353e513661aa4a4f3d");
}

CASE(noise_does_not_count)
{
	static const struct gd__fp_frame noisy[] = { { "app", "send_result.isra.0" },
						     { "/opt/x/app", "worker.part.3.cold" },
						     { "/lib/libfoo.so.1", "call.constprop.12" } };

	CHECK_STR(print(noisy, 3, "main_start.lto_priv.4"), print(frames, 3, "main_start"));
}

CASE(parts_count)
{
	static const struct gd__fp_frame other[] = { { "app", "send_resul" },
						     { "app", "tworker" },
						     { "libfoo.so.1", "call" } };
	char wait[GD__FINGERPRINT_LEN], kind[GD__FINGERPRINT_LEN];
	const char *base = print(frames, 3, "main_start");

	CHECK(gd__fingerprint(wait, "leak", "chan receive", frames, 3, "main_start"));
	CHECK(gd__fingerprint(kind, "race", "chan send", frames, 3, "main_start"));
	CHECK(strcmp(base, wait) != 0);
	CHECK(strcmp(base, kind) != 0);
	CHECK(strcmp(base, print(frames, 2, "main_start")) != 0);
	CHECK(strcmp(base, print(frames, 3, "main_star")) != 0);
	CHECK(strcmp(base, print(other, 3, "main_start")) != 0);
}

CASE(nothing_known_has_no_fingerprint)
{
	static const struct gd__fp_frame unknown[] = { { "app", "" }, { "app", NULL } };
	char out[GD__FINGERPRINT_LEN] = "x";

	CHECK(!gd__fingerprint(out, "leak", "chan send", unknown, 2, NULL));
	CHECK_STR(out, "");
	CHECK(!gd__fingerprint(out, "leak", "chan send", NULL, 0, ""));
	CHECK(gd__fingerprint(out, "leak", "chan send", unknown, 2, "main_start"));
}

CASE(function_stems)
{
	CHECK_EQ(gd__function_stem("f"), 1);
	CHECK_EQ(gd__function_stem("f.cold"), 1);
	CHECK_EQ(gd__function_stem("f.isra.0.cold"), 1);
	CHECK_EQ(gd__function_stem("f.partial"), 9);
	CHECK_EQ(gd__function_stem(".cold"), 5);
	CHECK_EQ(gd__function_stem(""), 0);
	CHECK_EQ(gd__function_stem("ns.f.part.1"), 4);
}

/* Both sides of a block border of the hash. */
CASE(all_lengths_differ)
{
	static char seen[200][GD__FINGERPRINT_LEN];
	char name[201] = "";

	for (size_t n = 0; n < 200; n++) {
		struct gd__fp_frame f = { "m", name };

		name[n] = 'a';
		memcpy(seen[n], print(&f, 1, NULL), sizeof(seen[n]));
		for (size_t i = 0; i < n; i++)
			CHECK(strcmp(seen[i], seen[n]) != 0);
	}
}

UNIT_MAIN
