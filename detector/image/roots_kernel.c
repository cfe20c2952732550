/*
 * roots_kernel.c - pointers of the program that only the kernel keeps.
 *
 * What epoll_ctl was given with a descriptor, and timer_create with a timer, comes back with the
 * event. The kernel shows both in /proc. Which descriptors are epoll's is asked before the stop,
 * what they hold in the stopped world, where nobody but foreign threads can change it. It is the
 * calling thread's directory that is read: that of the process is empty once main's has ended.
 *
 * Not seen: io_uring's and aio's requests, mq_notify, signals that are queued.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "detector/image/core_io.h"
#include "detector/image/roots_self.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"

#define POLLERS 256

/* Written one caller at a time. */
static struct {
	int32_t fd[POLLERS];
	size_t n;
} poller;

static struct {
	uint64_t *word;
	size_t n, cap;
	const char *missing; /* why there may be more; NULL: there is not */
} noted;

/* Such as: no descriptor is left to open it by. */
static const char unreadable[] = "/proc could not be read: what epoll and timers hold is unknown";

static void see_descriptor(void *arg, int32_t fd)
{
	static const char wanted[] = "anon_inode:[eventpoll]";
	char name[48], target[32];

	gd__fmt(name, sizeof(name), "/proc/%d/fd/%d", gd__os_tid(), fd);
	long n = gd__os_call(SYS_readlink, (long)name, (long)target, sizeof(target), 0, 0, 0);

	if (n != sizeof(wanted) - 1 || memcmp(target, wanted, sizeof(wanted) - 1) != 0)
		return;
	if (poller.n < POLLERS)
		poller.fd[poller.n++] = fd;
	else
		noted.missing = "the program has more epoll descriptors than are looked at";
}

void gd__roots_prepare_kernel(void)
{
	poller.n = 0;
	noted.missing = NULL;
	if (gd__io_numbers(gd__os_tid(), "fd", see_descriptor, NULL) < 0)
		noted.missing = unreadable;
}

static void note(uint64_t word)
{
	if (word < 0x10000)
		return;
	if (noted.n == noted.cap) {
		size_t cap = noted.cap ? 2 * noted.cap : 512;
		uint64_t *bigger = gd__dalloc(cap * sizeof(*bigger));

		if (!bigger) {
			noted.missing = "no memory for what epoll and timers hold";
			return;
		}
		if (noted.n)
			memcpy(bigger, noted.word, noted.n * sizeof(*bigger));
		gd__dfree(noted.word, noted.cap * sizeof(*bigger));
		noted.word = bigger;
		noted.cap = cap;
	}
	noted.word[noted.n++] = word;
}

static bool is_hex(char c, uint64_t *digit)
{
	unsigned d = (unsigned)(unsigned char)c - '0',
		 l = ((unsigned)(unsigned char)c | 0x20) - 'a';

	*digit = d < 10 ? d : l + 10;
	return d < 10 || l < 6;
}

/* Looks for "<key> <number>" or, with after, "<key> ...<after><number>" in a stream of lines. */
struct search {
	const char *key;
	char after; /* what stands before the number */
	size_t matched;
	enum { KEY, GAP, BEFORE, NUMBER } state;
	uint64_t value;
};

static void feed(struct search *s, char c)
{
	uint64_t digit;

	if (s->state == KEY) {
		s->matched = c == s->key[s->matched] ? s->matched + 1 : c == s->key[0];
		if (s->key[s->matched] == '\0') {
			*s = (struct search){ .key = s->key, .after = s->after, .state = GAP };
		}
	} else if (s->state == GAP && c == s->after) {
		s->state = BEFORE;
	} else if (s->state >= BEFORE && is_hex(c, &digit)) {
		s->state = NUMBER;
		s->value = s->value << 4 | digit;
	} else if (c == '\n' || s->state == NUMBER || (s->state == BEFORE && c != ' ')) {
		note(s->value);
		*s = (struct search){ .key = s->key, .after = s->after };
	}
}

/* No such file: a descriptor that was closed meanwhile, or a kernel that does not have it. */
static void seen(int64_t result)
{
	if (result < 0 && result != -ENOENT)
		noted.missing = unreadable;
}

static void read_words(const char *name, struct search s)
{
	static char text[8192]; /* one caller at a time */
	int fd = gd__io_open_proc(gd__os_tid(), name);
	int64_t n;

	if (fd < 0) {
		seen(fd);
		return;
	}
	while ((n = gd__io_read(fd, text, sizeof(text))) > 0)
		for (int64_t i = 0; i < n; i++)
			feed(&s, text[i]);
	feed(&s, '\n');
	seen(n);
	gd__io_close(fd);
}

void gd__roots_note_kernel(void)
{
	char name[32];

	noted.n = 0;
	for (size_t i = 0; i < poller.n; i++) {
		gd__fmt(name, sizeof(name), "fdinfo/%d", poller.fd[i]);
		read_words(name, (struct search){ .key = " data:", .after = ' ' });
	}
	read_words("timers", (struct search){ .key = "signal:", .after = '/' });
}

void gd__roots_of_kernel(struct gd__roots_self *r)
{
	if (noted.n)
		gd__roots_add_words(r, GD__ROOT_DATA, noted.word, noted.n);
	if (noted.missing)
		r->missing = noted.missing;
}
