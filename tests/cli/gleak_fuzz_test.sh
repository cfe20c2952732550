# gleak, built with the address and undefined-behaviour sanitizers, against broken cores.
. "$GD_SRC/tests/support/cli.sh"

"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o server "$GD_SRC/samples/first_leak_server.c" ||
	fail "the server does not build"
echo "dump $work/core" | ./server >/dev/null 2>&1
[ -s core ] || fail "no dump"

# The tool's own sources and the readers of cores; the leak engine comes from the build.
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
flags="-std=gnu11 -O1 -g $sanitize -fno-strict-aliasing -D_GNU_SOURCE -I$GD_SRC
	-I$GD_SRC/runtime/include -I$GD_SRC/detector/include"
version=$("$GD_BUILD/bin/gleak" --version | sed 's/gleak //')
objects=$(find "$GD_BUILD/tools" -name '*.o' -path '*gleak_engine*')
# shellcheck disable=SC2086
gcc $flags "-DGD_VERSION=\"$version\"" -o gleak "$GD_SRC"/tools/util/*.c "$GD_SRC"/tools/model/*.c \
	"$GD_SRC"/tools/input/*.c "$GD_SRC"/tools/symbol/*.c "$GD_SRC"/tools/report/*.c \
	"$GD_SRC"/tools/gleak/*.c "$GD_SRC"/detector/image/image_core*.c \
	"$GD_SRC"/detector/image/image_live.c $objects "$GD_BUILD/lib/libgdetect.a" \
	-ldw -lelf -lz -lzstd -lpthread -ldl || fail "gleak does not build with sanitizers"
gcc -O1 -D_GNU_SOURCE -o mutate "$GD_SRC/tests/cli/gleak_mutate.c" || fail "mutate does not build"

exits "the core as it is" 1 ./gleak check core
export ASAN_OPTIONS=exitcode=99:detect_leaks=1:allocator_may_return_null=1
exits "broken cores, report" 0 ./mutate core 120 ./gleak report --format json
exits "broken cores, why" 0 ./mutate core 70 ./gleak why --all
exits "broken cores, list" 0 ./mutate core 60 ./gleak list --all
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 # of libdw's, which loses memory over broken files
exits "broken debug information" 0 ./mutate server 60 ./gleak why --all core --exe
exits "the core is whole again" 1 ./gleak check core
finish
