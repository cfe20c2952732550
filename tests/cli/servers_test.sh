# The server samples, built as a user would, plain and instrumented: what they say to clients,
# 10,000 connections at a time, and how they end.
. "$GD_SRC/tests/support/cli.sh"
exits "the client" 0 "$CC" -O2 -o client "$GD_SRC/tests/cli/net_client.c"

# up NAME PROGRAM ARGS...: starts it; $port, $server.
up() {
	name=$1
	shift
	"$@" >"$name.out" 2>"$name.err" &
	server=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/^listening on port //p' "$name.out" 2>/dev/null)
		[ -n "$port" ] && return
		sleep 0.1
	done
	fail "$name: it does not listen" "$(cat "$name.out" "$name.err")"
}

# down NAME [SIGNAL]: it ends, by itself or by the signal, with 0 and nothing to say.
down() {
	[ -z "$2" ] || kill "-$2" "$server"
	(sleep 30 && kill -9 "$server") >/dev/null 2>&1 &
	dog=$!
	wait "$server"
	code=$?
	kill $dog 2>/dev/null
	checks=$((checks + 1))
	[ $code -eq 0 ] || fail "$1: exit code $code" "$(cat "$1.err")"
	out=$(cat "$1.err")
	lacks "$1: silent" .
}

# ask REQUEST: $out is the answer, with the ends of lines as in Unix.
ask() {
	out=$(printf "$1" | timeout 20 ./client send "$port" | tr -d '\r')
}

http() {
	ask 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
	has "$1: hello" '^HTTP/1.1 200 OK$'
	has "$1: hello" '^Hello, World!$'
	ask 'GET /bytes/7 HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nline\nGET /no HTTP/1.1\r\n\r\n'
	has "$1: pipelined" '^Content-Length: 7$'
	has "$1: pipelined" '^line$'
	has "$1: pipelined" '^HTTP/1.1 404 Not Found$'
	ask 'HEAD / HTTP/1.0\n\nGET / HTTP/1.0\n\n'
	has "$1: HEAD of 1.0" '^Content-Length: 14$'
	has "$1: 1.0 is not kept alive" '^Connection: close$'
	lacks "$1: HEAD has no body" Hello
	ask 'POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'
	has "$1: continue" '^HTTP/1.1 100 Continue$'
	ask 'POST / HTTP/1.1\r\n\r\n'
	has "$1: method" ' 405 '
	for bad in 'hello\r\n\r\n' 'GET /\r\n\r\n' 'GET / HTTP/1.1\r\nno colon\r\n\r\n' \
		'GET / HTTP/1.1\r\nA b: c\r\n\r\n' 'get / HTTP/1.1\r\n\r\n' \
		'GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n' \
		'GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'; do
		ask "${bad}GET / HTTP/1.1\r\n\r\n"
		has "$1: $bad" '^HTTP/1.1 400 Bad Request$'
		lacks "$1: $bad: and no more" Hello
	done
	ask 'GET / HTTP/2.0\r\n\r\n'
	has "$1: version" ' 505 '
	ask 'POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'
	has "$1: chunked" ' 501 '
	ask 'POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n'
	has "$1: too large" ' 413 '
	ask "GET / HTTP/1.1\r\nA: $(head -c 9000 /dev/zero | tr '\0' a)\r\n\r\n"
	has "$1: a long field" ' 431 '
	out=$(printf 'GET /bytes/1000000 HTTP/1.1\r\n\r\n' | ./client send "$port" | wc -c)
	has "$1: a long answer" '^1000[0-9][0-9][0-9]$'
}

plain() {
	exits "compile $1" 0 "$CC" -O2 -I"$GD_SRC/runtime/include" "$GD_SRC/samples/$1.c" -o "$1" \
		"$GD_BUILD/lib/libgdetect.a" -pthread -ldl
}

plain echo_server
plain http_server
up echo ./echo_server -n 10000
exits "10,000 connections" 0 timeout 100 ./client many "$port" 10000 2
if [ "$code" -eq 77 ]; then
	echo "skipped: 10,000 connections: $out"
	failures=$((failures - 1))
	down echo TERM
else
	down echo
fi

up http ./http_server -t 1
http http
out=$(printf 'GET / HT' | timeout 20 ./client hold "$port"; echo "closed $?")
has "half a request" '^closed 0$'
out=$(timeout 20 ./client hold "$port" </dev/null; echo "closed $?")
has "no request" '^closed 0$'
down http INT

up http-end ./http_server
timeout 30 ./client hold "$port" </dev/null &
idle=$!
ask 'GET / HTTP/1.1\r\n\r\n'
down http-end TERM
wait $idle
exits "a port in use" 1 sh -c './http_server 1.2.3.4:80'
has "a port in use" '^http_server: 1.2.3.4:80: '
exits "bad usage" 2 ./echo_server -x

for w in $wrappers; do
	for s in echo http; do
		exits "$w: compile ${s}_server" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect \
			"$GD_SRC/samples/${s}_server.c" -o "$s-$w"
	done
	up "echo-$w" "./echo-$w" -n 200
	exits "$w: 200 connections" 0 timeout 60 ./client many "$port" 200 3
	down "echo-$w"
	up "http-$w" "./http-$w" -t 1
	http "http-$w"
	down "http-$w" TERM
done
finish
