# Shared libraries: instrumented or not, with --no-undefined, found by the program's callbacks.
. "$GD_SRC/tests/support/cli.sh"

cat > lib.c <<'END'
#include <gdetect/gdetect.h>

int shared_counter;

int lib_procs(void);
void lib_count(void);

int lib_procs(void)
{
	return gd_procs();
}

void lib_count(void)
{
	shared_counter++; /* the racing line */
}
END
cat > app.c <<'END'
#include <gdetect/gdetect.h>

int lib_procs(void);
void lib_count(void);

struct count_args {
	gd_waitgroup *all;
};

static void count(struct count_args *a)
{
	lib_count();
	gd_waitgroup_done(a->all);
}

static void start(void *failed)
{
	gd_waitgroup all = { 0 };

	gd_waitgroup_add(&all, 2);
	gd_go(count, .all = &all);
	gd_go(count, .all = &all);
	gd_waitgroup_wait(&all);
	*(int *)failed = lib_procs() != gd_procs();
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
END

for w in $wrappers; do
	cc=$GD_BUILD/bin/gdetect-$w

	exits "$w: library" 0 "$cc" -fgdetect -g -fPIC -shared -Wl,--no-undefined -Wl,-z,defs lib.c \
		-o liblib.so
	exits "$w: it brings nothing of ours" 0 nm -D --defined-only liblib.so
	lacks "$w: it brings nothing of ours" "__tsan_|gd_"
	exits "$w: needs" 0 readelf -d liblib.so
	lacks "$w: needs nothing that is not loaded" "NEEDED.*(stub|gdetect)"
	exits "$w: program" 0 "$cc" -fgdetect -g app.c -L. -llib -Wl,-rpath,"$work" -o app
	exits "$w: a race in the library is found" 66 ./app
	has "$w: race" "WARNING: ThreadSanitizer: data race"
	has "$w: race" "lib.c:15"

	exits "$w: plain library" 0 "$cc" -fPIC -shared -Wl,--no-undefined lib.c -o liblib.so
	exits "$w: plain program" 0 "$cc" app.c -L. -llib -Wl,-rpath,"$work" -o app
	exits "$w: plain program runs" 0 ./app

	# Loaded at run time, it must find the callbacks too.
	cat > load.c <<'END'
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	void *lib = dlopen("./late.so", RTLD_NOW);
	void (*late)(void) = lib ? (void (*)(void))dlsym(lib, "late") : 0;

	if (!late)
		return puts(dlerror()), 1;
	late();
	return 0;
}
END
	echo 'int n; void late(void) { n++; }' > late.c
	exits "$w: plugin" 0 "$cc" -fgdetect -fPIC -shared late.c -o late.so
	exits "$w: loader" 0 "$cc" -fgdetect load.c -o load
	exits "$w: dlopen" 0 ./load
done
finish
