# CC=gdetect-cc and -fgdetect in CFLAGS with make, CMake, meson and autoconf: a program and its
# shared library, from build files that know nothing of us, and the race in it is found.
. "$GD_SRC/tests/support/cli.sh"

mkdir project
cat > project/count.c <<'END'
int count_total;
void count_up(void);
void count_up(void) { count_total++; }
END
cat > project/main.c <<'END'
#include <pthread.h>
void count_up(void);
static void *run(void *arg) { count_up(); return arg; }
int main(void)
{
	pthread_t a, b;
	pthread_create(&a, 0, run, 0);
	pthread_create(&b, 0, run, 0);
	pthread_join(a, 0);
	pthread_join(b, 0);
	return 0;
}
END
cat > project/Makefile.plain <<'END'
override CFLAGS += -fPIC
app: main.o libcount.so
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ main.o -L. -lcount -Wl,-rpath,'$$ORIGIN' -lpthread
libcount.so: count.o
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,defs -o $@ count.o
END
cat > project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(toy C)
find_package(Threads REQUIRED)
add_library(count SHARED count.c)
add_executable(app main.c)
target_link_libraries(app count Threads::Threads)
END
cat > project/meson.build <<'END'
project('toy', 'c')
count = shared_library('count', 'count.c')
executable('app', 'main.c', link_with: count, dependencies: dependency('threads'))
END
cat > project/configure.ac <<'END'
AC_INIT([toy], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_SEARCH_LIBS([pthread_create], [pthread])
AC_CHECK_HEADERS([pthread.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
cat > project/Makefile.am <<'END'
bin_PROGRAMS = app
app_SOURCES = main.c count.c
END

# racy NAME PROGRAM: it runs, and the race is found.
racy() {
	exits "$1 runs" 66 "$2"
	has "$1" "data race"
	has "$1" "count.c:3"
}

for w in $wrappers; do
	cc=$GD_BUILD/bin/gdetect-$w

	exits "$w make" 0 make -s -C project -f Makefile.plain CC="$cc" CFLAGS="-fgdetect -g"
	racy "$w make" project/app
	make -s -C project -f Makefile.plain CC="$cc" clean >/dev/null 2>&1
	rm -f project/*.o project/*.so project/app

	# The wrapper as CC everywhere, the flag in CFLAGS, as a user would set them.
	exits "$w cmake" 0 env CC="$cc" CFLAGS=-fgdetect cmake -S project -B "cmake-$w"
	lacks "$w cmake" "warning"
	exits "$w cmake build" 0 cmake --build "cmake-$w"
	racy "$w cmake" "cmake-$w/app"

	exits "$w meson" 0 env CC="$cc" CFLAGS=-fgdetect meson setup "meson-$w" project
	exits "$w meson build" 0 meson compile -C "meson-$w"
	racy "$w meson" "meson-$w/app"
done

if command -v automake >/dev/null 2>&1; then
	(cd project && autoreconf -i) >log 2>&1 || fail "autoreconf" "$(cat log)"
	for w in $wrappers; do
		mkdir "auto-$w" && cd "auto-$w" || exit 2
		exits "$w configure" 0 ../project/configure CC="$GD_BUILD/bin/gdetect-$w" \
			CFLAGS="-g -fgdetect"
		exits "$w configure build" 0 make -s
		racy "$w configure" ./app
		cd "$work" || exit 2
	done
fi

# A project of two languages: what CMake learns from the link line is not linked twice.
mkdir mixed
cat > mixed/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(mixed C CXX)
add_library(part STATIC part.c)
add_executable(app main.cc)
target_link_libraries(app part)
END
echo 'int part(void); int part(void) { return 0; }' > mixed/part.c
echo 'extern "C" int part(); int main() { return part(); }' > mixed/main.cc
ln -s "$GD_BUILD/bin/gdetect-cc" "gdetect-g++"
if command -v g++ >/dev/null 2>&1; then
	exits "C and C++" 0 cmake -S mixed -B mixed-build -DCMAKE_C_COMPILER="$GD_BUILD/bin/gdetect-gcc" \
		-DCMAKE_CXX_COMPILER="$work/gdetect-g++" -DCMAKE_C_FLAGS=-fgdetect \
		-DCMAKE_CXX_FLAGS=-fgdetect
	exits "C and C++ build" 0 cmake --build mixed-build
	exits "C and C++ run" 0 mixed-build/app
fi
finish
