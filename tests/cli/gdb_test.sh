# Goroutines in gdb: live processes and cores of every origin, with and without symbols of ours.
. "$GD_SRC/tests/support/cli.sh"

command -v gdb >/dev/null || { echo "SKIPPED: gdb is not installed" && exit 0; }
gdb -nx -batch -ex 'python import gdb.unwinder' >/dev/null 2>&1 ||
	{ echo "SKIPPED: this gdb has no Python" && exit 0; }
script=$GD_BUILD/share/gdetect/gdetect-gdb.py
lib=$GD_BUILD/lib
export GD_MAXPROCS=2

# Starts a zoo, with arguments: $pid.
run() {
	: >said
	"$@" <in.txt >said 2>err &
	pid=$!
	until grep -q '^ready' said; do kill -0 $pid || break; done
}

end() {
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
}

# looks NAME GDB-ARGUMENTS...: $out is what gdb says to them with the script loaded.
looks() {
	out=$(timeout 100 gdb -nx -batch -iex 'set debuginfod enabled off' -x "$script" "$@" 2>&1)
}

zoo=$GD_SRC/tests/cli/gdb_zoo.c
# place TEXT: the only line of the zoo with it, as gdb shows it.
place() {
	grep -nF -- "$1" "$zoo" | sed 's/:.*//; s/^/gdb_zoo.c:/'
}

# What is seen of every zoo with the user's debug information.
whole() {
	has "$1: main" '^. 1 +running +[0-9]+ +start at gdb_zoo.c:[0-9]+ +main$'
	has "$1: parked" '^  3 +chan receive +[0-9]+s +receive at '"$(place 'gd_chan_recv(c')"' +receiver$'
	has "$1: name" '^  5 +mutex lock +[0-9]+s +locker at '"$(place 'gd_mutex_lock(&lock); /*')"' +the-locker$'
	has "$1: system call" '^  6 +syscall +[0-9]+ +caller at '"$(place 'gd_syscall(')"' +caller$'
	has "$1: spinning" '^. [0-9]+ +running +[0-9]+ +spinner at gdb_zoo.c:[0-9]+ +spinner$'
	stacks "$1"
	has "$1: locals" '^secret = 4201$'
	has "$1: stack of 6" '^#[0-9]+ .* in (__GI_)*_*usleep '
	has "$1: up" '^#[0-9]+ .* in receiver \(.*'"$(place 'receive(a->c')"'$'
}

# The stacks of 4, parked three calls deep, and of 6.
stacks() {
	has "$1: stack of 4" '^#[0-9]+ .* in receive \((\)|.*depth=(depth@entry=)?1)'
	has "$1: stack of 4" '^#[0-9]+ .* in receiver \('
	has "$1: stack of 6" '^#[0-9]+ .* in caller \('
	printf '%s\n' "$out" | sed -n '/^goroutine 4 /,/^goroutine 6/p' | grep -q '^#0 ' &&
		fail "$1: a frame of the thread" "$out"
	lacks "$1: no accident" 'Python Exception|Traceback|internal-error|corrupt|Backtrace stopped'
}

ask() {
	looks "$@" -ex 'info goroutines' -ex 'goroutine 4,6 bt' -ex 'goroutine 3' -ex 'up' \
		-ex 'info locals' -ex 'up' -ex 'goroutine off'
}

: >in.txt
gcc=gcc\ -g\ -O1\ -I$GD_SRC/runtime/include
$gcc -o pie "$zoo" "$lib/libgdetect.a" -lpthread || fail "does not build"
$gcc -no-pie -o fixed "$zoo" "$lib/libgdetect.a" -lpthread || fail "does not build"
$gcc -static -o static "$zoo" "$lib/libgdetect.a" -lpthread 2>/dev/null || fail "does not build"
strip static
strip -g -o plain pie
strip -o libgdetect.so "$lib/libgdetect.so"
$gcc -o shared "$zoo" -L. -lgdetect -Wl,-rpath,"$work" || fail "does not build"
"$GD_BUILD/bin/gdetect-gcc" -g -O1 -DWITH_DUMP -fgdetect=leak -o leak "$zoo" || fail "does not build"

exits "nothing to look at" 1 "$GD_BUILD/bin/gdetect-gdb" -nx -batch -ex 'goroutine 1'
has "nothing to look at" 'no process and no core'
exits "not ours" 1 "$GD_BUILD/bin/gdetect-gdb" -nx -batch -ex 'run' -ex 'info goroutines' /bin/true
exits "no gdb" 127 env GDB=no-such-gdb "$GD_BUILD/bin/gdetect-gdb"
has "no gdb" 'is not installed'
ln -s "$(command -v true)" mute
cat >lame <<'END'
#!/bin/sh
exit 1
END
chmod +x lame
exits "gdb without Python" 1 env GDB="$work/lame" "$GD_BUILD/bin/gdetect-gdb"
has "gdb without Python" 'has no Python'

