#!/bin/sh
# usage: tools/setup.sh [tests|bench]
# Installs, with apt-get, the Debian 12 packages that building needs; with `tests` also those
# that the tests use, with `bench` those of tests/bench/run.sh but for Go. Nothing is called when everything is there.
build="gcc libc6-dev cmake ninja-build pkg-config libunwind-dev libdw-dev libelf-dev
libjemalloc-dev libjansson-dev zlib1g-dev libzstd-dev"
tests="clang clang-14 clang-format clang-tidy libclang-rt-14-dev meson autoconf automake make g++ git
gdb"
bench="g++ libboost-fiber-dev libst-dev valgrind"

wanted=$build
case ${1-} in
"") ;;
tests) wanted="$build $tests" ;;
bench) wanted="$build $bench" ;;
*)
	echo "usage: tools/setup.sh [tests|bench]" >&2
	exit 2
	;;
esac

missing=
for package in $wanted; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
		missing="$missing $package"
done
if [ -z "$missing" ]; then
	echo "setup: all packages are installed"
	exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null 2>&1; then
	root=sudo
else
	echo "setup: these packages are missing, and neither root nor sudo is at hand:$missing" >&2
	exit 1
fi
command -v apt-get >/dev/null 2>&1 || {
	echo "setup: these packages are missing, and there is no apt-get:$missing" >&2
	exit 1
}
echo "setup: installing$missing"
# shellcheck disable=SC2086
install() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -qq $missing
}
# An old package list is the usual reason for a failure: refresh it only then.
install || { $root apt-get update -qq && install; } || {
	echo "setup: apt-get could not install:$missing" >&2
	exit 1
}
