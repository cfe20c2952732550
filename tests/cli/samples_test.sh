# The sample that goes on running: a check and a dump on demand, by its own calls.
. "$GD_SRC/tests/support/cli.sh"

for w in $wrappers; do
	exits "$w: compile" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect "$GD_SRC/samples/first_leak_server.c" \
		-o server
	exits "$w: check and dump" 23 sh -c "printf 'check\ndump server.core\n' | ./server"
	has "$w: ready" "^ready [0-9]+: the first answer is 10[012]"
	has "$w: check" "^leaked: 2"
	has "$w: dump" "^dumped: 0"
	has "$w: report" "^2 goroutines .chan send. proven stuck"
	exits "$w: the dump is a core" 0 readelf -h server.core
	has "$w: the dump is a core" "Type: +CORE"
done
finish
