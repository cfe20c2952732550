# wrk against samples/http_server: 100, 1,000 and 10,000 connections, and no error.
. "$GD_SRC/tests/support/cli.sh"

command -v wrk >/dev/null 2>&1 || {
	echo "skipped: wrk is not installed (Debian package wrk)"
	exit 0
}
exits "compile" 0 "$CC" -O2 -I"$GD_SRC/runtime/include" "$GD_SRC/samples/http_server.c" \
	-o http_server "$GD_BUILD/lib/libgdetect.a" -pthread -ldl
./http_server >server.out 2>server.err &
server=$!
until port=$(sed -n 's/^listening on port //p' server.out) && [ -n "$port" ]; do sleep 0.1; done
ulimit -n "$(ulimit -Hn)"
for n in 100 1000 10000; do
	if [ "$(ulimit -n)" -lt $((n + 100)) ]; then
		echo "skipped: $n connections: ulimit -Hn is $(ulimit -Hn)"
		continue
	fi
	exits "$n connections" 0 timeout 60 wrk -t1 -c$n -d8s --timeout 30s "http://127.0.0.1:$port/"
	printf '%s\n' "$out" | grep -E 'requests in|Requests/sec'
	lacks "$n connections" 'Socket errors|Non-2xx'
done
kill -TERM $server
wait $server || fail "the end: exit code $?" "$(cat server.err)"
finish
