#!/bin/sh
# usage: tools/setup.sh [tests|bench]
# Installs, with apt-get, the Debian 12 packages that building needs; with `tests` also those
# that the tests use, with `bench` those of tests/bench/run.sh but for Go. Nothing is called when everything is there.
build="gcc libc6-dev cmake ninja-build pkg-config libunwind-dev libdw-dev libelf-dev
libjemalloc-dev libjansson-dev zlib1g-dev libzstd-dev"
tests="clang clang-14 clang-format clang-tidy libclang-rt-14-dev meson autoconf automake make g++ git
gdb"
# Of the tests, too; without these some are skipped.
optional="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user wrk"
bench="g++ libboost-fiber-dev libst-dev valgrind"

wanted=$build
wished=
case ${1-} in
"") ;;
tests)
	wanted="$build $tests"
	wished=$optional
	;;
bench) wanted="$build $bench" ;;
*)
	echo "usage: tools/setup.sh [tests|bench]" >&2
	exit 2
	;;
esac

# Those of the arguments that are not installed.
lacking() {
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			printf ' %s' "$package"
	done
}

# shellcheck disable=SC2086
missing=$(lacking $wanted)
# shellcheck disable=SC2086
extra=$(lacking $wished)
if [ -z "$missing$extra" ]; then
	echo "setup: all packages are installed"
	exit 0
fi

# For want of something: the end, unless nothing but the optional ones is missing.
give_up() {
	if [ -z "$missing" ]; then
		echo "setup: left out, some tests will be skipped:$extra"
		exit 0
	fi
	echo "setup: $1:$missing" >&2
	exit 1
}

if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null 2>&1; then
	root=sudo
else
	give_up "these packages are missing, and neither root nor sudo is at hand"
fi
command -v apt-get >/dev/null 2>&1 || give_up "these packages are missing, and there is no apt-get"

# An old package list is the usual reason for a failure: refresh it only then.
install() {
	echo "setup: installing $*"
	try_install "$@" || { $root apt-get update -qq && try_install "$@"; }
}
try_install() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -qq "$@"
}
# shellcheck disable=SC2086
[ -z "$missing" ] || install $missing || give_up "apt-get could not install"
missing=
# shellcheck disable=SC2086
[ -z "$extra" ] || install $extra || give_up
