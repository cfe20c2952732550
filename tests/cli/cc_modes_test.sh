# The wrapper passes every compiler mode through, and adds only what belongs to it.
. "$GD_SRC/tests/support/cli.sh"

cat > app.c <<'END'
#include <gdetect/gdetect.h>
#include <stdio.h>
#ifdef __GDETECT__
#include <gdetect/leak.h>
#endif

int counter;

static void start(void *arg)
{
	counter++;
#if defined(__SANITIZE_THREAD__)
	puts("instrumented");
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	puts("instrumented");
#endif
#endif
#ifdef __GDETECT__
	puts("gdetect");
#endif
	*(int *)arg = 0;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	printf("%d procs\n", gd_procs() > 0);
	return failed;
}
END
echo 'int twice(int x) { return 2 * x; }' > lib.c

for w in $wrappers; do
	cc=$GD_BUILD/bin/gdetect-$w

	exits "$w: plain" 0 "$cc" app.c -o plain
	exits "$w: plain runs" 0 ./plain
	has "$w: plain" "1 procs"
	lacks "$w: plain" "instrumented|gdetect"
	for flags in -fgdetect "-fgdetect=race,leak" "-fno-gdetect -fgdetect=leak,race" \
		"-fgdetect=race -O2 -flto" "-fgdetect -no-pie" "-fgdetect -std=c99 -D_GNU_SOURCE" \
		"-fgdetect=leak -fgdetect=race" "-fgdetect=race -fuse-ld=bfd"; do
		# shellcheck disable=SC2086
		exits "$w: $flags" 0 "$cc" $flags -Wall -Wextra -Wno-unused-parameter -Werror app.c \
			-o app
		lacks "$w: $flags" "warning"
		exits "$w: $flags runs" 0 ./app
		has "$w: $flags" "instrumented"
		has "$w: $flags" "gdetect"
	done
	for flags in -fgdetect=leak "-fgdetect -fno-gdetect=race" \
		"-fgdetect -fno-sanitize=thread"; do
		# shellcheck disable=SC2086
		exits "$w: $flags" 0 "$cc" $flags app.c -o app
		exits "$w: $flags runs" 0 ./app
		lacks "$w: $flags" "instrumented"
		has "$w: $flags" "gdetect"
	done
	exits "$w: the last flag wins" 0 "$cc" -fgdetect -fno-gdetect app.c -o app
	exits "$w: the last flag wins" 0 ./app
	lacks "$w: the last flag wins" "gdetect"

	# Compile and link apart, without a warning about flags that one of them does not use.
	exits "$w: -c" 0 "$cc" -fgdetect -Werror -c app.c -o app.o
	exits "$w: link" 0 "$cc" -fgdetect -Werror app.o -o app
	exits "$w: split runs" 0 ./app
	has "$w: split" "instrumented"
	exits "$w: objects need the callbacks" 0 nm app.o
	has "$w: objects need the callbacks" "U __tsan_(read|write)4"

	exits "$w: -E" 0 "$cc" -fgdetect -Werror -E app.c
	has "$w: -E sees the macro" 'puts\("gdetect"\)'
	exits "$w: -S" 0 "$cc" -fgdetect -S app.c -o -
	has "$w: -S" "__tsan_func_entry"
	exits "$w: -M" 0 "$cc" -fgdetect -M app.c
	has "$w: -M" "gdetect/chan.h"
	exits "$w: -MM" 0 "$cc" -fgdetect -MM app.c
	has "$w: -MM leaves our headers out as the system's" '^app.o: app.c$'
	exits "$w: -MD" 0 "$cc" -fgdetect -MD -MF app.d -MT target -c app.c -o app.o
	exits "$w: -MD" 0 cat app.d
	has "$w: -MD" "^target:"
	exits "$w: -fsyntax-only" 0 "$cc" -fgdetect -Werror -fsyntax-only app.c
	exits "$w: -###" 0 "$cc" -fgdetect '-###' app.c
	has "$w: -###" "libgdetect_race.a"
	exits "$w: -v" 0 "$cc" -fgdetect -v
	has "$w: -v" "$w version"
	exits "$w: --version" 0 "$cc" -fgdetect --version
	has "$w: --version" "$w"
	exits "$w: -dumpmachine" 0 "$cc" -dumpmachine
	has "$w: -dumpmachine" '^x86_64'
	exits "$w: -print" 0 "$cc" -fgdetect -print-prog-name=ld
	has "$w: -print" 'ld$'
	exits "$w: linker's version" 0 "$cc" -fgdetect -Wl,--version
	has "$w: linker's version" "GNU ld"
	exits "$w: standard input" 0 sh -c "echo 'int main(void){return 0;}' | '$cc' -fgdetect -x c - -o in && ./in"
	exits "$w: macros" 0 sh -c "'$cc' -fgdetect -xc -dM -E - </dev/null"
	has "$w: macros" "__GDETECT__ 1"
	exits "$w: two sources, -x" 0 "$cc" -fgdetect -x c app.c lib.c -o app
	exits "$w: two sources, -x none" 0 "$cc" -fgdetect -x c app.c -x none lib.c -lm -o app
	exits "$w: runs" 0 ./app
	exits "$w: -r" 0 "$cc" -fgdetect -r lib.c -o lib.o
	exits "$w: -nostdlib" 0 "$cc" -fgdetect=leak -nostdlib -shared -fPIC lib.c -o lib.so
	exits "$w: user's debug level stays" 0 "$cc" --gdetect-show -fgdetect -g0 -c lib.c
	lacks "$w: user's debug level stays" " -g "
	exits "$w: debug info is added" 0 "$cc" --gdetect-show -fgdetect -c lib.c
	has "$w: debug info is added" " -g "
	exits "$w: C++" 0 "$cc" -fgdetect -x c++ -c lib.c -o lib.o
	exits "$w: C++" 0 nm lib.o
	has "$w: C++" "twicei"
	exits "$w: assembler" 0 sh -c "'$cc' -S lib.c -o lib.s && '$cc' -fgdetect -Werror -c lib.s -o lib.o"

	exits "$w: without input" 1 "$cc"
	has "$w: without input" "no input files"
	exits "$w: empty argument" 1 "$cc" -fgdetect ""
	exits "$w: a warning of the user's is one" 1 "$cc" -fgdetect -Werror=unused-variable -c -o x.o \
		-x c - <<'END'
