/*
 * cxx_exceptions.cc - exceptions inside goroutines that park in every place where the C++
 * runtime keeps state of the thread. Driven by cxx_test.sh: cxx_exceptions CASE PROCS.
 */
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

#include <gdetect/gdetect.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__,      \
				     #cond);                                                       \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

namespace {

enum { GOROUTINES = 32, ROUNDS = 100 };

gd_waitgroup group;

struct error : std::runtime_error {
	uint64_t owner;
	error() : std::runtime_error("of goroutine " + std::to_string(gd_go_id())), owner(gd_go_id())
	{
	}
	bool mine() const
	{
		return owner == gd_go_id() && what() == "of goroutine " + std::to_string(gd_go_id());
	}
};

/* Now and then by way of a sleep: the goroutine comes back on another thread. */
void park(int i)
{
	if (i % 10 == 0)
		gd_sleep(10 * GD_MICROSECOND);
	else if (i % 10 == 5)
		gd_syscall(usleep(1));
	else
		gd_yield();
}

#if __cplusplus >= 201703L
int on_their_way()
{
	return std::uncaught_exceptions();
}
#else
int on_their_way()
{
	return std::uncaught_exception() ? 1 : 0;
}
#endif

struct yields_when_destroyed {
	int i;
	~yields_when_destroyed()
	{
		CHECK(on_their_way() == 1);
		park(i);
		CHECK(on_their_way() == 1);
		try { /* one more on top, while the other is on its way */
			throw error();
		} catch (const error &e) {
			park(i);
			CHECK(e.mine());
		}
		CHECK(on_their_way() == 1);
	}
};

void throw_through(int i)
{
	yields_when_destroyed d = { i };

	park(i);
	throw error();
}

void again(int i)
{
	try {
		park(i);
		throw; /* the one being handled: of this goroutine */
	} catch (const error &e) {
		CHECK(e.mine());
		park(i);
		throw;
	}
}

void round_of(int i)
{
	CHECK(on_their_way() == 0);
	CHECK(std::current_exception() == nullptr);
	try {
		throw_through(i);
		CHECK(false);
	} catch (error &e) {
		CHECK(e.mine());
		CHECK(on_their_way() == 0);
		park(i);
		CHECK(e.mine());
		CHECK(std::current_exception() != nullptr);
		try {
			again(i);
			CHECK(false);
		} catch (const std::exception &f) {
			park(i + 3);
			CHECK(&f == &e);
		}
		park(i + 7);
		CHECK(e.mine());
	}
	CHECK(std::current_exception() == nullptr);
}

void throwing(void *)
{
	for (int i = 0; i < ROUNDS; i++)
		round_of(i);
	gd_waitgroup_done(&group);
}

/* Leaves from inside a catch block: the next goroutine on this record and thread has none. */
void leaving(void *)
{
	CHECK(std::current_exception() == nullptr);
	try {
		throw error();
	} catch (...) {
		gd_waitgroup_done(&group);
		gd_go_exit();
	}
}

void start_throwing(void *)
{
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go_fn(throwing, nullptr);
	for (int i = 0; i < ROUNDS; i++)
		round_of(i);
	gd_waitgroup_wait(&group);
}

void start_leaving(void *)
{
	for (int i = 0; i < 200; i++) {
		gd_waitgroup_add(&group, 1);
		gd_go_fn(leaving, nullptr);
		if (i % 8 == 0)
			gd_waitgroup_wait(&group);
		CHECK(std::current_exception() == nullptr);
	}
	gd_waitgroup_wait(&group);
}

/* An exception goes from one goroutine to another as a value. */
void pass_on(void *arg)
{
	std::exception_ptr *out = static_cast<std::exception_ptr *>(arg);

	try {
		throw std::logic_error("passed on");
	} catch (...) {
		park(0);
		*out = std::current_exception();
	}
	gd_waitgroup_done(&group);
}

void start_passing(void *)
{
	std::exception_ptr got;

	gd_waitgroup_add(&group, 1);
	gd_go_fn(pass_on, &got);
	gd_waitgroup_wait(&group);
	try {
		std::rethrow_exception(got);
	} catch (const std::logic_error &e) {
		CHECK(std::strcmp(e.what(), "passed on") == 0);
		return;
	}
	CHECK(false);
}

__attribute__((noinline)) void throw_it()
{
	throw std::runtime_error("nobody catches this");
}

void uncaught(void *)
{
	gd_yield();
	throw_it();
}

void start_uncaught(void *)
{
	gd_go_fn(uncaught, nullptr);
	gd_chan_recv_raw(nullptr, nullptr);
}

void start_uncaught_main(void *)
{
	throw_it();
}

struct args_args {
	int a;
	const char *b;
};

void args(struct args_args *x)
{
	CHECK(x->a == 3 && std::strcmp(x->b, "b") == 0);
	gd_waitgroup_done(&group);
}

/* The macros of the headers, in C++. */
void start_macros(void *)
{
	typedef gd_chan_of(int) int_chan;
	int_chan c = gd_chan_make(int_chan, 1), d = gd_chan_make(int_chan, 0);
	int v = 0;

	gd_waitgroup_add(&group, 1);
	gd_go(args, 3, "b");
	gd_waitgroup_wait(&group);
	gd_chan_send(c, 4);
	switch (gd_select(GD_RECV(c, &v), GD_SEND(d, 5), GD_AFTER(GD_SECOND))) {
	case 0:
		CHECK(v == 4);
		break;
	default:
		CHECK(false);
	}
	CHECK(gd_select(GD_RECV(c, &v), GD_DEFAULT) == 1);
	gd_chan_close(c);
	gd_chan_range(c, w)
		CHECK(w == 0);
	gd_chan_unref(c);
	gd_chan_unref(d);
}

const struct {
	const char *name;
	void (*start)(void *);
} cases[] = {
	{ "throwing", start_throwing },
	{ "leaving", start_leaving },
	{ "passing", start_passing },
	{ "uncaught", start_uncaught },
	{ "uncaught_main", start_uncaught_main },
	{ "macros", start_macros },
};

} /* namespace */

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	gd_set_procs(std::atoi(argv[2]));
	for (const auto &c : cases)
		if (std::strcmp(argv[1], c.name) == 0)
			return gd_run(c.start, nullptr);
	return 2;
}
