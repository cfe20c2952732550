/*
 * image_core_unpack.c - opens a core, unpacking it if it is compressed.
 *
 * systemd-coredump stores .zst. The unpacked file has no name and goes away
 * with its descriptor; pages of zeros become holes again.
 */
#include "detector/image/image_core_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define BLOCK ((size_t)1 << 18)

struct sink {
	int fd;
	char *error;
};

static bool all_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static bool put(const struct sink *s, const char *p, size_t n)
{
	if (all_zero(p, n))
		return lseek(s->fd, (off_t)n, SEEK_CUR) >= 0;
	while (n > 0) {
		ssize_t r = write(s->fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			snprintf(s->error, GD__CORE_TEXT, "cannot unpack to %s: %s",
				 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", strerror(errno));
			return false;
		}
		p += r;
		n -= (size_t)r;
	}
	return true;
}

/* A cut compressed file gives what could be unpacked; the core reader sees what is missing. */
static bool unpack_gzip(int in, const struct sink *s, char *buf)
{
	int copy = dup(in);
	gzFile z = copy >= 0 ? gzdopen(copy, "rb") : NULL;
	bool ok = z != NULL;
	int n;

	if (!z) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while (ok && (n = gzread(z, buf, BLOCK)) > 0)
		ok = put(s, buf, (size_t)n);
	gzclose_r(z);
	return ok;
}

static bool unpack_zstd(int in, const struct sink *s, char *buf)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	char *packed = malloc(BLOCK);
	bool ok = z && packed, whole = true;
	ssize_t n;

	while (ok && whole && (n = read(in, packed, BLOCK)) > 0) {
		ZSTD_inBuffer from = { packed, (size_t)n, 0 };

		while (ok && whole && from.pos < from.size) {
			ZSTD_outBuffer to = { buf, BLOCK, 0 };

			whole = !ZSTD_isError(ZSTD_decompressStream(z, &to, &from));
			ok = put(s, buf, to.pos);
		}
	}
	free(packed);
	ZSTD_freeDStream(z);
	return ok;
}

static int temporary(void)
{
	const char *dir = getenv("TMPDIR");
	char name[4096];

	snprintf(name, sizeof(name), "%s/gleak-XXXXXX", dir && *dir ? dir : "/tmp");

	int fd = mkstemp(name);

	if (fd >= 0)
		unlink(name);
	return fd;
}

static int unpack(int in, bool gzip, char *error)
{
	struct sink s = { .fd = temporary(), .error = error };
	char *buf = malloc(BLOCK);
	bool ok = s.fd >= 0 && buf;

	snprintf(error, GD__CORE_TEXT, "cannot unpack: %s", strerror(errno));
	ok = ok && (gzip ? unpack_gzip(in, &s, buf) : unpack_zstd(in, &s, buf));
	free(buf);
	close(in);
	/* A hole at the end does not make the file longer by itself. */
	if (ok && ftruncate(s.fd, lseek(s.fd, 0, SEEK_CUR)) == 0)
		return s.fd;
	if (s.fd >= 0)
		close(s.fd);
	return -1;
}

int gd__core_unpack(const char *path, char error[GD__CORE_TEXT])
{
	unsigned char magic[4] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		snprintf(error, GD__CORE_TEXT, "%s", strerror(errno));
		return -1;
	}
	if (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic)) {
		if (magic[0] == 0x1f && magic[1] == 0x8b)
			return unpack(fd, true, error);
		if (memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0)
			return unpack(fd, false, error);
	}
	return fd;
}
