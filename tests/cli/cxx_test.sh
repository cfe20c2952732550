# C++: the public headers in every standard, and exceptions in goroutines, with g++ and clang++,
# against the static and the shared library.
. "$GD_SRC/tests/support/cli.sh"

include="-I$GD_SRC/runtime/include -I$GD_SRC/detector/include"
compilers=
for c in g++ clang++; do
	if command -v $c >/dev/null 2>&1; then
		compilers="$compilers $c"
	else
		echo "left out: $c is not installed"
	fi
done

for h in "$GD_SRC"/runtime/include/gdetect/*.h "$GD_SRC"/detector/include/gdetect/*.h; do
	echo "#include <gdetect/$(basename "$h")>"
done > headers.cc
echo 'int main() { gd_errno_set(3); return errno == gd_errno() ? 0 : 1; }' >> headers.cc

for c in $compilers; do
	for std in c++11 c++14 c++17 c++20 gnu++20; do
		# shellcheck disable=SC2086
		exits "$c $std headers" 0 $c -std=$std -Wall -Wextra -Werror $include \
			-fsyntax-only headers.cc
	done
	for kind in static shared; do
		case $kind in
		static) libs="$GD_BUILD/lib/libgdetect.a -lpthread -ldl" ;;
		shared) libs="-L$GD_BUILD/lib -Wl,-rpath,$GD_BUILD/lib -lgdetect -lpthread" ;;
		esac
		std=c++11
		[ $kind = shared ] && std=c++17
		# -Wno-deprecated: std::uncaught_exception is what C++11 has.
		# shellcheck disable=SC2086
		exits "$c $kind" 0 $c -std=$std -O2 -g -Wall -Wextra -Wno-deprecated -Werror $include \
			-o "cxx_$kind" "$GD_SRC/tests/cli/cxx_exceptions.cc" $libs
		for procs in 1 2 8; do
			for name in throwing leaving passing macros; do
				exits "$c $kind $name $procs" 0 timeout 60 "./cxx_$kind" $name $procs
			done
		done
		# Aborts, as std::terminate does: 134. The stack is that of the throw.
		exits "$c $kind uncaught" 134 timeout 60 "./cxx_$kind" uncaught 2
		has "$c $kind uncaught" "std::terminate in goroutine 2 \(uncaught\), started at .*cxx_exc"
		has "$c $kind uncaught" "^throw_it|throw_it\(\)\(\.\.\.\)|throw_it"
		has "$c $kind uncaught" "nobody catches this"
		exits "$c $kind uncaught in main" 134 timeout 60 "./cxx_$kind" uncaught_main 1
		has "$c $kind uncaught in main" "std::terminate in goroutine 1 \(main\)"
		has "$c $kind uncaught in main" "nobody catches this"
	done
done
finish
