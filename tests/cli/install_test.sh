# An installed tree works from any folder: the wrapper, pkg-config, the CMake package.
. "$GD_SRC/tests/support/cli.sh"

exits "install" 0 cmake --install "$GD_BUILD" --prefix "$work/first"
mv first "a folder"
prefix="$work/a folder"
lib=$(dirname "$(find "$prefix" -name libgdetect.a)")
cp "$GD_SRC/samples/first_leak.c" "$GD_SRC/samples/first_buffered.c" .

for w in $wrappers; do
	exits "$w" 0 "$prefix/bin/gdetect-$w" -fgdetect first_leak.c -o leak
	exits "$w: leak" 23 ./leak
	has "$w: leak" "2 goroutines .chan send. proven stuck"
	exits "$w: shared" 0 sh -c "echo 'int n; void f(void) { n++; }' > f.c; '$prefix/bin/gdetect-$w' \
		-fgdetect -shared -fPIC -Wl,--no-undefined f.c -o f.so"
done

exits "pkg-config" 0 env PKG_CONFIG_PATH="$lib/pkgconfig" pkg-config --define-variable=prefix=/p \
	--cflags --libs --static gdetect
has "pkg-config" "-I/p/include .*-lgdetect .*-lpthread"
exits "pkg-config gdetect-libc" 0 env PKG_CONFIG_PATH="$lib/pkgconfig" pkg-config \
	--define-variable=prefix=/p --libs gdetect-libc
has "pkg-config gdetect-libc" "-lgdetect_libc.* -lgdetect"
# A program of the runtime alone, with the plain compiler.
exits "runtime only" 0 cc first_buffered.c -I"$prefix/include" -o plain "$lib/libgdetect.a" -lpthread
exits "runtime only" 0 ./plain
has "runtime only" "1 goroutine is left"

mkdir app
cp first_leak.c "$GD_SRC/samples/libc_echo.c" app/
cat > app/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(app C)
find_package(gdetect 0.1 REQUIRED)
add_executable(plain first_leak.c)
target_link_libraries(plain PRIVATE GDetect::runtime)
add_executable(echo libc_echo.c)
target_link_libraries(echo PRIVATE GDetect::libc)
if(WITH_DETECTORS)
  add_executable(checked first_leak.c)
  target_link_libraries(checked PRIVATE GDetect::runtime)
  gdetect_target(checked leak)
endif()
END
exits "find_package" 0 cmake -S app -B plain-build -DCMAKE_PREFIX_PATH="$prefix"
exits "find_package build" 0 cmake --build plain-build
exits "find_package run" 0 plain-build/plain
exits "GDetect::libc" 0 timeout 20 plain-build/echo
exits "gdetect_target" 0 cmake -S app -B checked-build -DCMAKE_PREFIX_PATH="$prefix" \
	-DCMAKE_C_COMPILER="$prefix/bin/gdetect-gcc" -DWITH_DETECTORS=ON
exits "gdetect_target build" 0 cmake --build checked-build
exits "gdetect_target run" 23 checked-build/checked
exits "the same program without" 0 checked-build/plain
exits "gdetect_target wants the wrapper" 1 cmake -S app -B wrong-build -DWITH_DETECTORS=ON \
	-DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER=gcc
has "gdetect_target wants the wrapper" "must be the wrapper"

exits "moved without its libraries" 1 sh -c "mkdir lone && cp '$prefix/bin/gdetect-cc' lone/ && lone/gdetect-cc -c f.c"
has "moved without its libraries" "libgdetect.a is missing"
if command -v man >/dev/null 2>&1; then
	exits "man page" 0 sh -c "man --warnings -l '$GD_SRC/docs/man/gdetect-cc.1' 2>&1 >/dev/null | grep . && exit 1; exit 0"
fi
finish