# Live, attached; nothing of the process is changed and it goes on.
run ./pie
live=
ask -p $pid
if ! printf '%s\n' "$out" | grep -q 'Operation not permitted'; then
	live=yes
	whole "attached"
	has "runnable, not run yet" '^  [0-9]+ +runnable +fresh at gdb_zoo.c:[0-9]+ +fresh$'
	looks -p $pid -ex 'info goroutines -g' -ex 'goroutine 77 bt' -ex 'goroutine x bt' \
		-ex 'goroutines mutex' -ex 'goroutines *'
	has "groups" '^ +3 \[chan receive\] receive at '"$(place 'gd_chan_recv(c')"': 2, 3, 4$'
	has "unknown number" '^no goroutine 77$'
	has "no number" "^not a goroutine's number: x$"
	has "filter" '^1 of [0-9]+ goroutines$'
	has "bad filter" '^bad regular expression'
	# A command that dies halfway, and going on, leave the thread's own frames.
	looks -p $pid -ex 'set height 0' -ex 'info registers rip rsp' -ex 'goroutine all no-such-command' \
		-ex 'goroutine 3' -ex 'bt 1' -ex 'goroutine off' -ex 'bt 1' -ex 'info registers rip rsp'
	has "thread again" '^#0 .*'
	[ "$(printf '%s\n' "$out" | grep -E '^r(ip|sp) ' | sort | uniq -c | grep -c '^ *2 ')" -eq 2 ] ||
		fail "registers stay" "$out"
	kill -0 $pid || fail "the process goes on"
	end
	run ./fixed
	ask -p $pid
	whole "fixed, attached"
	end
	# Launched by gdb; a breakpoint, then on with a goroutine selected.
	looks -ex 'break fresh if 0' -ex 'break spinner' -ex run -ex 'goroutine 1' -ex 'goroutine 3' \
		-ex 'goroutine' -ex 'tbreak '"$(place 'while (!serve)')"'' -ex 'delete 2' -ex 'continue' \
		-ex 'goroutine' -ex 'goroutine 3 bt' -ex 'bt 1' -ex kill --args ./pie
	has "launched: selected" '^\[goroutine 3 \[chan receive'
	has "launched: stopped again" '^no goroutine is selected$'
	has "launched: stack" '^#[0-9]+ .* in receiver \('
	has "launched: thread's own" '^#0 +(0x[0-9a-f]+ in )?start '
else
	echo "SKIPPED: live processes: ptrace is not allowed"
	end
fi

# Cores of the kernel.
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ] && ulimit -c unlimited 2>/dev/null; then
	for z in shared plain static; do
		rm -f core core.*
		run ./$z
		kill -ABRT $pid
		wait $pid 2>/dev/null
		core=$(ls core core.* 2>/dev/null | head -1)
		[ -n "$core" ] || { fail "no core of the kernel" && continue; }
		ask ./$z "$core"
		case $z in
		shared) whole "core of $z" ;;
		plain)
			stacks "core of $z"
			has "without lines" '^  3 +chan receive +[0-9]+s +receive +receiver$'
			;;
		*)
			has "without symbols" '^  5 +mutex lock +[0-9]+s +0x[0-9a-f]+ +the-locker$'
			has "without symbols" '^#[5-9] +0x[0-9a-f]+ in \?\? \(\)'
			;;
		esac
	done
else
	echo "SKIPPED: cores of the kernel: core_pattern or ulimit"
fi

# gd_dump, and gleak dump of a live one.
echo own.core >in.txt
run ./leak serve
wait $pid
grep -q '^dumped 0' said || fail "gd_dump" "$(cat said err)"
ask leak own.core
has "gd_dump: main" '^. 1 +(running|syscall) .*start at gdb_zoo.c'
has "gd_dump: name" '^  5 +mutex lock +[0-9]+s +locker at '"$(place 'gd_mutex_lock(&lock); /*')"' +the-locker$'
stacks "gd_dump"
has "gd_dump: locals" '^secret = 4201$'
if [ "$live" ]; then
	: >in.txt
	run ./leak
	"$GD_BUILD/bin/gleak" dump $pid -o live.core || fail "gleak dump"
	# gdb's gcore loses what is around guards: then it is said.
	gcore -o gdb $pid >/dev/null 2>&1
	end
	ask leak live.core
	whole "gleak dump"
	looks leak gdb.$pid -ex 'info goroutines'
	printf '%s\n' "$out" | grep -q 'the-locker' || has "gcore" 'goroutine records cannot be read'
	mv leak elsewhere
	looks -c live.core -ex 'info goroutines' -ex 'goroutine 4 bt'
	has "no binary" '^  5 +mutex lock +[0-9]+s +0x[0-9a-f]+'
	has "no binary" '^#1 +0x[0-9a-f]+ in \?\? \(\)'
fi
finish
