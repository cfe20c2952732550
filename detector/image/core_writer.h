/*
 * core_writer.h - writes an ELF core of a stopped process: our own, or one held by ptrace.
 *
 * The caller stops the process and collects the registers; the writer does
 * the rest through /proc/<pid>. No malloc, no stdio. The file is sparse.
 */
#ifndef GD_DETECTOR_IMAGE_CORE_WRITER_H
#define GD_DETECTOR_IMAGE_CORE_WRITER_H

#include <stddef.h>
#include <stdint.h>

/* Words of a thread's registers, in the order of the kernel's struct user_regs_struct. */
#define GD__CORE_REGS 27
enum gd__core_reg {
	GD__REG_R15,
	GD__REG_R14,
	GD__REG_R13,
	GD__REG_R12,
	GD__REG_RBP,
	GD__REG_RBX,
	GD__REG_R11,
	GD__REG_R10,
	GD__REG_R9,
	GD__REG_R8,
	GD__REG_RAX,
	GD__REG_RCX,
	GD__REG_RDX,
	GD__REG_RSI,
	GD__REG_RDI,
	GD__REG_ORIG_RAX,
	GD__REG_RIP,
	GD__REG_CS,
	GD__REG_EFLAGS,
	GD__REG_RSP,
	GD__REG_SS,
	GD__REG_FS_BASE,
	GD__REG_GS_BASE
};

struct gd__core_thread {
	int32_t tid;
	uint64_t regs[GD__CORE_REGS]; /* what is not known is 0 */
};

struct gd__core_source {
	int32_t pid;
	/* The thread that asked, or the main thread, comes first: debuggers start with it. */
	const struct gd__core_thread *threads;
	size_t nthreads;
	/* If patch_addr is not 0, the dump holds this value there: the clock of the moment. */
	uint64_t patch_addr;
	int64_t patch_value;
	/* Called now and then with bytes done and bytes to look at; may be NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/*
 * Writes path.tmp~ and renames it to path when it is whole; an existing file
 * stays as it is on any failure. 0 or a negative errno: -EWOULDBLOCK when
 * another dump to path is under way, -EINVAL when path is no regular file.
 * *doing is what failed, as a word for a message ("create", "write", ...).
 */
int gd__core_write(const struct gd__core_source *src, const char *path, const char **doing);
/* The same into an empty file that is open for writing. */
int gd__core_write_fd(const struct gd__core_source *src, int fd, const char **doing);

#endif
