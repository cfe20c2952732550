# tools/setup.sh against a made-up system: it calls apt-get only for what is missing.
. "$GD_SRC/tests/support/cli.sh"

mkdir fake
fake() {
	printf '#!/bin/sh\n%s\n' "$2" > "fake/$1"
	chmod +x "fake/$1"
}
fake dpkg-query 'for name; do :; done
case " $MISSING " in *" $name "*) exit 1 ;; esac
echo installed'
fake apt-get 'echo "apt-get $*"; [ "$1" != install ] || [ -f "$WORK/updated" ] || [ -z "$STALE" ] || exit 100
[ "$1" != update ] || touch "$WORK/updated"'
fake id 'echo "$FAKE_UID"'
# Only these tools and the shell's own: no sudo.
for tool in sh grep env touch; do
	ln -s "$(command -v $tool)" "fake/$tool"
done
setup() {
	env -i PATH="$work/fake" WORK="$work" MISSING="$MISSING" FAKE_UID="$FAKE_UID" STALE="$STALE" \
		sh "$GD_SRC/tools/setup.sh" "$@"
}

MISSING='' FAKE_UID=1000 STALE=''
exits "all there, nobody special" 0 setup
has "all there" "all packages are installed"
lacks "all there" "apt-get"
exits "all there for the tests" 0 setup tests
lacks "all there for the tests" "apt-get"

MISSING='libdw-dev ninja-build'
exits "neither root nor sudo" 1 setup
has "neither root nor sudo" "neither root nor sudo is at hand: ninja-build libdw-dev"
lacks "neither root nor sudo" "apt-get install"

FAKE_UID=0
exits "root" 0 setup
has "root says what it installs" "^setup: installing ninja-build libdw-dev"
has "root" "apt-get install -y .* ninja-build libdw-dev$"
lacks "root" "apt-get update"

STALE=1
exits "an old package list" 0 setup
has "an old package list" "apt-get update"

MISSING=clang-tidy STALE=''
exits "the build does not need it" 0 setup
lacks "the build does not need it" "apt-get"
exits "the tests do" 0 setup tests
has "the tests do" "apt-get install .* clang-tidy"

MISSING=libst-dev
exits "the tests do without the peers of the benchmark" 0 setup tests
lacks "the tests do without the peers of the benchmark" "apt-get"
exits "the benchmark asks for them" 0 setup bench
has "the benchmark asks for them" "apt-get install .* libst-dev"

FAKE_UID=1000 MISSING=clang-tidy
fake sudo 'echo "sudo $*"; "$@"'
exits "sudo" 0 setup tests
has "sudo" "sudo env DEBIAN_FRONTEND=noninteractive apt-get install"
exits "usage" 2 setup everything
finish
