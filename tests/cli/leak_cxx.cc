/*
 * leak_cxx.cc - primitives that are members of C++ objects: what is lost with an object is
 * reported, what a container, a smart pointer or a closure knows is not.
 *
 * usage: leak_cxx lost|kept
 */
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

typedef gd_chan_of(int) int_chan;

struct named {
	virtual ~named()
	{
	}
	char initial = 'n';
};

struct guarded : virtual named {
	bool flag = false;
	gd_mutex mutex = {};
	gd_waitgroup group = {};
};

struct account : guarded {
	short id = 0;
	int_chan updates;
	std::string owner = "somebody with a name that is not kept inside the object";

	account() : updates(gd_chan_make(int_chan, 0))
	{
	}
};

static void waits_for_update(void *arg)
{
	gd_chan_recv(static_cast<account *>(arg)->updates, nullptr);
}

static void waits_for_group(void *arg)
{
	gd_waitgroup_wait(&static_cast<account *>(arg)->group);
}

static void locks_twice(void *arg)
{
	gd_mutex_lock(&static_cast<account *>(arg)->mutex);
	gd_mutex_lock(&static_cast<account *>(arg)->mutex);
}

/* The base is at an address of its own, and only that is known. */
static void waits_through_base(void *arg)
{
	gd_waitgroup_wait(&static_cast<guarded *>(arg)->group);
}

static __attribute__((noinline)) account *start_waiters(bool and_locks)
{
	auto *a = new account;

	gd_waitgroup_add(&a->group, 1);
	gd_go_fn(waits_for_update, a);
	gd_go_fn(waits_for_group, a);
	gd_go_fn(waits_through_base, static_cast<guarded *>(a));
	if (and_locks)
		gd_go_fn(locks_twice, a);
	return a;
}

/* Not static: without a reader they would not be stored to. */
std::map<std::string, std::shared_ptr<account>> *accounts;
std::vector<std::function<void()>> *closures;
std::unique_ptr<guarded> *base;

static void keeps()
{
	accounts = new std::map<std::string, std::shared_ptr<account>>;
	closures = new std::vector<std::function<void()>>;
	for (int i = 0; i < 10; i++) {
		(*accounts)["account " + std::to_string(i)].reset(start_waiters(false));
		account *a = start_waiters(false);
		std::string pad = "a capture that makes the closure a block of its own";
		closures->push_back([a, pad] { gd_chan_close(a->updates); });
	}
	base = new std::unique_ptr<guarded>(start_waiters(false));
}

static void lost(void *)
{
	start_waiters(true);
	gd_sleep(20 * GD_MILLISECOND);
}

static void kept(void *)
{
	keeps();
	gd_sleep(20 * GD_MILLISECOND);
	if (gd_leak_check() != 0)
		__builtin_trap();
}

int main(int argc, char **argv)
{
	return gd_run(argc > 1 && std::string(argv[1]) == "lost" ? lost : kept, nullptr);
}
