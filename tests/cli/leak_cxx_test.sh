# Primitives inside C++ objects (leak_cxx.cc), with g++ and clang++ behind the wrapper.
. "$GD_SRC/tests/support/cli.sh"

for c in g++ clang++; do
	if ! command -v $c >/dev/null 2>&1; then
		echo "left out: $c is not installed"
		continue
	fi
	ln -sf "$GD_BUILD/bin/gdetect-cc" "gdetect-$c"
	for level in O0 O2; do
		exits "$c $level" 0 "./gdetect-$c" -fgdetect=leak -std=c++17 -$level -g -Wall -Wextra \
			-o leak_cxx "$GD_SRC/tests/cli/leak_cxx.cc"
		for procs in 1 4; do
			exits "$c $level lost" 23 env GD_MAXPROCS=$procs timeout 60 ./leak_cxx lost
			has "$c $level lost" 'SUMMARY: gdetect: 4 goroutines leaked'
			has "$c $level channel" '^1 goroutine \[chan receive\] proven stuck: nothing'
			has "$c $level group" 'goroutines? \[waitgroup wait\] proven stuck: nothing'
			has "$c $level lock" '^1 goroutine \[mutex lock\] proven stuck: .* holds itself'
			has "$c $level name" 'waits_for_update'
			exits "$c $level kept" 0 env GD_MAXPROCS=$procs timeout 60 ./leak_cxx kept
			lacks "$c $level kept" 'WARNING'
		done
	done
done
finish
