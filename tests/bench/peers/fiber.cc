/*
 * fiber.cc - the rows of ../gdetect.c in Boost.Fiber, in its order.
 *
 * With one P all is on one thread, with pooled stacks, which are the fastest it has and not for
 * several threads; with two there are two threads under its work-stealing scheduler. It has no
 * select, no WaitGroup (a counter with mutex and condition does it) and no timers that call.
 * Stacks have no guard: with one they end at some 32,000. There is no skynet: fibers run in the
 * order they were made, so a million of them live at once; measured 2026, a minute and 9 GB.
 */
#include <boost/fiber/all.hpp>

#include <thread>

#include "tests/bench/measure.h"

namespace fibers = boost::fibers;

using channel = fibers::unbuffered_channel<long>;

static const size_t stack_bytes = 16384;
static bool pool = true; /* takes twice the memory of stacks from malloc */

template <class F> static void go(F &&body)
{
	static fibers::pooled_fixedsize_stack pooled{ stack_bytes };

	if (pool)
		fibers::fiber{ std::allocator_arg, pooled, std::forward<F>(body) }.detach();
	else
		fibers::fiber{ std::allocator_arg, fibers::fixedsize_stack{ stack_bytes },
			       std::forward<F>(body) }
			.detach();
}

class wait_group
{
	fibers::mutex mutex;
	fibers::condition_variable zero;
	long count = 0;

      public:
	void add(long n)
	{
		std::unique_lock<fibers::mutex> held(mutex);
		count += n;
	}
	void done()
	{
		std::unique_lock<fibers::mutex> held(mutex);
		if (--count == 0)
			zero.notify_all();
	}
	void wait()
	{
		std::unique_lock<fibers::mutex> held(mutex);
		zero.wait(held, [this] { return count == 0; });
	}
};

static void yield_some(long n)
{
	for (long i = 0; i < n; i++)
		boost::this_fiber::yield();
}

static void yield(long n)
{
	wait_group done;

	done.add(2);
	go([&] {
		for (long i = 0; i < n / 2; i++)
			boost::this_fiber::yield();
		done.done();
	});
	go([&] {
		for (long i = 0; i < n / 2; i++)
			boost::this_fiber::yield();
		done.done();
	});
	done.wait();
}

static void ping_pong(long n)
{
	channel in, out;
	wait_group done;
	long v;

	done.add(1);
	go([&] {
		for (long got : in)
			out.push(got);
		done.done();
	});
	for (long i = 0; i < n; i++) {
		in.push(i);
		out.pop(v);
	}
	in.close();
	done.wait();
}

static void buffered(long n)
{
	fibers::buffered_channel<long> c{ 128 };
	wait_group done;

	done.add(1);
	go([&] {
		for (long i = 0; i < n; i++)
			c.push(i);
		c.close();
		done.done();
	});
	for (long v : c)
		(void)v;
	done.wait();
}

static void spawn(long n)
{
	wait_group w;

	for (long i = 0; i < n; i += BENCH_BATCH) {
		w.add(BENCH_BATCH);
		for (int k = 0; k < BENCH_BATCH; k++)
			go([&] { w.done(); });
		w.wait();
	}
}

static void lock_some(fibers::mutex &m, long n)
{
	for (long i = 0; i < n; i++) {
		m.lock();
		m.unlock();
	}
}

static void mutex(long n)
{
	fibers::mutex m;

	lock_some(m, n);
}

static void mutex_8(long n)
{
	fibers::mutex m;
	wait_group done;

	done.add(8);
	for (int i = 0; i < 8; i++)
		go([&] {
			lock_some(m, n / 8);
			done.done();
		});
	done.wait();
}

static void sleep_1ns(long n)
{
	for (long i = 0; i < n; i++)
		boost::this_fiber::sleep_for(std::chrono::nanoseconds(1));
}

static double parked(long n)
{
	channel c;
	wait_group started;
	double before = bench_memory();

	pool = false;
	started.add(n);
	for (long i = 0; i < n; i++)
		go([&] {
			long v;

			started.done();
			c.pop(v);
		});
	started.wait();
	yield_some(100);

	double after = bench_memory();

	printf("%.4f\n", (after - before) / (double)n);
	fflush(stdout);
	_Exit(0); /* its fibers end one by one, each by a search */
}

static const struct bench rows[] = {
	{ "yield", yield, NULL },       { "ping-pong", ping_pong, NULL },
	{ "buffered", buffered, NULL }, { "spawn", spawn, NULL },
	{ "mutex", mutex, NULL },       { "mutex-8", mutex_8, NULL },
	{ "sleep", sleep_1ns, NULL },   { "parked", NULL, parked },
};

/* A thread that runs what it can steal until the rows are done. */
class helper
{
	fibers::mutex mutex;
	fibers::condition_variable over;
	bool done = false;
	std::thread thread;

      public:
	helper()
	    : thread([this] {
		      fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(2, true);
		      std::unique_lock<fibers::mutex> held(mutex);
		      over.wait(held, [this] { return done; });
	      })
	{
		fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(2, true);
	}
	~helper()
	{
		{
			std::unique_lock<fibers::mutex> held(mutex);
			done = true;
		}
		over.notify_all();
		thread.join();
	}
};

int main(int argc, char **argv)
{
	const struct bench *b = bench_choose(rows, sizeof(rows) / sizeof(rows[0]), argc, argv);

	const char *procs = getenv("GOMAXPROCS");

	if (!procs || strcmp(procs, "1") == 0) {
		bench_print(b, argc, argv);
	} else {
		helper second;

		pool = false;
		bench_print(b, argc, argv);
	}
	return 0;
}
