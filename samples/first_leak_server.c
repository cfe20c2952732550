/* verdict: leak; asked for while the program runs */
/*
 * first_leak_server.c - first_leak.c in a program that goes on.
 *
 * It leaks two senders, says "ready" with its process number, and then serves
 * commands from standard input until that ends:
 *     check       gd_leak_check(): report now, and go on
 *     dump FILE   gd_dump(): write a core of this process, and go on
 * From outside, `gleak dump PID -o FILE` writes the same dump.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

typedef gd_chan_of(int) int_chan;

enum { REPLICAS = 3 };

struct search_args {
	int replica;
	int_chan out;
};

static void search(struct search_args *a)
{
	gd_sleep((a->replica + 1) * GD_MILLISECOND);
	gd_chan_send(a->out, 100 + a->replica); /* expect: first_leak_server\.c:@LINE */
	gd_chan_unref(a->out);
}

static int first(int replicas)
{
	int_chan c = gd_chan_make(int_chan, 0); /* expect: first_leak_server\.c:@LINE */
	int answer;

	for (int i = 0; i < replicas; i++) {
		gd_chan_ref(c);
		gd_go(search, .replica = i, .out = c);
	}
	gd_chan_recv(c, &answer);
	gd_chan_unref(c);
	return answer;
}

/* Reads a line without holding up other goroutines; false at the end of input. */
static int read_line(char *line, size_t size)
{
	size_t n = 0;
	char c;

	while (gd_syscall(read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (n + 1 < size)
			line[n++] = c;
	line[n] = '\0';
	return n > 0;
}

static void serve(char *line)
{
	if (strcmp(line, "check") == 0)
		printf("leaked: %d\n", gd_leak_check());
	else if (strncmp(line, "dump ", 5) == 0)
		printf("dumped: %d\n", gd_dump(line + 5));
	else
		printf("unknown command\n");
	fflush(stdout);
}

static void start(void *failed)
{
	char line[512];
	int answer = first(REPLICAS);

	gd_sleep(50 * GD_MILLISECOND); /* the slow replicas answer, too late */
	printf("ready %d: the first answer is %d\n", (int)getpid(), answer);
	fflush(stdout);
	while (read_line(line, sizeof(line)))
		serve(line);
	*(int *)failed = 0;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