int f(void) { int unused; return 0; }
END
	exits "$w: thread sanitizer" 1 "$cc" -fgdetect -fsanitize=thread app.c -o app
	has "$w: thread sanitizer" "^gdetect-cc: error: -fgdetect and -fsanitize=thread"
	exits "$w: address sanitizer" 1 "$cc" -fgdetect -fsanitize=undefined,address app.c -o app
	has "$w: address sanitizer" "cannot be combined with -fsanitize=address"
	exits "$w: sanitizer taken back" 0 "$cc" -fgdetect -fsanitize=thread -fno-sanitize=thread -c app.c
	exits "$w: -static" 1 "$cc" -fgdetect -static app.c -o app
	has "$w: -static" "cannot be combined with -static"
	exits "$w: -static without detectors" 0 "$cc" -static app.c -o app
	exits "$w: unknown detector" 1 "$cc" -fgdetect=lead app.c
	has "$w: unknown detector" "unknown detector 'lead'"
	exits "$w: exit code of the compiler" 1 "$cc" -fgdetect no_such_file.c
	has "$w: message of the compiler" "no_such_file.c"

	# Our own libraries named by the user, as pkg-config does, are not linked twice.
	exits "$w: -lgdetect" 0 "$cc" -fgdetect app.c -L"$GD_BUILD/lib" -lgdetect_race -lgdetect -o app
	exits "$w: -lgdetect" 0 ldd ./app
	lacks "$w: -lgdetect" "libgdetect"
done

# Which compiler: the name, GDETECT_CC, a launcher before it.
exits "show gcc" 0 "$GD_BUILD/bin/gdetect-gcc" --gdetect-show -c app.c
has "show gcc" "^gcc -c app.c "
exits "GDETECT_CC" 0 env GDETECT_CC=clang "$GD_BUILD/bin/gdetect-cc" --gdetect-show -fgdetect -c x.c
has "GDETECT_CC" "^clang .*-Xclang -fsanitize=thread"
exits "launcher" 0 env GDETECT_CC="env gcc" "$GD_BUILD/bin/gdetect-cc" --gdetect-show -fgdetect -c x.c
has "launcher" "^env gcc .*-specs="
ln -s "$GD_BUILD/bin/gdetect-cc" gdetect-c99
exits "any name" 0 ./gdetect-c99 --gdetect-show -fgdetect -c x.c
has "any name" "^c99 .*-specs="
exits "no compiler" 1 env GDETECT_CC=no-such-compiler "$GD_BUILD/bin/gdetect-cc" -c app.c
has "no compiler" "'no-such-compiler' is not found"
exits "itself" 1 env GDETECT_CC="$GD_BUILD/bin/gdetect-cc" "$GD_BUILD/bin/gdetect-cc" -c app.c
has "itself" "names the wrapper itself"
exits "version" 0 "$GD_BUILD/bin/gdetect-cc" --gdetect-version
has "version" '^gdetect-cc [0-9]'

# Arguments reach the compiler as they are.
exits "quoting" 0 "$GD_BUILD/bin/gdetect-gcc" --gdetect-show "-DA=\"x y\"" "-DB='" -c "a b.c"
has "quoting" "^gcc '-DA=\"x y\"' '-DB='\\\\''' -c 'a b.c'"

# Response files: ours are taken out, nested too; others stay files.
printf '%s\n' '-fgdetect=race "-DNAME=a b" @inner' > outer
printf '%s\n' "-DINNER='x y' -O1" > inner
exits "response file" 0 "$GD_BUILD/bin/gdetect-gcc" --gdetect-show @outer -c app.c
has "response file" "-specs=.* '-DNAME=a b' @inner -c app.c"
exits "other response file" 0 "$GD_BUILD/bin/gdetect-gcc" --gdetect-show @inner -c app.c
has "other response file" "^gcc @inner -c app.c"
echo '-fgdetect app.c -o from_file' > all
exits "all in a file" 0 "$GD_BUILD/bin/gdetect-gcc" @all
exits "all in a file runs" 0 ./from_file
has "all in a file" "instrumented"
exits "missing response file" 1 "$GD_BUILD/bin/gdetect-gcc" @missing -c app.c
echo '@loop -fgdetect' > loop
exits "response file that names itself" 1 "$GD_BUILD/bin/gdetect-gcc" @loop -c app.c
has "response file that names itself" "nested too deep"
# gcc hands a long list of files to the linker in a file again, so only we could fail.
long=lib_$(printf '%0100d' 0).a
ar rc "$long"
awk -v name="$long" 'BEGIN { print "-fgdetect"; for (i = 0; i < 30000; i++) print name }' > huge
exits "command line beyond the system's limit" 0 "$GD_BUILD/bin/gdetect-gcc" @huge app.c -o huge.out
exits "command line beyond the system's limit" 0 ./huge.out
finish
